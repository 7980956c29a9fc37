"""The relations that figures are counted from, as SQL over the ledger.

Parameters: `spans`, `starts`, `ends` (parallel arrays: the names and half-open bounds of the periods), `as_of`, `zone`,
and the calendar of open time, `opens` and `lengths` (one number a local day from `first_day` on: the epoch second at
which it opens, and for how long).
"""

from typing import Final

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

# Every live event of the journeys in question as known at `as_of`, in the order of replay.
_KNOWN = """
known AS MATERIALIZED (
    SELECT e.id, e.journey_id, e.event, e.value, e.occurred_at AS at, e.amount,
        e.source_id, e.campaign_id, e.service_id, e.owner_id, e.team_id,
        row_number() OVER (PARTITION BY e.journey_id, e.event ORDER BY e.occurred_at, e.seq) AS nth,
        row_number() OVER (PARTITION BY e.journey_id ORDER BY e.occurred_at, e.seq) AS place
    FROM funnel_event e
    WHERE e.journey_id = ANY(ARRAY(SELECT journey_id FROM touched))
        AND e.recorded_at <= %(as_of)s AND e.annuls_id IS NULL
        AND e.id NOT IN (
            SELECT undo.annuls_id FROM funnel_event undo
            WHERE undo.event = 'annulled' AND undo.annuls_id IS NOT NULL AND undo.recorded_at <= %(as_of)s
        )
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
        min(place) FILTER (WHERE event IN ('sal_accepted', 'sal_rejected')) AS decision_place,
        min(at) FILTER (WHERE event = 'proposal_requested') AS proposal_requested_at,
        min(at) FILTER (WHERE event = 'contract_requested') AS contract_requested_at,
        min(at) FILTER (WHERE event = 'contract_signed') AS signed_at,
        min(place) FILTER (WHERE event = 'reopened') AS reopened_place,
        min(place) FILTER (WHERE event = 'payment_received') AS paid_place,
        coalesce(bool_or(event = 'demo_held'), FALSE) AS demo
    FROM known GROUP BY journey_id
    HAVING bool_or(event = 'lead_created')
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
"""Needs `touched`; gives `known`, `standing` and `firsts`."""

# Open seconds since the calendar's first day, at the start of each local day.
_CALENDAR = """
calendar AS MATERIALIZED (
    SELECT %(first_day)s::date + (number - 1)::int AS day, opens, length,
        sum(length) OVER (ORDER BY number) - length AS before
    FROM unnest(%(opens)s::bigint[], %(lengths)s::int[]) WITH ORDINALITY AS listed(opens, length, number)
)"""

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
    "source": ("LEFT JOIN funnel_source cut ON cut.id = known.source_id", "cut.key"),
    "campaign": ("LEFT JOIN funnel_campaign cut ON cut.id = known.campaign_id", "cut.key"),
    "service": ("LEFT JOIN funnel_service cut ON cut.id = known.service_id", "cut.key"),
    "owner": ("LEFT JOIN funnel_user cut ON cut.id = known.owner_id", "cut.username"),
    "team": ("LEFT JOIN funnel_team cut ON cut.id = known.team_id", "cut.name"),
}
"""Cut → how its keys are found, and the key: those frozen on the event itself."""


def cut_of(by: str) -> tuple[str, str]:
    """How the values of a cut are joined to `known`, and the expression that names them."""
    return (CUTS[by][0], f"coalesce({CUTS[by][1]}, '')") if by else ("", "''::text")


def _open_seconds(at: str, day: str) -> str:
    return f"({day}.before + greatest(0, least(extract(epoch FROM {at}) - {day}.opens, {day}.length)))"


_FACT = """
counted AS (
    SELECT span.span, {cut} AS cut, known.*, standing.void, standing.is_open,
        firsts.created_at, firsts.responded_at, firsts.briefed_at, firsts.accepted_at, firsts.signed_at, firsts.demo,
        coalesce(firsts.reopened_place < known.place, FALSE) AS reopened_before,
        firsts.decision_place = known.place AS first_decision,
        CASE
            WHEN event = 'lead_created' THEN at
            WHEN event IN ('sal_accepted', 'sal_rejected') THEN offered_at
            WHEN event = 'proposal_sent' THEN CASE nth WHEN 1 THEN proposal_requested_at ELSE proposal_asked_at END
            WHEN event = 'contract_sent' THEN CASE nth WHEN 1 THEN contract_requested_at ELSE contract_asked_at END
            WHEN event = 'contract_signed' THEN accepted_at
            WHEN event = 'payment_received' THEN created_at
        END AS clock_from,
        CASE WHEN event = 'lead_created' THEN coalesce(responded_at, %(as_of)s) ELSE at END AS clock_to,
        coalesce(away.seconds, 0) AS away
    FROM span
    JOIN known ON known.at >= span.starts AND known.at < span.ends AND known.event = ANY(%(counted)s)
    JOIN standing USING (journey_id)
    JOIN firsts USING (journey_id)
    LEFT JOIN away USING (journey_id)
    LEFT JOIN asked USING (id)
    {cut_from}
),
fact AS MATERIALIZED (
    SELECT counted.*,
        CASE WHEN clock_to >= clock_from THEN extract(epoch FROM clock_to - clock_from) END AS elapsed_s,
        CASE WHEN clock_to >= clock_from THEN extract(epoch FROM clock_to - clock_from) - away END AS active_s,
        CASE WHEN clock_to >= clock_from
            THEN {opened_to} - {opened_from} END AS business_s
    FROM counted
    LEFT JOIN calendar first ON first.day = (clock_from AT TIME ZONE %(zone)s)::date
    LEFT JOIN calendar last ON last.day = (clock_to AT TIME ZONE %(zone)s)::date
)"""

_CLIENTS = """
money AS MATERIALIZED (
    SELECT each.*, min(at) FILTER (WHERE event = 'payment_received') OVER (PARTITION BY client) AS first_at
    FROM (
        SELECT known.id, known.at, known.event, known.amount, {cut} AS cut,
            CASE WHEN journey.company_id IS NULL THEN 'contact:' || journey.contact_id
                ELSE 'company:' || journey.company_id END AS client
        FROM known
        JOIN standing ON standing.journey_id = known.journey_id AND NOT standing.void
        JOIN firsts ON firsts.journey_id = known.journey_id
        JOIN funnel_journey journey ON journey.id = known.journey_id
        {cut_from}
        WHERE known.event IN ('payment_received', 'refund_paid', 'direct_cost')
    ) AS each
),
paying AS (  -- the first payment of each client within each period
    SELECT DISTINCT ON (span.span, money.client) span.span, span.starts, money.client, money.cut, money.first_at
    FROM span
    JOIN money ON money.at >= span.starts AND money.at < span.ends AND money.event = 'payment_received'
    ORDER BY span.span, money.client, money.at, money.id
)"""


def fact(by: str) -> str:
    """Return the relations down to `fact`, cut by a column of `CUTS` or, for "", not at all."""
    cut_from, cut = cut_of(by)
    own = _FACT.format(
        cut_from=cut_from,
        cut=cut,
        opened_from=_open_seconds("clock_from", "first"),
        opened_to=_open_seconds("clock_to", "last"),
    )
    return ",".join((JOURNEYS, _AWAY, _CALENDAR, _ASKED, own))


def clients(by: str) -> str:
    """Return the relations down to `money` and `paying`: needs `span` and TOUCHED_BY_MONEY.

    The client is the company of a journey or, where it has none, its contact. Journeys that are void give no money.
    """
    cut_from, cut = cut_of(by)
    return ",".join((JOURNEYS, _CLIENTS.format(cut_from=cut_from, cut=cut)))
