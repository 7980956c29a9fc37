"""The relations that figures are counted from, as SQL over the ledger.

Parameters: `spans`, `starts`, `ends` (parallel arrays: the names and half-open bounds of the periods), `as_of`, `zone`,
and the calendar of open time, `opens` and `lengths` (one number a local day from `first_day` on: the epoch second at
which it opens, and for how long).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from kpi.measures import COUNTED, FAMILIES

SPANS: Final = """
span AS (
    SELECT * FROM unnest(%(spans)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        AS listed(span, starts, ends)
)"""

TOUCHED_BY_EVENTS: Final = """
touched AS MATERIALIZED (
    SELECT DISTINCT e.journey_id
    FROM span JOIN funnel_event e ON e.occurred_at >= span.starts AND e.occurred_at < span.ends
    WHERE e.event = ANY(%(counted)s) AND e.recorded_at <= %(as_of)s
)"""
"""The journeys that something happened on in one of the periods."""

TOUCHED_BY_MONEY: Final = """
touched AS MATERIALIZED (
    SELECT DISTINCT e.journey_id FROM funnel_event e
    WHERE e.event IN ('payment_received', 'refund_paid', 'direct_cost')
        AND e.occurred_at < (SELECT max(ends) FROM span) AND e.recorded_at <= %(as_of)s
)"""
"""The journeys that money moved on at any time before the last period's end."""

TOUCHED_BY_NAME: Final = """
touched AS MATERIALIZED (SELECT unnest(%(journeys)s::bigint[]) AS journey_id)"""
"""The journeys named."""

# Every live event of the journeys in question as known at `as_of`, in the order of replay. Owner and team are those that
# held the journey at the event as known: what is frozen on the event, but for a change of owner that was written down
# after it, or annulled. `hands` counts the hands it has gone through; the event that began each says whose.
_KNOWN = """
live AS (
    SELECT e.id, e.journey_id, e.event, e.value, e.occurred_at AS at, e.amount, e.reason,
        e.source_id, e.campaign_id, e.service_id, e.owner_id, e.team_id,
        row_number() OVER (PARTITION BY e.journey_id, e.event ORDER BY e.occurred_at, e.seq) AS nth,
        row_number() OVER onward AS place,
        count(*) FILTER (WHERE e.event IN ('lead_created', 'owner_changed')) OVER onward AS hands
    FROM funnel_event e
    WHERE e.journey_id = ANY(ARRAY(SELECT journey_id FROM touched))
        AND e.recorded_at <= %(as_of)s AND e.annuls_id IS NULL
        AND e.id NOT IN (
            SELECT undo.annuls_id FROM funnel_event undo
            WHERE undo.event = 'annulled' AND undo.annuls_id IS NOT NULL AND undo.recorded_at <= %(as_of)s
        )
    WINDOW onward AS (PARTITION BY e.journey_id ORDER BY e.occurred_at, e.seq)
),
held AS (
    SELECT live.*,
        first_value(owner_id) OVER taken AS holder_id, first_value(team_id) OVER taken AS holding_team_id
    FROM live
    WINDOW taken AS (PARTITION BY journey_id, hands ORDER BY place)
),
known AS MATERIALIZED (
    SELECT id, journey_id, event, value, at, amount, reason, source_id, campaign_id, service_id, nth, place,
        CASE WHEN hands > 0 THEN holder_id ELSE owner_id END AS owner_id,
        CASE WHEN hands = 0 OR owner_id IS NOT DISTINCT FROM holder_id THEN team_id ELSE holding_team_id END AS team_id
    FROM held
)"""

# What replay makes of it (see funnel.replay): a merged journey listens only to its unmerging, a spam one only to a
# reopening or a merge, a signed one only to a merge. `place * 2 + 1` marks where such a state begins and `place * 2`
# where it ends, so that the greatest mark so far, if odd, says that it lasts.
_STANDING = """
merging AS (
    SELECT known.*,
        mod(coalesce(max(place * 2 + (event = 'merged_into')::int)
            FILTER (WHERE event IN ('merged_into', 'unmerged')) OVER before, 0), 2) = 1 AS in_merge,
        coalesce(bool_or(event = 'contract_signed') OVER before, FALSE) AS signed
    FROM known WHERE event = ANY(%(stage_events)s)
    WINDOW before AS (PARTITION BY journey_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
heard AS (
    SELECT merging.*,
        mod(coalesce(max(place * 2 + (event = 'marked_spam')::int)
            FILTER (WHERE (event = 'marked_spam' AND NOT signed) OR event = 'reopened') OVER before, 0), 2) = 1 AS in_spam
    FROM merging WHERE NOT in_merge AND event <> 'unmerged'
    WINDOW before AS (PARTITION BY journey_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
last_heard AS (
    SELECT DISTINCT ON (journey_id) journey_id, event
    FROM heard
    WHERE event <> 'merged_into' AND CASE WHEN in_spam THEN event = 'reopened' ELSE NOT signed END
    ORDER BY journey_id, place DESC
),
last_merge AS (
    SELECT DISTINCT ON (journey_id) journey_id, event
    FROM known WHERE event IN ('merged_into', 'unmerged')
    ORDER BY journey_id, place DESC
),
standing AS (
    SELECT journey_id,
        last_heard.event IS NOT DISTINCT FROM 'marked_spam' OR last_merge.event IS NOT DISTINCT FROM 'merged_into'
            AS void,
        last_heard.event NOT IN ('marked_spam', 'contract_signed', 'lead_lost', 'deal_lost', 'partner_handoff')
            AND last_merge.event IS DISTINCT FROM 'merged_into' AS is_open
    FROM touched LEFT JOIN last_heard USING (journey_id) LEFT JOIN last_merge USING (journey_id)
)"""

# When each journey first got where; one whose application was annulled is not there at all.
_FIRSTS = """
firsts AS (
    SELECT journey_id,
        min(at) FILTER (WHERE event = 'lead_created') AS created_at,
        min(at) FILTER (WHERE event = 'first_response') AS responded_at,
        min(at) FILTER (WHERE event = 'brief_filled') AS briefed_at,
        min(at) FILTER (WHERE event = 'handed_off') AS offered_at,
        min(at) FILTER (WHERE event = 'sal_accepted') AS accepted_at,
        min(place) FILTER (WHERE event = 'handed_off') AS offered_place,
        min(at) FILTER (WHERE event = 'proposal_requested') AS proposal_requested_at,
        min(at) FILTER (WHERE event = 'contract_requested') AS contract_requested_at,
        min(at) FILTER (WHERE event = 'contract_signed') AS signed_at,
        min(place) FILTER (WHERE event = 'reopened') AS reopened_place,
        min(place) FILTER (WHERE event = 'payment_received') AS paid_place,
        coalesce(bool_or(event = 'demo_held'), FALSE) AS demo
    FROM known GROUP BY journey_id
    HAVING bool_or(event = 'lead_created')
)"""

# Whether a decision of sales is about a handoff: the owner's own acceptance of a client's further purchase is none.
_OF_HANDOFF = """
    NOT (known.event = 'sal_accepted' AND coalesce(known.at = firsts.responded_at, FALSE)
        AND coalesce(firsts.offered_place > known.place, TRUE))"""

_DECIDED = f"""
decided AS (
    SELECT known.journey_id, min(known.place) AS first_place
    FROM known JOIN firsts USING (journey_id)
    WHERE known.event IN ('sal_accepted', 'sal_rejected') AND {_OF_HANDOFF}
    GROUP BY known.journey_id
)"""

# The time from each loss to the next reopening, both before the first payment. Losses that share a reopening overlap:
# the first of them counts.
_AWAY = """
away AS (
    SELECT journey_id, sum(extract(epoch FROM back_at - lost_at)) AS seconds
    FROM (
        SELECT journey_id, min(at) AS lost_at, back_at
        FROM (
            SELECT known.journey_id, known.event, known.at,
                min(place) FILTER (WHERE event = 'reopened') OVER onward AS back_place,
                min(at) FILTER (WHERE event = 'reopened') OVER onward AS back_at
            FROM known
            WHERE event IN ('lead_lost', 'deal_lost', 'reopened')
            WINDOW onward AS (PARTITION BY journey_id ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
        ) AS loss JOIN firsts USING (journey_id)
        WHERE loss.event <> 'reopened' AND back_place < paid_place
        GROUP BY journey_id, back_place, back_at
    ) AS stretch GROUP BY journey_id
)"""

JOURNEYS: Final = ",".join((_KNOWN, _STANDING, _FIRSTS))
"""Need `touched`; give `known`, `standing` and `firsts`."""

CALENDAR: Final = """
calendar AS MATERIALIZED (
    SELECT %(first_day)s::date + (number - 1)::int AS day, opens, length,
        sum(length) OVER (ORDER BY number) - length AS before
    FROM unnest(%(opens)s::bigint[], %(lengths)s::int[]) WITH ORDINALITY AS listed(opens, length, number)
)"""
"""Open seconds since the calendar's first day, at the start of each local day."""

# Latest thing that asked for a new version, before each sending.
_ASKED = """
asked AS (
    SELECT id,
        max(at) FILTER (WHERE event IN ('proposal_requested', 'objection_raised', 'reopened')) OVER before
            AS proposal_asked_at,
        max(at) FILTER (WHERE event IN ('contract_requested', 'objection_raised', 'reopened')) OVER before
            AS contract_asked_at
    FROM known
    WHERE event IN ('proposal_requested', 'contract_requested', 'objection_raised', 'reopened', 'proposal_sent',
        'contract_sent')
    WINDOW before AS (PARTITION BY journey_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)"""


CUTS: Final = {
    "source": ("funnel_source", "key"),
    "campaign": ("funnel_campaign", "key"),
    "service": ("funnel_service", "key"),
    "owner": ("funnel_user", "username"),
    "team": ("funnel_team", "name"),
}
"""Cut → the table and column that its keys stand in; facts carry their ids, frozen on the event itself."""


def cut_of(by: str, facts: str = "fact") -> tuple[str, str]:
    """How the values of a cut are joined to a relation of facts, and the expression that names them."""
    if not by:
        return "", "''::text"
    table, name = CUTS[by]
    return f"LEFT JOIN {table} cut ON cut.id = {facts}.{by}_id", f"coalesce(cut.{name}, '')"


def kept(filters: Mapping[str, Iterable[str]], facts: str = "fact") -> tuple[str, dict[str, list[str]]]:
    """The condition that facts carry one of the values of each cut that is filtered by, and its parameters."""
    conditions, parameters = ["TRUE"], {}
    for by, values in filters.items():
        table, name = CUTS[by]
        ids = f"{facts}.{by}_id IN (SELECT id FROM {table} WHERE {name} = ANY(%(only_{by})s))"
        conditions.append(f"({ids} OR {facts}.{by}_id IS NULL AND '' = ANY(%(only_{by})s))")
        parameters[f"only_{by}"] = list(values)
    return " AND ".join(conditions), parameters


def open_seconds(at: str, day: str) -> str:
    """Return the open seconds since the calendar's first day at a moment that lies on a `day` of the calendar."""
    return f"({day}.before + greatest(0, least(extract(epoch FROM {at}) - {day}.opens, {day}.length)))"


FACT_COLUMNS: Final = (
    "id", "journey_id", "event", "nth", "at", "day", "amount", "reason",
    "source_id", "campaign_id", "service_id", "owner_id", "team_id", "client",
    "void", "is_open", "answered", "demo", "reopened_before", "of_handoff", "first_decision",
    "next_at", "business_s", "elapsed_s", "active_s",
)  # fmt: skip

_IN_A_SPAN: Final = "EXISTS (SELECT FROM span WHERE known.at >= span.starts AND known.at < span.ends)"

# Each clock starts with something in the journey and ends with the fact; an application's ends with the response.
_FACT = f"""
party AS (
    SELECT id, company_id, contact_id FROM funnel_journey
    WHERE id = ANY(ARRAY(SELECT journey_id FROM known WHERE event IN {FAMILIES["money"]}))
),
clocked AS (
    SELECT known.*, standing.void, standing.is_open, firsts.demo,
        firsts.responded_at IS NOT NULL AS answered,
        coalesce(firsts.reopened_place < known.place, FALSE) AS reopened_before,
        {_OF_HANDOFF} AS of_handoff,
        coalesce(decided.first_place = known.place, FALSE) AS first_decision,
        CASE
            WHEN event IN ('lead_created', 'brief_filled') THEN accepted_at
            WHEN event = 'first_meeting_held' THEN briefed_at
            WHEN event = 'sal_accepted' THEN signed_at
        END AS next_at,
        CASE
            WHEN event = 'lead_created' THEN at
            WHEN event IN ('sal_accepted', 'sal_rejected') THEN offered_at
            WHEN event = 'proposal_sent' THEN CASE nth WHEN 1 THEN proposal_requested_at ELSE proposal_asked_at END
            WHEN event = 'contract_sent' THEN CASE nth WHEN 1 THEN contract_requested_at ELSE contract_asked_at END
            WHEN event = 'contract_signed' THEN accepted_at
            WHEN event = 'payment_received' THEN firsts.created_at
        END AS clock_from,
        CASE WHEN event = 'lead_created' THEN responded_at ELSE at END AS clock_to,
        coalesce(away.seconds, 0) AS away,
        CASE
            WHEN journey.company_id IS NOT NULL THEN 'company:' || journey.company_id
            WHEN journey.contact_id IS NOT NULL THEN 'contact:' || journey.contact_id
            ELSE ''
        END AS client
    FROM known
    JOIN standing USING (journey_id)
    JOIN firsts USING (journey_id)
    LEFT JOIN decided USING (journey_id)
    LEFT JOIN away USING (journey_id)
    LEFT JOIN asked USING (id)
    LEFT JOIN party journey ON journey.id = known.journey_id AND known.event IN {FAMILIES["money"]}
    WHERE known.event IN {tuple(COUNTED)} AND (known.event = 'lead_created' OR NOT standing.void) AND {{only}}
),
fact AS MATERIALIZED (
    SELECT id, journey_id, event, nth::int AS nth, at, (at AT TIME ZONE %(zone)s)::date AS day, amount, reason,
        source_id, campaign_id, service_id, owner_id, team_id, client,
        void, is_open, answered, demo, reopened_before, of_handoff, first_decision, next_at,
        CASE WHEN clock_to >= clock_from THEN {open_seconds("clock_to", "last")}
            - {open_seconds("clock_from", "first")} END AS business_s,
        CASE WHEN clock_to >= clock_from THEN extract(epoch FROM clock_to - clock_from) END AS elapsed_s,
        CASE WHEN clock_to >= clock_from THEN extract(epoch FROM clock_to - clock_from) - away END AS active_s
    FROM clocked
    LEFT JOIN calendar first ON first.day = (clock_from AT TIME ZONE %(zone)s)::date
    LEFT JOIN calendar last ON last.day = (clock_to AT TIME ZONE %(zone)s)::date
)"""


def fact(*, in_spans: bool) -> str:
    """Return the relations from `known` down to `fact`: needs `touched` and, for the facts of `span` alone, `span`."""
    own = _FACT.format(only=_IN_A_SPAN if in_spans else "TRUE")
    return ",".join((JOURNEYS, _DECIDED, _AWAY, CALENDAR, _ASKED, own))


MONEY_KNOWN: Final = f"""
paid AS (
    SELECT known.id, known.at, known.event, known.amount, known.source_id, known.campaign_id, known.service_id,
        known.owner_id, known.team_id,
        CASE WHEN journey.company_id IS NULL THEN 'contact:' || journey.contact_id
            ELSE 'company:' || journey.company_id END AS client
    FROM known
    JOIN standing ON standing.journey_id = known.journey_id AND NOT standing.void
    JOIN firsts ON firsts.journey_id = known.journey_id
    JOIN funnel_journey journey ON journey.id = known.journey_id
    WHERE known.event IN {FAMILIES["money"]}
)"""
"""What clients paid, were paid back and cost, from `known`; `MONEY_KEPT` is the same from the facts that are kept."""

MONEY_KEPT: Final = f"""
paid AS (
    SELECT id, at, event, amount, source_id, campaign_id, service_id, owner_id, team_id, client
    FROM kpi_fact WHERE event IN {FAMILIES["money"]} AND NOT void
)"""

# The client is the company of a journey or, where it has none, its contact.
CLIENTS: Final = """
money AS MATERIALIZED (
    SELECT paid.*, min(at) FILTER (WHERE event = 'payment_received') OVER (PARTITION BY client) AS first_at FROM paid
),
paying AS (  -- the first payment of each client within each period
    SELECT DISTINCT ON (span.span, money.client) span.span, span.starts, money.*
    FROM span
    JOIN money ON money.at >= span.starts AND money.at < span.ends AND money.event = 'payment_received'
    ORDER BY span.span, money.client, money.at, money.id
),
worth AS (
    SELECT span.span, money.*,
        CASE money.event WHEN 'payment_received' THEN money.amount ELSE -money.amount END AS net
    FROM span
    JOIN money ON money.at < span.ends AND money.first_at < span.ends
)"""
"""Needs `paid` and `span`."""


def origins(clients: str) -> str:
    """Return the query of (client, source_id) of the first application of each client of a relation."""
    return f"""
SELECT DISTINCT ON (client) client, source_id
FROM (
    SELECT CASE WHEN company_id IS NULL THEN 'contact:' || contact_id ELSE 'company:' || company_id END AS client,
        source_id, created_at, id
    FROM funnel_journey WHERE stage NOT IN ('spam', 'merged') AND annulled_at IS NULL
) AS journey
WHERE client IN (SELECT client FROM {clients})
ORDER BY client, created_at, id"""
