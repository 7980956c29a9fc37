"""Listing the rows behind a number: a page of them, with how many there are and what they sum up to.

Whatever lies behind a number becomes one relation, `listed`, of the same columns. It is built from the same relations,
conditions and filters that the number is counted from, so that the two cannot part.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from funnel.models import Organisation
from funnel.periods import Period
from funnel.stages import TARGETS
from kpi import flow, sql
from kpi.instalments import schedule
from kpi.queries import Question, Span, first_application, windows_of
from kpi.records.narrowing import LEFT, Narrow
from kpi.records.parts import Rows
from kpi.report import first_complete_year, last_complete_year
from kpi.sources import Ledger, clock_parameters, run, source_of

SPAN: Final = "listed"
FEWEST_YEARS: Final = 2
"""Seasonality is told from so many complete years on."""


class Place(NamedTuple):
    """Where a row stands in the order of a list: by time, newest first, then by id, highest first."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Record:
    """A row behind a number. `amount` is signed as the number counts it, `seconds` the duration that it adds.

    `original` is what the amount was before it was frozen, None where it was just that. `event` is "" for a visit and an instalment; `id` is the event's, or the instalment's, or tells visits apart. The
    cuts are their keys, "" where there is none; `stage`, `left_at` and `went_to` are a visit's.
    """

    id: int
    journey: int
    event: str
    at: datetime
    amount: Decimal | None
    reason: str
    seconds: Decimal | None
    stage: str
    left_at: datetime | None
    went_to: str
    source: str
    campaign: str
    service: str
    owner: str
    team: str
    original: dict[str, Any] | None

    @property
    def place(self) -> Place:
        return Place(self.at, self.id)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of rows and, of all rows, how many there are and their money (None where no row has any)."""

    rows: list[Record]
    count: int
    sum: Decimal | None
    has_newer: bool
    has_older: bool


@dataclass(frozen=True, slots=True)
class Sought:
    """What is listed: the rows of a period, as known when, of which values of cuts, of one stage or client ("" any)."""

    organisation: Organisation
    rows: Rows
    period: Period
    as_of: datetime
    filters: Mapping[str, Sequence[str]]
    lag: timedelta | None = None
    stage: str = ""
    client: str = ""
    narrow: Narrow = field(default_factory=Narrow)

    @property
    def span(self) -> Span | None:
        """The stretch that the rows lie in; None where there is none yet."""
        clock = self.organisation.clock
        if not self.rows.whole_years:
            return Span(SPAN, *clock.period_bounds(self.period))
        first = first_application()
        if first is None:
            return None
        earliest = first_complete_year(clock, first)
        latest = last_complete_year(clock, self.as_of, self.period)
        if latest - earliest + 1 < FEWEST_YEARS:
            return None
        begins, ends = (clock.period_bounds(Period.parse(f"{year:04}")) for year in (earliest, latest))
        return Span(SPAN, begins[0], ends[1])


def find(sought: Sought, *, size: int, place: Place | None = None, backwards: bool = False) -> Found:
    """Return the rows after a place in the list, or `backwards` before it: a fixed number of queries."""
    span = sought.span
    if span is None:
        return Found([], 0, None, has_newer=False, has_older=False)
    relations, parameters = _relations(sought, span)
    way, beyond = ("ASC", ">") if backwards else ("DESC", "<")
    where = f"WHERE (listed.at, listed.id) {beyond} (%(place_at)s, %(place_id)s)" if place else ""
    parameters |= {"limit": size + 1}
    if place:
        parameters |= {"place_at": place.at, "place_id": place.id}
    found = run(f"{relations}{_PAGE.format(where=where, way=way)}", parameters)
    count, money = found[0][:2]
    rows = [Record(*(*row[2:-1], json.loads(row[-1] or "null"))) for row in found if row[2] is not None]
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    return Found(
        rows,
        count,
        money,
        has_newer=more if backwards else place is not None,
        has_older=bool(rows) and place is not None if backwards else more,
    )


_NAMES: Final = ", ".join(f"coalesce({by}.{name}, '')" for by, (_table, name) in sql.CUTS.items())
_JOINS: Final = " ".join(
    f"LEFT JOIN {table} {by} ON {by}.id = listed.{by}_id" for by, (table, _name) in sql.CUTS.items()
)
_ORIGINAL: Final = """(
    SELECT told.inputs -> 'original' FROM funnel_event told
    WHERE told.id = listed.id AND listed.event <> '' AND listed.amount IS NOT NULL
)"""
"""What an event's amount was in its own currency."""
_PAGE: Final = f"""
SELECT whole.count, whole.sum, page.*
FROM (SELECT count(*) AS count, sum(amount) AS sum FROM listed) AS whole
LEFT JOIN (
    SELECT listed.id, listed.journey_id, listed.event, listed.at, listed.amount, listed.reason, listed.seconds,
        listed.stage, listed.left_at, listed.went_to, {_NAMES}, {_ORIGINAL} AS original
    FROM (SELECT * FROM listed {{where}} ORDER BY at {{way}}, id {{way}} LIMIT %(limit)s) AS listed {_JOINS}
) AS page ON TRUE
ORDER BY page.at {{way}}, page.id {{way}}"""

