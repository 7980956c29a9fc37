"""Tables for spreadsheet programs. Text stays text: nothing that stands in a name is ever counted as a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import xlsxwriter
from django.http import HttpResponse

_BEGINS: Final = r"(?<![^;\t\r\n])"
"""Where a cell begins, also for a program that splits by ; or tab, or knows no quotes."""
_CALCULATED: Final = r"""'*(?:[^\S\t\r\n]|["\u200b\ufeff])*[=+\-@\uff1d\uff0b\uff0d\uff20]"""
"""What a spreadsheet program takes for a formula; an apostrophe that stands before it already gets one more."""
FORMULA: Final = re.compile(rf"{_BEGINS}(?={_CALCULATED})|\A(?='*[\t\r])")
GUARDED: Final = re.compile(rf"{_BEGINS}'(?={_CALCULATED})|\A'(?='*[\t\r])")
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def safe(text: str) -> str:
    """Return text that a spreadsheet program shows as it is: an apostrophe before what it would calculate."""
    return FORMULA.sub("'", text)


def unsafe(text: str) -> str:
    """Return what `safe` was given."""
    return GUARDED.sub("", text)


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Return the table as a CSV download in UTF-8 with a mark, as spreadsheet programs expect; `name` has no suffix."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in (head, *rows):
        writer.writerow([safe(cell) if isinstance(cell, str) else _plain(cell) for cell in row])
    return _attached(out.getvalue().encode("utf-8-sig"), f"{name}.csv", "text/csv; charset=utf-8")


def xlsx_file(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Return the table as a workbook download of one sheet; numbers are numbers, text is text whatever it begins with."""
    return xlsx_book(name, [Sheet("", head, rows)])


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table under a name; "" leaves the name to the spreadsheet program."""

    name: str
    head: Sequence[str]
    rows: Iterable[Sequence[Any]]


def xlsx_book(name: str, sheets: Iterable[Sheet]) -> HttpResponse:
    """Return the tables as a workbook download, a sheet each."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    taken: set[str] = set()
    for one in sheets:
        _fill(book, book.add_worksheet(_sheet_name(one.name, taken) or None), one)
    book.close()
    return _attached(out.getvalue(), f"{name}.xlsx", XLSX)


def csv_book(name: str, sheets: Iterable[Sheet]) -> HttpResponse:
    """Return the tables as one CSV download, one under the other, each under its name and after an empty line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for number, one in enumerate(sheets):
        writer.writerows([[], [safe(one.name)]] if number else [[safe(one.name)]])
        for row in (one.head, *one.rows):
            writer.writerow([safe(cell) if isinstance(cell, str) else _plain(cell) for cell in row])
    return _attached(out.getvalue().encode("utf-8-sig"), f"{name}.csv", "text/csv; charset=utf-8")


def _sheet_name(name: str, taken: set[str]) -> str:
    """Return the name as spreadsheet programs take it, unlike those `taken` in any case of letters, and take it."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", name).strip("' ")[:31]
    found, number = plain, 2
    while plain and found.casefold() in taken:
        found, number = f"{plain[:28]} {number}", number + 1
    taken.add(found.casefold())
    return found


def _fill(book: xlsxwriter.Workbook, sheet: Any, one: Sheet) -> None:
    bold = book.add_format({"bold": True})
    for column, words in enumerate(one.head):
        sheet.write_string(0, column, words, bold)
    for number, row in enumerate(one.rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell)
            elif cell is not None:
                sheet.write_number(number, column, float(cell))
    sheet.freeze_panes(1, 1)
    sheet.autofit()


def _plain(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}"
    return cell.isoformat() if isinstance(cell, datetime) else cell


def _attached(content: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
