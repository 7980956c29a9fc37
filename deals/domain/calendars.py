"""Who has a meeting when: nobody is booked twice at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from deals.models import Meeting
from funnel import formats
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Journey, User

_CALENDARS: Final = 1_684_368_751
"""The class of our advisory locks; the object is the person."""


def hold(journeys: Locked, specialist: User | None) -> None:
    """Let nobody else book the journeys' owners or the specialist until this transaction ends: one statement."""
    people = sorted({pk for journey in journeys for pk in _people(journey, specialist)})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, who) FROM unnest(%s::int[]) AS who", [_CALENDARS, people]
        )


def refuse_busy(
    journeys: Locked, specialist: User | None, *, starts_at: datetime, minutes: int, actor: User | None
) -> None:
    """Raise Refused, naming the other meeting, where an owner or the specialist has one then: one query."""
    ends_at = starts_at + timedelta(minutes=minutes)
    people = {pk for journey in journeys for pk in _people(journey, specialist)}
    others = list(
        Meeting.objects.scheduled()
        .during(starts_at, ends_at)
        .filter(Q(journey__owner__in=people) | Q(specialist__in=people))
        .exclude(journey__in=journeys)
        .select_related("journey__contact", "journey__company", "journey__owner", "specialist")
        .order_by("starts_at", "pk")
    )
    seen = _seen(others, actor)
    refusals, taken = {}, dict[int, Journey]()
    for journey in journeys:
        theirs = _people(journey, specialist)
        other = next((m for m in others if theirs & {m.journey.owner_id, m.specialist_id}), None)
        twice = next((taken[pk] for pk in theirs if pk in taken), None)
        if other is not None:
            busy = other.specialist if other.specialist_id in theirs else other.journey.owner
            client = str(other.journey) if other.journey_id in seen else _("another client")
            words = _words(busy, client, other.journey_id, other.starts_at, other.ends_at)
            refusals[journey.pk] = Refusal("data", (), words)
        elif twice is not None:
            busy = specialist if specialist is not None else journey.owner
            words = _words(busy, str(twice), twice.pk, starts_at, ends_at)
            refusals[journey.pk] = Refusal("data", (), words)
        else:
            taken |= dict.fromkeys(theirs, journey)
    if refusals:
        raise Refused(refusals)


def _people(journey: Journey, specialist: User | None) -> set[int]:
    return {pk for pk in (journey.owner_id, specialist.pk if specialist else None) if pk is not None}


def _seen(meetings: list[Meeting], actor: User | None) -> set[int]:
    """Return the journeys of the meetings that the actor may know the client of."""
    journeys = {meeting.journey_id for meeting in meetings}
    if not journeys or actor is None:
        return journeys
    return set(Journey.objects.visible_to(actor).filter(pk__in=journeys).values_list("pk", flat=True))


def _words(busy: User | None, client: str, number: int, starts_at: datetime, ends_at: datetime) -> str:
    return _("%(who)s is busy then: meeting with %(client)s (#%(number)s), %(from)s to %(to)s.") % {
        "who": busy or "",
        "client": client,
        "number": number,
        "from": formats.day_time(starts_at),
        "to": formats.clock(ends_at),
    }
