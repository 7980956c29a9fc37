"""Landing: staged events are replayed journey by journey, written by COPY, and the snapshots follow."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from funnel.models import Organisation, User
from funnel.replay import Replay, Step
from funnel.stages import MONEY_EVENTS, Happening, Stage

from .staging import BATCH, Progress, copy_in

_REASONED: Final = frozenset(
    {
        Happening.LEAD_LOST,
        Happening.DEAL_LOST,
        Happening.SAL_REJECTED,
        Happening.OBJECTION_RAISED,
    }
)
_COLUMNS: Final = (
    "id, external_id, journey_id, seq, event, stage_from, stage_to, occurred_at, recorded_at, act, value, amount,"
    " currency, reason, inputs, annuls_id, source_id, campaign_id, service_id, owner_id, team_id"
)

# Annulled events get their ids first, so that their annulments can name them wherever they stand.
_PREPARE: Final = """
ALTER TABLE history_event ADD id bigint, ADD dead boolean NOT NULL DEFAULT FALSE;
UPDATE history_event e SET id = nextval(pg_get_serial_sequence('funnel_event', 'id')), dead = TRUE
FROM history_annulled a WHERE a.event_id = e.event_id;
UPDATE history_annulled a SET id = e.id FROM history_event e WHERE a.id IS NULL AND e.event_id = a.event_id;
CREATE TEMPORARY TABLE history_result (
    pk bigint, stage text, since timestamptz, owner_id bigint, offered_to_id bigint, merged_into_id bigint,
    annulled_at timestamptz, seq int
) ON COMMIT DROP;
"""

# The whole ledger of each touched journey, what stands there already and what comes, in the order of replay.
_LEDGER: Final = """
SELECT ordered.*, coalesce(ordered.id, nextval(pg_get_serial_sequence('funnel_event', 'id'))) AS given_id
FROM (
    SELECT t.pk, t.created_at, t.seq AS last_seq, t.source_id, t.campaign_id, t.service_id, t.owner_id AS first_owner,
        TRUE AS fresh, e.event_id COLLATE "C" AS event_id, e.id, NULL::int AS seq, e.event, e.occurred, e.recorded::text, e.value,
        e.amount::text, e.dead,
        CASE e.event WHEN 'merged_into' THEN coalesce(survivor.pk, known.id) WHEN 'annulled' THEN annulled.id
            ELSE person.id END AS other
    FROM history_event e
    JOIN history_target t USING (journey_id)
    LEFT JOIN funnel_user person ON person.username = e.value AND e.event IN ('owner_changed', 'handed_off')
    LEFT JOIN history_target survivor ON survivor.journey_id = e.value AND e.event = 'merged_into'
    LEFT JOIN funnel_journey known ON known.external_id = e.value AND e.event = 'merged_into'
    LEFT JOIN history_annulled annulled ON annulled.event_id = e.value AND e.event = 'annulled'
    UNION ALL
    SELECT t.pk, t.created_at, t.seq, NULL, NULL, NULL, t.owner_id,
        FALSE, NULL::text COLLATE "C", e.id, e.seq, e.event, e.occurred_at, NULL, e.value, NULL, FALSE,
        CASE e.event WHEN 'merged_into' THEN (e.inputs->>'survivor')::bigint
            WHEN 'handed_off' THEN (e.inputs->>'salesperson')::bigint
            WHEN 'owner_changed' THEN e.owner_id END
    FROM funnel_event e
    JOIN history_target t ON t.pk = e.journey_id AND NOT t.fresh
    WHERE e.event <> 'annulled'
        AND NOT EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = e.id)
        AND NOT EXISTS (SELECT FROM history_annulled a WHERE a.id = e.id)
    ORDER BY pk, occurred, seq, event_id
) ordered
"""

# Who came back: a client who had paid by then, or one with a journey that stood lost, returned or referred then.
_KINDS: Final = """
CREATE TEMPORARY TABLE history_kind ON COMMIT DROP AS
WITH theirs AS (
    SELECT pk, contact_id, TRUE AS fresh, created_at FROM history_target WHERE fresh
    UNION ALL
    SELECT j.id, j.contact_id, FALSE, j.created_at FROM funnel_journey j
    WHERE j.contact_id IN (SELECT contact_id FROM history_target WHERE fresh)
),
several AS (
    SELECT * FROM theirs
    WHERE contact_id IN (SELECT contact_id FROM theirs GROUP BY contact_id HAVING count(*) > 1)
),
live AS (
    SELECT several.contact_id, e.* FROM several JOIN funnel_event e ON e.journey_id = several.pk
    WHERE (e.event IN ('contract_signed', 'payment_received') OR e.stage_to <> e.stage_from)
        AND NOT EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = e.id)
),
points AS (
    SELECT contact_id, occurred_at AS at, 1 AS place, NULL::bigint AS pk,
        (event IN ('contract_signed', 'payment_received'))::int AS paid,
        CASE WHEN event = 'payment_received' THEN 0
            ELSE (stage_to IN ('lost', 'returned', 'referred'))::int
                - (stage_from IN ('lost', 'returned', 'referred'))::int END AS away
    FROM live
    UNION ALL
    SELECT contact_id, created_at, 0, pk, 0, 0 FROM several WHERE fresh
),
running AS (
    SELECT pk, sum(paid) OVER past AS paid, sum(away) OVER past AS away FROM points
    WINDOW past AS (PARTITION BY contact_id ORDER BY at, place ROWS UNBOUNDED PRECEDING)
)
SELECT pk, CASE WHEN paid > 0 THEN 'repeat' WHEN away > 0 THEN 'win_back' ELSE 'new' END AS kind
FROM running WHERE pk IS NOT NULL
"""

_JOURNEYS: Final = """
INSERT INTO funnel_journey (id, external_id, contact_id, kind, source_id, campaign_id, service_id, owner_id,
    offered_to_id, stage, stage_since, seq, created_at, merged_into_id, annulled_at)