_CUT_IDS: Final = ", ".join(f"{{of}}.{by}_id" for by in sql.CUTS)
_NO_VISIT: Final = "'' AS stage, NULL::timestamptz AS left_at, '' AS went_to"
_IN_SPAN: Final = "{of}.at >= span.starts AND {of}.at < span.ends"


def _relations(sought: Sought, span: Span) -> tuple[str, dict[str, Any]]:
    """The relations down to `listed`, and their parameters."""
    build = {
        "fact": _facts,
        "visit": _visits,
        "payer": _clients,
        "worth": _clients,
        "client": _clients,
        "instalment": _instalments,
    }[sought.rows.relation]
    organisation = sought.organisation
    question = Question(
        organisation.clock,
        sought.as_of,
        [span],
        windows=windows_of(organisation),
        filters=sought.filters,
        lag=sought.lag,
    )
    relations, parameters = build(sought, question)
    return relations, question.span_parameters | parameters


def _facts(sought: Sought, question: Question) -> tuple[str, dict[str, Any]]:
    rows, known = sought.rows, _known(question)
    condition, parameters = sql.kept(sought.filters)
    if known:
        above, facts = ",".join((sql.TOUCHED_BY_EVENTS, sql.fact(in_spans=True))), "fact"
    else:
        above, facts = "", "kpi_fact"
    narrowed, more = sought.narrow.conditions("known" if known else facts, question.clock.zone.key)
    signed = f"CASE WHEN {rows.less} THEN -fact.amount ELSE fact.amount END" if rows.less else "fact.amount"
    seconds = f"fact.{rows.seconds}" if rows.seconds and not rows.waiting else "NULL::numeric"
    listed = f"""
listed AS MATERIALIZED (
    SELECT fact.id, fact.journey_id, fact.event, fact.at, {signed} AS amount, fact.reason, {seconds} AS seconds,
        {_NO_VISIT}, {_CUT_IDS.format(of="fact")}
    FROM span JOIN {facts} AS fact ON {_IN_SPAN.format(of="fact")} AND fact.event = ANY(%(counted)s)
    WHERE ({rows.where}) AND {condition} AND {narrowed}
)"""
    return _with(sql.SPANS, above, listed), known | parameters | more | {"counted": list(rows.events)}


def _visits(sought: Sought, question: Question) -> tuple[str, dict[str, Any]]:
    known = _known(question)
    condition, parameters = sql.kept(sought.filters, "visit")
    if known:
        above = ",".join((sql.TOUCHED_BY_EVENTS, sql.JOURNEYS, flow.VISITS))
        visits, known = "visit", known | flow.parameters() | {"counted": list(TARGETS)}
    else:
        above, visits = "", "kpi_visit"
    # what is kept of visits is written anew as journeys go on: told apart by their order within the journey
    listed = f"""
listed AS MATERIALIZED (
    SELECT visit.journey_id * 100000 + row_number() OVER (
            PARTITION BY visit.journey_id ORDER BY visit.at, visit.left_at, visit.stage, visit.went_to
        ) AS id, visit.journey_id, '' AS event, visit.at, NULL::numeric AS amount, '' AS reason,
        extract(epoch FROM coalesce(visit.left_at, %(as_of)s) - visit.at) AS seconds,
        visit.stage, visit.left_at, visit.went_to, {_CUT_IDS.format(of="visit")}
    FROM span JOIN {visits} AS visit ON {_IN_SPAN.format(of="visit")}
    WHERE ({sought.rows.where}) AND %(stage)s IN ('', visit.stage) AND {condition}
)"""
    return _with(sql.SPANS, above, listed), known | parameters | {"stage": sought.stage}


