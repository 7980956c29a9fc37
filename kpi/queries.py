"""Asking for figures: several periods and a cut in one question, answered with a value for every metric.

What is known now comes from the facts and rollups that are kept (`live`), what was known at a moment from the ledger
(`ledger`); both give the same columns, and a metric is read off them here.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, Protocol

from django.db import connection

from funnel.clock import BusinessClock
from funnel.models import Organisation
from kpi import flow
from kpi.measures import (
    RESPONSE_MINUTES,
    SECONDS,
    Column,
    Count,
    Duration,
    Given,
    Lift,
    Metric,
    Ratio,
    Sum,
    Velocity,
)
from kpi.values import Flow, Number, Plain, Rate, Spread, Table, Value, Visits, kaplan_meier_median

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLIENT_NUMBERS = frozenset({"new_clients", "returning_clients", "ltv", "clients", "ltv_by_client"})


class Bucket(NamedTuple):
    """Where a number belongs: a period and, unless it is the total, a value of the cut."""

    span: str
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time under the name by which its numbers are asked for; half-open.

    `rough`: medians and p90s are not wanted of it, which saves looking at every fact of a stretch that is no month.
    """

    name: str
    starts: datetime
    ends: datetime
    rough: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """Numbers from beside the facts, by name, and the buckets that they fell into."""

    numbers: Mapping[str, Callable[[Bucket], Any]]
    buckets: Collection[Bucket]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: over which spans, as known when, by which cut ("" for none), of which values of other cuts.

    `given` answers, by name, for the numbers that metrics take from beside the facts; `beside` are the buckets that
    such numbers fell into. `lag` is how far behind the ledger the answer may be; None asks for what was known at
    `as_of` exactly, from the ledger itself.
    """

    clock: BusinessClock
    as_of: datetime
    spans: Sequence[Span]
    by: str = ""
    windows: Mapping[str, timedelta] = field(default_factory=dict)
    given: Mapping[str, Callable[[Bucket], Any]] = field(default_factory=dict)
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lag: timedelta | None = None
    beside: Collection[Bucket] = ()

    @property
    def span_parameters(self) -> dict[str, Any]:
        """The parameters of `sql.SPANS`."""
        return {
            "spans": [span.name for span in self.spans],
            "starts": [span.starts for span in self.spans],
            "ends": [span.ends for span in self.spans],
            "as_of": self.as_of,
            **self.windows,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` of each metric by bucket. `maturing` names the metrics whose members in a bucket may still convert.

    `from_ledger`: counted from the ledger itself, be it that this was asked for or that what is kept is behind.
    """

    values: Mapping[Bucket, Mapping[str, Value]]
    maturing: Mapping[Bucket, frozenset[str]]
    from_ledger: bool = False

    def of(self, span: str, key: str, cut: str | None = None) -> Value:
        return self.values[Bucket(span, cut)][key]


Columns = dict[Bucket, dict[Column, Any]]


class Source(Protocol):
    """Where columns come from. Each call is one or a few statements, whatever is asked."""

    eager: bool
    """Whether asking twice costs as much again, so that all that might be needed is asked for at once."""

    def columns(self, wanted: Sequence[Column], spans: Sequence[Span]) -> Columns:
        """The aggregates of each bucket; those of a rough span lack what cannot be put together."""

    def visits(self) -> Iterable[tuple[Any, ...]]:
        """Rows for `flow.read`."""

    def clients(self, *, with_map: bool) -> Iterable[tuple[Any, ...]]:
        """Rows of (payers or worth, span, cut, None, number, number) and (client, span, cut, name, worth, None)."""


def windows_of(organisation: Organisation) -> dict[str, timedelta]:
    """How long each member of a cohort has to convert."""
    return {
        "meeting_to_brief": timedelta(days=organisation.meeting_to_brief_days),
        "sal_quality": timedelta(days=organisation.sal_quality_days),
    }


