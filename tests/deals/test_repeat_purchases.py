"""A client's further purchase, opened by the salesperson who knows them, goes on in sales."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from funnel.models import Event, Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, later, lead, people, run, team

from .test_api import Program

pytestmark = pytest.mark.django_db


def words(journey: Journey) -> list[str]:
    events = Event.objects.live().filter(journey=journey).order_by("seq")
    return list(events.values_list("event", flat=True))


@pytest.fixture
def bought() -> Journey:
    """Return a journey that the client signed and paid."""
    return run(journey_at(Stage.WON, email="iris@pinecrest.example"), "payment_received")


def opened(program: Program, **given: Any) -> Journey:
    body = {"name": "Iris Lang", "email": "iris@pinecrest.example", "source": "call", **given}
    answer = program.send("post", "/leads/", body)
    assert answer.status_code == 201, answer.content
    return Journey.objects.get(pk=answer.json()["journey"]["id"])


def test_by_rest_the_owner_goes_on_with_it_and_others_do_not(bought: Journey) -> None:
    north = team("North")
    bob, eve = (people(Role.SALESPERSON, name, team=north) for name in ("bob", "eve"))
    program = Program(Role.SALESPERSON, name="bob")
    journey = opened(program, owner=bob.username)
    assert (journey.kind, journey.parent, journey.owner) == ("repeat", bought, bob)
    other = Program(Role.SALESPERSON, name="eve").move(journey, "accept", {})
    assert (other.status_code, other.json()["reason"]) == (409, "role")
    answer = program.move(journey, "accept", {})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["journey"]["stage"], answer.json()["event"]["event"]) == (
        "accepted",
        "sal_accepted",
    )
    assert words(journey) == ["lead_created", "first_response", "sal_accepted"]
    assert eve.pk != bob.pk


def test_what_is_no_further_purchase_is_not_accepted_as_it_comes() -> None:
    bob = people(Role.SALESPERSON, "bob")
    program = Program(Role.SALESPERSON, name="bob")
    journey = opened(program, owner=bob.username)
    assert (journey.kind, journey.parent) == ("new", None)
    answer = program.move(journey, "accept", {})
    assert (answer.status_code, answer.json()["reason"]) == (409, "stage")


def test_the_parent_is_the_latest_that_was_signed_or_paid(bought: Journey) -> None:
    given = {"email": "iris@pinecrest.example", "owner": people(Role.SALESPERSON)}
    lost = run(lead(at=later(days=20), **given), "lose", actor=people())
    again = lead(at=later(days=30), **given)
    assert (again.kind, again.parent) == ("repeat", bought)
    run(again, "accept")
    newest = lead(at=later(days=60), **given)
    assert newest.parent == bought  # the second was neither signed nor paid
    assert lost.kind == "repeat"


def test_the_page_of_a_further_purchase_leads_on_in_sales(bought: Journey) -> None:
    bob = people(Role.SALESPERSON, "bob")
    journey = lead(email="iris@pinecrest.example", owner=bob, at=later(days=30))
    client = Client()
    client.force_login(bob)
    page = client.get(f"/journeys/{journey.pk}/")
    (action,) = [action for action in page.context["next"]["actions"] if action["primary"]]
    assert action["label"] == "Go on in sales"
    assert "bought before" in page.context["next"]["reason"]
    assert client.post(action["url"], {"expected_seq": journey.seq}).status_code == 303
    journey.refresh_from_db()
    assert (journey.stage, journey.owner) == ("accepted", bob)


def test_a_salesperson_who_enters_a_lead_is_its_owner_unless_they_say_otherwise() -> None:
    client = Client()
    client.force_login(people(Role.SALESPERSON, "bob"))
    page = client.get("/leads/new/")
    assert page.context["form"].initial["owner"] == "bob"


def test_undoing_the_acceptance_alone_takes_the_answer_and_the_ownership_that_came_with_it(
    bought: Journey,
) -> None:
    bob = people(Role.SALESPERSON, "bob")
    program = Program(Role.MANAGER)
    journey = lead(email="iris@pinecrest.example", owner=bob, at=later(days=30))
    accepted = program.move(journey, "accept", {}).json()["event"]["id"]
    assert words(journey)[1:] == ["owner_changed", "first_response", "sal_accepted"]
    answer = program.send("post", f"/journeys/{journey.pk}/annul/", {"event": accepted})
    assert answer.status_code == 200, answer.content
    journey.refresh_from_db()
    assert (journey.stage, journey.owner, words(journey)) == ("new", bob, ["lead_created"])