SELECT t.pk, t.journey_id, t.contact_id, coalesce(kind.kind, 'new'), t.source_id, t.campaign_id, t.service_id,
    r.owner_id, r.offered_to_id, r.stage, r.since, r.seq, t.created_at, r.merged_into_id, r.annulled_at
FROM history_target t JOIN history_result r USING (pk) LEFT JOIN history_kind kind USING (pk)
WHERE t.fresh;
UPDATE funnel_journey j SET
    snoozed_until = CASE WHEN (j.stage, j.stage_since) = (r.stage, r.since) THEN j.snoozed_until END,
    decide_by = CASE WHEN (j.stage, j.stage_since) = (r.stage, r.since) THEN j.decide_by END,
    stage = r.stage, stage_since = r.since, owner_id = r.owner_id, offered_to_id = r.offered_to_id,
    merged_into_id = r.merged_into_id, annulled_at = r.annulled_at, seq = r.seq, created_at = t.created_at
FROM history_target t JOIN history_result r USING (pk)
WHERE NOT t.fresh AND j.id = t.pk;
"""

# The words of an import are kept apart from the ledger, like all words about a person, so that they can be erased.
_NOTES: Final = """
INSERT INTO funnel_note (journey_id, event_id, text, author_id, at)
SELECT t.pk, e.id, t.note, NULL, e.occurred_at
FROM history_target t CROSS JOIN LATERAL (
    SELECT id, occurred_at FROM funnel_event e WHERE e.journey_id = t.pk AND e.event = 'lead_created'
    ORDER BY occurred_at, seq LIMIT 1
) e
WHERE t.fresh AND t.note <> '';
INSERT INTO funnel_note (journey_id, event_id, text, author_id, at)
SELECT landed.journey_id, landed.id, e.value, NULL, landed.occurred_at
FROM history_event e JOIN funnel_event landed ON landed.external_id = e.event_id
WHERE e.event = 'note_logged' AND e.value <> '';
"""


class Row(NamedTuple):
    """One event of a touched journey, as `_LEDGER` gives it; `other` is the person, survivor or event it names."""

    pk: int
    created_at: datetime
    last_seq: int
    source_id: int | None
    campaign_id: int | None
    service_id: int | None
    first_owner: int | None
    fresh: bool
    event_id: str | None
    id: int | None
    seq: int | None
    event: str
    occurred: datetime
    recorded: str | None
    value: str
    amount: str | None
    dead: bool
    other: int | None
    given_id: int


class Teller:
    """Replays one journey after another, telling what goes into the ledger and what each journey came to."""

    def __init__(self) -> None:
        self.teams: dict[int | None, int | None] = dict(User.objects.values_list("pk", "team_id"))
        self.currency = Organisation.current().currency
        self.begun = False

    def begin(self, row: Row) -> None:
        """Turn to the journey that `row`, the first of its ledger, belongs to."""
        self.begun, self.pk, self.created_at = True, row.pk, row.created_at
        self.state = Replay(owner=row.first_owner)
        self.seq = row.last_seq
        self.arrived = False
        self.annulled: str | None = None
        self.offered_to: int | None = None
        self.survivor: int | None = None

    def take(self, row: Row) -> tuple[Any, ...] | None:
        """Replay one event; return it as a row of the ledger where it is new."""
        owner, before, after = self.state.owner, "", ""
        if row.event == Happening.ANNULLED:
            self.annulled = row.recorded
        elif row.event == Happening.LEAD_CREATED and not self.arrived and not row.dead:
            self.arrived, owner = True, row.first_owner
            before, after = self._apply(row, row.first_owner)
        else:
            owner = row.other if row.event == Happening.OWNER_CHANGED else owner
            before, after = self._apply(row, owner)
        if not row.fresh:
            return None
        self.seq += 1
        money = row.event in MONEY_EVENTS
        return (
            row.given_id,
            row.event_id,
            row.pk,
            self.seq,
            row.event,
            before,
            after,
            row.occurred,
            row.recorded,
            uuid.uuid4(),
            "" if row.event == Happening.NOTE_LOGGED else row.value,
            row.amount,
            self.currency if money else "",
            row.value if row.event in _REASONED else "",
            self._inputs(row),
            row.other if row.event == Happening.ANNULLED else None,
            row.source_id,
            row.campaign_id,
            row.service_id,
            owner,
            self.teams.get(owner),
        )

    def _apply(self, row: Row, owner: int | None) -> tuple[str, str]:
        """Return the stages before and after; an annulled event shows where it would have led, and leads nowhere."""
        step = Step(row.event, row.occurred, self.seq, row.value, owner)
        if row.dead:
            return replace(self.state, entered=set(self.state.entered)).apply(step)
        if row.event == Happening.HANDED_OFF:
            self.offered_to = row.other
        elif row.event == Happening.MERGED_INTO:
            self.survivor = row.other
        return self.state.apply(step)

    def _inputs(self, row: Row) -> str:
        if row.other is None:
            return "{}"
        name = {Happening.HANDED_OFF: "salesperson", Happening.MERGED_INTO: "survivor"}.get(
            Happening(row.event)
        )
        return json.dumps({name: row.other}) if name else "{}"

    def end(self) -> tuple[Any, ...]:
        """Return the snapshot of the journey that the last event closed."""
        state = self.state
        if not state.stage:
            return (
                self.pk,
                Stage.NEW,
                self.created_at,
                state.owner,
                None,
                None,
                self.annulled,
                self.seq,
            )
        return (
            self.pk,
            state.stage,
            state.since,
            state.owner,
            self.offered_to if state.stage == Stage.HANDED_OFF else None,
            self.survivor if state.stage == Stage.MERGED else None,
            None,
            self.seq,
        )


def land(*, progress: Progress, total: int) -> int:
    """Write the staged events and bring every journey they touch to what its whole ledger says; return how many."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE funnel_journey IN ROW EXCLUSIVE MODE")  # the currency stays until the end
        cursor.execute(_PREPARE)
        _check_references_at_once(cursor)
    landed = 0
    events: list[tuple[Any, ...]] = []
    snapshots: list[tuple[Any, ...]] = []
    for written in _tell(snapshots):
        events.append(written)
        if len(events) >= BATCH:
            landed += _write(events, snapshots)
            progress("landing", landed, total)
    landed += _write(events, snapshots)
    progress("landing", landed, total)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE history_result")
        for statements in (_KINDS, _JOURNEYS, _NOTES):
            cursor.execute(statements)
        if landed >= BATCH:
            cursor.execute("ANALYZE funnel_event; ANALYZE funnel_journey; ANALYZE funnel_contact")
    return landed


