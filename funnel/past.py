"""What has happened on a journey, summed up: which kinds of event there were, and when each stage was first entered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, Max, Min, OuterRef, TextField
from django.db.models.functions import JSONObject

from .models import Event, Journey
from .stages import TARGETS


@dataclass(frozen=True, slots=True)
class Past:
    """What a thousand events come to as well as one.

    `values` is each kind of live event → the value of the last one; `entered` is stage → when it was first entered.
    """

    values: Mapping[str, str]
    entered: Mapping[str, datetime]

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self.values)


class _First(Func):
    """The first of an array."""

    template = "(%(expressions)s)[1]"
    output_field = TextField()


def _summed(events: Any) -> Any:
    values = ArrayAgg("value", order_by=["-occurred_at", "-seq"])
    found = events.order_by().values("event", "stage_to")
    return found.annotate(first=Min("occurred_at"), latest=Max("occurred_at"), last=_First(values))


def past_rows() -> ArraySubquery:
    """Return what annotates journeys with their pasts, for `past_of` to read (as `past_rows`) without a query."""
    rows = _summed(Event.objects.live().filter(journey=OuterRef("pk")))
    columns = {name: F(name) for name in ("event", "stage_to", "first", "latest", "last")}
    return ArraySubquery(rows.values(row=JSONObject(**columns)))


def past_of(journey: Journey) -> Past:
    """Return the past of a journey, and let the apps know it (`Journey.happened`): one query, none where annotated."""
    rows: Iterable[Mapping[str, Any]] | None = journey.__dict__.get("past_rows")
    if rows is None:
        rows = list(_summed(Event.objects.live().filter(journey=journey)))
    entered: dict[str, datetime] = {}
    values: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: _moment(row["latest"])):
        values[row["event"]] = row["last"]
        stage, at = row["stage_to"], _moment(row["first"])
        if stage and row["event"] in TARGETS:
            entered[stage] = min(at, entered.get(stage, at))
    journey.happened = values
    return Past(values, entered)


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
