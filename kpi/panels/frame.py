"""What every panel of the dashboard is made of: what it is asked, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

from funnel import formats
from funnel.access import Permission, may
from funnel.models import Organisation
from funnel.periods import Period
from funnel.views.base import person
from kpi import tables
from kpi.charts import Drawn
from kpi.forms import ReportForm
from kpi.metrics import BY_KEY
from kpi.queries import Question, Span, windows_of
from kpi.values import Number, Rate, Spread, Value, plain

CHOICES: Final = ("to", "by", "every", "trend", "sort")
"""Parameters by which a panel shows the same thing otherwise, beside period and filters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a panel.

    `filters` name the values of cuts that are wanted, `lag` is how far behind the ledger the answer may be (None: as
    known at `as_of` exactly), `money` whether the reader may see it. `choices` are the panel's own parameters.
    """

    organisation: Organisation
    period: Period
    as_of: datetime
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    money: bool = True
    lag: timedelta | None = None
    choices: Mapping[str, str] = field(default_factory=dict)

    def chosen(self, name: str, offered: Sequence[str]) -> str:
        """The value of one of the panel's own parameters; the first offered where none or another is named."""
        value = self.choices.get(name, "")
        return value if value in offered else offered[0]

    @property
    def currency(self) -> str:
        return self.organisation.currency

    @property
    def span(self) -> Span:
        """The period as a stretch of time, under its own name."""
        return Span(self.period.name, *self.organisation.clock.period_bounds(self.period))

    @property
    def months(self) -> list[Period]:
        """The twelve months that end with the period's last, or with the present one of a period that still runs."""
        now, last = self.organisation.clock.month_at(self.as_of), self.period.months()[-1]
        months = [now if self.period.first <= now.first < last.first else last]
        while len(months) < 12:
            months.insert(0, months[0].previous())
        return months

    def span_of(self, period: Period) -> Span:
        return Span(period.name, *self.organisation.clock.period_bounds(period))

    def question(self, spans: Sequence[Span], by: str = "") -> Question:
        """The question that `queries.answer` takes, with the filters and the moment of the panel."""
        return Question(
            self.organisation.clock,
            self.as_of,
            spans,
            by,
            windows_of(self.organisation),
            filters=self.filters,
            lag=self.lag,
        )

    def records(self, metric: str, period: Period | None = None, /, **more: str) -> str:
        """The address of the rows behind a number; "" where nobody serves them."""
        period = period or self.period
        given: dict[str, Any] = {"metric": metric, "period": period.name, **self.filters, **more}
        if self.lag is None:
            given["as_of"] = self.as_of.isoformat()
        try:
            return f"{reverse('kpi:records')}?{urlencode(given, doseq=True)}"
        except NoReverseMatch:
            return ""


def asked_of(request: HttpRequest, form: ReportForm) -> Asked:
    """What a request asks, by its valid form."""
    found = form.asked
    return Asked(
        organisation=form.organisation,
        period=found["period"],
        as_of=found["as_of"],
        filters=found["filters"],
        money=may(person(request), Permission.SEE_MONEY),
        lag=found["lag"],
        choices={name: request.GET.get(name, "") for name in CHOICES},
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """A number or name as downloaded (`value`) and as shown (`text`), the sample beside it and where its rows are."""

    value: str | Number | float | None
    text: str
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The panel's numbers: rows as long as the head, the first cell of each its name."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def plain_rows(self) -> list[list[Any]]:
        """The rows as spreadsheet programs take them: numbers unrounded, shares as fractions of one."""
        return [
            [cell.value if cell.value is None or isinstance(cell.value, str | Decimal) else plain(cell.value)
             for cell in row]
            for row in self.rows
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart on the panel. `css` is "wide" for a whole row; `period` stands for the panel's own; `tabs` are (choice, value, label, is_current)."""

    name: str
    title: str
    drawn: Drawn
    css: str = ""
    note: str = ""
    period: str = ""
    tabs: Sequence[tuple[str, str, str, bool]] = ()


@dataclass(frozen=True, slots=True)
class PanelView:
    """What a panel shows: charts and, where `shows_table`, the table that is also what one downloads.

    `period` are the words for what it covers where that is not the asked period.
    """

    pictures: Sequence[Picture]
    table: Table
    note: str = ""
    shows_table: bool = False
    period: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of the dashboard under /dashboard/panels/KEY/; `money` takes the permission to see it."""

    key: str
    title: Promise
    definition: Promise
    build: Callable[[Asked], PanelView]
    money: bool = False
    template: str = "kpi/panels/charts.html"


# Cells and words


def name(text: str, href: str = "") -> Cell:
    """A row's name."""
    return Cell(text, text, href)


def count(number: Number | None, href: str = "") -> Cell:
    """A whole number; nothing to open behind a zero."""
    return Cell(number, formats.number(number), href if number else "")


def share(rate: Rate, href: str = "") -> Cell:
    """A rate with the n that it rests on."""
    figure = rate.figure
    sample = f"n = {formats.number(plain(rate.denominator))}" if rate.denominator else ""
    return Cell(figure, formats.percent(None if figure is None else float(figure), 1), href, sample)


def money(amount: Number | None, currency: str, href: str = "") -> Cell:
    """An amount in the organisation's currency."""
    text = formats.money(None if amount is None else round(Decimal(plain(amount) or 0), 2), currency)
    return Cell(amount, text, href if amount else "")


def decimal(number: Number | float | None, href: str = "", note: str = "") -> Cell:
    """A number with one decimal."""
    return Cell(
        None if number is None else float(number),
        formats.number(None if number is None else float(number), 1),
        href,
        note,
    )


def rate_of(value: Value) -> Rate:
    """The value as the rate that a ratio comes to; TypeError for anything else."""
    if not isinstance(value, Rate):
        raise TypeError(f"{value!r} is no rate")
    return value


def spread_of(value: Value) -> Spread:
    """The value as the spread that a duration comes to; TypeError for anything else."""
    if not isinstance(value, Spread):
        raise TypeError(f"{value!r} is no spread of durations")
    return value


def span_words(periods: Sequence[Period]) -> str:
    """Name a row of periods: "April 2025 – March 2026"."""
    return f"{tables.title(periods[0])} – {tables.title(periods[-1])}"


def metric_name(key: str) -> str:
    return str(BY_KEY[key].name)
