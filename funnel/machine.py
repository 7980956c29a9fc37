"""The only code that changes a stage: moves, facts and annulments, for one or many journeys at once.

Every act is one transaction, the caller's, which `lock` insists on: lock, check stage, role and data, append to the
ledger, change the snapshot. The number of statements does not grow with the number of journeys.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from django.db import connection
from django.utils.translation import gettext as _

from . import access, formats, registry
from .ledger import Entry, append, replays
from .models import Event, Journey, Organisation, User
from .stages import FACTS, MONEY_EVENTS, MOVES, TARGETS, Arc, Happening, Stage

NO_INPUTS: Final[Mapping[str, Any]] = {}
BACK_FROM_DEMO: Final = frozenset({"miss_demo", "cancel_demo"})
"""The moves that lead back to the stage the demo was scheduled from, which becomes their event's value."""

_SNAPSHOT: Final = (
    "pk",
    "seq",
    "stage",
    "stage_since",
    "owner_id",
    "offered_to_id",
    "decide_by",
    "merged_into_id",
    "snoozed_until",
    "annulled_at",
)
_SAVE: Final = """
UPDATE funnel_journey AS old
   SET seq = new.seq, stage = new.stage, stage_since = new.stage_since, owner_id = new.owner_id,
       offered_to_id = new.offered_to_id, decide_by = new.decide_by, merged_into_id = new.merged_into_id,
       snoozed_until = new.snoozed_until, annulled_at = new.annulled_at
  FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::timestamptz[], %s::bigint[],
              %s::bigint[], %s::timestamptz[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS new (id, seq, stage, stage_since, owner_id, offered_to_id, decide_by, merged_into_id, snoozed_until,
            annulled_at)
 WHERE old.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act is not open: the stage, the actor's role, data that is `missing`, or a stale sequence number."""

    reason: Literal["stage", "role", "data", "stale"]
    missing: tuple[str, ...] = ()
    detail: str = ""


class Refused(Exception):
    """An act was refused and nothing was written; `refusals` says why for each journey."""

    def __init__(self, refusals: Mapping[int, Refusal]) -> None:
        super().__init__("; ".join(f"{pk}: {r.reason} {r.detail}" for pk, r in refusals.items()))
        self.refusals = dict(refusals)


class Locked(list[Journey]):
    """Journeys whose rows this transaction holds, in key order: what `lock` returns and every act takes."""


def lock(ids: Iterable[int]) -> Locked:
    """Lock journeys in key order and load them with their owners: one statement, inside a transaction.

    Raises Journey.DoesNotExist, naming them, where some are not there.
    """
    wanted = set(ids)
    journeys = Locked(
        Journey.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=wanted, annulled_at=None)
        .select_related("owner")
        .order_by("pk")
    )
    if len(journeys) != len(wanted):
        gone = sorted(wanted - {journey.pk for journey in journeys})
        raise Journey.DoesNotExist(f"no such journey: {', '.join(map(str, gone))}")
    return journeys


# what is open, and why not -------------------------------------------------------------------------------------------


def closed_by(journey: Journey, name: str, actor: User | None) -> Refusal | None:
    """Tell why stage or role close the move, without a query."""
    move = MOVES[name]
    if move.arc(journey.stage, journey.kind) is None:
        detail = _("“%(move)s” is not open in the stage “%(stage)s”.") % {
            "move": move.label,
            "stage": Stage(journey.stage).label,
        }
        return Refusal("stage", (), detail)
    if not access.may_move(
        actor,
        name,
        journey.stage,
        kind=journey.kind,
        owner_id=journey.owner_id,
        offered_to_id=journey.offered_to_id,
    ):
        return Refusal(
            "role", (), _("Your role does not make the move “%(move)s” here.") % {"move": move.label}
        )
    return None


def lacking(
    journeys: Sequence[Journey], name: str, inputs: Mapping[str, Any] = NO_INPUTS, at: datetime | None = None
) -> dict[int, Refusal]:
    """Tell which journeys lack data for the move: one query for each requirement in the table."""
    missing: dict[int, list[str]] = {}
    for path in MOVES[name].requires:
        for pk, paths in registry.requirements[path](journeys, {**inputs, "at": at}).items():
            missing.setdefault(pk, []).extend(paths)
    if at is not None:
        for journey in journeys:
            if at < journey.stage_since:
                missing.setdefault(journey.pk, []).append("occurred_at")
    return {pk: Refusal("data", tuple(paths), _detail(paths)) for pk, paths in missing.items() if paths}


