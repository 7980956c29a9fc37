"""Merges that lead back to where they began: of each circle the row that closes it is rejected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

# A journey goes by its id where it is known, else by its key. Only those that are merged and merged into can stand in
# a circle; of the ledger that is there already, what the files' merges lead to is looked at.
_GATHER: Final = """
CREATE TEMPORARY TABLE history_merge ON COMMIT DROP AS
WITH RECURSIVE staged AS (
    SELECT e.line, e.occurred AS at, e.event_id COLLATE "C" AS place, e.journey_id, source.id AS source_id,
        CASE e.event WHEN 'merged_into' THEN e.value END AS value, target.id AS target_id
    FROM history_event e
    LEFT JOIN funnel_journey source ON source.external_id = e.journey_id
    LEFT JOIN funnel_journey target ON target.external_id = e.value AND e.event = 'merged_into'
    WHERE e.event IN ('merged_into', 'unmerged')
        AND NOT EXISTS (SELECT FROM history_annulled gone WHERE gone.event_id = e.event_id)
),
known AS (
    SELECT e.id, e.journey_id, e.occurred_at, e.seq, (e.inputs->>'survivor')::bigint AS survivor_id
    FROM funnel_event e
    WHERE e.event IN ('merged_into', 'unmerged')
        AND NOT EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = e.id)
        AND NOT EXISTS (SELECT FROM history_annulled gone WHERE gone.id = e.id)
),
reached(id) AS (
    SELECT unnest(ARRAY[source_id, target_id]) FROM staged
    UNION
    SELECT known.survivor_id FROM reached JOIN known ON known.journey_id = reached.id
)
SELECT line, at, 0 AS seq, place, coalesce('#' || source_id, '=' || journey_id) AS source,
    coalesce('#' || target_id, '=' || value) AS target
FROM staged
UNION ALL
SELECT NULL, occurred_at, seq, '', '#' || journey_id, '#' || survivor_id
FROM known WHERE journey_id IN (SELECT id FROM reached)
"""
_IN_ORDER: Final = """
SELECT line, source, target FROM history_merge m
WHERE EXISTS (SELECT FROM history_merge WHERE source = m.source AND target IS NOT NULL)
    AND EXISTS (SELECT FROM history_merge WHERE target = m.source)
    AND (target IS NULL OR EXISTS (SELECT FROM history_merge WHERE source = m.target AND target IS NOT NULL))
ORDER BY at, seq, place
"""
_REJECT: Final = """
WITH bad AS (
    DELETE FROM history_event WHERE line = ANY(%(lines)s) AND event = 'merged_into' RETURNING line, value
)
INSERT INTO history_rejected SELECT 'events', line, 'value', left(value, 200), %(words)s FROM bad
"""


class Merges:
    """Who is merged into whom, as events come in their order."""

    def __init__(self) -> None:
        self.into: dict[str, tuple[str, int | None]] = {}
        self.group: dict[str, str] = {}
        """A journey and one that it was merged with at some time, whether or not that stands."""

    def take(self, line: int | None, source: str, target: str | None) -> int | None:
        """Take one event; return the line of the merge that closes a circle, None where none does."""
        if target is None:
            self.into.pop(source, None)
            return None
        if source in self.into:
            return None  # from merged only an unmerge leads away
        bad = self._closes(line, source, target)
        if bad != line or line is None:
            self.into[source] = (target, line)
        self.group[self._first(source)] = self._first(target)
        return bad

    def _closes(self, line: int | None, source: str, target: str) -> int | None:
        if self._first(source) != self._first(target):
            return None
        way = []
        while target != source:
            if target not in self.into:
                return None
            way.append(target)
            target = self.into[target][0]
        if line is not None:
            return line
        for journey in reversed(
            way
        ):  # what is there already stays: the file's last merge before it gives way
            if (other := self.into[journey][1]) is not None:
                del self.into[journey]
                return other
        return None

    def _first(self, journey: str) -> str:
        while (above := self.group.get(journey, journey)) != journey:
            self.group[journey] = self.group.get(above, above)
            journey = above
        return journey


def reject() -> None:
    """Reject the merges of the staged events that close a circle, with those that are there already or among them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM history_event WHERE event = 'merged_into')")
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_GATHER)
        cursor.execute(
            "CREATE INDEX ON history_merge (source); CREATE INDEX ON history_merge (target); ANALYZE history_merge"
        )
        merges = Merges()
        lines = [line for row in _rows() if (line := merges.take(*row)) is not None]
        words = _("That journey is merged into this one itself, directly or by way of others.")
        cursor.execute(_REJECT, {"lines": lines, "words": words})


def _rows() -> Iterator[Any]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_IN_ORDER)
        while rows := cursor.fetchmany(2000):
            yield from rows
