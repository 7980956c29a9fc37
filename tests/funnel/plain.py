"""Journeys made by the kernel alone, for tests that need no app above it."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from funnel import machine
from funnel.ledger import Entry, append
from funnel.models import Contact, Journey, Source, Team, User
from funnel.stages import Happening, Role, Stage

START = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
PASSWORD = "a long enough password"


def person(role: str = Role.MANAGER, name: str = "", *, team: Team | None = None, **fields: Any) -> User:
    """Return a user of the role; the username is the role unless given."""
    user, made = User.objects.get_or_create(
        username=name or role, defaults={"role": role, "team": team, **fields}
    )
    if made:
        user.set_unusable_password()
        user.save()
    return user


@transaction.atomic
def application(*, at: dt.datetime = START, owner: User | None = None, **fields: Any) -> Journey:
    """Return a journey that has just arrived."""
    contact = fields.pop("contact", None) or Contact.objects.create(
        name="Ada Example", email="ada@client.example"
    )
    journey = Journey.objects.create(
        contact=contact,
        source=Source.objects.get(key=fields.pop("source", "web")),
        owner=owner,
        created_at=at,
        stage_since=at,
        **fields,
    )
    append([Entry(journey, Happening.LEAD_CREATED, "", Stage.NEW)], actor=None, at=at)
    machine.save([journey])
    return journey


@transaction.atomic
def step(
    journey: Journey, *names: str, actor: User | None = None, at: dt.datetime | None = None, **given: Any
) -> Journey:
    """Take a journey through moves by the machine alone, a minute apart; return it fresh."""
    actor = actor or person(Role.ADMINISTRATOR)
    for name in names:
        locked = machine.lock([journey.pk])
        when = at or locked[0].stage_since + dt.timedelta(minutes=1)
        machine.move(journeys=locked, name=name, actor=actor, at=when, **given)
    return Journey.objects.get(pk=journey.pk)


def words(events: Iterable[Any]) -> list[str]:
    """Return the names of events in their order."""
    return [event.event for event in events]
