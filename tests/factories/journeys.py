"""Journeys at any stage, taken there by the acts that people would have made."""

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from funnel import acts
from funnel.models import Campaign, Event, Journey, Service, Source, User
from funnel.stages import MOVES, Role, Stage
from leads.domain import capture

from .people import people
from .times import START, later

_numbers = itertools.count(1)

Inputs = Callable[[Journey], Mapping[str, Any]]

STEPS: dict[str, Inputs] = {
    "respond": lambda journey: {"kind": "call", "summary": "Spoke about the task."},
    "hold_first_meeting": lambda journey: {"how": "online"},
    "lose": lambda journey: {"reason": "no_need"},
    "mark_spam": lambda journey: {},
    "withdraw_handoff": lambda journey: {},
    "reopen": lambda journey: {"stage": "new", "why": "They came back."},
    "merge": lambda journey: {"survivor": lead(at=journey.created_at).pk},
    "unmerge": lambda journey: {},
}
"""Move → what it is given, after making ready what it requires; the apps' own factories add theirs."""

_TO_BRIEF = ("respond", "hold_first_meeting", "fill_brief")
_TO_DEMO = (*_TO_BRIEF, "hand_off", "accept", "schedule_demo", "hold_demo")
_TO_PROPOSAL = (*_TO_DEMO, "qualify", "request_proposal", "send_proposal")
_TO_CONTRACT = (*_TO_PROPOSAL, "request_contract", "send_contract")
PATHS: dict[str, tuple[str, ...]] = {
    Stage.NEW: (),
    Stage.CONTACTED: _TO_BRIEF[:1],
    Stage.MET: _TO_BRIEF[:2],
    Stage.BRIEFED: _TO_BRIEF,
    Stage.HANDED_OFF: (*_TO_BRIEF, "hand_off"),
    Stage.RETURNED: (*_TO_BRIEF, "hand_off", "reject"),
    Stage.ACCEPTED: (*_TO_BRIEF, "hand_off", "accept"),
    Stage.DEMO_SCHEDULED: _TO_DEMO[:-1],
    Stage.DEMO_HELD: _TO_DEMO,
    Stage.QUALIFIED: _TO_PROPOSAL[:-2],
    Stage.PROPOSAL_REQUESTED: _TO_PROPOSAL[:-1],
    Stage.PROPOSAL_SENT: _TO_PROPOSAL,
    Stage.OBJECTION: (*_TO_PROPOSAL, "object"),
    Stage.CONTRACT_REQUESTED: _TO_CONTRACT[:-1],
    Stage.CONTRACT_SENT: _TO_CONTRACT,
    Stage.WON: (*_TO_CONTRACT, "sign"),
    Stage.LOST: ("respond", "lose"),
    Stage.REFERRED: ("respond", "refer"),
    Stage.SPAM: ("mark_spam",),
    Stage.MERGED: ("merge",),
}
"""Stage → the usual way to it."""


def lead(**given: Any) -> Journey:
    """Return a journey that has just arrived; a new person each time unless an address is given.

    Takes what `leads.domain.capture` takes; source, campaign and service may be keys, which are made where missing.
    """
    number = next(_numbers)
    given.setdefault("name", f"Person {number}")
    if not {"email", "phone"} & given.keys():
        given["email"] = f"person{number}@client{number}.example"
    for name, model in (("source", Source), ("campaign", Campaign), ("service", Service)):
        if isinstance(key := given.get(name), str):
            given[name] = model.objects.get_or_create(key=key)[0]
    given.setdefault("source", Source.objects.get(key="web"))
    arguments = {"actor": None, "at": START, **given}
    return capture(**arguments).journey


def actor_of(name: str, journey: Journey) -> User:
    """Return who usually makes a move or records a fact at this stage: marketing, sales, or the one offered."""
    if name in MOVES and MOVES[name].offered:
        return journey.offered_to or people(Role.SALESPERSON)
    if name not in MOVES:
        return people(Role.MANAGER)
    arc = MOVES[name].arc(journey.stage, journey.kind)
    roles = arc.roles if arc else frozenset({Role.MANAGER})
    if Role.SALESPERSON in roles and journey.half == "sales" and journey.owner_id and journey.owner:
        return journey.owner if journey.owner.role in roles else people(Role.SALESPERSON)
    return people(next(role for role in (Role.FIRST_TOUCH, Role.SALESPERSON, Role.MANAGER) if role in roles))


def run(
    journey: Journey,
    name: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    actor: User | None = None,
    at: dt.datetime | None = None,
) -> Journey:
    """Do one act through the door that pages and REST use, by default a minute after the last; return it fresh."""
    journey = Journey.objects.select_related("owner", "offered_to").get(pk=journey.pk)
    if inputs is None:
        inputs = STEPS[name](journey) if name in STEPS else {}
    journey.refresh_from_db()
    acts.run(
        name=name,
        journeys=[journey.pk],
        actor=actor or actor_of(name, journey),
        inputs=inputs,
        at=at or later(_last(journey), minutes=1),
    )
    return Journey.objects.get(pk=journey.pk)


def _last(journey: Journey) -> dt.datetime:
    times = (
        Event.objects.filter(journey=journey).order_by("-occurred_at").values_list("occurred_at", flat=True)
    )
    return max(times[0], journey.stage_since)


def take(journey: Journey, *moves: str, actor: User | None = None) -> Journey:
    """Take a journey through moves one after another, each with its usual inputs."""
    for name in moves:
        journey = run(journey, name, actor=actor)
    return journey


def journey_at(stage: str, **given: Any) -> Journey:
    """Return a journey that has gone the usual way to a stage; takes what `lead` takes."""
    return take(lead(**given), *PATHS[stage])