def _clients(sought: Sought, question: Question) -> tuple[str, dict[str, Any]]:
    known = _known(question)
    rows = sought.rows
    relation = "paying" if rows.relation == "payer" else "worth"
    condition, parameters = sql.kept(sought.filters, relation)
    above = f"{sql.TOUCHED_BY_MONEY},{sql.JOURNEYS},{sql.MONEY_KNOWN}" if known else sql.MONEY_KEPT
    once = "DISTINCT ON (worth.client)" if rows.relation == "client" else ""
    order = "ORDER BY worth.client, worth.at, worth.id" if once else ""
    amount = "paying.amount" if relation == "paying" else "worth.net"
    narrowed, more = sought.narrow.clients(relation)
    listed = f"""
chosen AS MATERIALIZED (
    SELECT {once} {relation}.id, {relation}.event, {relation}.at, {amount} AS amount,
        {_CUT_IDS.format(of=relation)}
    FROM {relation}
    LEFT JOIN funnel_contact contact ON 'contact:' || contact.id = {relation}.client
    WHERE ({rows.where}) AND %(client)s IN ('', {relation}.client, contact.external_id) AND {condition}
        AND {narrowed}
    {order}
),
listed AS MATERIALIZED (
    SELECT chosen.id, told.journey_id, chosen.event, chosen.at, chosen.amount, told.reason,
        NULL::numeric AS seconds, {_NO_VISIT}, {_CUT_IDS.format(of="chosen")}
    FROM chosen JOIN funnel_event told ON told.id = chosen.id
)"""
    return _with(sql.SPANS, above, sql.CLIENTS, listed), known | parameters | more | {"client": sought.client}


def _instalments(sought: Sought, question: Question) -> tuple[str, dict[str, Any]]:
    due = sought.narrow.due
    relations, parameters = schedule(
        clock=question.clock,
        spans=question.spans,
        as_of=question.as_of,
        lag=question.lag,
        ahead=due == "all",
    )
    condition, only = sql.kept(sought.filters)
    amount, late = (
        (LEFT, f"{LEFT} > 0 AND fact.due_on < %(today)s") if due == "overdue" else ("fact.amount", "TRUE")
    )
    parameters |= {"today": question.as_of.astimezone(question.clock.zone).date()}
    listed = f"""
listed AS MATERIALIZED (
    SELECT fact.id, fact.journey_id, '' AS event, fact.due_on::timestamp AT TIME ZONE %(zone)s AS at,
        {amount} AS amount, '' AS reason, NULL::numeric AS seconds, {_NO_VISIT}, {_CUT_IDS.format(of="fact")}
    FROM span JOIN counted AS fact ON fact.due_on BETWEEN span.first AND span.last
    WHERE ({sought.rows.where}) AND {condition} AND {late}
)"""
    return f"{relations},{listed}", parameters | only | {"zone": question.clock.zone.key}


def _known(question: Question) -> dict[str, Any]:
    """The parameters by which the ledger is read as known at a moment; empty where what is kept answers."""
    if isinstance(source_of(question), Ledger):
        return clock_parameters(question.clock, question.as_of)
    return {}


def _with(*relations: str) -> str:
    return "WITH " + ",".join(filter(None, relations))


def durations(records: Iterable[Record], sought: Sought) -> Mapping[int, Decimal]:
    """Return the seconds of each row by its id; of those that wait, the open time that they have waited so far."""
    if not sought.rows.waiting:
        return {record.id: record.seconds for record in records if record.seconds is not None}
    clock = sought.organisation.clock
    return {record.id: Decimal(clock.business_seconds(record.at, sought.as_of)) for record in records}
