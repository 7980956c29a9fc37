"""The report as rows for people: rounded, with signs and units, each rate and median beside its n."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from funnel import formats
from funnel.periods import DAY, Period
from kpi.measures import Metric
from kpi.metrics import SECTIONS
from kpi.report import Line, Report
from kpi.values import Number, Plain, Rate, Spread, Value

MOST_CUTS = 50


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as shown, and the sample that it rests on ("" for a plain number)."""

    figure: str
    sample: str = ""


def cell(metric: Metric, value: Value, currency: str) -> Cell:
    """Show a value of the metric."""
    match value:
        case Rate():
            return Cell(shown(metric, value.figure, currency), _sample(metric, value))
        case Spread():
            median = shown(metric, median_of(value), currency)
            return Cell(shown(metric, value.mean, currency), spread_sample(value, median))
        case Plain():
            return Cell(shown(metric, value.figure, currency))
        case _:
            return Cell(formats.DASH)


def median_of(value: Spread) -> Number | float | None:
    """Return the median: of first responses the Kaplan–Meier one."""
    extra: dict[str, Number | float | None] = dict(value.extra)
    return extra.get("median_kaplan_meier", value.median)


def spread_sample(value: Spread, median: str) -> str:
    """Say what a mean rests on: the median as written by the caller, n, and how many still wait."""
    sample = _("median %(median)s, n = %(n)s") % {"median": median, "n": formats.number(value.n)}
    if waiting := dict(value.extra).get("unanswered"):
        sample = _("%(sample)s, unanswered: %(waiting)s") % {"sample": sample, "waiting": waiting}
    return sample


def shown(metric: Metric, number: Number | float | None, currency: str) -> str:
    """Show a number in the metric's unit, rounded for reading."""
    if number is None:
        return formats.DASH
    plain = float(number)
    match metric.unit:
        case "money" | "per_day":
            return formats.money(round(plain, 0 if abs(plain) >= 100 else 2), currency)
        case "percent":
            return formats.percent(plain, 1)
        case "business_minutes":
            return _("%(n)s min") % {"n": formats.number(plain, 1)}
        case "business_hours":
            return _("%(n)s h") % {"n": formats.number(plain, 1)}
        case "days":
            return _("%(n)s d") % {"n": formats.number(plain, 1)}
        case "times":
            return _("× %(n)s") % {"n": formats.number(plain, 2)}
        case _:
            return formats.number(plain, 2)


def change(line: Line, number: Number | None) -> str:
    """Show a change in per cent or percentage points, "n/a" on a zero base."""
    return formats.change(None if number is None else float(number), "pp" if line.metric.points else "pct")


CARDS = ("leads_valid", "sal_accepted", "demos_held", "win_rate_close_date", "deals_won", "payments_net")
CUT_COLUMNS = (
    "leads_valid", "meeting_to_brief_cohort_14d", "sal_accepted", "demos_held", "deals_won", "win_rate_close_date",
    "contract_value_won", "payments_net",
)  # fmt: skip
"""What the page shows first, and of each value of a cut; the report holds every metric."""


def title(period: Period) -> str:
    """Name a period: "March 2026", "Q1 2026", "2026", "1 Mar – 15 Mar 2026"."""
    if period.kind == "month":
        return formats.month(period.first)
    if period.kind == "quarter":
        return formats.quarter(period.first)
    if period.kind == "range":
        return f"{formats.full_day(period.first)} – {formats.full_day(period.until - DAY)}"
    return period.name


@dataclass(frozen=True, slots=True)
class Row:
    """A metric on the page. `unit` is pct or pp; changes are plain numbers for the arrow to be drawn by."""

    metric: Metric
    now: Cell
    before: Cell
    year_ago: Cell
    mom: float | None
    yoy: float | None
    unit: str
    maturing: bool


def row(line: Line, currency: str) -> Row:
    """Return a line of the report as the page shows it."""
    return Row(
        metric=line.metric,
        now=cell(line.metric, line.current, currency),
        before=cell(line.metric, line.previous_month, currency),
        year_ago=cell(line.metric, line.previous_year, currency),
        mom=None if line.mom is None else float(line.mom),
        yoy=None if line.yoy is None else float(line.yoy),
        unit="pp" if line.metric.points else "pct",
        maturing=line.maturing,
    )


def page(report: Report) -> dict[str, Any]:
    """Return what the dashboard shows: cards, sections of rows and, where the report is cut, a table of its values."""
    currency = report.organisation.currency
    rows = {line.metric.key: row(line, currency) for line in report.lines}
    sections = [
        (name, [rows[metric.key] for metric in metrics if metric.key in rows]) for name, metrics in SECTIONS
    ]
    columns = [rows[key].metric for key in CUT_COLUMNS if key in rows]
    ordered = sorted(report.cuts.items(), key=lambda item: _size(item[1]), reverse=True)
    return {
        "cards": [rows[key] for key in CARDS if key in rows],
        "sections": [(name, listed) for name, listed in sections if listed],
        "cut_columns": columns,
        "cut_rows": [
            (value, [cell(metric, values[metric.key], currency) for metric in columns])
            for value, values in ordered[:MOST_CUTS]
        ],
        "cuts_left_out": max(0, len(ordered) - MOST_CUTS),
    }


def _size(values: Mapping[str, Value]) -> tuple[float, ...]:
    return tuple(float(values[key].figure or 0) for key in ("leads_valid", "sal_accepted", "payments_count"))


def text(report: Report) -> str:
    """Return the report as an aligned table of plain text; maps and tables are left out."""
    heads = (_("Metric"), _("Now"), _("Before"), _("Change"), _("Year ago"), _("Change"))
    currency = report.organisation.currency
    rows = [heads]
    for line in report.lines:
        if line.metric.kind in {"map", "table"}:
            continue
        cells = [
            cell(line.metric, value, currency)
            for value in (line.current, line.previous_month, line.previous_year)
        ]
        words = [f"{one.figure} ({one.sample})" if one.sample else one.figure for one in cells]
        mark = f" ({_('maturing')})" if line.maturing else ""
        rows.append(
            (
                line.metric.key + mark,
                words[0],
                words[1],
                change(line, line.mom),
                words[2],
                change(line, line.yoy),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    title = f"{report.period.name}  {report.organisation.timezone}  {currency}"
    return "\n".join([title, "", *lines])


def _sample(metric: Metric, value: Rate) -> str:
    if metric.unit == "times" or value.denominator is None:
        return ""
    if metric.unit == "percent" and metric.key != "quota_attainment":
        return _("%(part)s of %(whole)s") % {
            "part": formats.number(value.numerator),
            "whole": formats.number(value.denominator),
        }
    return (
        _("n = %(n)s") % {"n": formats.number(value.denominator)} if metric.key != "quota_attainment" else ""
    )
