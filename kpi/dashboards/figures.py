"""Counting all that a dashboard shows in one question: the period beside earlier ones, and the months of the trend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from funnel.models import Organisation
from funnel.periods import DAY, Period
from kpi import report
from kpi.measures import Metric
from kpi.models import Plan
from kpi.queries import Answer, Bucket, Span
from kpi.values import Number, Plain, Rate, Value

MONTHS = 12
"""So many months the trend shows; sparklines one more."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for: a period as known at `as_of`, of these values of cuts. `lag` None asks the ledger."""

    organisation: Organisation
    period: Period
    as_of: datetime
    filters: Mapping[str, Sequence[str]]
    lag: timedelta | None

    @property
    def is_running(self) -> bool:
        return self.as_of < self.organisation.clock.start_of(self.period.until)

    @property
    def known_at(self) -> datetime | None:
        """The moment that was asked for; None where it is now."""
        return self.as_of if self.lag is None else None

    @property
    def last_month(self) -> Period:
        """The month that the trend ends with: the period's last, or the present one of a period that still runs."""
        now = self.organisation.clock.month_at(self.as_of)
        last = self.period.months()[-1]
        return now if self.period.first <= now.first < last.first else last


@dataclass(frozen=True, slots=True)
class Figures:
    """The answer, with the months of the trend in order: `MONTHS` of this year after those of the year before."""

    scope: Scope
    found: Answer
    months: Sequence[Period]

    def line(self, metric: Metric) -> report.Line:
        return report.line_of(metric, self.found, running=self.scope.is_running)

    def of(self, month: Period, metric: Metric) -> Value:
        """The metric's value in a month of the trend."""
        return self.found.of(month.name, metric.key)

    def first(self, span: str, metric: Metric) -> Number | None:
        return self.found.of(span, metric.key).figure


def count(scope: Scope, metrics: Sequence[Metric], *, with_months: bool = True) -> Figures:
    """Count the metrics over the period, its two comparisons and, unless told otherwise, two years of months."""
    clock = scope.organisation.clock
    periods, spans = report.compared(clock, scope.period, scope.as_of)
    spans[1:] = [Span(span.name, span.starts, span.ends, rough=True) for span in spans[1:]]
    months: list[Period] = []
    if with_months:
        months = [scope.last_month]
        while len(months) < 2 * MONTHS + 1:
            months.insert(0, months[0].previous())
        spans += [Span(month.name, *clock.period_bounds(month), rough=True) for month in months]
        periods |= {month.name: month for month in months}
    found = report.ask(
        organisation=scope.organisation,
        periods=periods,
        spans=spans,
        as_of=scope.as_of,
        metrics=metrics,
        filters=scope.filters,
        lag=scope.lag,
    )
    return Figures(scope, found, months)


@dataclass(frozen=True, slots=True)
class Plans:
    """What is wanted of metrics in months, of whomever is looked at."""

    values: Mapping[tuple[str, str], Number]

    def of(self, metric: Metric, period: Period) -> Number | None:
        """The plan of a period: that of its one month, or the sum of its months where the metric adds up."""
        if period.first.day != 1 or period.until.day != 1:
            return None
        months = period.months()
        if len(months) > 1 and metric.kind not in {"count", "money"}:
            return None
        found = [self.values.get((metric.key, month.name)) for month in months]
        known = [value for value in found if value is not None]
        return sum(known) if len(known) == len(months) else None


def plans_of(scope: Scope, metrics: Sequence[Metric], months: Sequence[Period]) -> Plans:
    """Read the plans of the period and the months: one query, none where what is filtered by has no plans."""
    rows = plans_asked(scope, metrics, months).values_list("metric", "month", "value")
    return Plans({(metric, month): value for metric, month, value in rows})


def plans_asked(scope: Scope, metrics: Sequence[Metric], months: Sequence[Period]) -> "QuerySet[Plan]":
    """Return the plans of the period and the months, unread; none where what is filtered by has no plans."""
    asked = [(cut, value) for cut, values in scope.filters.items() for value in values]
    if len(asked) > 1 or any(cut not in {"owner", "team"} for cut, _value in asked):
        return Plan.objects.none()
    return Plan.objects.filter(
        scope=":".join(asked[0]) if asked else "all",
        metric__in=[metric.key for metric in metrics],
        month__in={month.name for month in (*months, *scope.period.months())},
    )


@dataclass(frozen=True, slots=True)
class Share:
    """One value of a cut: what is counted of it now, and a year ago where it was there."""

    value: str
    now: Mapping[str, Value]
    year_ago: Mapping[str, Value]

    def figure(self, key: str) -> float:
        """The number to sort by."""
        return float(self.now[key].figure or 0)


def count_by(scope: Scope, by: str, metrics: Sequence[Metric]) -> list[Share]:
    """Count the metrics by the values of a cut, in the period and the year before: every value that had anything."""
    periods, spans = report.compared(scope.organisation.clock, scope.period, scope.as_of)
    wanted = [span for span in spans if span.name != report.BEFORE]
    found = report.ask(
        organisation=scope.organisation,
        periods=periods,
        spans=[Span(span.name, span.starts, span.ends, rough=True) for span in wanted],
        as_of=scope.as_of,
        by=by,
        metrics=metrics,
        filters=scope.filters,
        lag=scope.lag,
    )
    nothing: Mapping[str, Value] = {
        metric.key: Rate(0, 0) if metric.kind == "ratio" else Plain(0) for metric in metrics
    }
    values = sorted({bucket.cut for bucket in found.values if bucket.cut is not None})
    return [
        Share(
            value,
            found.values.get(Bucket(report.NOW, value), nothing),
            found.values.get(Bucket(report.YEAR_AGO, value), nothing),
        )
        for value in values
    ]


def last_day(scope: Scope) -> "Period":
    """The days of the period that are over or begun, as a range."""
    today = scope.as_of.astimezone(scope.organisation.zone).date()
    last = min(scope.period.until - DAY, max(today, scope.period.first))
    return Period.parse(f"{scope.period.first}..{last}")
