"""Contacts with the client: what came of them, when to try again, and how many it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import access, letters, machine, todo_acts
from .models import Activity, Event, Journey, Mail, Task, User
from .stages import Stage

Kind, Outcome = Activity.Kind, Activity.Outcome

REACHED: Final = frozenset({Outcome.REACHED, Outcome.CALL_BACK, Outcome.NOT_INTERESTED, Outcome.SENT})
"""What reached the person, or as a letter really left: the first response. Everything else was an attempt."""
WRITTEN: Final = frozenset({Kind.EMAIL, Kind.MESSAGE})
"""What is sent, rather than spoken."""
AGAIN: Final[Mapping[str, Any]] = {
    Kind.CALL: gettext_lazy("Call again"),
    Kind.MESSAGE: gettext_lazy("Write again"),
    Kind.EMAIL: gettext_lazy("Write again"),
    Kind.MEETING: gettext_lazy("Meet again"),
}


def usual(kind: str, direction: str) -> str:
    """Return the outcome of a contact that the composer does not ask for."""
    outbound = direction != Activity.Direction.INBOUND
    return Outcome.SENT if kind == Kind.EMAIL and outbound else Outcome.REACHED


def needs_words(kind: str, outcome: str) -> bool:
    """Tell whether people have to say what was said: in a call that reached the person."""
    return kind == Kind.CALL and outcome in REACHED


def assignee_of(journey: Journey, actor: User | None) -> User | None:
    """Return who is to try again: the owner, or else who tried."""
    return journey.owner if journey.owner is not None and journey.owner.is_active else actor


def plan(
    journeys: Sequence[Journey], *, kind: str, actor: User | None, at: datetime, due_at: datetime
) -> dict[int, Task]:
    """Make trying again the next step of each journey. Raises TaskRefused where nobody can be given it."""
    plans = {}
    for journey in journeys:
        assignee = assignee_of(journey, actor)
        if assignee is None:
            words = _("The journey has no owner: nobody can be given the next step.")
            raise todo_acts.TaskRefused("data", words, field="next_at")
        plans[journey.pk] = todo_acts.create(
            actor=actor,
            at=at,
            title=str(AGAIN[kind]),
            due_at=due_at,
            assignee=assignee,
            journey=journey,
            all_day=False,
            kind=Task.Kind.TODO if kind == Kind.MESSAGE else kind,
        )
    return plans


def settle_plans(journeys: Sequence[Journey], *, actor: User | None, at: datetime) -> None:
    """Get done what earlier contacts had planned: one statement where there is nothing."""
    if actor is None:
        return
    planned = Task.objects.open().filter(journey__in=journeys, made_by__isnull=False)
    for task in planned.values_list("pk", flat=True):
        todo_acts.complete(task=task, actor=actor, at=at)


def withdraw(events: Sequence[Event], at: datetime) -> None:
    """Take back what went with contacts that are annulled: letters that have not gone out, and what was planned."""
    letters.withdraw(events, at)
    Task.objects.open().filter(made_by__event__in=events).delete()


# how many ------------------------------------------------------------------------------------------------------------


def last_tries(journeys: Iterable[int]) -> dict[int, list[Activity]]:
    """Return the outward contacts of journeys that are not answered, the latest first: one query."""
    found: dict[int, list[Activity]] = {}
    live = Event.objects.live().filter(pk=OuterRef("event"))
    tries = (
        Activity.objects.filter(journey__in=list(journeys))
        .filter(Exists(live))
        .exclude(direction=Activity.Direction.INBOUND)
    )
    for activity in tries.order_by("-at", "-pk"):
        found.setdefault(activity.journey_id, []).append(activity)
    return found


# letters -------------------------------------------------------------------------------------------------------------


def letter_left(mail: Mail) -> None:
    """Note that a letter to a client has really left, and answer the application if it was written for that."""
    if mail.activity_id is None:
        return
    with transaction.atomic():
        activity = Activity.objects.select_related("event", "actor").get(pk=mail.activity_id)
        journeys = machine.lock(
            Journey.objects.filter(pk=activity.journey_id, annulled_at=None).values_list("pk", flat=True)
        )
        if not Activity.objects.filter(pk=activity.pk, outcome="").update(outcome=Outcome.SENT):
            return
        event, actor = activity.event, activity.actor
        live = Event.objects.live().filter(pk=event.pk).exists()
        if not (event.inputs.get("answers") and live and actor is not None):
            return
        ready = machine.Locked(journey for journey in journeys if journey.stage == Stage.NEW)
        if ready and access.may_move(actor, "respond", Stage.NEW):
            machine.move(
                journeys=ready,
                name="respond",
                actor=actor,
                at=max(mail.sent_at or timezone.now(), ready[0].stage_since),
                value=activity.kind,
                inputs={"activity": activity.kind, "rests_on": [event.pk]},
                act=event.act,
            )


def sweep_letters(*, limit: int = 500) -> None:
    """Note what a process that died after sending a letter could not."""
    left = Mail.objects.filter(state=Mail.State.SENT, activity__outcome="").order_by("-pk")
    for mail in left[:limit]:
        letter_left(mail)
