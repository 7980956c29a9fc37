"""What has happened on a journey, summed up: which kinds of event there were, and when each stage was first entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from .models import Event, Journey
from .stages import TARGETS


@dataclass(frozen=True, slots=True)
class Past:
    """The kinds of the live events, and stage → when it was first entered. As small for a thousand events as for one."""

    kinds: frozenset[str]
    entered: Mapping[str, datetime]


def past_of(journey: Journey) -> Past:
    """Return the past of a journey, and let the apps know it (`Journey.happened`): one query."""
    found = list(
        Event.objects.live()
        .filter(journey=journey)
        .order_by()
        .values("event", "stage_to")
        .annotate(first=Min("occurred_at"))
    )
    first: dict[str, datetime] = {}
    for row in found:
        stage, at = row["stage_to"], row["first"]
        if stage and row["event"] in TARGETS:
            first[stage] = min(at, first.get(stage, at))
    journey.happened = frozenset(row["event"] for row in found)
    return Past(journey.happened, first)
