"""Where figures are counted: from the ledger as known at a moment, or from the facts and rollups kept for now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Final

from django.db import connection

from funnel.clock import BusinessClock
from funnel.stages import TARGETS
from kpi import flow, sql
from kpi.measures import FAMILIES, Column
from kpi.queries import EPOCH, Bucket, Columns, Question, Source, Span, first_application


def source_of(question: Question) -> Source:
    """What is kept, where it is no further behind the ledger than the question allows; else the ledger."""
    from kpi import rollup
    from kpi.live import Kept

    if question.lag is not None and rollup.is_current(
        clock=question.clock, windows=question.windows, lag=question.lag
    ):
        return Kept(question)
    return Ledger(question)


def run(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement over many relations."""
    # The planner cannot know how many rows a step of these statements gives, expects few, and then loops over whole
    # relations once a row. The settings end with the statement, or with the transaction around it.
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'; {statement}", parameters
        )
        return cursor.fetchall() if cursor.description else []


def gather(
    facts: str, wanted: Sequence[Column], by: str, filters: Mapping[str, Sequence[str]]
) -> tuple[str, dict[str, Any]]:
    """The SQL, and its parameters, that aggregates a relation of facts by span and cut: needs `span`."""
    cut_from, cut = sql.cut_of(by)
    condition, parameters = sql.kept(filters)
    columns = ", ".join(f"{column.sql} AS c{number}" for number, column in enumerate(wanted))
    groups = "GROUPING SETS ((span), (span, cut))" if by else "span"
    with_cut = "CASE WHEN grouping(cut) = 0 THEN cut END" if by else "NULL"
    statement = f"""
SELECT span, {with_cut}, {columns}
FROM (
    SELECT span.span, {cut} AS cut, fact.*
    FROM span
    JOIN {facts} AS fact ON fact.at >= span.starts AND fact.at < span.ends AND fact.event = ANY(%(counted)s)
    {cut_from}
    WHERE {condition}
) AS fact
GROUP BY {groups}"""
    return statement, parameters | {"counted": events_of(wanted)}


def events_of(wanted: Iterable[Column]) -> list[str]:
    """The events that columns look at."""
    return [
        event for family in dict.fromkeys(column.family for column in wanted) for event in FAMILIES[family]
    ]


def read(rows: Iterable[tuple[Any, ...]], wanted: Sequence[Column]) -> Columns:
    """Turn rows of `gather` into columns by bucket."""
    return {Bucket(span, cut): dict(zip(wanted, numbers, strict=True)) for span, cut, *numbers in rows}


def clients(
    paid: str, by: str, filters: Mapping[str, Sequence[str]], *, with_map: bool
) -> tuple[str, dict[str, Any]]:
    """The SQL, and its parameters, that counts clients and what they are worth: needs `span`; `paid` is one of sql's."""
    groups = "GROUPING SETS ((span), (span, cut))" if by else "span"
    conditions = {relation: sql.kept(filters, relation) for relation in ("paying", "worth")}
    parts = {
        relation: {"from": sql.cut_of(by, relation)[0], "cut": sql.cut_of(by, relation)[1], "kept": condition}
        for relation, (condition, _) in conditions.items()
    }
    with_cut = "CASE WHEN grouping(cut) = 0 THEN cut END" if by else "NULL::text"
    map_groups = "GROUPING SETS ((span, client), (span, cut, client))" if by else "span, client"
    statement = _CLIENTS.format(groups=groups, with_cut=with_cut, **{
        f"{relation}_{name}": words for relation, named in parts.items() for name, words in named.items()
    })  # fmt: skip
    if with_map:
        statement += _CLIENT_MAP.format(groups=map_groups, with_cut=with_cut)
    return f"{paid},{sql.CLIENTS},{statement}", conditions["paying"][1]


_CLIENTS: Final = """
payer AS (
    SELECT paying.*, {paying_cut} AS cut FROM paying {paying_from} WHERE {paying_kept}
),
owned AS (
    SELECT worth.*, {worth_cut} AS cut FROM worth {worth_from} WHERE {worth_kept}
)
SELECT 'payers', span, {with_cut}, NULL::text, count(*) FILTER (WHERE first_at >= starts)::numeric,
    count(*) FILTER (WHERE first_at < starts)::numeric
FROM payer GROUP BY {groups}
UNION ALL
SELECT 'worth', span, {with_cut}, NULL, sum(net), count(DISTINCT client) FILTER (WHERE event = 'payment_received')::numeric
FROM owned GROUP BY {groups}
"""

_CLIENT_MAP: Final = """UNION ALL
SELECT 'client', span, cut, coalesce(contact.external_id, client), net, NULL
FROM (SELECT span, {with_cut} AS cut, client, sum(net) AS net FROM owned GROUP BY {groups}) AS each
LEFT JOIN funnel_contact contact ON 'contact:' || contact.id = each.client
"""


class Ledger:
    """Counts from the ledger itself, as known at the question's moment: exact for any moment, and slow."""

    eager = True

    def __init__(self, question: Question) -> None:
        self.question = question

    def columns(self, wanted: Sequence[Column], spans: Sequence[Span]) -> Columns:
        statement, parameters = gather("fact", wanted, self.question.by, self.question.filters)
        relations = ",".join((f"WITH {sql.SPANS}", sql.TOUCHED_BY_EVENTS, sql.fact(in_spans=True)))
        return read(run(relations + statement, self._parameters | parameters), wanted)

    def visits(self) -> Iterable[tuple[Any, ...]]:
        statement, parameters = flow.counts(self.question.by, self.question.filters)
        relations = ",".join((f"WITH {sql.SPANS}", sql.TOUCHED_BY_EVENTS, sql.JOURNEYS, flow.VISITS))
        parameters |= flow.parameters() | {"counted": list(TARGETS)}
        return run(relations + statement, self._parameters | parameters)

    def clients(self, *, with_map: bool) -> Iterable[tuple[Any, ...]]:
        relations = ",".join((f"WITH {sql.SPANS}", sql.TOUCHED_BY_MONEY, sql.JOURNEYS))
        statement, parameters = clients(
            sql.MONEY_KNOWN, self.question.by, self.question.filters, with_map=with_map
        )
        return run(f"{relations},{statement}", self._parameters | parameters)

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        question = self.question
        return question.span_parameters | clock_parameters(question.clock, question.as_of)


def clock_parameters(clock: BusinessClock, until: datetime) -> dict[str, Any]:
    """The parameters of `sql.fact` that tell the organisation's days and opening hours up to a moment."""
    first = first_application() or until
    first_day, opens, lengths = _calendar(clock, clock.month_at(first).first, clock.month_at(until).until)
    return {
        "zone": clock.zone.key,
        "stage_events": list(TARGETS),
        "first_day": first_day,
        "opens": opens,
        "lengths": lengths,
    }


@lru_cache(maxsize=8)
def _calendar(clock: BusinessClock, first: date, until: date) -> tuple[date, str, str]:
    """The first day, and the arrays of opening seconds and open lengths of each day from there on."""
    opened = {day: (opens, closes) for day, opens, closes in clock.windows(first, until)}
    opens, lengths = [], []
    for number in range((until - first).days):
        day = first + timedelta(days=number)
        start, end = opened.get(day) or (clock.start_of(day),) * 2
        opens.append(str(int((start - EPOCH).total_seconds())))
        lengths.append(str(int((end - start).total_seconds())))
    return first, "{" + ",".join(opens) + "}", "{" + ",".join(lengths) + "}"
