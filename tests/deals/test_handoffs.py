"""The handoff as an object: offered, decided, with a clock, and undone without a trace in the queue."""

from __future__ import annotations

import datetime as dt
import threading
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deals.domain import handoffs
from deals.models import Handoff
from funnel import acts, migrations
from funnel.acts import BadInput
from funnel.annulment import annul, last_act
from funnel.journey_page import minutes_left
from funnel.machine import Refused
from funnel.models import Event, Journey
from funnel.stages import Role, Stage
from tests.factories import START, journey_at, later, lead, organisation, people, run

pytestmark = pytest.mark.django_db


def test_an_offer_is_kept_with_the_person_the_deadline_and_the_brief_as_filled() -> None:
    organisation(handoff_hours=4)
    journey = journey_at(Stage.HANDED_OFF)
    offer = Handoff.objects.get(journey=journey)
    assert offer.offered_to == people(Role.SALESPERSON) == journey.offered_to
    assert offer.decision == ""
    clock = organisation().clock
    assert offer.due_at == clock.add_business(offer.offered_at, minutes=240)
    assert offer.brief_version is not None and offer.brief_version.rows[0]["answer"]
    assert offer.event.inputs["salesperson"] == people(Role.SALESPERSON).pk


def test_without_a_limit_an_offer_has_no_deadline() -> None:
    organisation(handoff_hours=0)
    assert Handoff.objects.get(journey=journey_at(Stage.HANDED_OFF)).due_at is None


def test_an_imported_offer_has_no_clock() -> None:
    journey = lead()
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.HANDED_OFF)
    journey.refresh_from_db()
    current = organisation(handoff_hours=4)
    assert minutes_left(journey, current, current.clock, timezone.now()) is None
    assert handoffs.withdraw_overdue(at=timezone.now()) == 0


def test_the_clock_runs_by_the_setting_under_which_it_was_offered() -> None:
    current = organisation(handoff_hours=4)
    journey = journey_at(Stage.HANDED_OFF)
    offer = Handoff.objects.get(journey=journey)
    organisation(handoff_hours=100)
    left = minutes_left(journey, current, current.clock, offer.offered_at)
    assert (journey.decide_by, left) == (offer.due_at, 240)
    assert run(journey, "accept").decide_by is None


@pytest.mark.parametrize(("journeys", "before", "after"), [(0, 0, 8), (0, 3, 3), (1, 0, 0), (1, 3, 3)])
def test_the_clock_starts_only_where_no_journey_was_there(journeys: int, before: int, after: int) -> None:
    for _each in range(journeys):
        lead()
    organisation(handoff_hours=before)
    (name,) = [
        name
        for _finder, name, _package in iter_modules(migrations.__path__)
        if name.endswith("_handoff_clock")
    ]
    migration = import_module(f"funnel.migrations.{name}")
    migration.start_clock(apps, None)
    assert organisation().handoff_hours == after


def test_without_a_salesperson_the_assignment_rule_picks_and_shares_out_evenly() -> None:
    ann, bob = people(Role.SALESPERSON, "ann"), people(Role.SALESPERSON, "bob")
    ids = [journey_at(Stage.BRIEFED).pk for _number in range(4)]
    acts.run(name="hand_off", journeys=ids, actor=people(), inputs={}, at=later(days=1))
    offered = list(Handoff.objects.filter(journey__in=ids).values_list("offered_to", flat=True))
    assert sorted(offered) == sorted([ann.pk, ann.pk, bob.pk, bob.pk])
    inputs = Event.objects.filter(event="handed_off", journey__in=ids).values_list("inputs", flat=True)
    assert {given["salesperson"] for given in inputs} == {ann.pk, bob.pk}


def test_where_nobody_takes_handoffs_the_offer_is_open_to_all_of_sales() -> None:
    journey = run(journey_at(Stage.BRIEFED), "hand_off", {})
    assert journey.stage == Stage.HANDED_OFF
    assert Handoff.objects.get(journey=journey).offered_to is None


def test_offering_to_another_closes_the_first_offer_and_undo_opens_it_again() -> None:
    journey = journey_at(Stage.HANDED_OFF)
    bob = people(Role.SALESPERSON, "bob")
    journey = run(journey, "hand_off", {"salesperson": "bob"})
    first, second = Handoff.objects.filter(journey=journey).order_by("pk")
    assert (first.decision, second.decision, second.offered_to) == ("withdrawn", "", bob)
    last = Event.objects.filter(journey=journey, event="handed_off").order_by("-seq")[0]
    annul(events=[last.pk], actor=people(), at=timezone.now())
    offer = Handoff.objects.get(journey=journey)
    assert (offer.pk, offer.decision, offer.decided_at) == (first.pk, "", None)


def test_offering_to_the_same_person_again_is_refused() -> None:
    journey = journey_at(Stage.HANDED_OFF)
    with pytest.raises(Refused) as refused:
        run(journey, "hand_off")
    assert refused.value.refusals[journey.pk].missing == ("salesperson",)
    assert Handoff.objects.filter(journey=journey).count() == 1


def test_accepting_decides_the_offer_and_makes_the_salesperson_the_owner() -> None:
    journey = run(journey_at(Stage.HANDED_OFF), "accept")
    seller = people(Role.SALESPERSON)
    offer = Handoff.objects.get(journey=journey)
    assert (journey.stage, journey.owner) == (Stage.ACCEPTED, seller)
    assert (offer.decision, offer.decided_by) == ("accepted", seller)
    assert offer.decision_event is not None and offer.decision_event.event == "sal_accepted"


