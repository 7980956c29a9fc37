"""Instalments by the day that they are due: how many there were, and how many were paid in full by that day.

Counted from the schedules of signed contracts, as known at a moment: without signatures and payments recorded later,
with the days as they stood before later moves. How a payment is spread over a schedule is as it is now. An instalment
belongs to the source, campaign, service, owner and team of the signature. Spam, merged and undone journeys have none.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from funnel.clock import BusinessClock
from funnel.stages import TARGETS, VOID_STAGES
from kpi import sql
from kpi.queries import Beside, Bucket, Span
from kpi.sources import run

_DAYS: Final = """
span AS (
    SELECT * FROM unnest(%(spans)s::text[], %(firsts)s::date[], %(lasts)s::date[]) AS listed(span, first, last)
)"""

_SCHEDULE: Final = """
fact AS MATERIALIZED (
    SELECT listed.*, coalesce((
            SELECT sum(share.amount)
            FROM deals_paymentshare share
            JOIN deals_payment payment ON payment.id = share.payment_id AND payment.paid_on <= listed.due_on
            JOIN funnel_event event ON event.id = payment.event_id AND event.recorded_at <= %(as_of)s
            WHERE share.instalment_id = listed.id
        ), 0) AS in_time
    FROM (
        SELECT instalment.id, instalment.amount, contract.journey_id,
            coalesce((
                SELECT moved.due_before FROM deals_reschedule moved
                WHERE moved.instalment_id = instalment.id AND moved.at > %(as_of)s
                ORDER BY moved.at, moved.id LIMIT 1
            ), instalment.due_on) AS due_on,
            signed.source_id, signed.campaign_id, signed.service_id, signed.owner_id, signed.team_id
        FROM deals_instalment instalment
        JOIN deals_contract contract ON contract.id = instalment.contract_id
        JOIN funnel_event signed ON signed.id = contract.signed_event_id AND signed.recorded_at <= %(as_of)s
        WHERE instalment.due_on BETWEEN (SELECT min(first) FROM span) AND (SELECT max(last) FROM span)
            OR instalment.id IN (SELECT instalment_id FROM deals_reschedule WHERE at > %(as_of)s)
    ) AS listed
    WHERE EXISTS (SELECT FROM span WHERE listed.due_on BETWEEN span.first AND span.last)
)"""

_STANDING_NOW: Final = """
counted AS (
    SELECT fact.* FROM fact JOIN funnel_journey journey ON journey.id = fact.journey_id
    WHERE journey.stage <> ALL(%(void)s) AND journey.annulled_at IS NULL
)"""

_STANDING_THEN: Final = f"""
touched AS MATERIALIZED (SELECT DISTINCT journey_id FROM fact),{sql.JOURNEYS},
counted AS (
    SELECT fact.* FROM fact JOIN standing USING (journey_id) JOIN firsts USING (journey_id) WHERE NOT standing.void
)"""


def instalments(
    *,
    clock: BusinessClock,
    spans: Sequence[Span],
    as_of: datetime,
    by: str = "",
    filters: Mapping[str, Sequence[str]] | None = None,
    lag: timedelta | None = None,
) -> Beside:
    """Answer with "instalments_due" and "instalments_in_time" of each span: one statement.

    An instalment falls into a span by the beginning of its day, and counts once that has come. With `lag`, `as_of` is
    now, and whether a journey counts is read off its snapshot instead of the ledger.
    """
    cut_from, cut = sql.cut_of(by)
    condition, parameters = sql.kept(filters or {})
    grouped = "GROUPING SETS ((span), (span, cut))" if by else "span"
    with_cut = "CASE WHEN grouping(cut) = 0 THEN cut END" if by else "NULL"
    relations, asked = schedule(clock=clock, spans=spans, as_of=as_of, lag=lag)
    statement = f"""
{relations}
SELECT span, {with_cut}, count(*), count(*) FILTER (WHERE in_time >= amount)
FROM (
    SELECT span.span, {cut} AS cut, fact.*
    FROM span JOIN counted AS fact ON fact.due_on BETWEEN span.first AND span.last {cut_from}
    WHERE {condition}
) AS due GROUP BY {grouped}"""
    asked |= parameters
    due: dict[Bucket, int] = {}
    in_time: dict[Bucket, int] = {}
    for span, value, count, paid in run(statement, asked):
        due[Bucket(span, value)], in_time[Bucket(span, value)] = count, paid
    return Beside(
        {"instalments_due": partial(_count, due), "instalments_in_time": partial(_count, in_time)},
        frozenset(due),
    )


def schedule(
    *,
    clock: BusinessClock,
    spans: Sequence[Span],
    as_of: datetime,
    lag: timedelta | None,
    ahead: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The relations `span` and `counted` (instalments of journeys that count, with what came `in_time`).

    Those of days to come are left out unless they are wanted too (`ahead`).
    """
    latest = date.max if ahead else as_of.astimezone(clock.zone).date()
    tick = timedelta(microseconds=1)
    return f"WITH {_DAYS},{_SCHEDULE},{_STANDING_THEN if lag is None else _STANDING_NOW}", {
        "spans": [span.name for span in spans],
        "firsts": [span.starts.astimezone(clock.zone).date() for span in spans],
        "lasts": [min(latest, (span.ends - tick).astimezone(clock.zone).date()) for span in spans],
        "as_of": as_of,
        "stage_events": list(TARGETS),
        "void": list(VOID_STAGES),
    }


def _count(numbers: Mapping[Bucket, int], bucket: Bucket) -> int:
    return numbers.get(bucket, 0)
