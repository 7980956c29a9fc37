"""How a metric's value reads on cards, in charts and in the addresses of its rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from babel.dates import format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from funnel import formats
from funnel.periods import DAY, Period
from funnel.views.base import address
from kpi import tables
from kpi.charts import Unit
from kpi.measures import Metric
from kpi.values import Number, Value


def unit_of(metric: Metric, currency: str) -> Unit:
    """Return the unit that charts show the metric in; hours are shown as minutes are."""
    match metric.unit:
        case "money" | "per_day":
            return Unit("money", currency)
        case "percent":
            return Unit("share")
        case "business_minutes" | "business_hours":
            return Unit("minutes")
        case "days":
            return Unit("days")
        case "times":
            return Unit("index")
        case _:
            return Unit()


def plotted(metric: Metric, figure: Number | float | None) -> float | None:
    """Return the number in the unit of `unit_of`."""
    if figure is None:
        return None
    return float(figure) * (60 if metric.unit == "business_hours" else 1)


def big(metric: Metric, value: Value, currency: str) -> str:
    """Return the value as a card shows it: "$916K", "44%", "1 h 52 min"."""
    return unit_of(metric, currency).short(plotted(metric, value.figure))


def full(metric: Metric, value: Value, currency: str) -> str:
    """Return the value in full, as the report has it."""
    return tables.cell(metric, value, currency).figure


def rows_url(
    key: str,
    period: Period,
    filters: Mapping[str, Sequence[str]],
    *,
    part: str = "",
    as_of: datetime | None = None,
) -> str:
    """Return where the rows behind a number are listed; "" where nothing lists them. `as_of` None is now."""
    page = address("kpi:records")
    if not page:
        return ""
    asked: dict[str, str | list[str]] = {"metric": key, "period": period.name}
    asked |= {cut: list(values) for cut, values in filters.items()}
    asked |= {"part": part} if part else {}
    asked |= {"as_of": as_of.isoformat()} if as_of else {}
    return f"{page}?{urlencode(asked, doseq=True)}"


def days(period: Period) -> str:
    """Write days as a heading does: "1 – 23 Nov 2026", or the name of a whole month, quarter or year."""
    if period.kind != "range":
        return tables.title(period)
    first, last = period.first, period.until - DAY
    if first == last:
        return formats.full_day(first)
    language = (get_language() or "en").replace("-", "_")
    starts = format_date(first, "d MMM" if first.year == last.year else "d MMM y", locale=language)
    return f"{starts} – {format_date(last, 'd MMM y', locale=language)}"


def versus(period: Period, kind: str) -> tuple[str, str]:
    """Return what changes are measured against: the period before and the same a year before."""
    before = {
        "month": _("vs last month"),
        "quarter": _("vs last quarter"),
        "year": _("vs last year"),
        "range": _("vs the time before"),
    }[kind]
    return before, _("vs a year ago") if kind == "year" else _("vs last year")
