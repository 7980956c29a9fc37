"""Plans as a file: reading the CSV that an import takes, writing the same columns for a spreadsheet program."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from funnel.sheets import unsafe
from kpi.models import Plan
from kpi.plans import COLUMNS

LARGEST = 5_000_000
"""Bytes of an uploaded file."""


class BadFile(Exception):
    """The file as a whole is no list of plans; the message says why."""


def rows_of(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file by line; further columns are ignored. Raises BadFile where it is no such file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(_("the file is not UTF-8 text.")) from None
    if "\0" in text:
        raise BadFile(_("the file is not text."))
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        if missing := [name for name in COLUMNS if name not in columns]:
            raise BadFile(_("the column %(name)s is missing from line 1.") % {"name": missing[0]})
        for row in reader:
            yield reader.line_num, {name: unsafe(row.get(name) or "") for name in COLUMNS}
    except csv.Error as error:
        words = {"line": reader.line_num, "error": error}
        raise BadFile(_("line %(line)s: %(error)s.") % words) from None


def lines_of(plans: Iterable[Plan]) -> Iterator[tuple[str, str, str, Decimal]]:
    """Yield the columns of plans, in the order of COLUMNS: a file that the import takes back."""
    for plan in plans:
        yield plan.month, plan.metric, plan.scope, plan.value
