"""The report: each metric of a period beside the period before and the year before, whole or cut by a dimension."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from funnel.clock import BusinessClock
from funnel.models import Organisation
from funnel.periods import Period
from kpi.costs import campaign_cost
from kpi.instalments import instalments
from kpi.measures import Metric, Ratio
from kpi.metrics import BY_KEY, METRICS
from kpi.models import Plan
from kpi.queries import Answer, Beside, Bucket, Question, Span, answer, first_application, windows_of
from kpi.values import Number, Value, change, plain

NOW, BEFORE, YEAR_AGO = "current", "previous_month", "previous_year"


@dataclass(frozen=True, slots=True)
class Line:
    """One metric in the report. Changes are in percentage points or per cent, None where there is no base."""

    metric: Metric
    current: Value
    previous_month: Value
    previous_year: Value
    maturing: bool

    @property
    def mom(self) -> Number | None:
        return change(self.current.figure, self.previous_month.figure, points=self.metric.points)

    @property
    def yoy(self) -> Number | None:
        return change(self.current.figure, self.previous_year.figure, points=self.metric.points)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a period as known at a moment. `running`: the period was not over then."""

    period: Period
    organisation: Organisation
    as_of: datetime
    by: str
    running: bool
    lines: Sequence[Line]
    cuts: Mapping[str, Mapping[str, Value]]

    def json(self) -> dict[str, Any]:
        """Return the object that the command prints and the API answers."""
        return {
            "month": self.period.name,
            "timezone": self.organisation.timezone,
            "currency": self.organisation.currency,
            "as_of": self.as_of.astimezone(self.organisation.zone).isoformat(),
            "metrics": {line.metric.key: _line_json(line) for line in self.lines},
            "cuts": {
                cut: {key: value.json() for key, value in values.items()} for cut, values in self.cuts.items()
            },
        }


def build(
    *,
    organisation: Organisation,
    period: Period,
    as_of: datetime,
    by: str = "",
    metrics: Iterable[Metric] = METRICS,
    filters: Mapping[str, Sequence[str]] | None = None,
    lag: timedelta | None = None,
) -> Report:
    """Count the report as known at `as_of`: events recorded later are left out.

    With `lag`, `as_of` is now, and what is kept may answer where it is no further behind the ledger. `filters` name
    the values of cuts that are wanted. A period that is not over compares with earlier ones cut after as many business
    days. The number of queries is fixed.
    """
    metrics = list(metrics)
    clock = organisation.clock
    periods, spans = compared(clock, period, as_of)
    end = clock.start_of(period.until)
    found = ask(
        organisation=organisation, periods=periods, spans=spans, as_of=as_of, by=by, metrics=metrics,
        filters=filters, lag=lag,
    )  # fmt: skip
    return Report(
        period=period,
        organisation=organisation,
        as_of=as_of,
        by=by,
        running=as_of < end,
        lines=[line_of(metric, found, running=as_of < end) for metric in metrics],
        cuts={
            bucket.cut: values
            for bucket, values in found.values.items()
            if bucket.span == NOW and bucket.cut is not None
        },
    )


def compared(clock: BusinessClock, period: Period, as_of: datetime) -> tuple[dict[str, Period], list[Span]]:
    """The period, the one before and the year before with their spans, by name: a running one like for like."""
    periods = {NOW: period, BEFORE: period.previous(), YEAR_AGO: period.year_before()}
    spans = [Span(NOW, *clock.period_bounds(period))]
    for name, earlier in list(periods.items())[1:]:
        cut = clock.like_for_like(period, as_of, earlier)
        spans.append(Span(name, clock.start_of(earlier.first), cut))
    return periods, spans


def ask(
    *,
    organisation: Organisation,
    periods: Mapping[str, Period],
    spans: Sequence[Span],
    as_of: datetime,
    by: str = "",
    metrics: Sequence[Metric],
    filters: Mapping[str, Sequence[str]] | None = None,
    lag: timedelta | None = None,
) -> Answer:
    """Count metrics over any spans, with what they need from beside the facts; `periods` are the spans' by name."""
    filters, clock = filters or {}, organisation.clock
    names = {name for metric in metrics for name in metric.given}
    days = {span.name: clock.days_begun(periods[span.name], min(as_of, span.ends)) for span in spans}
    given: dict[str, Callable[[Bucket], Any]] = {"business_days": lambda bucket: days[bucket.span]}
    buckets: set[Bucket] = set()
    for number in _beside(names, clock, periods, spans, as_of, by, filters, lag):
        given |= number.numbers
        buckets |= set(number.buckets)
    if "plan" in names:
        given["plan"] = planned("payments_net", periods, by, filters)
    if "seasonality" in names:
        given["seasonality"] = _seasonality(organisation, periods, as_of, by, filters, lag)
    question = Question(clock, as_of, spans, by, windows_of(organisation), given, filters, lag, buckets)
    return answer(question, metrics)


def line_of(metric: Metric, found: Answer, *, running: bool) -> Line:
    """Read a metric's line off an answer over the spans of `compared`."""
    query = metric.query
    cohort = isinstance(query, Ratio) and bool(query.window)
    return Line(
        metric=metric,
        current=found.of(NOW, metric.key),
        previous_month=found.of(BEFORE, metric.key),
        previous_year=found.of(YEAR_AGO, metric.key),
        maturing=metric.key in found.maturing[Bucket(NOW)] or (running and cohort),
    )


