"""Counting metrics from the ledger: set-based, as known at one moment, for several periods in one statement."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

from django.db import connection

from funnel.clock import BusinessClock
from funnel.models import Organisation
from funnel.stages import TARGETS
from kpi import flow, sql
from kpi.measures import (
    RESPONSE_MINUTES,
    SECONDS,
    Count,
    Duration,
    Given,
    Lift,
    Metric,
    Query,
    Ratio,
    Sum,
    Velocity,
)
from kpi.values import Flow, Number, Plain, Rate, Spread, Table, Value, Visits, kaplan_meier_median

COUNTED = [
    "lead_created", "first_meeting_held", "brief_filled", "sal_accepted", "sal_rejected", "sql_qualified", "demo_held",
    "proposal_sent", "contract_sent", "contract_signed", "lead_lost", "deal_lost", "partner_handoff", "reopened",
    "payment_received", "refund_paid",
]  # fmt: skip
"""The events that figures count; the others only bear on what becomes of a journey."""


class Bucket(NamedTuple):
    """Where a number belongs: a period and, unless it is the total, a value of the cut."""

    span: str
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time under the name by which its numbers are asked for; half-open."""

    name: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: over which spans, as known when, by which cut ("" for none).

    `given` answers, by name, for the numbers that metrics take from beside the ledger.
    """

    clock: BusinessClock
    as_of: datetime
    spans: Sequence[Span]
    by: str = ""
    windows: Mapping[str, timedelta] = field(default_factory=dict)
    given: Mapping[str, Callable[[Bucket], Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` of each metric by bucket. `maturing` names the metrics whose members in a bucket may still convert."""

    values: Mapping[Bucket, Mapping[str, Value]]
    maturing: Mapping[Bucket, frozenset[str]]

    def of(self, span: str, key: str, cut: str | None = None) -> Value:
        return self.values[Bucket(span, cut)][key]


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
    """Count the metrics: one statement over the periods' events, one over clients where a metric asks for them.

    Every bucket that anything fell into is there, and the total of each span, with a value for every metric.
    """
    metrics = list(metrics)
    tally = _Tally(question, metrics)
    buckets = [Bucket(span.name) for span in question.spans]
    buckets += sorted(tally.buckets - set(buckets), key=lambda bucket: (bucket.span, bucket.cut or ""))
    values = {bucket: {metric.key: tally.value(metric, bucket) for metric in metrics} for bucket in buckets}
    maturing = {
        bucket: frozenset(metric.key for metric in metrics if tally.is_maturing(metric, bucket))
        for bucket in buckets
    }
    return Answer(values, maturing)


