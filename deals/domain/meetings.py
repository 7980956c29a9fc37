"""Demos, and what they establish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import Case, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from deals.domain import calendars
from deals.models import Meeting, Qualification
from funnel import machine
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, Journey, User
from funnel.stages import Happening

CLOSED_BY: Final = {
    Happening.DEMO_SCHEDULED: Meeting.State.RESCHEDULED,
    Happening.DEMO_HELD: Meeting.State.HELD,
    Happening.DEMO_NO_SHOW: Meeting.State.MISSED,
}
"""What becomes of the scheduled demo by an event; every other one out of its stage cancels it."""


def schedule_demo(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    starts_at: datetime,
    minutes: int = 60,
    place: str = "",
    link: str = "",
    attendees: str = "",
    specialist: User | None = None,
    overrule: bool = False,
    comment: str = "",
) -> list[Event]:
    """Put a demo in the calendar; one that stood there already was rescheduled by it.

    Raises Refused where an owner or the specialist has another meeting then, unless a leader overrules it.
    """
    if overrule and actor is not None and not actor.leads_everyone:
        words = _("Only a manager may book somebody who is busy then.")
        raise Refused({journey.pk: Refusal("role", (), words) for journey in journeys})
    calendars.hold(journeys, specialist)
    if not overrule:
        calendars.refuse_busy(journeys, specialist, starts_at=starts_at, minutes=minutes, actor=actor)
    events = machine.move(
        journeys=journeys,
        name="schedule_demo",
        actor=actor,
        at=at,
        inputs={"specialist": specialist.pk if specialist else None, "starts_at": starts_at.isoformat()},
        comment=comment,
    )
    close(events)
    Meeting.objects.bulk_create(
        Meeting(
            journey_id=event.journey_id,
            event=event,
            starts_at=starts_at,
            minutes=minutes,
            place=place,
            link=link,
            attendees=attendees,
            specialist=specialist,
            organiser=actor,
        )
        for event in events
    )
    return events


def miss_demo(*, journeys: Locked, actor: User | None, at: datetime, comment: str = "") -> list[Event]:
    """Note that the client did not come; the deal stands again where the demo was scheduled from."""
    return machine.move(journeys=journeys, name="miss_demo", actor=actor, at=at, comment=comment)


def cancel_demo(*, journeys: Locked, actor: User | None, at: datetime, reason: str) -> list[Event]:
    """Call off a demo that has not begun; the deal stands again where the demo was scheduled from."""
    return machine.move(journeys=journeys, name="cancel_demo", actor=actor, at=at, comment=reason)


def hold_demo(
    *, journeys: Locked, actor: User | None, at: datetime, outcome: str, comment: str = ""
) -> list[Event]:
    """Record that the demo was held and what came of it; one that nobody had scheduled is kept as well."""
    events = machine.move(
        journeys=journeys,
        name="hold_demo",
        actor=actor,
        at=at,
        value=outcome,
        inputs={"outcome": outcome},
        comment=comment,
    )
    closed = set(Meeting.objects.filter(closing_event__in=events).values_list("journey_id", flat=True))
    Meeting.objects.bulk_create(
        Meeting(
            journey_id=event.journey_id,
            event=event,
            closing_event=event,
            starts_at=at,
            organiser=actor,
            state=Meeting.State.HELD,
            outcome=outcome,
        )
        for event in events
        if event.journey_id not in closed
    )
    return events


def close(events: Sequence[Event]) -> None:
    """Close the scheduled demos of the journeys of one act's events: one statement."""
    if not events:
        return
    first = events[0]
    Meeting.objects.scheduled().filter(journey__in=[event.journey_id for event in events]).update(
        state=CLOSED_BY.get(Happening(first.event), Meeting.State.CANCELLED),
        outcome=first.value if first.event == Happening.DEMO_HELD else "",
        closing_event=Case(*(When(journey=event.journey_id, then=Value(event.pk)) for event in events)),
    )


def reopen(events: Sequence[Event]) -> None:
    """Put the demos that the annulled events closed back into the calendar."""
    Meeting.objects.filter(closing_event__in=events).update(
        state=Meeting.State.SCHEDULED, outcome="", closing_event=None
    )


def not_begun(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name the journeys whose demo is still to come at the time of the move."""
    ahead = Meeting.objects.scheduled().filter(journey__in=journeys, starts_at__gt=_moment(inputs))
    return {pk: ["demo.begun"] for pk in ahead.values_list("journey_id", flat=True)}


def begun(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name the journeys whose demo has begun by the time of the move."""
    behind = Meeting.objects.scheduled().filter(journey__in=journeys, starts_at__lte=_moment(inputs))
    return {pk: ["demo.ahead"] for pk in behind.values_list("journey_id", flat=True)}


def _moment(inputs: Mapping[str, Any]) -> datetime:
    return inputs.get("at") or timezone.now()


def qualify(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    need: str,
    budget: Decimal,
    authority: str,
    timing: str,
    comment: str = "",
) -> list[Event]:
    """Establish need, budget, authority and timing: the deal is an SQL."""
    events = machine.move(journeys=journeys, name="qualify", actor=actor, at=at, comment=comment)
    Qualification.objects.bulk_create(
        Qualification(
            journey_id=event.journey_id,
            event=event,
            need=need,
            budget=budget,
            authority=authority,
            timing=timing,
        )
        for event in events
    )
    return events


def meetings_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw the meetings that the events made, and put back into the calendar those that they moved."""
    Meeting.objects.filter(event__in=events).delete()
    reopen(events)


def qualifications_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw what the events established."""
    Qualification.objects.filter(event__in=events).delete()
