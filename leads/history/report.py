"""The list of rejected rows as a table that people open in a spreadsheet program."""

from typing import Final

from .rows import Rejection

COLUMNS: Final = ("file", "line", "column", "value", "reason")
_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def report_row(rejection: Rejection) -> tuple[str, int, str, str, str]:
    """Return a row for `COLUMNS`; a value that a spreadsheet would take for a formula gets an apostrophe."""
    value = f"'{rejection.value}" if rejection.value.startswith(_STARTS_A_FORMULA) else rejection.value
    return rejection.file, rejection.line, rejection.column, value, rejection.reason
