"""Holding the two ways of counting against each other, metric by metric, month by month, cut by cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from funnel.models import Organisation
from funnel.periods import Period
from funnel.stages import OPEN_STAGES, Stage
from kpi.costs import campaign_cost
from kpi.instalments import instalments
from kpi.measures import Duration, Lift, Metric, Ratio, Velocity
from kpi.metrics import METRICS
from kpi.queries import Answer, Bucket, Question, Span, answer, first_application, windows_of
from kpi.recount import CUTS, Counted, Key, Recount, business_days, percentile, survival_median
from kpi.values import Flow, Plain, Rate, Spread, Table, Value

EXACT_TO = 1e-9
CHECKED = [metric for metric in METRICS if metric.key != "seasonality_index"]
"""Seasonality is arithmetic on the months' applications, which are compared themselves."""
PER_WHAT = {"cost_per_lead": "leads_valid", "cost_per_sal": "sal_accepted", "cost_per_client": "new_clients"}
"""What the cost of campaigns is divided by."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A bucket where the two ways disagree."""

    metric: str
    month: str
    by: str
    cut: str | None
    figure: Any
    recount: Any

    def __str__(self) -> str:
        where = f"{self.metric} {self.month}" + ("" if self.cut is None else f" {self.by}={self.cut!r}")
        return f"{where}: figure {self.figure}, recount {self.recount}"


def months_of_the_ledger(organisation: Organisation, as_of: datetime) -> list[Period]:
    """The months from the first application to `as_of`."""
    first = first_application()
    if first is None or first > as_of:
        return []
    clock = organisation.clock
    months = [clock.month_at(first)]
    while months[-1] != clock.month_at(as_of):
        months.append(months[-1].next())
    return months


def compare(
    *, organisation: Organisation, as_of: datetime, months: Sequence[Period]
) -> Iterator[tuple[int, list[Difference]]]:
    """Yield, for the totals and then for each cut, how many buckets were compared and which of them differ."""
    clock = organisation.clock
    recount = Recount(clock, as_of, windows_of(organisation))
    recount.run()
    spans = [Span(month.name, *clock.period_bounds(month)) for month in months]
    days = {month.name: business_days(clock, month.first, month.until) for month in months}
    sql_days = {month.name: clock.business_days(month.first, month.until) for month in months}
    given = {"business_days": lambda bucket: sql_days[bucket.span], "plan": lambda bucket: None}
    periods = {month.name: month for month in months}
    for by in CUTS:
        costs = campaign_cost(periods, by, {})
        schedule = instalments(clock=clock, spans=spans, as_of=as_of, by=by)
        numbers = {**given, **costs.numbers, **schedule.numbers}
        buckets = {*costs.buckets, *schedule.buckets}
        question = Question(clock, as_of, spans, by, windows_of(organisation), numbers, beside=buckets)
        figures = answer(question, CHECKED)
        yield _differences(figures, recount, by, spans, days)


def _differences(
    figures: Answer, recount: Recount, by: str, spans: Sequence[Span], days: dict[str, int]
) -> tuple[int, list[Difference]]:
    counted = recount.counted[by]
    found: list[Difference] = []
    compared = 0
    for span in spans:
        lifetimes = recount.lifetime(span.ends, by)
        cuts: set[str | None] = {None, *counted.cuts.get(span.name, set()), *lifetimes}
        cuts |= {bucket.cut for bucket in figures.values if bucket.span == span.name}
        for cut in cuts:
            values = figures.values.get(Bucket(span.name, cut), {})
            second = _Second(counted, span.name, cut, days[span.name], lifetimes)
            for metric in CHECKED:
                compared += 1
                value, other = values.get(metric.key), second.value(metric)
                if not _same(_flat(value) if value else _zero(other), other):
                    found.append(
                        Difference(metric.key, span.name, by, cut, _flat(value) if value else None, other)
                    )
    return compared, found


