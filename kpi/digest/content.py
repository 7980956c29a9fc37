"""What a digest says: the figures of the report, read for somebody to whom some of them are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from funnel import formats
from funnel.access import Permission, may
from funnel.clock import BusinessClock
from funnel.models import Organisation, User
from funnel.periods import Period
from kpi import charts, estimates, report, tables
from kpi.charts.funnel import rates, weakest_step
from kpi.dashboards import pages, shown
from kpi.dashboards.attention import Item, attention
from kpi.dashboards.shown import unit_of
from kpi.measures import Metric
from kpi.metrics import seen_by
from kpi.models import Plan
from kpi.queries import Question, Span, answer, windows_of
from kpi.rollup import FRESH
from kpi.values import Number

from .periods import WEEKLY


@dataclass(frozen=True, slots=True)
class Card:
    """A figure as the mail shows it. `tones` of its two changes are good, bad or even; `plan` is "" without one."""

    line: report.Line
    name: str
    value: str
    sample: str
    before: str
    year_ago: str
    tones: tuple[str, str]
    plan: str
    marks: Sequence[str]
    url: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the running month may end by estimate: the middle, the interval, and what such estimates are off by, or ""."""

    name: str
    middle: str
    between: str
    error: str


@dataclass(frozen=True, slots=True)
class Digest:
    """All that a mail says of a period, in the language that is active."""

    kind: str
    period: Period
    title: str
    subject: str
    cards: Sequence[Card]
    weakest: str
    outlook_of: str
    outlook: Sequence[Outlook]
    waiting: Sequence[Item]
    is_empty: bool
    versus: tuple[str, str]
    url: str
    site: str


def build(*, user: User, organisation: Organisation, kind: str, period: Period, now: datetime) -> Digest:
    """Put a digest together for somebody, as known now: a fixed number of queries.

    Language and time zone are those active. The figures are those of `report.build` for the period.
    """
    view = pages.home(user)
    metrics = seen_by(user, [pages.EVERY[key] for key in view.cards])
    steps = [pages.EVERY[key] for key, *_rest in pages.FUNNEL]
    asked = list({metric.key: metric for metric in (*metrics, *steps)}.values())
    found = report.build(organisation=organisation, period=period, as_of=now, metrics=asked, lag=FRESH)
    lines = {line.metric.key: line for line in found.lines}
    plans = _plans(organisation.clock, period, metrics)
    title = shown.days(period)
    words = (
        _("Your week in figures: %(period)s") if kind == WEEKLY else _("Your month in figures: %(period)s")
    )
    return Digest(
        kind=kind,
        period=period,
        title=title,
        subject=words % {"period": title},
        cards=[
            _card(lines[metric.key], period, organisation.currency, plans.get(metric.key))
            for metric in metrics
        ],
        weakest=_weakest(lines),
        outlook_of=tables.title(organisation.clock.month_at(now)),
        outlook=_outlook(organisation, metrics, now) if kind == WEEKLY else [],
        waiting=attention(user, organisation, {}, money=may(user, Permission.SEE_MONEY), now=now),
        is_empty=not any(lines[metric.key].current.figure for metric in (*metrics, *steps)),
        versus=(_("vs the week before"), _("vs last year"))
        if kind == WEEKLY
        else shown.versus(period, period.kind),
        url=f"{settings.PUBLIC_URL}{reverse(view.url_name)}?period={period.name}",
        site=settings.PUBLIC_URL,
    )


def _card(line: report.Line, period: Period, currency: str, plan: Number | None) -> Card:
    metric = line.metric
    rows = shown.rows_url(metric.key, period, {}, part="numerator" if metric.kind == "ratio" else "")
    cell = tables.cell(metric, line.current, currency)
    marks = [_("maturing")] if line.maturing else []
    marks += [_("secondary")] if metric.secondary else []
    return Card(
        line=line,
        name=str(metric.name),
        value=cell.figure,
        sample=cell.sample,
        before=tables.change(line, line.mom),
        year_ago=tables.change(line, line.yoy),
        tones=(_tone(metric, line.mom), _tone(metric, line.yoy)),
        plan=_share(metric, line.current.figure, plan, currency),
        marks=marks,
        url=f"{settings.PUBLIC_URL}{rows}" if rows else "",
    )