class _Tally:
    """Runs the statements and reads each metric's value off them."""

    def __init__(self, question: Question, metrics: Sequence[Metric]) -> None:
        self.question = question
        self.by_key = {metric.key: metric for metric in metrics}
        self.columns = list(dict.fromkeys(column for metric in metrics for column in _columns(metric)))
        self.facts = dict(self._facts())
        names = {name for metric in metrics for name in _given(metric.query)}
        self.given = dict(question.given)
        self.flows: dict[Bucket, Flow] = {}
        self.buckets = set(self.facts)
        if "stage_flow" in names:
            self._add_flow()
        if names & {"new_clients", "returning_clients", "ltv", "clients", "ltv_by_client"}:
            self._add_clients(with_map="ltv_by_client" in names)

    def value(self, metric: Metric, bucket: Bucket) -> Value:
        query = metric.query
        match query:
            case Ratio():
                return Rate(self._number(query.numerator, bucket), self._number(query.denominator, bucket))
            case Duration():
                return self._spread(metric, query, bucket)
            case Lift():
                sides = (Count(f"{query.won} AND ({side})") for side in (query.among, query.others))
                wholes = (Count(query.among), Count(query.others))
                rates = [
                    Rate(self._number(side, bucket), self._number(whole, bucket)).figure
                    for side, whole in zip(sides, wholes, strict=True)
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
        if not isinstance(query, Ratio) or not query.window:
            return False
        latest: datetime | None = self._column(_latest(query), bucket)
        if latest is None:
            return False
        if query.window == "response":
            return self.question.clock.business_minutes(latest, self.question.as_of) < RESPONSE_MINUTES
        return latest + self.question.windows[query.window] > self.question.as_of

    # From the events of the periods

    def _facts(self) -> Iterator[tuple[Bucket, dict[str, Any]]]:
        wanted = ", ".join(f"{column} AS c{number}" for number, column in enumerate(self.columns))
        groups = "GROUPING SETS ((span), (span, cut))" if self.question.by else "span"
        with_cut = "CASE WHEN grouping(cut) = 0 THEN cut END" if self.question.by else "NULL"
        statement = ",".join((f"WITH {sql.SPANS}", sql.TOUCHED_BY_EVENTS, sql.fact(self.question.by)))
        statement += " ".join((" SELECT span,", with_cut, ",", wanted, "FROM fact GROUP BY", groups))
        for span, cut, *numbers in _run(statement, self._parameters):
            yield Bucket(span, cut), dict(zip(self.columns, numbers, strict=True))

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        question = self.question
        first, opens, lengths = _calendar(question.clock, question.as_of)
        return {
            **question.windows,
            "spans": [span.name for span in question.spans],
            "starts": [span.starts for span in question.spans],
            "ends": [span.ends for span in question.spans],
            "as_of": question.as_of,
            "zone": question.clock.zone.key,
            "counted": COUNTED,
            "stage_events": list(TARGETS),
            "first_day": first,
            "opens": opens,
            "lengths": lengths,
        }

    def _column(self, column: str, bucket: Bucket) -> Any:
        return self.facts.get(bucket, {}).get(column)

    def _number(self, query: Count | Sum | Given, bucket: Bucket) -> Number | None:
        if isinstance(query, Given):
            found: Number | None = self.given[query.name](bucket) if query.name in self.given else None
            return found
        number: Number | None = self._column(_aggregate(query), bucket)
        return number or 0

    def _spread(self, metric: Metric, query: Duration, bucket: Bucket) -> Spread:
        unit = SECONDS[metric.unit]
        mean, median, p90, count = (self._column(column, bucket) for column in _spread_columns(query, unit))
        extra: tuple[tuple[str, Number | None], ...] = ()
        if query.waiting:
            answered, waiting = (
                self._column(column, bucket) or [] for column in _response_columns(query, unit)
            )
            extra = (
                ("median_responded", Decimal(repr(median)) if median is not None else None),
                ("median_kaplan_meier", kaplan_meier_median(answered, waiting)),
                ("unanswered", len(waiting)),
            )
        return Spread(mean, median, p90, count or 0, extra)

    def _velocity(self, query: Velocity, bucket: Bucket) -> Number | None:
        count, rate, size, cycle = (
            self.value(self.by_key[key], bucket).figure
            for key in (query.count, query.rate, query.size, query.cycle)
        )
        if count is None or rate is None or size is None or not cycle:
            return None
        return Fraction(count) * Fraction(rate) * Fraction(size) / Fraction(cycle)

    # From the stages that journeys went through

    def _add_flow(self) -> None:
        parameters = self._parameters | {"counted": list(TARGETS)} | flow.parameters()
        found: dict[Bucket, dict[str, Visits]] = {}
        for span, cut, stage, visits in flow.read(_run(flow.statement(self.question.by), parameters)):
            found.setdefault(Bucket(span, cut), {})[stage] = visits
        self.flows = {bucket: Flow({**flow.empty().stages, **stages}) for bucket, stages in found.items()}
        self.buckets |= set(found)

    # From what clients paid over all time

    def _add_clients(self, *, with_map: bool) -> None:
        by = self.question.by
        statement = ",".join((f"WITH {sql.SPANS}", sql.TOUCHED_BY_MONEY, sql.clients(by)))
        statement += _CLIENT_NUMBERS.format(
            groups="GROUPING SETS ((span), (span, cut))" if by else "span",
            cut="CASE WHEN grouping(cut) = 0 THEN cut END" if by else "NULL::text",
            map=_CLIENT_MAP.format(
                groups="GROUPING SETS ((span, client), (span, cut, client))" if by else "span, client",
                cut="CASE WHEN grouping(cut) = 0 THEN cut END" if by else "NULL::text",
            )
            if with_map
            else "",
        )
        numbers: dict[str, dict[Bucket, Number]] = {}
        worth: dict[Bucket, dict[str, Number]] = {}
        for kind, span, cut, client, first, second in _run(statement, self._parameters):
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
    return numbers.get(bucket, 0)


_CLIENT_NUMBERS = """,
worth AS (
    SELECT span.span, money.cut, money.client, money.event,
        CASE money.event WHEN 'payment_received' THEN money.amount ELSE -money.amount END AS net
    FROM span
    JOIN money ON money.at < span.ends AND money.first_at < span.ends
)
SELECT 'payers', span, {cut}, NULL::text, count(*) FILTER (WHERE first_at >= starts)::numeric,
    count(*) FILTER (WHERE first_at < starts)::numeric
FROM paying GROUP BY {groups}
UNION ALL
SELECT 'worth', span, {cut}, NULL, sum(net), count(DISTINCT client) FILTER (WHERE event = 'payment_received')::numeric
FROM worth GROUP BY {groups}
{map}"""

_CLIENT_MAP = """UNION ALL
SELECT 'client', span, cut, coalesce(contact.external_id, client), net, NULL
FROM (SELECT span, {cut} AS cut, client, sum(net) AS net FROM worth GROUP BY {groups}) AS each
LEFT JOIN funnel_contact contact ON 'contact:' || contact.id = each.client
"""


def _aggregate(query: Count | Sum) -> str:
    if isinstance(query, Count):
        return f"count(*) FILTER (WHERE {query.where})"
    total = f"coalesce(sum(amount) FILTER (WHERE {query.where}), 0)"
    return (
        f"{total} - coalesce(sum(amount) FILTER (WHERE {query.less}), 0)" if query.less != "FALSE" else total
    )


def _latest(query: Ratio) -> str:
    """When the last member of the denominator came in."""
    return f"max(at) FILTER (WHERE {getattr(query.denominator, 'where', 'FALSE')})"


def _spread_columns(query: Duration, unit: int) -> list[str]:
    seconds, where = query.seconds, f"FILTER (WHERE {query.where})"
    return [
        f"avg({seconds}) {where} / {unit}.0",
        f"percentile_cont(0.5) WITHIN GROUP (ORDER BY ({seconds} / {unit}.0)::float8) {where}",
        f"percentile_cont(0.9) WITHIN GROUP (ORDER BY ({seconds} / {unit}.0)::float8) {where}",
        f"count({seconds}) {where}",
    ]


def _response_columns(query: Duration, unit: int) -> list[str]:
    """The times of the answered applications, and how long the unanswered have waited."""
    return [
        f"array_agg({query.seconds} / {unit}.0) FILTER (WHERE {where})"
        for where in (query.where, query.waiting)
    ]


def _columns(metric: Metric) -> Iterator[str]:
    """The aggregates that a metric is read off."""
    query = metric.query
    if isinstance(query, Count | Sum):
        yield _aggregate(query)
    elif isinstance(query, Ratio):
        yield from (
            _aggregate(part) for part in (query.numerator, query.denominator) if not isinstance(part, Given)
        )
        if query.window:
            yield _latest(query)
    elif isinstance(query, Lift):
        for side in (query.among, query.others):
            yield _aggregate(Count(side))
            yield _aggregate(Count(f"{query.won} AND ({side})"))
    elif isinstance(query, Duration):
        yield from _spread_columns(query, SECONDS[metric.unit])
        if query.waiting:
            yield from _response_columns(query, SECONDS[metric.unit])


def _given(query: Query) -> set[str]:
    parts = (query.numerator, query.denominator) if isinstance(query, Ratio) else (query,)
    return {part.name for part in parts if isinstance(part, Given)}


def _run(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    # The planner cannot know how many rows a step of these statements gives, expects few, and then loops over whole
    # relations once a row. The setting ends with the statement, or with the transaction around it.
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_nestloop = off; {statement}", parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _calendar(clock: BusinessClock, as_of: datetime) -> tuple[date, str, str]:
    """The first local day that matters, and the arrays of opening seconds and open lengths from there to `as_of`."""
    first = first_application() or as_of
    return _listed_calendar(clock, clock.month_at(first).first, clock.month_at(as_of).until)


@lru_cache(maxsize=8)
def _listed_calendar(clock: BusinessClock, first: date, until: date) -> tuple[date, str, str]:
    opened = {day: (opens, closes) for day, opens, closes in clock.windows(first, until)}
    opens, lengths = [], []
    for number in range((until - first).days):
        day = first + timedelta(days=number)
        start, end = opened.get(day) or (clock.start_of(day),) * 2
        opens.append(str(int((start - _EPOCH).total_seconds())))
        lengths.append(str(int((end - start).total_seconds())))
    return first, "{" + ",".join(opens) + "}", "{" + ",".join(lengths) + "}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
