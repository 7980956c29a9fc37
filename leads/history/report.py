"""The list of rejected rows as a table that people open in a spreadsheet program."""

from typing import Final

from funnel.sheets import safe

from .rows import Rejection

COLUMNS: Final = ("file", "line", "column", "value", "reason")


def report_row(rejection: Rejection) -> tuple[str, int, str, str, str]:
    """Return a row for `COLUMNS`; what a spreadsheet would take for a formula gets an apostrophe."""
    value, reason = safe(rejection.value), safe(rejection.reason)
    return rejection.file, rejection.line, safe(rejection.column), value, reason
