"""Editing what is known about a journey's person and company."""

from decimal import Decimal

import pytest
from django.urls import reverse

from funnel.models import Event, Journey
from funnel.parties import mark_of
from funnel.stages import Role, Stage
from tests.factories import journey_at, later, lead, people, team

pytestmark = pytest.mark.django_db

FINE = {
    "name": "Priya Rossi",
    "email": "Priya@Evergreen.example",
    "phone": "+49 (30) 901-820",
    "company_name": "Evergreen Travel GmbH",
    "company_domain": "evergreen.example",
    "company_tax_id": "DE1",
    "amount": "33300.50",
}


@pytest.fixture
def journey():
    return lead(name="Pria", email="pria@evergreen.example", company="Evergreen")


@pytest.fixture
def manager(client):
    user = people(Role.MANAGER)
    client.force_login(user)
    return user


def url(journey: Journey) -> str:
    return reverse("funnel:journey-details", args=[journey.pk])


def test_details_are_changed_and_the_ledger_is_not(client, manager, journey) -> None:
    events = Event.objects.count()
    assert client.post(url(journey), FINE).status_code == 303
    found = Journey.objects.with_parties().get(pk=journey.pk)
    assert (found.contact.name, found.contact.email, found.contact.phone) == (
        "Priya Rossi",
        "priya@evergreen.example",
        "+4930901820",
    )
    assert (found.company.name, found.company.tax_id, found.amount) == (
        "Evergreen Travel GmbH",
        "DE1",
        Decimal("33300.50"),
    )
    assert Event.objects.count() == events


def test_a_stale_form_shows_both_versions_and_may_be_sent_again(client, manager, journey) -> None:
    mark = mark_of(Journey.objects.with_parties().get(pk=journey.pk))
    client.post(url(journey), FINE | {"name": "First"})
    answer = client.post(url(journey), FINE | {"name": "Second", "mark": mark})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "somebody changed these details meanwhile" in page
    assert "First" in page
    assert 'value="Second"' in page
    assert Journey.objects.get(pk=journey.pk).contact.name == "First"
    fresh = answer.context["form"].data["mark"]
    assert client.post(url(journey), FINE | {"name": "Second", "mark": fresh}).status_code == 303


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"phone": "call me"}, "Give a phone number"),
        ({"phone": "+1"}, "Give a phone number"),
        ({"amount": "-5"}, "greater than or equal to 0"),
        ({"amount": "much"}, "“much” is not a number such as 1234.50."),
        ({"company_name": ""}, "This field is required."),
        ({"name": "", "email": "", "phone": ""}, "Leave at least a name"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"name": "\x00"}, "Null characters are not allowed."),
    ],
)
def test_faulty_details_are_refused_and_nothing_is_written(client, manager, journey, change, words) -> None:
    answer = client.post(url(journey), FINE | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Journey.objects.get(pk=journey.pk).contact.name == "Pria"


def test_who_does_not_see_money_neither_sees_nor_sets_the_amount(client, journey) -> None:
    client.force_login(people(Role.MARKETER))
    assert 'name="amount"' not in client.get(url(journey)).content.decode()
    client.post(url(journey), FINE)
    assert Journey.objects.get(pk=journey.pk).amount is None


def test_only_those_who_may_edit_do(client, journey) -> None:
    client.force_login(people(Role.SALESPERSON, "sal", team=team("North")))
    assert client.get(url(journey)).status_code == 404
    merged = journey_at(Stage.MERGED)
    client.force_login(people(Role.MANAGER))
    assert client.get(url(merged)).status_code == 403
    assert client.post(url(merged), FINE).status_code == 403


def test_a_person_of_several_journeys_is_said_to_be_shared(client, manager, journey) -> None:
    lead(name="Pria", email="pria@evergreen.example", at=later(days=1))
    assert "This person has 1 other journey" in client.get(url(journey)).content.decode()


def test_a_person_without_a_company_has_no_company_to_edit(client, manager) -> None:
    alone = lead()
    page = client.get(url(alone)).content.decode()
    assert 'name="company_name"' not in page
    assert client.post(url(alone), {"name": "Solo"}).status_code == 303
