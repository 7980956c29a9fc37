"""The report as rows for people: rounded, with signs and units, each rate and median beside its n."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from funnel import formats
from kpi.measures import Metric
from kpi.report import Line, Report
from kpi.values import Number, Plain, Rate, Spread, Value


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
            extra = dict(value.extra)
            median = extra.get("median_kaplan_meier", value.median)
            waiting = extra.get("unanswered")
            sample = _("n = %(n)s") % {"n": formats.number(value.n)}
            if waiting:
                sample = _("%(sample)s, %(waiting)s unanswered") % {"sample": sample, "waiting": waiting}
            words = _("mean %(mean)s, median %(median)s") % {
                "mean": shown(metric, value.mean, currency),
                "median": shown(metric, median, currency),
            }
            return Cell(words if value.n or median is not None else formats.DASH, sample)
        case Plain():
            return Cell(shown(metric, value.figure, currency))
        case _:
            return Cell(formats.DASH)


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


def text(report: Report) -> str:
    """Return the report as an aligned table of plain text; maps are left out."""
    heads = (_("Metric"), _("Now"), _("Before"), _("Change"), _("Year ago"), _("Change"))
    currency = report.organisation.currency
    rows = [heads]
    for line in report.lines:
        if line.metric.kind == "map":
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
