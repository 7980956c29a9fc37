"""Tables for spreadsheet programs: no cell becomes a formula, however a program splits the file."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnel.sheets import csv_file, safe, unsafe
from leads.history.report import report_row
from leads.history.rows import Rejection

STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
ODD = st.text(alphabet="ab;,\t\r\n=+-@'\" ＝\u200b", max_size=12)


def cells(content: bytes) -> list[str]:
    """Return every cell that some program may make of a CSV file, by any separator, with quotes and without."""
    text = content.decode("utf-8-sig")
    found = []
    for delimiter in ",;\t":
        found += [
            cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row
        ]
    found += re.split(r"[;\t\r\n]", text)
    return found


def formulas(content: bytes) -> list[str]:
    return [cell for cell in cells(content) if cell.lstrip(' "\t\r\n\u200b\ufeff').startswith(STARTS)]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "Hello;=cmd|' /C calc'!A0",
        "Hello\t=HYPERLINK(1)",
        "First\n=2+3",
        "First\r\n@SUM(1)",
        'Hello; "=1+1',
        "a;;=1",
        "＝1+1",
        "\tx",
        "-5;+6",
    ],
)
def test_no_cell_is_a_formula_whether_split_by_comma_semicolon_or_tab(text: str) -> None:
    assert formulas(csv_file("x", ["Name", text], [["Ada", text], [text, "Bob"]]).content) == []


def test_the_same_file_without_protection_has_formulas() -> None:
    """The negative control of the test above."""
    out = io.StringIO()
    csv.writer(out).writerow(["Ada", "Hello;=1+1"])
    assert set(formulas(out.getvalue().encode())) == {"=1+1"}


@given(ODD)
def test_what_is_written_reads_back(text: str) -> None:
    assert unsafe(safe(text)) == text


@given(st.lists(ODD, min_size=1, max_size=3))
def test_no_text_makes_a_formula(row: list[str]) -> None:
    assert formulas(csv_file("x", ["a"], [row]).content) == []


def test_plain_text_stays_as_it_is() -> None:
    for text in ("", "Ada", "a-b", "it's 1=1; good", "mail@client.example", "a, -b"):
        assert safe(text) == text


def test_rejected_rows_hold_no_formula_in_any_column() -> None:
    row = report_row(Rejection("events", 3, "=x", "a;=1+1", "“=1” is no event; =2"))
    assert not [cell for cell in row if isinstance(cell, str) and re.search(r"(^|;)\s*=", cell)]