def _tell(snapshots: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield the new rows of the ledger, and add a snapshot for each journey that is through."""
    teller = Teller()
    for row in _ledger():
        if not teller.begun or teller.pk != row.pk:
            if teller.begun:
                snapshots.append(teller.end())
            teller.begin(row)
        if written := teller.take(row):
            yield written
    if teller.begun:
        snapshots.append(teller.end())


def _ledger() -> Iterator[Row]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_LEDGER)
        while rows := cursor.fetchmany(5000):
            yield from map(Row._make, rows)


def _write(events: list[tuple[Any, ...]], snapshots: list[tuple[Any, ...]]) -> int:
    """COPY what has gathered and empty both lists; return how many events there were."""
    count = len(events)
    copy_in(f"funnel_event ({_COLUMNS})", events)
    copy_in("history_result", snapshots)
    events.clear()
    snapshots.clear()
    return count


def _check_references_at_once(cursor: Any) -> None:
    """Let foreign keys of events be checked batch by batch: a million of them would wait in memory until the end.

    Those to journeys and to other events must wait, for these come last or later.
    """
    cursor.execute(
        "SELECT string_agg(quote_ident(c.conname), ', ') FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)"
        " WHERE c.conrelid = 'funnel_event'::regclass AND c.contype = 'f'"
        " AND a.attname NOT IN ('journey_id', 'annuls_id')"
    )
    cursor.execute(f"SET CONSTRAINTS {cursor.fetchone()[0]} IMMEDIATE")
