"""One detail of a journey changed in its row: by whom, how two people are kept apart, what it said before."""

import hashlib

import pytest
from django.urls import reverse

from funnel.details_form import DetailsForm
from funnel.lists import editing
from funnel.models import FieldChange, Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, team

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
EMPTY = hashlib.sha256(b"").hexdigest()[:16]
"""The mark of nothing."""


@pytest.fixture
def journey():
    return lead(name="Pria", email="pria@evergreen.example", company="Evergreen")


@pytest.fixture
def manager(client):
    user = people(Role.MANAGER)
    client.force_login(user)
    return user


def url(journey: Journey, name: str) -> str:
    return reverse("funnel:journey-field", args=[journey.pk, name])


def phone_of(journey: Journey) -> str:
    return Journey.objects.get(pk=journey.pk).contact.phone


def test_a_detail_is_changed_in_its_row_and_the_row_is_drawn_anew(client, manager, journey) -> None:
    asked = client.get(url(journey, "phone"), headers=HTMX).content.decode()
    assert 'name="phone"' in asked
    assert EMPTY in asked
    sent = {"phone": "+49 (30) 901-820", "was": EMPTY}
    answer = client.post(url(journey, "phone"), sent, headers=HTMX)
    assert answer.status_code == 200
    assert "+4930901820" in answer.content.decode()
    assert phone_of(journey) == "+4930901820"
    change = FieldChange.objects.get()
    assert (change.field, change.old, change.new, change.actor) == ("phone", "", "+4930901820", manager)


def test_what_the_head_of_the_page_says_draws_the_page_anew(client, manager, journey) -> None:
    answer = client.post(
        url(journey, "name"), {"name": "Priya Rossi", "was": editing.mark_of(journey, "name")}, headers=HTMX
    )
    assert answer["HX-Redirect"] == reverse("funnel:journey", args=[journey.pk])


def test_of_two_people_the_second_sees_both_versions_and_decides(client, manager, journey) -> None:
    other = people(Role.MARKETER, "mia")
    client.force_login(other)
    client.post(url(journey, "phone"), {"phone": "+4930111111", "was": EMPTY}, headers=HTMX)
    client.force_login(manager)
    late = {"phone": "+4930222222", "was": EMPTY}
    answer = client.post(url(journey, "phone"), late, headers=HTMX)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "+4930111111" in page and 'value="+4930222222"' in page
    assert "mia changed this meanwhile" in page
    assert phone_of(journey) == "+4930111111"
    sent = late | {"was": answer.context["mark"]}
    assert client.post(url(journey, "phone"), sent, headers=HTMX).status_code == 200
    assert phone_of(journey) == "+4930222222"
    kept = client.get(url(journey, "phone") + "?row=1", headers=HTMX).content.decode()
    assert "+4930222222" in kept and "<form" not in kept


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("phone", "call me", "Give a phone number"),
        ("email", "nonsense", "Enter a valid email address."),
        ("amount", "-5", "greater than or equal to 0"),
        ("expected_on", "soon", "Enter a valid date."),
        ("company_name", "", "This field is required."),
        ("name", "\x00", "Null characters are not allowed."),
    ],
)
def test_a_faulty_detail_is_refused_and_kept(client, manager, journey, name, given, words) -> None:
    answer = client.post(url(journey, name), {name: given, "was": "x"}, headers=HTMX)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not FieldChange.objects.exists()


def test_an_old_fault_elsewhere_does_not_stand_in_the_way(client, manager, journey) -> None:
    journey.contact.phone = "nobody knows"
    journey.contact.save()
    sent = {"expected_on": "2030-05-01", "was": EMPTY}
    assert client.post(url(journey, "expected_on"), sent, headers=HTMX).status_code == 200
    sent = {"region": "Berlin", "was": EMPTY}
    assert "HX-Redirect" in client.post(url(journey, "region"), sent, headers=HTMX)  # it has no row


def test_without_scripts_the_form_of_all_details_does(client, manager, journey) -> None:
    answer = client.get(url(journey, "phone"))
    assert answer.status_code == 303
    assert answer.url == reverse("funnel:journey-details", args=[journey.pk]) + "#id_phone"


def test_only_what_may_be_seen_and_edited_is(client, manager, journey) -> None:
    assert client.get(url(journey, "mark"), headers=HTMX).status_code == 404
    assert client.get(url(journey, "stage"), headers=HTMX).status_code == 404
    client.force_login(people(Role.MARKETER))
    assert client.post(url(journey, "amount"), {"amount": "5"}, headers=HTMX).status_code == 404
    client.force_login(people(Role.SALESPERSON, "sal", team=team("North")))
    assert client.get(url(journey, "phone"), headers=HTMX).status_code == 404
    client.force_login(manager)
    assert client.get(url(journey_at(Stage.MERGED), "phone"), headers=HTMX).status_code == 403


def test_a_phone_is_written_as_applications_write_it(settings, manager, journey):
    settings.PHONE_REGION = "DE"
    form = DetailsForm({"phone": "030 901820", "company_name": "Evergreen"}, user=manager, journey=journey)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["phone"] == "+4930901820"
