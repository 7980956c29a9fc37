"""The acts that the kernel does itself: way out and back, and the facts that need no app above."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from . import contacts, erasing, machine, mentions, merging, registry
from .machine import Locked, Refusal, Refused
from .models import Activity, Contact, Event, Journey, Note, Organisation, Reason, User
from .stages import MONEY_EVENTS, VOID_STAGES, Happening

Outcome = Activity.Outcome


def lose(
    *, journeys: Locked, actor: User | None, at: datetime, reason: Reason, comment: str = ""
) -> list[Event]:
    """Stop journeys for a reason: a lost lead before sales accepted it, a lost deal after."""
    return machine.move(
        journeys=journeys,
        name="lose",
        actor=actor,
        at=at,
        value=reason.key,
        reason=reason.key,
        comment=comment,
    )


def reopen(*, journeys: Locked, actor: User | None, at: datetime, stage: str, why: str) -> list[Event]:
    """Take journeys up again at a stage that they had reached."""
    return machine.move(journeys=journeys, name="reopen", actor=actor, at=at, value=stage, comment=why)


def merge(
    *, journeys: Locked, actor: User | None, at: datetime, survivor: Journey, comment: str = ""
) -> list[Event]:
    """Fold journeys into another one, which must not be void; both stay in the ledger."""
    held = machine.lock([survivor.pk])[0]
    if held.stage in VOID_STAGES:
        words = _("The journey to merge into is spam or merged itself.")
        raise Refused({journey.pk: Refusal("data", ("survivor",), words) for journey in journeys})
    if held.pk in {journey.pk for journey in journeys}:
        words = _("A journey cannot be merged into itself.")
        raise Refused({held.pk: Refusal("data", ("survivor",), words)})
    return machine.move(
        journeys=journeys,
        name="merge",
        actor=actor,
        at=at,
        value=str(held.pk),
        inputs={"survivor": held.pk},
        survivor=held,
        comment=comment,
    )


def change_owner(
    *, journeys: Locked, actor: User | None, at: datetime, owner: User | None, comment: str = ""
) -> list[Event]:
    """Give journeys to another owner; those that are already theirs stay untouched."""
    others = Locked(journey for journey in journeys if journey.owner_id != (owner.pk if owner else None))
    return machine.record(
        journeys=others,
        event=Happening.OWNER_CHANGED,
        actor=actor,
        at=at,
        value=owner.username if owner else "",
        owner=owner,
        comment=comment,
    )


def log_note(*, journeys: Locked, actor: User | None, at: datetime, text: str) -> list[Event]:
    """Write a note on journeys."""
    return machine.record(
        journeys=journeys,
        event=Happening.NOTE_LOGGED,
        actor=actor,
        at=at,
        inputs=mentions.inputs_for(text),
        comment=text,
    )


def log_activity(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    kind: str,
    direction: str,
    summary: str = "",
    outcome: str = Outcome.REACHED,
    next_at: datetime | None = None,
    answers: bool = False,
    act: Any = None,
) -> list[Event]:
    """Log a call, message, e-mail or meeting with the client, and what came of it; plan the next one for `next_at`.

    An earlier contact's plan is done by this one. `answers` marks a letter that is the first response once it has left.
    """
    events = machine.record(
        journeys=journeys,
        event=Happening.ACTIVITY_LOGGED,
        actor=actor,
        at=at,
        value=kind,
        inputs={
            "kind": kind,
            "direction": direction,
            **({"outcome": outcome} if outcome else {}),
            **({"answers": True} if answers else {}),
            **mentions.inputs_for(summary),
        },
        act=act,
    )
    contacts.settle_plans(journeys, actor=actor, at=at)
    plans = contacts.plan(journeys, kind=kind, actor=actor, at=at, due_at=next_at) if next_at else {}
    Activity.objects.bulk_create(
        Activity(
            journey_id=event.journey_id,
            event=event,
            kind=kind,
            direction=direction,
            outcome=outcome,
            next_task=plans.get(event.journey_id),
            summary=summary,
            at=at,
            actor=actor,
        )
        for event in events
    )
    return events


def snooze(
    *, journeys: Locked, actor: User | None, at: datetime, until: datetime, comment: str = ""
) -> list[Event]:
    """Put journeys aside until a time, at which the clock wakes them."""
    return machine.record(
        journeys=journeys,
        event=Happening.SNOOZED,
        actor=actor,
        at=at,
        inputs={"until": until.isoformat()},
        snoozed_until=until,
        comment=comment,
    )


def wake_due(*, at: datetime, limit: int = 500) -> int:
    """Wake the journeys whose snooze has run out; return how many."""
    with transaction.atomic():
        due = Journey.objects.open().filter(snoozed_until__lte=at).order_by("pk").values_list("pk", flat=True)
        journeys = Locked(
            journey
            for journey in machine.lock(list(due[:limit]))
            if journey.snoozed_until is not None and journey.snoozed_until <= at
        )
        machine.record(journeys=journeys, event=Happening.WOKEN, actor=None, at=at)
    return len(journeys)


def erase_personal_data(
    *, journeys: Locked, actor: User | None, at: datetime, comment: str = ""
) -> list[Event]:
    """Erase what identifies the people of journeys, for good; the ledger and every figure stay as they are.

    The contact is the person, with whoever was merged into it, so all of their journeys lose their words.
    """
    now = timezone.now()
    clients = {journey.contact_id for journey in journeys}
    people = Contact.objects.filter(Q(pk__in=clients) | Q(merged_into__in=clients))
    contacts = list(people.values_list("pk", flat=True))
    theirs = list(Journey.objects.filter(contact__in=contacts).values_list("pk", flat=True))
    erasing.forget(contacts, theirs)
    for erase in registry.on_erased:
        erase(theirs)
    merging.forget(contacts, theirs, now)
    Contact.objects.filter(pk__in=contacts).update(
        external_id=None, name="", email="", phone="", region="", language="", custom={}, erased_at=now
    )
    Note.objects.filter(journey__in=theirs).delete()
    Activity.objects.filter(journey__in=theirs).update(summary="")
    return machine.record(
        journeys=journeys, event=Happening.PERSONAL_DATA_ERASED, actor=actor, at=at, comment=comment
    )


# what the kernel's own requirements ask -----------------------------------------------------------------------------


def money_on(journeys: Any, inputs: Any) -> dict[int, list[str]]:
    """Name the journeys with a signature or money on them: they cannot be merged away."""
    with_money = (
        Event.objects.live()
        .filter(journey__in=journeys, event__in=MONEY_EVENTS)
        .values_list("journey_id", flat=True)
    )
    return {pk: ["merge.no_money"] for pk in set(with_money)}


def outside_undo_window(journeys: Any, inputs: Any) -> dict[int, list[str]]:
    """Name the merged journeys whose undo window has closed."""
    days = Organisation.current().undo_days
    now = timezone.now()
    return {
        journey.pk: ["merge.undo_window"] for journey in journeys if (now - journey.stage_since).days >= days
    }