def test_undoing_an_acceptance_puts_the_offer_back_into_the_queue() -> None:
    journey = run(journey_at(Stage.HANDED_OFF), "accept")
    annul(events=[event.pk for event in last_act(journey)], actor=people(), at=timezone.now())
    back = Journey.objects.get(pk=journey.pk)
    marketer, seller = people(Role.FIRST_TOUCH), people(Role.SALESPERSON)
    assert (back.stage, back.owner, back.offered_to) == (Stage.HANDED_OFF, marketer, seller)
    offer = Handoff.objects.waiting().get(journey=journey)
    assert (offer.decision, back.decide_by) == ("", offer.due_at)


def test_another_salesperson_may_not_accept_what_is_not_offered_to_them() -> None:
    journey = journey_at(Stage.HANDED_OFF)
    with pytest.raises(Refused) as refused:
        run(journey, "accept", actor=people(Role.SALESPERSON, "bob"))
    assert refused.value.refusals[journey.pk].reason == "role"
    assert Handoff.objects.get(journey=journey).decision == ""


def test_rejecting_keeps_reason_and_words_and_sends_it_back() -> None:
    journey = run(journey_at(Stage.HANDED_OFF), "reject")
    offer = Handoff.objects.get(journey=journey)
    assert (journey.stage, offer.decision, offer.reason) == (Stage.RETURNED, "rejected", "not_ready")
    assert offer.comment == "They only wanted a catalogue."
    event = Event.objects.get(journey=journey, event="sal_rejected")
    assert (event.reason, event.value) == ("not_ready", "not_ready")
    assert "catalogue" not in str(event.inputs)


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"comment": "x"}, "reason"),
        ({"reason": "not_ready"}, "comment"),
        ({"reason": "price", "comment": "x"}, "reason"),
        ({"reason": 5, "comment": "x"}, "reason"),
        ({"reason": "not_ready", "comment": "x", "more": 1}, "__all__"),
    ],
)
def test_a_rejection_without_reason_or_words_is_bad_input(inputs: dict[str, Any], field: str) -> None:
    journey = journey_at(Stage.HANDED_OFF)
    with pytest.raises(BadInput) as bad:
        run(journey, "reject", inputs)
    assert field in bad.value.form.errors
    assert Journey.objects.get(pk=journey.pk).stage == Stage.HANDED_OFF


def test_the_clock_withdraws_what_nobody_decided_in_time_and_nothing_else() -> None:
    organisation(handoff_hours=2)
    late = journey_at(Stage.HANDED_OFF)
    organisation(handoff_hours=0)
    patient = journey_at(Stage.HANDED_OFF)
    offer = Handoff.objects.get(journey=late)
    assert offer.due_at is not None
    assert handoffs.withdraw_overdue(at=offer.due_at - dt.timedelta(seconds=1)) == 0
    assert handoffs.withdraw_overdue(at=offer.due_at) == 1
    assert Journey.objects.get(pk=late.pk).stage == Stage.RETURNED
    assert Journey.objects.get(pk=patient.pk).stage == Stage.HANDED_OFF
    event = Event.objects.get(journey=late, event="handoff_withdrawn")
    assert (event.actor, event.inputs["salesperson"]) == (None, people(Role.SALESPERSON).pk)
    assert handoffs.withdraw_overdue(at=offer.due_at) == 0


def test_an_offer_whose_journey_was_lost_leaves_the_queue_and_the_clock_alone() -> None:
    organisation(handoff_hours=2)
    journey = run(journey_at(Stage.HANDED_OFF), "lose")
    assert not Handoff.objects.waiting().filter(journey=journey).exists()
    assert handoffs.withdraw_overdue(at=later(START, days=30)) == 0


def test_a_hundred_handoffs_and_decisions_cost_as_many_statements_as_two() -> None:
    people(Role.SALESPERSON)

    def statements(ids: list[int]) -> list[int]:
        counts = []
        for day, (name, actor, inputs) in enumerate(
            [
                ("hand_off", people(), {}),
                (
                    "hand_off",
                    people(),
                    {"salesperson": people(Role.SALESPERSON, "bob", takes_handoffs=False).username},
                ),
                ("accept", people(), {}),
            ],
            1,
        ):
            with CaptureQueriesContext(connection) as captured:
                acts.run(name=name, journeys=ids, actor=actor, inputs=inputs, at=later(days=day))
            counts.append(len(captured))
        return counts

    few = statements([journey_at(Stage.BRIEFED).pk for _number in range(2)])
    many = statements([journey_at(Stage.BRIEFED).pk for _number in range(30)])
    assert few == many


@pytest.mark.django_db(transaction=True)
def test_of_two_who_accept_at_once_one_wins_and_the_other_is_told_who() -> None:
    journey = run(journey_at(Stage.BRIEFED), "hand_off", {})
    people_ = [people(Role.SALESPERSON, "ann"), people(Role.SALESPERSON, "bob")]
    barrier, results = threading.Barrier(2), {}

    def accept(user: Any) -> None:
        try:
            barrier.wait()
            acts.run(name="accept", journeys=[journey.pk], actor=user)
            results[user.username] = "won"
        except Refused as refused:
            results[user.username] = refused.refusals[journey.pk].detail
        finally:
            connection.close()

    threads = [threading.Thread(target=accept, args=(user,)) for user in people_]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = Handoff.objects.get(journey=journey).decided_by
    assert winner is not None
    loser = next(user.username for user in people_ if user != winner)
    assert results[winner.username] == "won"
    assert str(winner) in results[loser]
    assert Event.objects.filter(journey=journey, event="sal_accepted").count() == 1
