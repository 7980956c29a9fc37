"""The stat cards: a figure with its way here, its changes, its plan and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from funnel import formats
from kpi import tables
from kpi.charts import PlanBar, Sparkline, plan_bar, sparkline
from kpi.charts.spark import PlanDrawing, SparklineDrawing
from kpi.measures import RESPONSE_MINUTES, Metric, Ratio
from kpi.queries import windows_of
from kpi.records.parts import Rows, parts_of
from kpi.values import Number, Spread, Value

from .estimated import Estimated, Outlook
from .figures import MONTHS, Figures, Plans, Scope
from .shown import big, full, plotted, rows_url, unit_of


@dataclass(frozen=True, slots=True)
class Card:
    """A figure. `value` is short and `full` exact; `mom` and `yoy` are in `unit`, pct or pp, None without a base.

    `url` lists its rows, `whole_url` those of its denominator. `sample` is what the figure rests on; `plan` the bar, or None beside `plan_text` where the metric does not add up. `outlook` is how a running month may end, an estimate.
    """

    metric: Metric
    value: str
    full: str
    sample: str
    mom: float | None
    yoy: float | None
    unit: str
    spark: SparklineDrawing
    plan: PlanDrawing | None
    plan_text: str
    is_maturing: bool
    matures_on: date | None
    url: str
    whole_url: str
    outlook: Outlook | None


def cards(figures: Figures, metrics: Sequence[Metric], plans: Plans, estimated: Estimated) -> list[Card]:
    """Return the cards in order."""
    return [_card(figures, metric, plans, estimated.outlook(figures, metric)) for metric in metrics]


def _card(figures: Figures, metric: Metric, plans: Plans, outlook: Outlook | None) -> Card:
    scope, line = figures.scope, figures.line(metric)
    currency = scope.organisation.currency
    figure = line.current.figure
    wanted = plans.of(metric, scope.period)
    adds_up = metric.kind in {"count", "money"}
    way = [plotted(metric, figures.of(month, metric).figure) for month in figures.months[-MONTHS - 1 :]]
    urls = [
        rows_url(metric.key, scope.period, scope.filters, part=part, as_of=scope.known_at)
        for part in ("", "denominator")
    ]
    whole = parts_of(metric).get("denominator") if metric.kind == "ratio" else None
    return Card(
        metric=metric,
        value=big(metric, line.current, currency),
        full=full(metric, line.current, currency),
        sample=_sample(metric, line.current, currency),
        mom=_float(line.mom),
        yoy=_float(line.yoy),
        unit="pp" if metric.points else "pct",
        spark=sparkline(Sparkline(way, _trend_in_words(metric, way, currency))),
        plan=_bar(scope, metric, figure, wanted) if adds_up else None,
        plan_text="" if wanted is None or adds_up else _plan_of_rate(metric, wanted, currency),
        is_maturing=line.maturing,
        matures_on=matures_on(scope, metric) if line.maturing else None,
        url=urls[0],
        whole_url=urls[1] if isinstance(whole, Rows) else "",
        outlook=outlook,
    )


def _sample(metric: Metric, value: Value, currency: str) -> str:
    if isinstance(value, Spread):
        median = plotted(metric, tables.median_of(value))
        return tables.spread_sample(value, unit_of(metric, currency).text(median))
    return tables.cell(metric, value, currency).sample


def _bar(scope: Scope, metric: Metric, figure: Number | None, wanted: Number | None) -> PlanDrawing | None:
    if not wanted or figure is None:
        return None
    share = float(figure) / float(wanted)
    text = _("%(share)s of plan %(plan)s") % {
        "share": formats.percent(share),
        "plan": unit_of(metric, scope.organisation.currency).short(plotted(metric, wanted)),
    }
    return plan_bar(PlanBar(share, gone_by(scope), text))


def gone_by(scope: Scope) -> float | None:
    """Return the share of the period's business days that have begun; None of a period that is over."""
    clock, period = scope.organisation.clock, scope.period
    whole = clock.business_days(period.first, period.until)
    return clock.days_begun(period, scope.as_of) / whole if scope.is_running and whole else None


def _plan_of_rate(metric: Metric, wanted: Number, currency: str) -> str:
    return _("plan %(plan)s") % {"plan": unit_of(metric, currency).text(plotted(metric, wanted))}


def matures_on(scope: Scope, metric: Metric) -> date | None:
    """Return the day by which every member of the period's cohort has had its window; None without a window."""
    query, clock = metric.query, scope.organisation.clock
    if not isinstance(query, Ratio) or not query.window:
        return None
    ends = clock.start_of(scope.period.until)
    if query.window == "response":
        last = clock.add_business(ends, minutes=RESPONSE_MINUTES)
    else:
        last = ends + windows_of(scope.organisation).get(query.window, timedelta(0))
    return last.astimezone(clock.zone).date()


def _trend_in_words(metric: Metric, way: Sequence[float | None], currency: str) -> str:
    unit = unit_of(metric, currency)
    known = [value for value in way if value is not None]
    if not known:
        return ""
    return pgettext("sparkline", "%(n)s months: from %(first)s to %(last)s, between %(low)s and %(high)s") % {
        "n": len(way),
        "first": unit.short(known[0]),
        "last": unit.short(known[-1]),
        "low": unit.short(min(known)),
        "high": unit.short(max(known)),
    }


def _float(number: Number | None) -> float | None:
    return None if number is None else float(number)
