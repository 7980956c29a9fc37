"""Demos, and what they establish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from deals.models import Meeting, Qualification
from funnel import machine
from funnel.machine import Locked
from funnel.models import Event, User


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
    comment: str = "",
) -> list[Event]:
    """Put a demo in the calendar; one that stood there already was rescheduled by it."""
    events = machine.move(
        journeys=journeys,
        name="schedule_demo",
        actor=actor,
        at=at,
        inputs={"specialist": specialist.pk if specialist else None, "starts_at": starts_at.isoformat()},
        comment=comment,
    )
    _close(events, Meeting.State.RESCHEDULED)
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
    """Note that the client did not come."""
    events = machine.move(journeys=journeys, name="miss_demo", actor=actor, at=at, comment=comment)
    _close(events, Meeting.State.MISSED)
    return events


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
    closed = _close(events, Meeting.State.HELD, outcome=outcome)
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


def _close(events: Sequence[Event], state: str, *, outcome: str = "") -> set[int]:
    """Close the scheduled meetings of the events' journeys; return the journeys that had one."""
    by_journey = {event.journey_id: event for event in events}
    meetings = list(Meeting.objects.scheduled().filter(journey__in=by_journey))
    for meeting in meetings:
        meeting.state, meeting.outcome = state, outcome
        meeting.closing_event = by_journey[meeting.journey_id]
    Meeting.objects.bulk_update(meetings, ["state", "outcome", "closing_event"])
    return {meeting.journey_id for meeting in meetings}


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
    """Withdraw the meetings that the events made, and put back into the calendar those that they closed."""
    Meeting.objects.filter(event__in=events).delete()
    Meeting.objects.filter(closing_event__in=events).update(
        state=Meeting.State.SCHEDULED, outcome="", closing_event=None
    )


def qualifications_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw what the events established."""
    Qualification.objects.filter(event__in=events).delete()
