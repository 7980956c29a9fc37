"""Appending to the ledger: events, their frozen cuts, and the outbox rows that promise their effects."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from . import outbox
from .models import Event, Journey, Note, User
from .replay import Replay, Step, replay


@dataclass(frozen=True, slots=True)
class Entry:
    """An event about to be written. `amount` is in `currency`, empty where the event carries no money."""

    journey: Journey
    event: str
    stage_from: str = ""
    stage_to: str = ""
    value: str = ""
    amount: Decimal | None = None
    currency: str = ""
    reason: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    annuls: Event | None = None


def append(
    entries: Sequence[Entry],
    *,
    actor: User | None,
    at: datetime,
    act: uuid.UUID | None = None,
    comment: str = "",
    recorded_at: datetime | None = None,
) -> list[Event]:
    """Write events in the order given and raise their journeys' sequence numbers in memory.

    The journeys must be locked, with `owner` loaded; the caller saves them. Three statements for any number of
    entries: events, outbox rows and, where there is a comment, notes. Cuts are frozen as the journey stands in
    memory, so a change of owner is made there before the entries that follow it are built.
    """
    act = act or uuid.uuid4()
    recorded_at = recorded_at or max(timezone.now(), at)
    rows = []
    for entry in entries:
        journey = entry.journey
        journey.seq += 1
        rows.append(
            Event(
                journey=journey,
                seq=journey.seq,
                event=entry.event,
                stage_from=entry.stage_from,
                stage_to=entry.stage_to,
                occurred_at=at,
                recorded_at=recorded_at,
                actor=actor,
                act=act,
                value=entry.value,
                amount=entry.amount,
                currency=entry.currency,
                reason=entry.reason,
                inputs=dict(entry.inputs),
                annuls=entry.annuls,
                source_id=journey.source_id,
                campaign_id=journey.campaign_id,
                service_id=journey.service_id,
                owner_id=journey.owner_id,
                team_id=journey.owner.team_id if journey.owner else None,
            )
        )
    events = Event.objects.bulk_create(rows)
    outbox.promise(events)
    if comment:
        Note.objects.bulk_create(
            Note(journey_id=event.journey_id, event=event, text=comment, author=actor, at=at)
            for event in {e.journey_id: e for e in events}.values()
        )
    return events


def steps_of(events: Iterable[Event]) -> list[Step]:
    """Turn events into what replay takes."""
    return [Step(event.event, event.occurred_at, event.seq, event.value, event.owner_id) for event in events]


def replays(journey_ids: Iterable[int]) -> dict[int, Replay]:
    """Replay the live ledgers of some journeys: one query."""
    steps: dict[int, list[Step]] = {pk: [] for pk in journey_ids}
    for event in Event.objects.live().filter(journey__in=steps):
        steps[event.journey_id].extend(steps_of([event]))
    return {pk: replay(taken) for pk, taken in steps.items()}
