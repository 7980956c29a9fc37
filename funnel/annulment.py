"""Undo and correction in a ledger that is never rewritten: an `annulled` event takes another out of every figure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from . import access, machine, registry
from .ledger import Entry, append, replays
from .models import Event, Journey, User
from .stages import PASSED, TARGETS, Happening, Stage


class CannotAnnul(Exception):
    """The events cannot be annulled, for the reason given; nothing was written."""


@transaction.atomic
def annul(*, events: Iterable[int], actor: User | None, at: datetime, comment: str = "") -> list[Event]:
    """Annul events, together, and bring their journeys to what replay now gives; return the annulments.

    A move takes along what it wrote besides: the change of owner, the stage that it passed.
    Raises CannotAnnul where one is unknown, annulled already, itself an annulment, someone else's, or something that
    stays rests on it; `lead_created` goes only with every other event of its journey, which then leaves everything.
    """
    wanted = set(events)
    ids = set(Event.objects.filter(pk__in=wanted).values_list("journey_id", flat=True))
    journeys = {journey.pk: journey for journey in machine.lock(ids)}
    live: dict[int, list[Event]] = defaultdict(list)
    for event in Event.objects.live().filter(journey__in=journeys).in_order():
        live[event.journey_id].append(event)
    there = {event.pk for events in live.values() for event in events}
    if not wanted <= there:
        raise CannotAnnul(_("An event is unknown, annulled already, or itself an annulment."))
    for remaining in live.values():
        wanted |= _written_with(remaining, wanted)
    chosen = [event for events in live.values() for event in events if event.pk in wanted]
    for remaining in live.values():
        _check(remaining, wanted, actor)
    by_kind: Mapping[str, list[Event]] = defaultdict(list)
    for event in chosen:
        by_kind[event.event].append(event)
    for kind, going in by_kind.items():
        if (guard := registry.annul_guards.get(kind)) and (why := guard(going, wanted)):
            raise CannotAnnul(why)
    annulments = append(
        [
            Entry(journeys[event.journey_id], Happening.ANNULLED, value=str(event.pk), annuls=event)
            for event in reversed(chosen)
        ],
        actor=actor,
        at=at,
        comment=comment,
    )
    _restore(journeys, live, wanted, at)
    for kind, annulled in by_kind.items():
        if withdraw := registry.on_annulled.get(kind):
            withdraw(annulled, at)
    for stage, restore in registry.on_left_annulled.items():
        if left := [event for event in chosen if event.stage_from == stage != event.stage_to]:
            restore(left)
    return annulments


def last_act(journey: Journey) -> list[Event]:
    """Return the live events of the journey's latest act, what undo would annul; the capture is left out."""
    last = Event.objects.live().filter(journey=journey).order_by("-seq").first()
    if last is None or last.event == Happening.LEAD_CREATED:
        return []
    return list(Event.objects.live().filter(journey=journey, act=last.act).order_by("seq"))


def _written_with(events: Sequence[Event], wanted: set[int]) -> set[int]:
    """Return the events that the moves among `wanted` wrote just before their own, as `machine.move` does."""
    by_seq = {event.seq: event for event in events}
    found = set()
    for event in events:
        if event.pk not in wanted or event.event not in TARGETS or event.external_id is not None:
            continue
        besides = {Happening.OWNER_CHANGED.value, *PASSED.get(event.event, ())}
        before = by_seq.get(event.seq - 1)
        while before is not None and before.act == event.act and before.event in besides:
            found.add(before.pk)
            before = by_seq.get(before.seq - 1)
    return found


def _check(events: Sequence[Event], wanted: set[int], actor: User | None) -> None:
    """Refuse where an event that stays rests on one that goes, or where one is not the actor's to undo."""
    staying = [event for event in events if event.pk not in wanted]
    going = [event for event in events if event.pk in wanted]
    for event in going:
        if actor is not None and not access.may_undo(actor, actor_id=event.actor_id):
            raise CannotAnnul(_("Only the person who did it, or a manager, may undo it."))
        # One that came with an imported past erased nothing here, and goes when its import is undone.
        if event.event == Happening.PERSONAL_DATA_ERASED and event.external_id is None:
            raise CannotAnnul(_("What was erased is gone for good."))
        if event.event == Happening.LEAD_CREATED:
            if staying:
                raise CannotAnnul(
                    _("The application can be annulled only with every other event of its journey.")
                )
        elif event.event in TARGETS:
            after = (event.occurred_at, event.seq)
            if any((e.occurred_at, e.seq) > after for e in staying if e.event in TARGETS):
                raise CannotAnnul(
                    _("A later change of stage rests on this event; annul that first, or both.")
                )
        elif any(event.pk in e.inputs.get("rests_on", ()) for e in staying):
            raise CannotAnnul(_("Another event rests on this one; annul both together."))
        elif (
            any(e.act == event.act and e.event in TARGETS for e in staying)
            and event.event == Happening.OWNER_CHANGED
        ):
            raise CannotAnnul(_("This change of owner belongs to a move; annul both together."))


def _restore(
    journeys: Mapping[int, Journey], live: Mapping[int, Sequence[Event]], gone: set[int], at: datetime
) -> None:
    """Bring the snapshots to what replay gives without the events that are gone."""
    for pk, state in replays(journeys).items():
        journey = journeys[pk]
        if state.since is None:
            journey.annulled_at = at
            continue
        remaining = [event for event in live[pk] if event.pk not in gone]
        journey.stage, journey.stage_since, journey.owner_id = state.stage, state.since, state.owner
        journey.offered_to_id = _last_input(
            remaining, Happening.HANDED_OFF, "salesperson", Stage.HANDED_OFF, state.stage
        )
        until = _last_input(remaining, Happening.HANDED_OFF, "decide_by", Stage.HANDED_OFF, state.stage)
        journey.decide_by = parse_datetime(until) if until else None
        journey.merged_into_id = _last_input(
            remaining, Happening.MERGED_INTO, "survivor", Stage.MERGED, state.stage
        )
        if not any(event.event == Happening.SNOOZED for event in remaining):
            journey.snoozed_until = None
    machine.save(list(journeys.values()))


def _last_input(events: Sequence[Event], kind: str, name: str, stage: str, now_at: str) -> Any:
    """Return an input that the last event of a kind carries, where the journey stands at the stage it led to."""
    if now_at != stage:
        return None
    return next((event.inputs.get(name) for event in reversed(events) if event.event == kind), None)