def _line_json(line: Line) -> dict[str, Any]:
    unit = "pp" if line.metric.points else "pct"
    return {
        "kind": line.metric.kind,
        "unit": line.metric.unit,
        "good": line.metric.good,
        NOW: line.current.json(),
        BEFORE: line.previous_month.json(),
        YEAR_AGO: line.previous_year.json(),
        f"mom_{unit}": plain(line.mom),
        f"yoy_{unit}": plain(line.yoy),
        "maturing": line.maturing,
    }


def _beside(
    names: set[str],
    clock: BusinessClock,
    periods: Mapping[str, Period],
    spans: Sequence[Span],
    as_of: datetime,
    by: str,
    filters: Mapping[str, Sequence[str]],
    lag: timedelta | None,
) -> Iterator[Beside]:
    """Yield the numbers from other tables that metrics need: a query each."""
    if "campaign_cost" in names:
        yield campaign_cost(periods, by, filters)
    if names & {"instalments_due", "instalments_in_time"}:
        yield instalments(clock=clock, spans=spans, as_of=as_of, by=by, filters=filters, lag=lag)


def planned(
    metric: str, periods: Mapping[str, Period], by: str, filters: Mapping[str, Sequence[str]]
) -> Callable[[Bucket], Number | None]:
    """Answer with the plan of a period: the sum of its months, None unless it is made of whole planned months.

    A value of the cut by owner or team has its own plan, and so has one that alone is filtered by; others have none.
    """
    months = {name: [month.name for month in period.months()] for name, period in periods.items()}
    wanted = {month for listed in months.values() for month in listed}
    plans = {
        (plan.scope, plan.month): plan.value for plan in Plan.objects.filter(metric=metric, month__in=wanted)
    }
    whole = {name: period.first.day == 1 and period.until.day == 1 for name, period in periods.items()}

    def plan(bucket: Bucket) -> Number | None:
        named = {**filters, **({} if bucket.cut is None else {by: [bucket.cut]})}
        scopes = [(cut, value) for cut, values in named.items() for value in values]
        if len(scopes) > 1 or any(cut not in {"owner", "team"} for cut, _ in scopes):
            return None
        scope = ":".join(scopes[0]) if scopes else "all"
        found = [plans.get((scope, month)) for month in months[bucket.span]]
        values = [value for value in found if value is not None]
        return sum(values) if whole[bucket.span] and len(values) == len(found) else None

    return plan


def first_complete_year(clock: BusinessClock, first: datetime) -> int:
    """The year from whose beginning on there may be applications, of which the first came at `first`."""
    begun = clock.month_at(first).first
    return begun.year if begun.month == 1 else begun.year + 1


def last_complete_year(clock: BusinessClock, as_of: datetime, period: Period) -> int:
    """The last year that was over both by the period's end and as known at `as_of`."""
    return min(clock.month_at(as_of).first, period.until).year - 1


def _seasonality(
    organisation: Organisation,
    periods: Mapping[str, Period],
    as_of: datetime,
    by: str,
    filters: Mapping[str, Sequence[str]],
    lag: timedelta | None,
) -> Callable[[Bucket], Mapping[str, Number] | None]:
    """Answer with the index of each calendar month from the years complete by the period's end and `as_of`."""
    clock = organisation.clock
    first = first_application()
    if first is None:
        return lambda bucket: None
    earliest = first_complete_year(clock, first)
    latest = {name: last_complete_year(clock, as_of, period) for name, period in periods.items()}
    years = range(earliest, max(latest.values()) + 1)
    if len(years) < 2:
        return lambda bucket: None
    months = [Period.parse(f"{year:04}-{month:02}") for year in years for month in range(1, 13)]
    spans = [Span(month.name, *clock.period_bounds(month)) for month in months]
    question = Question(clock, as_of, spans, by, windows_of(organisation), filters=filters, lag=lag)
    leads = answer(question, [BY_KEY["leads_valid"]])

    def index(bucket: Bucket) -> Mapping[str, Number] | None:
        counts: dict[int, list[Number]] = {}
        for year in range(earliest, latest[bucket.span] + 1):
            buckets = [Bucket(f"{year:04}-{month:02}", bucket.cut) for month in range(1, 13)]
            counts[year] = [_count(leads, place) for place in buckets]
        return seasonality(list(counts.values()))

    return index


def _count(leads: Answer, bucket: Bucket) -> Number:
    values = leads.values.get(bucket)
    return (values["leads_valid"].figure or 0) if values else 0


def seasonality(years: Sequence[Sequence[Number]]) -> Mapping[str, Number] | None:
    """Return month ÷ that year's mean, averaged over the years, by month "01" to "12"; None under two years.

    A year without any application says nothing of its months and is left out.
    """
    told = [[Fraction(count) for count in year] for year in years if any(year)]
    if len(told) < 2:
        return None
    shares = [[count * 12 / sum(year) for count in year] for year in told]
    return {
        f"{month:02}": sum(of_month) / len(told)
        for month, of_month in enumerate(zip(*shares, strict=True), 1)
    }
