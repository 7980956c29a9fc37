"""Taking an import back: everything that it brought is annulled, or nothing.

Journeys that the import brought, and that nobody has worked on since, go by one statement however many they are. In
journeys that were there before, its events go by `funnel.annulment`, with all its rules.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils.translation import ngettext

from funnel import registry
from funnel.annulment import CannotAnnul, annul
from funnel.models import User

from .staging import batches, lift_limits

_FIND: Final = """
DROP TABLE IF EXISTS history_undo, history_gone;
CREATE TEMPORARY TABLE history_undo ON COMMIT DROP AS
WITH touched AS (
    SELECT j.id FROM funnel_journey j
    WHERE j.annulled_at IS NULL
        AND j.id IN (SELECT journey_id FROM funnel_event WHERE xact = %(xact)s AND id <= %(last)s)
    ORDER BY j.id FOR NO KEY UPDATE
)
SELECT e.journey_id, e.id, e.event, e.occurred_at, e.seq, e.xact = %(xact)s AND e.id <= %(last)s AS going
FROM touched JOIN funnel_event e ON e.journey_id = touched.id
WHERE e.event <> 'annulled' AND NOT EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = e.id);
CREATE TEMPORARY TABLE history_gone ON COMMIT DROP AS
SELECT journey_id, bool_and(going) AS whole, bool_or(going AND event = 'lead_created') AS arrived,
    count(*) FILTER (WHERE going) AS going
FROM history_undo GROUP BY journey_id HAVING bool_or(going);
ANALYZE history_undo; ANALYZE history_gone
"""

_ANNUL: Final = """
INSERT INTO funnel_event (journey_id, seq, event, stage_from, stage_to, occurred_at, recorded_at, actor_id, act, value,
    currency, reason, inputs, annuls_id, source_id, campaign_id, service_id, owner_id, team_id)
SELECT j.id, j.seq + row_number() OVER (PARTITION BY j.id ORDER BY u.occurred_at DESC, u.seq DESC), 'annulled', '', '',
    %(at)s, %(at)s, %(actor)s, %(act)s, u.id::text, '', '', '{}', u.id, j.source_id, j.campaign_id, j.service_id,
    j.owner_id, owner.team_id
FROM history_gone gone
JOIN funnel_journey j ON j.id = gone.journey_id
JOIN history_undo u ON u.journey_id = j.id
LEFT JOIN funnel_user owner ON owner.id = j.owner_id
WHERE gone.whole;
UPDATE funnel_journey j SET seq = j.seq + gone.going, annulled_at = %(at)s
FROM history_gone gone WHERE gone.whole AND j.id = gone.journey_id
"""


@transaction.atomic
def take_back(
    *,
    xact: int,
    last_event: int,
    act: str,
    actor: User | None,
    at: datetime,
    progress: Callable[[str, int, int], None],
) -> None:
    """Annul the live events that the transaction `xact` wrote, up to the id `last_event`, as one act.

    Nobody is told, as nobody was told of the import. Raises CannotAnnul, with nothing undone, where something that
    stays rests on an event that would go.
    """
    lift_limits()
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"xact": xact, "last": last_event})
        cursor.execute("SELECT count(*) FROM history_gone")
        journeys = cursor.fetchone()[0]
        cursor.execute("SELECT count(*), min(journey_id) FROM history_gone WHERE arrived AND NOT whole")
        blocked, first = cursor.fetchone()
        if blocked:
            words = ngettext(
                "somebody has worked on %(n)s journey of the import since: number %(first)s.",
                "somebody has worked on %(n)s journeys of the import since; the first is number %(first)s.",
                blocked,
            )
            raise CannotAnnul(words % {"n": blocked, "first": first})
        progress("undoing", 0, journeys)
        cursor.execute(_ANNUL, {"at": at, "act": act, "actor": actor.pk if actor else None})
        cursor.execute("SELECT journey_id FROM history_gone WHERE NOT whole ORDER BY journey_id")
        mixed = [pk for (pk,) in cursor.fetchall()]
    done = journeys - len(mixed)
    for batch in batches(mixed, 500):
        annul(events=_going(batch), actor=actor, at=at)
        done += len(batch)
        progress("undoing", done, journeys)
    _let_figures_follow()


def _going(journeys: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM history_undo WHERE going AND journey_id = ANY(%s)", [journeys])
        return [pk for (pk,) in cursor.fetchall()]


def _let_figures_follow() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        xact = cursor.fetchone()[0]
    for follow in registry.history_landed:
        follow(xact)
