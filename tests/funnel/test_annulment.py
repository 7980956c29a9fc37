"""Undo and correction: annulled events leave every replay, and nothing that stays may rest on them."""

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from funnel import acts, machine
from funnel.annulment import CannotAnnul, annul, last_act
from funnel.models import Event, Journey
from funnel.stages import Role, Stage

from .plain import START, application, person, step

pytestmark = pytest.mark.django_db


def event(journey: Journey, name: str) -> Event:
    return Event.objects.live().get(journey=journey, event=name)


def undo(*events: Event, actor: Any = None) -> Journey:
    annul(events=[e.pk for e in events], actor=actor or person(), at=timezone.now())
    return Journey.objects.get(pk=events[0].journey_id)


def test_undoing_a_move_takes_the_journey_back_and_leaves_the_ledger_longer() -> None:
    journey = step(application(), "respond")
    back = undo(event(journey, "first_response"))
    assert (back.stage, back.stage_since, back.seq) == (Stage.NEW, START, 3)
    annulment = Event.objects.get(journey=journey, event="annulled")
    assert annulment.annuls is not None and annulment.annuls.event == "first_response"
    assert Event.objects.filter(journey=journey).count() == 3


def test_an_event_that_a_later_stage_rests_on_goes_only_together_with_it() -> None:
    journey = step(application(), "respond", "hold_first_meeting")
    first, second = event(journey, "first_response"), event(journey, "first_meeting_held")
    with pytest.raises(CannotAnnul):
        undo(first)
    assert undo(first, second).stage == Stage.NEW


def test_a_capture_goes_only_with_its_whole_journey_which_then_leaves_everything() -> None:
    journey = step(application(), "respond")
    created, response = event(journey, "lead_created"), event(journey, "first_response")
    with pytest.raises(CannotAnnul):
        undo(created)
    gone = undo(created, response)
    assert gone.annulled_at is not None
    assert not Journey.objects.visible_to(person(Role.ADMINISTRATOR)).filter(pk=gone.pk).exists()


def test_an_annulment_cannot_be_annulled_nor_an_event_twice() -> None:
    journey = step(application(), "respond")
    response = event(journey, "first_response")
    undo(response)
    annulment = Event.objects.get(journey=journey, event="annulled")
    for again in (response, annulment):
        with pytest.raises(CannotAnnul):
            undo(again)
    assert Event.objects.filter(journey=journey, event="annulled").count() == 1


def test_only_the_one_who_did_it_or_a_leader_undoes_it() -> None:
    mary, other = person(Role.MARKETER, "mary"), person(Role.MARKETER, "other")
    journey = step(application(), "respond", actor=mary)
    with pytest.raises(CannotAnnul):
        undo(event(journey, "first_response"), actor=other)
    assert undo(event(journey, "first_response"), actor=mary).stage == Stage.NEW


def test_undoing_an_acceptance_gives_the_journey_back_to_its_owner_and_renews_the_offer() -> None:
    ann, bob = person(Role.MARKETER, "ann"), person(Role.SALESPERSON, "bob")
    journey = application(owner=ann)
    with transaction.atomic():
        locked = machine.lock([journey.pk])
        locked[0].stage = Stage.BRIEFED
        machine.save(locked)
    machine_inputs = {"inputs": {"salesperson": bob.pk}, "offered_to": {journey.pk: bob}}
    from funnel import registry

    can_solve = registry.requirements.get("brief.can_solve")
    registry.requirements["brief.can_solve"] = lambda journeys, inputs: {}
    try:
        step(journey, "hand_off", actor=ann, **machine_inputs)
    finally:
        if can_solve:
            registry.requirements["brief.can_solve"] = can_solve
    step(journey, "accept", actor=bob)
    accepted = event(journey, "sal_accepted")
    with pytest.raises(CannotAnnul):
        undo(event(journey, "owner_changed"))
    act = last_act(Journey.objects.get(pk=journey.pk))
    assert {e.event for e in act} == {"owner_changed", "sal_accepted"} and accepted in act
    back = undo(*act)
    assert (back.stage, back.owner, back.offered_to) == (Stage.HANDED_OFF, ann, bob)


def test_undoing_a_merge_clears_where_it_led() -> None:
    survivor, double = application(), application()
    acts.run(name="merge", journeys=[double.pk], actor=person(), inputs={"survivor": survivor.pk})
    back = undo(event(double, "merged_into"))
    assert (back.stage, back.merged_into) == (Stage.NEW, None)


def test_a_payment_entered_twice_is_taken_out_while_the_stage_stays() -> None:
    journey = application()
    with transaction.atomic():
        for _again in range(2):
            machine.record(
                journeys=machine.lock([journey.pk]),
                event="payment_received",
                actor=person(),
                at=START,
                amount=5,
            )
    double = Event.objects.filter(journey=journey, event="payment_received").latest("seq")
    assert undo(double).stage == Stage.NEW
    assert Event.objects.live().filter(journey=journey, event="payment_received").count() == 1


def test_evidence_goes_only_with_what_rests_on_it() -> None:
    journey = application()
    actor = person()
    logged = acts.run(
        name="activity_logged", journeys=[journey.pk], actor=actor, inputs={"kind": "call"}, at=START
    ).events[0]
    step(journey, "respond", inputs={"rests_on": [logged.pk]}, at=START + dt.timedelta(minutes=1))
    with pytest.raises(CannotAnnul):
        undo(logged)
    assert undo(logged, event(journey, "first_response")).stage == Stage.NEW


def test_what_was_annulled_is_still_known_as_of_an_earlier_moment() -> None:
    journey = step(application(), "respond")
    response = event(journey, "first_response")
    before = timezone.now()
    undo(response)
    assert response in Event.objects.live(as_of=before)
    assert response not in Event.objects.live()
