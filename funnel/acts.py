"""Acts: a move or a fact with the form of its inputs and the domain function that does it.

The apps register theirs at start; every door (page, REST, bulk, seed) goes through `run`, so no door can drift.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django import forms
from django.db import transaction
from django.utils import timezone

from . import machine
from .forms import ActForm, NoInputs, Warn
from .machine import Locked, Refusal, Refused
from .models import Event, Journey, Organisation, User
from .stages import FACTS, MOVES

Perform = Callable[..., list[Event]]
"""perform(*, journeys: Locked, actor, at, **cleaned) -> the events written."""


@dataclass(frozen=True, slots=True)
class Act:
    """How a move or fact is done. `bulk` tells whether many journeys may take the same inputs at once."""

    name: str
    form: type[ActForm]
    perform: Perform
    bulk: bool = True


ACTS: Final[dict[str, Act]] = {}


class BadInput(Exception):
    """The inputs of an act are malformed; `form` says which and why."""

    def __init__(self, form: forms.Form) -> None:
        super().__init__(form.errors.as_json())
        self.form = form


class NotInBulk(Exception):
    """The act asks for things that only one journey can be given at a time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act did: the journeys as they stand, the events written, the refusals of the rest, and what to look at."""

    journeys: list[Journey]
    events: list[Event]
    refusals: dict[int, Refusal]
    warnings: Sequence[Warn] = ()


def register(
    name: str, *, form: type[ActForm] = NoInputs, perform: Perform | None = None, bulk: bool = True
) -> None:
    """Say how a move or fact is done; without `perform` it needs no more than the kernel's own step."""
    ACTS[str(name)] = Act(str(name), form, perform or _plain(str(name)), bulk)


def _plain(name: str) -> Perform:
    """Return the domain function of an act that records nothing beside its event."""

    def perform(
        *, journeys: Locked, actor: User | None, at: datetime, comment: str = "", **inputs: Any
    ) -> list[Event]:
        if name in MOVES:
            return machine.move(
                journeys=journeys, name=name, actor=actor, at=at, inputs=inputs, comment=comment
            )
        return machine.record(
            journeys=journeys, event=name, actor=actor, at=at, inputs=inputs, comment=comment
        )

    return perform


def run(
    *,
    name: str,
    journeys: Sequence[int],
    actor: User | None,
    inputs: Mapping[str, Any] | forms.Form | None = None,
    at: datetime | None = None,
    expected_seq: int | None = None,
    mode: Literal["all", "each"] = "all",
) -> Outcome:
    """Do an act on journeys in one transaction: stage, then role, then inputs, then the journeys' own data.

    `inputs` are JSON-like values, or a bound form of the act. With mode "each" the journeys that refuse are left out
    and reported; with "all" any refusal stops the whole act.
    Raises Refused, BadInput, NotInBulk, ValueError where `at` lies in the future, and Journey.DoesNotExist, each with
    nothing written.
    """
    act = ACTS[name]
    now = timezone.now()
    at = at or now
    if at > now:
        raise ValueError("occurred_at lies in the future")
    if len(journeys) > 1 and not act.bulk:
        raise NotInBulk(name)
    with Organisation.held(), transaction.atomic():
        locked = _hold(journeys, act, inputs)
        refusals = _refusals(locked, name, actor, expected_seq)
        if refusals and mode == "all":
            raise Refused(refusals)
        form = _form(act, inputs, locked, actor)
        if not form.is_valid():
            raise BadInput(form)
        if mode == "each" and name in MOVES:
            refusals |= machine.lacking(locked, name, form.cleaned_data, at)
        ready = Locked(journey for journey in locked if journey.pk not in refusals)
        events: list[Event] = []
        while ready:
            try:
                with transaction.atomic(savepoint=mode == "each"):
                    events = act.perform(journeys=ready, actor=actor, at=at, **form.cleaned_data)
                break
            except Refused as refused:
                # The act itself may find what only it can know: no partner fits, a stage was never reached.
                if mode == "all" or refused.refusals.keys().isdisjoint(journey.pk for journey in ready):
                    raise
                refusals |= refused.refusals
                # Read anew: what was tried may have left its traces in memory.
                ready = machine.lock(journey.pk for journey in ready if journey.pk not in refusals)
    return Outcome(list(ready), events, refusals, getattr(form, "warnings", ()))


def _hold(journeys: Sequence[int], act: Act, inputs: Any) -> Locked:
    """Lock journeys, and those that the inputs name, all in key order: two merges into each other wait, none dies."""
    given = inputs.data if isinstance(inputs, forms.Form) else inputs
    named = [str(given.get(name)) for name in act.form.others] if isinstance(given, Mapping) else []
    others = [int(key) for key in named if key.isascii() and key.isdigit() and len(key) < 19]
    if others:
        both = Journey.objects.filter(pk__in=[*journeys, *others]).order_by("pk")
        list(both.select_for_update(no_key=True).values_list("pk"))
    return machine.lock(journeys)


def _refusals(locked: Locked, name: str, actor: User | None, expected_seq: int | None) -> dict[int, Refusal]:
    if name in MOVES:
        return machine.check(locked, name, actor, expected_seq)
    return machine.check_fact(locked, name, actor, expected_seq)


def _form(act: Act, inputs: Any, locked: Locked, actor: User | None) -> forms.Form:
    if isinstance(inputs, forms.Form):
        return inputs
    journey = locked[0] if len(locked) == 1 else None
    return act.form.from_json(inputs or {}, journey=journey, actor=actor)


def unregistered() -> list[str]:
    """Return the moves and facts of the table that nobody registered; a check at start wants none."""
    return sorted({*MOVES, *FACTS} - set(ACTS))