def _detail(paths: Sequence[str]) -> str:
    if "occurred_at" in paths:
        return _("The move cannot precede the journey's last change of stage.")
    return _("Still missing: %(paths)s.") % {"paths": ", ".join(paths)}


def check(
    journeys: Locked, name: str, actor: User | None, expected_seq: int | None = None
) -> dict[int, Refusal]:
    """Return the refusals by a stale sequence number, by stage and by role: no query unless something is refused."""
    refusals = {}
    for journey in journeys:
        if expected_seq is not None and journey.seq != expected_seq:
            refusals[journey.pk] = Refusal("stale", (), _("The journey has changed since you looked at it."))
        elif refusal := closed_by(journey, name, actor):
            refusals[journey.pk] = refusal
    return _told_by_whom(refusals)


def check_fact(
    journeys: Locked, event: str, actor: User | None, expected_seq: int | None = None
) -> dict[int, Refusal]:
    """Return the refusals of a fact, as `check` does of a move."""
    refusals = {}
    for journey in journeys:
        if expected_seq is not None and journey.seq != expected_seq:
            refusals[journey.pk] = Refusal("stale", (), _("The journey has changed since you looked at it."))
        elif journey.stage not in FACTS[event].sources:
            words = _("Not open in the stage “%(stage)s”.") % {"stage": journey.get_stage_display()}
            refusals[journey.pk] = Refusal("stage", (), words)
        elif not access.may_record(actor, event):
            refusals[journey.pk] = Refusal("role", (), _("Your role does not record this."))
    return _told_by_whom(refusals)


def _told_by_whom(refusals: dict[int, Refusal]) -> dict[int, Refusal]:
    """Say of refusals by stage who moved the journey last, and when: one query, only where there are any."""
    late = [pk for pk, refusal in refusals.items() if refusal.reason in {"stage", "stale"}]
    if not late:
        return refusals
    last = (
        Event.objects.live()
        .of_stages()
        .filter(journey__in=late)
        .order_by("journey_id", "-occurred_at", "-seq")
        .distinct("journey_id")
        .select_related("actor")
    )
    told = dict(refusals)
    for event in last:
        old = refusals[event.journey_id]
        words = _("Already moved by %(who)s at %(when)s.") % {
            "who": event.actor or _("the system"),
            "when": formats.day_time(event.occurred_at),
        }
        told[event.journey_id] = Refusal(old.reason, old.missing, f"{old.detail} {words}")
    return told


# acts ----------------------------------------------------------------------------------------------------------------


def move(
    *,
    journeys: Locked,
    name: str,
    actor: User | None,
    at: datetime,
    inputs: Mapping[str, Any] = NO_INPUTS,
    value: str = "",
    amount: Decimal | None = None,
    reason: str = "",
    comment: str = "",
    given: Mapping[str, Any] = NO_INPUTS,
    offered_to: Mapping[int, User | None] = NO_INPUTS,  # type: ignore[assignment]
    decide_by: datetime | None = None,
    survivor: Journey | None = None,
    own: Mapping[int, Mapping[str, Any]] = NO_INPUTS,  # type: ignore[assignment]
    act: uuid.UUID | None = None,
) -> list[Event]:
    """Take journeys through one move, all or none; return the stage events in the order of the journeys.

    `inputs` are kept on the events; `given` is what requirements may look at besides. `value`, `amount` and `reason`
    go to the events' columns. `own` holds what differs from journey to journey: {journey id: {"value": …, "inputs":
    {…}}}, where its inputs are added to those of all. `offered_to` names, for `hand_off`, the salesperson each
    journey is offered to, `decide_by` until when, and `survivor` the journey that a merge leads into.
    Raises Refused, with nothing written, where stage, role or data close the move to any of the journeys.
    """
    refusals = check(journeys, name, actor) or lacking(journeys, name, {**inputs, **given}, at)
    targets = {} if refusals else _targets(journeys, name, value, refusals)
    if refusals:
        raise Refused(refusals)
    returned = targets if name in BACK_FROM_DEMO else {}
    entries: list[Entry] = []
    currency = Organisation.current().currency if amount is not None else ""
    for journey in journeys:
        arc = _arc(name, journey)
        before = journey.stage
        if actor is not None and _takes(name, journey, actor):
            journey.owner = actor
            entries.append(Entry(journey, Happening.OWNER_CHANGED, value=actor.username))
        if arc.passing:
            passed = str(TARGETS[arc.passing])
            entries.append(Entry(journey, arc.passing, before, passed))
            before = passed
        _enter(journey, arc, targets.get(journey.pk), at)
        journey.offered_to = offered_to.get(journey.pk)
        journey.decide_by = decide_by
        journey.merged_into = survivor
        mine = own.get(journey.pk, NO_INPUTS)
        entries.append(
            Entry(
                journey,
                arc.event,
                before,
                journey.stage,
                mine.get("value", returned.get(journey.pk, value)),
                amount,
                currency,
                reason,
                {**inputs, **mine.get("inputs", NO_INPUTS)},
            )
        )
    events = append(entries, actor=actor, at=at, act=act, comment=comment)
    save(journeys)
    moved = [event for event in events if event.event in TARGETS]
    for stage, close in registry.on_left.items():
        if left := [event for event in moved if event.stage_from == stage != event.stage_to]:
            close(left)
    return moved