def first_application() -> datetime | None:
    """When the ledger's first application was received: nothing happened earlier."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(occurred_at) FROM funnel_event WHERE event = 'lead_created'")
        first: datetime | None = cursor.fetchone()[0]
    return first


def answer(question: Question, metrics: Iterable[Metric]) -> Answer:
    """Count the metrics in a fixed number of statements.

    Every bucket that anything fell into is there, and the total of each span, with a value for every metric.
    """
    from kpi.sources import source_of  # which knows the questions that are asked here

    metrics = list(metrics)
    source = source_of(question)
    tally = _Tally(question, source, metrics)
    buckets = [Bucket(span.name) for span in question.spans]
    buckets += sorted(tally.buckets - set(buckets), key=lambda bucket: (bucket.span, bucket.cut or ""))
    values = {bucket: {metric.key: tally.value(metric, bucket) for metric in metrics} for bucket in buckets}
    maturing = {
        bucket: frozenset(metric.key for metric in metrics if tally.is_maturing(metric, bucket))
        for bucket in buckets
    }
    return Answer(values, maturing, from_ledger=source.eager)


class _Tally:
    """Asks the source for columns and reads each metric's value off them."""

    def __init__(self, question: Question, source: Source, metrics: Sequence[Metric]) -> None:
        self.question, self.source = question, source
        self.by_key = {metric.key: metric for metric in _with_factors(metrics)}
        wanted = [column for metric in self.by_key.values() for column in metric.columns()]
        if source.eager:
            wanted += [column for query in self._queues() for column in query.samples]
        self.found: Columns = source.columns(list(dict.fromkeys(wanted)), question.spans) if wanted else {}
        self.waits = self._waits()
        self.given = dict(question.given)
        self.flows: dict[Bucket, Flow] = {}
        self.buckets = set(self.found) | set(question.beside)
        names = {name for metric in metrics for name in metric.given}
        if "stage_flow" in names:
            self._add_flow()
        if names & CLIENT_NUMBERS:
            self._add_clients(with_map="ltv_by_client" in names)

    def value(self, metric: Metric, bucket: Bucket) -> Value:
        query = metric.query
        match query:
            case Ratio():
                return Rate(self._number(query.numerator, bucket), self._number(query.denominator, bucket))
            case Duration():
                return self._spread(metric, query, bucket)
            case Lift():
                rates = [
                    Rate(self._number(won, bucket), self._number(whole, bucket)).figure
                    for won, whole in query.sides
                ]
                return Rate(*rates)
            case Velocity():
                return Plain(self._velocity(query, bucket))
            case Given("ltv_by_client" | "seasonality"):
                return Table(self.given[query.name](bucket) if query.name in self.given else None)
            case Given("stage_flow"):
                return self.flows.get(bucket) or flow.empty()
            case Count() | Sum() | Given():
                return Plain(self._number(query, bucket))

    def is_maturing(self, metric: Metric, bucket: Bucket) -> bool:
        """Whether a member of the metric's cohort has not yet had the whole window."""
        query = metric.query
        if not isinstance(query, Ratio) or query.latest is None:
            return False
        latest = _instant(self._column(query.latest, bucket))
        if latest is None:
            return False
        if query.window == "response":
            return self.question.clock.business_minutes(latest, self.question.as_of) < RESPONSE_MINUTES
        return latest + self.question.windows[query.window] > self.question.as_of

    def _column(self, column: Column, bucket: Bucket) -> Any:
        return self.found.get(bucket, {}).get(column)

    def _number(self, query: Count | Sum | Given, bucket: Bucket) -> Number | None:
        if isinstance(query, Given):
            found: Number | None = self.given[query.name](bucket) if query.name in self.given else None
            return found
        number: Number | None = self._column(query.column, bucket)
        return number or 0

    def _velocity(self, query: Velocity, bucket: Bucket) -> Number | None:
        count, rate, size, cycle = (
            self.value(self.by_key[key], bucket).figure
            for key in (query.count, query.rate, query.size, query.cycle)
        )
        if count is None or rate is None or size is None or not cycle:
            return None
        return Fraction(count) * Fraction(rate) * Fraction(size) / Fraction(cycle)

    # Durations

    def _spread(self, metric: Metric, query: Duration, bucket: Bucket) -> Spread:
        unit = SECONDS[metric.unit]
        total, count = (self._column(column, bucket) for column in (query.total, query.n))
        median, p90 = (
            _float(self._column(query.percentile(share, unit), bucket)) for share in ("0.5", "0.9")
        )
        extra: tuple[tuple[str, Number | None], ...] = ()
        if query.waiting:
            extra = (
                ("median_responded", None if median is None else Decimal(repr(median))),
                ("median_kaplan_meier", self._median_of_all(query, unit, bucket)),
                ("unanswered", int(self._column(query.unanswered, bucket) or 0)),
            )
        return Spread(
            Fraction(total) / int(count) / unit if count else None, median, p90, int(count or 0), extra
        )

    def _queues(self) -> Iterator[Duration]:
        """The durations that somebody may still be waiting on."""
        for metric in self.by_key.values():
            if isinstance(metric.query, Duration) and metric.query.waiting:
                yield metric.query

    def _waits(self) -> Columns:
        """The samples of the buckets where somebody has waited too short a time for the median to be settled."""
        loose = {
            bucket for bucket in self.found for query in self._queues() if not self._is_settled(query, bucket)
        }
        spans = [span for span in self.question.spans if span.name in {name for name, _ in loose}]
        found = self.found
        if spans and not self.source.eager:
            samples = [column for query in self._queues() for column in query.samples]
            found = self.source.columns(samples, [span for span in spans if not span.rough])
        return {bucket: found[bucket] for bucket in loose if bucket in found}

    def _is_settled(self, query: Duration, bucket: Bucket) -> bool:
        """Whether all who wait have waited longer than the median, so that it cannot change by waiting."""
        last = _instant(self._column(query.last_unanswered, bucket))
        if last is None:
            return True
        median = self._column(query.patient_median, bucket)
        bound = median if median is not None and median.is_finite() else self._column(query.longest, bucket)
        return bool(self.question.clock.business_seconds(last, self.question.as_of) >= (bound or 0))

    def _median_of_all(self, query: Duration, unit: int, bucket: Bucket) -> Number | None:
        if bucket in self.waits:
            answered, unanswered = (self.waits[bucket].get(column) or [] for column in query.samples)
            waited = [self.question.clock.business_seconds(at, self.question.as_of) for at in unanswered]
            median = kaplan_meier_median(answered, [Fraction(round(one * 10**6), 10**6) for one in waited])
        else:
            median = self._column(query.patient_median, bucket)
            if median is not None and not Decimal(median).is_finite():
                return None
        return None if median is None else Fraction(median) / unit

    # From the stages that journeys went through

    def _add_flow(self) -> None:
        found: dict[Bucket, dict[str, Visits]] = {}
        for span, cut, stage, visits in flow.read(list(self.source.visits())):
            found.setdefault(Bucket(span, cut), {})[stage] = visits
        self.flows = {bucket: Flow({**flow.empty().stages, **stages}) for bucket, stages in found.items()}
        self.buckets |= set(found)

    # From what clients paid over all time

    def _add_clients(self, *, with_map: bool) -> None:
        numbers: dict[str, dict[Bucket, Number]] = {}
        worth: dict[Bucket, dict[str, Number]] = {}
        for kind, span, cut, client, first, second in self.source.clients(with_map=with_map):
            bucket = Bucket(span, cut)
            if kind == "client":
                worth.setdefault(bucket, {})[client] = first
                continue
            names = ("new_clients", "returning_clients") if kind == "payers" else ("ltv", "clients")
            numbers.setdefault(names[0], {})[bucket] = first
            numbers.setdefault(names[1], {})[bucket] = second
        for name in ("new_clients", "returning_clients", "ltv", "clients"):
            found = numbers.get(name, {})
            self.buckets |= set(found)
            self.given[name] = partial(_or_nothing, found)
        self.given["ltv_by_client"] = lambda bucket: worth.get(bucket, {})


def _or_nothing(numbers: Mapping[Bucket, Number], bucket: Bucket) -> Number:
    return numbers.get(bucket) or 0


def _with_factors(metrics: Sequence[Metric]) -> Iterator[Metric]:
    """The metrics, and those that some of them are the product of."""
    from kpi.metrics import BY_KEY

    for metric in metrics:
        yield metric
        query = metric.query
        if isinstance(query, Velocity):
            yield from (BY_KEY[key] for key in (query.count, query.rate, query.size, query.cycle))


def _instant(seconds: Decimal | None) -> datetime | None:
    return None if seconds is None else EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _float(number: Decimal | float | None) -> float | None:
    return None if number is None else float(number)
