"""Rows behind a number as people and programs get them: with whose journey it is, as far as the reader may know."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from funnel.access import Permission, may
from funnel.models import Journey, User
from kpi.measures import Metric
from kpi.records.parts import unit_of
from kpi.records.queries import Record, Sought, durations
from kpi.values import plain


@dataclass(frozen=True, slots=True)
class Row:
    """A record with its journey, where the reader may see that; `amount` is None for who may not see money.

    `journey` is None where the reader sees only that there is such a row: the number counts it all the same.
    `stage_now` is where the journey stands now, `duration` in `unit`; `waiting` marks one that still runs.
    """

    record: Record
    journey: Journey | None
    stage_now: str
    amount: Decimal | None
    duration: Decimal | None
    unit: str
    waiting: bool

    @property
    def original(self) -> dict[str, Any] | None:
        """What the amount was in its own currency, for who sees it."""
        return self.record.original if self.amount is not None else None

    def json(self, currency: str) -> dict[str, Any]:
        """Return the row as REST answers it."""
        record = self.record
        visit = {"stage": record.stage, "left_at": record.left_at, "went_to": record.went_to or None}
        duration = {"value": plain(self.duration), "unit": self.unit, "waiting": self.waiting}
        return {
            "id": record.id,
            "journey": record.journey,
            "visible": self.journey is not None,
            "name": str(self.journey) if self.journey else None,
            "event": record.event or None,
            "at": record.at,
            "amount": plain(self.amount),
            "currency": currency if self.amount is not None else None,
            "original": self.original,
            "source": record.source,
            "campaign": record.campaign,
            "service": record.service,
            "owner": record.owner,
            "team": record.team,
            "stage": self.stage_now or None,
            "reason": record.reason,
            "duration": None if self.duration is None else duration,
            "visit": visit if record.stage else None,
        }


def rows_of(user: User, metric: Metric, sought: Sought, records: Sequence[Record]) -> list[Row]:
    """Return the records as the user may see them: two queries."""
    ids = {record.journey for record in records}
    stages = dict(Journey.objects.filter(pk__in=ids).values_list("pk", "stage"))
    journeys = {
        journey.pk: journey
        for journey in Journey.objects.visible_to(user)
        .filter(pk__in=ids)
        .select_related("contact", "company")
    }
    money = may(user, Permission.SEE_MONEY)
    unit, seconds = unit_of(metric, sought.rows)
    lasted = durations(records, sought)
    return [
        Row(
            record=record,
            journey=journeys.get(record.journey),
            stage_now=stages.get(record.journey, ""),
            amount=record.amount if money else None,
            duration=lasted[record.id] / seconds if record.id in lasted else None,
            unit=unit,
            waiting=sought.rows.waiting or bool(record.stage and record.left_at is None),
        )
        for record in records
    ]