def _takes(name: str, journey: Journey, actor: User) -> bool:
    taking = MOVES[name].taking
    if taking is None or actor.role not in taking.roles or journey.owner_id == actor.pk:
        return False
    return journey.owner_id is None or not taking.unowned


def _arc(name: str, journey: Journey) -> Arc:
    arc = MOVES[name].arc(journey.stage, journey.kind)
    if arc is None:
        raise LookupError(f"{name} from {journey.stage}: `check` lets no such move through")
    return arc


def _enter(journey: Journey, arc: Arc, target: str | None, at: datetime) -> None:
    journey.snoozed_until = None
    if journey.stage == Stage.MERGED == arc.target:
        return  # another survivor is named; replay lets nothing but an unmerge move what is merged
    journey.stage, journey.stage_since = str(target or arc.target), at


def _targets(journeys: Locked, name: str, value: str, refusals: dict[int, Refusal]) -> dict[int, str]:
    """Return the stages that moves back lead to, by replay; add the refusals that it brings up."""
    if name not in {"reopen", "unmerge"} | BACK_FROM_DEMO:
        return {}
    past = replays(journey.pk for journey in journeys)
    if name in BACK_FROM_DEMO:
        return {pk: state.demo_stage() for pk, state in past.items()}
    if name == "unmerge":
        return {pk: state.before_merge for pk, state in past.items()}
    for pk, state in past.items():
        if not state.reached(value):
            words = _("The journey never got as far as “%(stage)s”.") % {"stage": Stage(value).label}
            refusals[pk] = Refusal("data", ("stage",), words)
    return dict.fromkeys(past, value)


def record(
    *,
    journeys: Locked,
    event: str,
    actor: User | None,
    at: datetime,
    inputs: Mapping[str, Any] = NO_INPUTS,
    value: str = "",
    amount: Decimal | None = None,
    reason: str = "",
    comment: str = "",
    owner: User | None = None,
    snoozed_until: datetime | None = None,
    act: uuid.UUID | None = None,
) -> list[Event]:
    """Record a fact, which changes no stage, on each journey; `owner` is the new one of an `owner_changed`.

    Raises Refused where stage or role forbid it, or where `at` precedes a journey's arrival.
    """
    refusals = check_fact(journeys, event, actor)
    for journey in journeys:
        if at < journey.created_at:
            words = _("It cannot precede the arrival of the application.")
            refusals.setdefault(journey.pk, Refusal("data", ("occurred_at",), words))
    if refusals:
        raise Refused(refusals)
    currency = Organisation.current().currency if event in MONEY_EVENTS else ""
    entries = []
    for journey in journeys:
        if event == Happening.OWNER_CHANGED:
            journey.owner = owner
        elif event == Happening.SNOOZED:
            journey.snoozed_until = snoozed_until
        elif event == Happening.WOKEN:
            journey.snoozed_until = None
        entries.append(
            Entry(journey, event, value=value, amount=amount, currency=currency, reason=reason, inputs=inputs)
        )
    events = append(entries, actor=actor, at=at, act=act, comment=comment)
    save(journeys)
    return events


def save(journeys: Sequence[Journey]) -> None:
    """Write the snapshots of journeys: one statement for any number of them."""
    columns = [[getattr(journey, name) for journey in journeys] for name in _SNAPSHOT]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, columns)
