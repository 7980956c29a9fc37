"""The proof that every journey's snapshot is what its ledger says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from django.db import connection, transaction

from .models import User
from .replay import Step, replay

# One statement, so one moment of the database, however busy it is meanwhile.
_LEDGERS: Final = """
SELECT j.id, j.external_id, j.stage, j.stage_since, j.owner_id, j.seq, j.annulled_at IS NOT NULL,
    e.event, e.occurred_at, e.seq, e.value, e.owner_id, undone.id IS NULL AND e.annuls_id IS NULL
FROM funnel_journey j
LEFT JOIN funnel_event e ON e.journey_id = j.id
LEFT JOIN funnel_event undone ON undone.annuls_id = e.id
ORDER BY j.id, e.occurred_at, e.seq
"""


class _Row(NamedTuple):
    journey: int
    external_id: str | None
    stage: str
    since: datetime
    owner: int | None
    last_seq: int
    annulled: bool
    event: str | None
    occurred_at: datetime
    seq: int
    value: str
    event_owner: int | None
    live: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a journey's snapshot departs from its ledger."""

    journey: int
    external_id: str | None
    what: str
    snapshot: object
    ledger: object

    def __str__(self) -> str:
        name = f"journey {self.journey}" + (f" ({self.external_id})" if self.external_id else "")
        return f"{name}: {self.what} is {self.snapshot}, the ledger says {self.ledger}"


def verify() -> Iterator[list[Difference]]:
    """Replay every journey; yield, for each in the order of keys, in what it differs: an empty list where in nothing."""
    names: dict[int | None, str] = dict(User.objects.values_list("pk", "username"))
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_LEDGERS)
        for _journey, rows in groupby(_rows(cursor), key=lambda row: row.journey):
            yield _compare(list(rows), names)


def _rows(cursor: object) -> Iterator[_Row]:
    while rows := cursor.fetchmany(5000):  # type: ignore[attr-defined]
        yield from map(_Row._make, rows)


def _compare(rows: list[_Row], names: dict[int | None, str]) -> list[Difference]:
    first = rows[0]

    def difference(what: str, snapshot: object, ledger: object) -> Difference:
        return Difference(first.journey, first.external_id, what, snapshot, ledger)

    events = [row for row in rows if row.event is not None]
    found = []
    numbers = sorted(row.seq for row in events)
    if numbers != list(range(1, len(numbers) + 1)):
        gaps = sorted(set(range(1, len(numbers) + 1)) - set(numbers))
        found.append(difference("the sequence", "incomplete", f"no number {', '.join(map(str, gaps[:5]))}"))
    if first.last_seq != (numbers[-1] if numbers else 0):
        found.append(difference("seq", first.last_seq, numbers[-1] if numbers else "that there is no event"))
    state = replay(
        Step(row.event or "", row.occurred_at, row.seq, row.value, row.event_owner)
        for row in events
        if row.live
    )
    if not state.stage:
        if not first.annulled:
            found.append(difference("stage", first.stage, "that it never arrived"))
        return found
    if first.annulled:
        found.append(difference("stage", "annulled", state.stage))
        return found
    if first.stage != state.stage:
        found.append(difference("stage", first.stage, state.stage))
    if first.since != state.since:
        found.append(
            difference("stage_since", first.since.isoformat(), state.since and state.since.isoformat())
        )
    if first.owner != state.owner:
        found.append(
            difference("owner", names.get(first.owner) or "nobody", names.get(state.owner) or "nobody")
        )
    return found
