"""Warning people before a clock runs out: the first answer to an application."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q

from . import notify
from .clock import BusinessClock
from .models import Event, Journey, Notification, Organisation, User
from .stages import Happening, Role, Stage

REMAINS: Final = 0.25
"""The part of a clock that is left when people are warned."""
LATEST: Final = timedelta(days=7)
"""An application that has waited for longer is no news: it stands in the lists, and nobody is warned of it."""

Kind = Notification.Kind


def warn_at(clock: BusinessClock, started: datetime, minutes: float) -> datetime:
    """Return the moment at which so much of a clock of business minutes is left that people are to be warned."""
    return clock.add_business(started, minutes=minutes * (1 - REMAINS))


def warn_of_answers(*, at: datetime, limit: int = 500) -> int:
    """Warn of the applications whose first answer is almost due, or overdue; return of how many.

    The owner is told; where there is none, the first-touch specialists who are to pick it up. Each is told once, however
    often and beside whatever else this runs.
    """
    organisation = Organisation.current()
    clock, minutes = organisation.clock, organisation.first_response_minutes
    told = Notification.objects.filter(event=OuterRef("pk"), kind=Kind.SLA)
    awake = Q(journey__snoozed_until=None) | Q(journey__snoozed_until__lte=at)
    waiting = (
        Event.objects.filter(
            awake,
            event=Happening.LEAD_CREATED,
            journey__stage=Stage.NEW,
            journey__annulled_at=None,
            journey__created_at__gt=at - LATEST,
            journey__created_at__lte=at,
        )
        .filter(~Exists(told))
        .select_related("journey__contact", "journey__company", "actor")
        .order_by("journey__created_at", "pk")
    )
    warned = 0
    team: list[int] | None = None
    for event in waiting[:limit]:
        journey: Journey = event.journey
        if warn_at(clock, journey.created_at, minutes) > at:
            continue
        if journey.owner_id is None and team is None:
            team = _first_touch()
        people = [journey.owner_id] if journey.owner_id else team
        notify.tell(people or [], Kind.SLA, event)
        warned += 1
    return warned


def _first_touch() -> list[int]:
    """Return who picks up what nobody owns: one query."""
    people = User.objects.filter(is_active=True, role=Role.FIRST_TOUCH)
    return list(people.values_list("pk", flat=True))
