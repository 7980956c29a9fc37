"""What has happened on a journey, summed up: which kinds of event there were, and when each stage was first entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Min, OuterRef
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from .models import Event, Journey
from .stages import TARGETS


@dataclass(frozen=True, slots=True)
class Past:
    """The kinds of the live events, and stage → when it was first entered. As small for a thousand events as for one."""

    kinds: frozenset[str]
    entered: Mapping[str, datetime]


def _summed(events: Any) -> Any:
    return events.order_by().values("event", "stage_to").annotate(first=Min("occurred_at"))


def past_rows() -> ArraySubquery:
    """Return what annotates journeys with their pasts, for `past_of` to read (as `past_rows`) without a query."""
    rows = _summed(Event.objects.live().filter(journey=OuterRef("pk")))
    return ArraySubquery(
        rows.values(row=JSONObject(event=F("event"), stage_to=F("stage_to"), first=F("first")))
    )


def past_of(journey: Journey) -> Past:
    """Return the past of a journey, and let the apps know it (`Journey.happened`): one query, none where annotated."""
    rows: Iterable[Mapping[str, Any]] | None = journey.__dict__.get("past_rows")
    if rows is None:
        rows = list(_summed(Event.objects.live().filter(journey=journey)))
    first: dict[str, datetime] = {}
    kinds = set()
    for row in rows:
        kinds.add(row["event"])
        stage, at = row["stage_to"], row["first"]
        at = parse_datetime(at) if isinstance(at, str) else at
        if at is not None and stage and row["event"] in TARGETS:
            first[stage] = min(at, first.get(stage, at))
    journey.happened = frozenset(kinds)
    return Past(journey.happened, first)