def _tone(metric: Metric, change: Number | None) -> str:
    if not change:
        return "even"
    return "good" if (change > 0) == (metric.good == "up") else "bad"


def _share(metric: Metric, figure: Number | None, plan: Number | None, currency: str) -> str:
    if not plan or figure is None:
        return ""
    if metric.kind not in {"count", "money"}:
        return _("plan %(plan)s") % {"plan": tables.shown(metric, plan, currency)}
    # a week's share of a month's plan is seldom whole: money is, and counts have one place
    wanted = unit_of(metric, currency).text(round(float(plan)) if metric.money else float(plan))
    share = formats.percent(float(figure) / float(plan))
    return _("%(share)s of plan %(plan)s") % {"share": share, "plan": wanted}


def _plans(clock: BusinessClock, period: Period, metrics: Sequence[Metric]) -> Mapping[str, Number]:
    """Everybody's plan of the period by metric: one query. A week has its business days' share of its months' plans.

    A metric that does not add up has its plan in a whole month only.
    """
    months = {month.name: month for month in period.months()}
    by_metric: dict[str, dict[str, Number]] = {}
    rows = Plan.objects.filter(scope="all", month__in=months, metric__in=[metric.key for metric in metrics])
    for key, month, value in rows.values_list("metric", "month", "value"):
        by_metric.setdefault(key, {})[month] = value
    found: dict[str, Number] = {}
    for metric in metrics:
        values = by_metric.get(metric.key, {})
        if len(values) < len(months):
            continue
        if metric.kind in {"count", "money"}:
            found[metric.key] = sum(
                Fraction(value) * _part(clock, period, months[name]) for name, value in values.items()
            )
        elif period.kind == "month":
            found[metric.key] = values[period.name]
    return found


def _part(clock: BusinessClock, period: Period, month: Period) -> Fraction:
    """The share of a month's business days that lie in the period."""
    whole = clock.business_days(month.first, month.until)
    inside = clock.business_days(max(period.first, month.first), min(period.until, month.until))
    return Fraction(inside, whole) if whole else Fraction(0)


def _outlook(organisation: Organisation, metrics: Sequence[Metric], now: datetime) -> list[Outlook]:
    """How the month that runs may end, of what is estimated: what is kept, and what is counted by now."""
    clock = organisation.clock
    period = clock.month_at(now)
    month = period.name
    kept = estimates.read([metric.key for metric in metrics], [month])
    known = [metric for metric in metrics if kept.forecast(metric.key, month)]
    if not known:
        return []
    span = Span(month, *clock.period_bounds(period), rough=True)
    so_far = answer(Question(clock, now, [span], "", windows_of(organisation), lag=FRESH), known)
    found = []
    for metric in known:
        row, end = (
            kept.forecast(metric.key, month),
            kept.end(metric.key, month, so_far.of(month, metric.key).figure),
        )
        if row is None or end is None:
            continue
        unit = unit_of(metric, organisation.currency)
        between = f"{unit.short(end.low)} – {unit.short(end.high)}"
        error = "" if row.error is None else formats.percent(row.error)
        found.append(Outlook(str(metric.name), unit.short(end.middle), between, error))
    return found


def _weakest(lines: Mapping[str, report.Line]) -> str:
    """Name the step of the funnel that fewest of the step before took, in the words of the dashboard; "" where none."""
    stages = [
        charts.FunnelStage(str(label), int(lines[key].current.figure or 0))
        for key, label, _colour in pages.FUNNEL
    ]
    at = weakest_step(stages)
    if at is None:
        return ""
    return _("Weakest step: %(stage)s, %(rate)s of the stage before.") % {
        "stage": stages[at].label,
        "rate": formats.percent(rates(stages)[at]),
    }
