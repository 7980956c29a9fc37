"""Filling a plan in one go: a table pasted as text, last year's plan and more, a yearly number shared out by months.

Each returns the texts of cells by name, for the page to show before anything is saved.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from babel import Locale
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from funnel import cleaning
from funnel.models import Organisation
from kpi import plan_numbers
from kpi.measures import Metric
from kpi.models import Plan
from kpi.plan_grid import LAG, Line, adds_up, months_of
from kpi.plans import Key
from kpi.queries import Bucket, Question, Span, answer, windows_of

Texts = dict[str, str]
MOST_LINES: Final = 400


class CannotFill(Exception):
    """Nothing can be filled in; the message says why."""


def name_of(key: Key) -> str:
    """The name of the input that plans this."""
    return "|".join(key)


# A pasted table


def pasted(text: str, *, lines: Sequence[Line], year: int) -> tuple[Texts, list[str]]:
    """Read a table as copied from a spreadsheet: a name and up to twelve months a line, months named above or in order.

    Lines are known by the figure's or person's name or key; a table without names is taken in the order of the page.
    Returns the texts, and in words what could not be placed. Raises CannotFill where there is no table.
    """
    table = [row for row in (_cells(line) for line in text.splitlines()[:MOST_LINES]) if any(row)]
    if not table:
        raise CannotFill(_("There is nothing to paste: copy the cells in the spreadsheet first."))
    months = {place: f"{year:04}-{place:02}" for place in range(1, 13)}
    columns = {place: months[place] for place in months}
    named = _header(table[0], year)
    first = 1
    if named:
        columns, table, first = named, table[1:], 2
    known = _by_name(lines)
    nameless = not any(_fold(row[0]) in known for row in table)
    if nameless and all(_is_number(row[0]) for row in table):
        table = [["", *row] for row in table]
    else:
        nameless = False
    found: Texts = {}
    problems: list[str] = []
    for number, row in enumerate(table):
        in_order = lines[number] if number < len(lines) else None
        line = in_order if nameless else known.get(_fold(row[0]))
        if line is None:
            words = {"line": number + first, "name": row[0][:60] or "—"}
            problems.append(_("Line %(line)s: “%(name)s” is no row of this page.") % words)
            continue
        for place, month in columns.items():
            if place < len(row) and row[place]:
                found[name_of(line.key(month))] = row[place]
    return found, problems


def _cells(line: str) -> list[str]:
    mark = "\t" if "\t" in line else ";" if ";" in line else "\t"
    return [cleaning.line(cell.strip().strip('"')) for cell in line.split(mark)]


def _header(row: Sequence[str], year: int) -> dict[int, str]:
    """The month of each column that names one; {} where the row is no header."""
    found: dict[int, str] = {}
    for place, cell in enumerate(row):
        month = _month(cell, year)
        if month:
            found[place] = month
    return found


def _month(text: str, year: int) -> str:
    plain = _fold(text).rstrip(".")
    for pattern, order in (
        (r"([0-9]{4})[-./]([0-9]{1,2})", (1, 2)),
        (r"([0-9]{1,2})[-./]([0-9]{4})", (2, 1)),
    ):
        if (read := re.fullmatch(pattern, plain)) and 1 <= int(read[order[1]]) <= 12:
            return f"{year:04}-{int(read[order[1]]):02}" if int(read[order[0]]) == year else ""
    plain = re.sub(rf"\s*{year}$", "", plain).rstrip(".")
    number = _month_names(get_language() or "en").get(plain) or _month_names("en").get(plain)
    return f"{year:04}-{number:02}" if number else ""


@lru_cache(maxsize=8)
def _month_names(language: str) -> Mapping[str, int]:
    locale = Locale.parse(language, sep="-")
    return {
        _fold(name).rstrip("."): number
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
        for number, name in locale.months[context][width].items()
    }


def _by_name(lines: Iterable[Line]) -> dict[str, Line]:
    found: dict[str, Line] = {}
    several = list(lines)
    by_scope = len({line.scope for line in several}) > 1
    for line in several:
        own = [line.scope, line.scope.partition(":")[2]] if by_scope else [line.metric.key]
        for name in (str(line.name), *own):
            found.setdefault(_fold(name), line)
    return found


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\D{0,3}[0-9][0-9\s.,'’]*\D{0,3}", text)) or not text


# Last year and more


def copied(before: Mapping[Key, Plan], *, lines: Sequence[Line], year: int, percent: Decimal) -> Texts:
    """Last year's plans of the lines, `percent` higher (or lower), for the same months. Raises CannotFill without any."""
    found: Texts = {}
    for line in lines:
        for month in months_of(year):
            plan = before.get(line.key(f"{year - 1:04}{month.name[4:]}"))
            if plan:
                value = plan.value * (100 + percent) / 100
                found[name_of(line.key(month.name))] = plan_numbers.shown(
                    _rounded(value, line.metric), line.metric
                )
    if not found:
        raise CannotFill(_("Nothing was planned here for %(year)s.") % {"year": year - 1})
    return found


# A yearly number


def spread(total: Decimal, *, line: Line, year: int, weights: Sequence[Fraction | int] = (1,) * 12) -> Texts:
    """The number shared out over the months by their weights: to whole units, and so that the sum is the number.

    A share or a duration, of which months do not add up, is wanted the same in every month.
    """
    months = [month.name for month in months_of(year)]
    step = _step(total)
    shares = _shared(total, weights, step) if adds_up(line.metric) else [total] * 12
    return {
        name_of(line.key(month)): plan_numbers.shown(share, line.metric)
        for month, share in zip(months, shares, strict=True)
    }


def _shared(total: Decimal, weights: Sequence[Fraction | int], step: Decimal) -> list[Decimal]:
    """Parts of the total in whole steps; what rounding leaves goes to the largest remainders, earlier months first."""
    whole = sum(Fraction(weight) for weight in weights)
    units = int((total / step).to_integral_value(ROUND_FLOOR))
    exact = [units * Fraction(weight) / whole for weight in weights]
    parts = [int(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in order[: units - sum(parts)]:
        parts[place] += 1
    return [part * step for part in parts]


def seasons(line: Line, *, year: int, organisation: Organisation, at: datetime) -> list[Fraction]:
    """What each month brought of the year before, as weights. Raises CannotFill where it brought nothing at all."""
    clock = organisation.clock
    spans = [Span(month.name, *clock.period_bounds(month)) for month in months_of(year - 1)]
    kind, _colon, name = line.scope.partition(":")
    filters = {kind: [name]} if name else {}
    question = Question(clock, at, spans, "", windows_of(organisation), {}, filters, LAG)
    found = answer(question, [line.metric])
    facts = [found.values[Bucket(span.name)][line.metric.key].figure or 0 for span in spans]
    weights = [max(Fraction(fact), Fraction(0)) for fact in facts]
    if not adds_up(line.metric) or not any(weights):
        raise CannotFill(
            _("%(year)s says nothing of the seasons of “%(name)s”: spread it evenly.")
            % {"year": year - 1, "name": line.metric.name}
        )
    return weights


def _step(total: Decimal) -> Decimal:
    """Whole units, unless the number itself has decimals."""
    return Decimal(1) if total == total.to_integral_value() else plan_numbers.STEP


def _rounded(value: Decimal, metric: Metric) -> Decimal:
    if metric.kind == "count" or (metric.kind == "money" and value >= 100):
        return value.quantize(Decimal(1))
    return value.quantize(plan_numbers.STEP)