@dataclass(frozen=True, slots=True)
class _Second:
    """Reads a metric off the recount, as a flat tuple of numbers."""

    counted: Counted
    month: str
    cut: str | None
    days: int
    lifetimes: dict[str | None, tuple[Fraction, int, dict[str, Fraction]]]

    def value(self, metric: Metric) -> Any:
        query, key = metric.query, metric.key
        worth, payers, by_client = self.lifetimes.get(self.cut, (Fraction(), 0, {}))
        if key == "ltv_by_client":
            return by_client
        if key == "ltv_average_at_month_end":
            return _rate(worth, payers)
        if key == "leads_per_business_day":
            return _rate(self._sum("leads_valid"), self.days)
        if key == "stage_flow":
            return self._flow()
        if key == "quota_attainment":
            return (self._sum(key), None, None)
        if key in PER_WHAT:
            return self._cost_per(self._sum(PER_WHAT[key]))
        match query:
            case Ratio():
                return _rate(self._sum(key), self._sum(f"{key}/of"))
            case Duration():
                return self._spread(key, waiting=bool(query.waiting))
            case Lift():
                among, others = (
                    _rate(self._sum(f"{key}/{side}"), self._sum(f"{key}/{side}/of"))[2]
                    for side in ("among", "others")
                )
                return (among, others, None if among is None or not others else among / others)
            case Velocity():
                return self._velocity()
            case _:
                return (self._sum(key),)

    def _sum(self, name: str) -> Fraction:
        return self.counted.sums.get(Key(name, self.month, self.cut), Fraction())

    def _spread(self, key: str, *, waiting: bool) -> tuple[Any, ...]:
        place = Key(key, self.month, self.cut)
        values = self.counted.samples.get(place, [])
        mean = sum(values, Fraction()) / len(values) if values else None
        spread = (mean, percentile(values, Fraction(1, 2)), percentile(values, Fraction(9, 10)), len(values))
        if not waiting:
            return spread
        running = self.counted.waiting.get(place, [])
        return (*spread, spread[1], survival_median(values, running), len(running))

    def _flow(self) -> dict[str, Any]:
        exits = ("advanced", "lost", "returned", "referred", "voided", "still_here")
        numbers: dict[str, Any] = {}
        for stage in (stage.value for stage in Stage if stage in OPEN_STAGES):
            _mean, median, p90, entered = self._spread(f"stage_flow/{stage}", waiting=False)
            numbers |= {f"{stage}/{name}": self._sum(f"stage_flow/{stage}/{name}") for name in exits}
            numbers |= {f"{stage}/entered": entered, f"{stage}/median_days": median, f"{stage}/p90_days": p90}
        return numbers

    def _cost_per(self, count: Fraction) -> tuple[Any, ...]:
        place = Key("campaign_cost", self.month, self.cut)
        cost = self.counted.sums.get(place)
        return (None, count, None) if cost is None else _rate(cost, count)

    def _velocity(self) -> tuple[Fraction | None]:
        won = self._sum("deals_won")
        closed = self._sum("win_rate_close_date/of")
        cycle = self._spread("sales_cycle_days", waiting=False)[0]
        if not won or not closed or not cycle:
            return (None,)
        return (self._sum("sal_accepted") * (won / closed) * (self._sum("contract_value_won") / won) / cycle,)


def _rate(numerator: Fraction, denominator: Fraction | int) -> tuple[Any, ...]:
    return (numerator, denominator, numerator / denominator if denominator else None)


def _flat(value: Value) -> Any:
    match value:
        case Rate():
            return (value.numerator, value.denominator, value.figure)
        case Spread():
            return (value.mean, value.median, value.p90, value.n, *(number for _, number in value.extra))
        case Plain():
            return (value.figure,)
        case Table():
            return value.rows or {}
        case Flow():
            return {
                f"{stage}/{name}": number
                for stage, visits in value.json().items()
                for name, number in visits.items()
            }


def _zero(like: Any) -> Any:
    """What a bucket that one way does not know holds: nothing."""
    if isinstance(like, dict):
        return {key: None if number is None else 0 for key, number in like.items()}
    return tuple(None if number is None else 0 for number in like)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    return len(one) == len(other) and all(_close(a, b) for a, b in zip(one, other, strict=True))


def _close(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return abs(float(one) - float(other)) <= EXACT_TO * max(1.0, abs(float(other)))
