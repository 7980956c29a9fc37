"""Changing one value where it stands in the list: who may, what is refused and how, and taking it back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from funnel.lists import editing
from funnel.models import Event, FieldChange, Journey, Service, User
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, team

pytestmark = pytest.mark.django_db
LIST = reverse("funnel:journey-list")
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{LIST}?source=web"}


@pytest.fixture
def max_(client: Client) -> User:
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


@pytest.fixture
def journey() -> Journey:
    return lead(name="Pria", email="pria@evergreen.example", company="Evergreen", service="crm")


def fresh(journey: Journey) -> Journey:
    return Journey.objects.with_parties().get(pk=journey.pk)


def url(journey: Journey, name: str) -> str:
    return reverse("funnel:journey-cell", args=[journey.pk, name])


def put(client: Client, journey: Journey, name: str, value: str, was: str | None = None) -> HttpResponse:
    mark = editing.mark_of(fresh(journey), name) if was is None else was
    return client.post(url(journey, name), {name: value, "was": mark}, headers=HTMX)


VALUES: list[tuple[str, str, Any]] = [
    ("amount", "33300.50", Decimal("33300.50")),
    ("amount", "1200", Decimal(1200)),
    ("expected_on", "2026-12-01", date(2026, 12, 1)),
    ("name", "Priya Rossi", "Priya Rossi"),
    ("email", "Priya@Evergreen.example", "priya@evergreen.example"),
    ("phone", "+49 30 901820", "+4930901820"),
    ("region", "Berlin", "Berlin"),
    ("company_name", "Evergreen Travel", "Evergreen Travel"),
    ("service", "erp", "erp"),
    ("owner", "fred", "fred"),
]


@pytest.mark.parametrize(("name", "given", "kept"), VALUES)
def test_a_value_is_saved_in_its_cell_and_its_undo_brings_the_old_one_back(
    client: Client, max_: User, journey: Journey, name: str, given: str, kept: Any
) -> None:
    people(Role.FIRST_TOUCH, "fred")
    Service.objects.get_or_create(key="erp")
    before = editing.shown_value(fresh(journey), name)
    events = Event.objects.count()
    answer = put(client, journey, name, given)
    page = answer.content.decode()
    assert answer.status_code == 200, page
    assert page.lstrip().startswith('<a class="cell saved"')
    assert editing.shown_value(fresh(journey), name) == kept
    assert Event.objects.count() == events + (name == "owner")  # only whose it is, the ledger keeps
    assert FieldChange.objects.count() == (name != "owner")
    undo = page.split('action="')[1].split('"')[0].replace("&amp;", "&")
    assert client.post(undo).url == f"{LIST}?source=web"  # back to the list as it was
    assert editing.shown_value(fresh(journey), name) == before
    client.post(undo)  # once more changes nothing
    assert editing.shown_value(fresh(journey), name) == before


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("amount", "-5", "greater than or equal to 0"),
        ("amount", "much", "“much” is not a number such as 1234.50."),
        ("amount", "9" * 20, "no more than 14 digits"),
        ("expected_on", "2026-02-30", "Enter a valid date."),
        ("expected_on", "0001-01-01", "Give a day of this age."),
        ("email", "nonsense", "Enter a valid email address."),
        ("phone", "call me", "Give a phone number"),
        ("company_name", "", "This field is required."),
        ("name", "\x00", "Null characters are not allowed."),
        ("service", "moon", "“moon” is not known here."),
        ("owner", "ghost", "“ghost” is not known here."),
    ],
)
def test_a_faulty_value_is_refused_in_its_cell_and_keeps_what_was_typed(
    client: Client, max_: User, journey: Journey, name: str, given: str, words: str
) -> None:
    answer = put(client, journey, name, given)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="cell-error"' in page
    assert not FieldChange.objects.exists()


def test_the_last_thing_known_of_a_person_is_not_taken_away(client: Client, max_: User) -> None:
    alone = lead(name="", email="pria@evergreen.example")
    answer = put(client, alone, "email", "")
    assert answer.status_code == 422
    assert "Leave at least a name" in answer.content.decode()


def test_a_stale_save_shows_both_versions_and_may_be_sent_again(
    client: Client, max_: User, journey: Journey
) -> None:
    was = editing.mark_of(fresh(journey), "amount")
    put(client, journey, "amount", "100")
    answer = put(client, journey, "amount", "200", was)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "€100" in page
    assert 'value="200"' in page
    assert fresh(journey).amount == 100
    mark = page.split('name="was" value="')[1].split('"')[0]
    assert put(client, journey, "amount", "200", mark).status_code == 200
    assert fresh(journey).amount == 200
    # another value that somebody changed meanwhile does not matter
    was = editing.mark_of(fresh(journey), "name")
    put(client, journey, "amount", "300")
    assert put(client, journey, "name", "Priya", was).status_code == 200


def test_what_was_changed_again_is_not_undone(client: Client, max_: User, journey: Journey) -> None:
    put(client, journey, "amount", "100")
    act = FieldChange.objects.get().act
    put(client, journey, "amount", "200")
    answer = client.post(reverse("funnel:cell-undo", args=[act]), follow=True)
    assert "It has been changed again since." in answer.content.decode()
    assert fresh(journey).amount == 200


def test_others_changes_are_undone_by_leaders_only(client: Client, journey: Journey) -> None:
    client.force_login(people(Role.MARKETER, "mia"))
    put(client, journey, "region", "Berlin")
    act = FieldChange.objects.get().act
    client.force_login(people(Role.FIRST_TOUCH, "fred"))
    answer = client.post(reverse("funnel:cell-undo", args=[act]), follow=True)
    assert "This change is not yours to undo." in answer.content.decode()
    assert fresh(journey).contact.region == "Berlin"
    client.force_login(people(Role.MANAGER, "max"))
    client.post(reverse("funnel:cell-undo", args=[act]))
    assert fresh(journey).contact.region == ""


def test_a_value_that_stays_as_it_is_changes_nothing(client: Client, max_: User, journey: Journey) -> None:
    page = put(client, journey, "name", "Pria").content.decode()
    assert 'class="cell"' in page
    assert "Undo" not in page
    assert not FieldChange.objects.exists()


@pytest.mark.parametrize(
    ("role", "closed"),
    [
        (Role.MARKETER, {"amount"}),
        (Role.FIRST_TOUCH, {"amount"}),
        (Role.MANAGER, set()),
        (Role.LAWYER, set(editing.FIELDS)),
        (Role.SPECIALIST, set(editing.FIELDS)),
        (Role.SERVICE, set(editing.FIELDS)),
        (Role.PARTNER, set(editing.FIELDS)),
    ],
)
def test_a_role_changes_what_it_may_and_is_offered_no_more(
    client: Client, journey: Journey, role: str, closed: set[str]
) -> None:
    client.force_login(people(role, "uma"))
    seen = Journey.objects.visible_to(User.objects.get(username="uma")).filter(pk=journey.pk).exists()
    for name in editing.FIELDS:
        status = 404 if not seen else 403 if name in closed else 200
        assert client.get(url(journey, name)).status_code == status, name
        if name in closed:
            assert put(client, journey, name, "").status_code == status, name
    page = client.get(LIST).content.decode()
    assert ("/cells/owner/" in page) == (seen and "owner" not in closed)
    assert "/cells/amount/" not in page or "amount" not in closed


def test_a_journey_out_of_sight_and_a_merged_one_are_not_changed(client: Client, journey: Journey) -> None:
    client.force_login(people(Role.SALESPERSON, "sal", team=team("North")))
    assert put(client, journey, "name", "X").status_code == 404
    client.force_login(people(Role.MANAGER, "max"))
    assert put(client, journey_at(Stage.MERGED), "name", "X").status_code == 403
    assert client.get(url(journey, "stage")).status_code == 404
    assert put(client, lead(), "company_name", "X").status_code == 403  # there is no company to rename


def test_without_a_script_the_value_has_a_page_of_its_own(
    client: Client, max_: User, journey: Journey
) -> None:
    page = client.get(url(journey, "amount"), {"next": f"{LIST}?source=web"})
    assert "<!doctype html>" in page.content.decode().lower()
    mark = editing.mark_of(fresh(journey), "amount")
    data = {"amount": "-5", "was": mark, "next": f"{LIST}?source=web"}
    assert client.post(url(journey, "amount"), data).status_code == 422
    answer = client.post(url(journey, "amount"), data | {"amount": "5"})
    assert (answer.status_code, answer.url) == (303, f"{LIST}?source=web")
    assert "Undo" in client.get(answer.url).content.decode()
    stale = client.post(url(journey, "amount"), data | {"amount": "7"})
    assert stale.status_code == 409
    assert "Nothing was saved: somebody changed this meanwhile." in stale.content.decode()


def test_a_journey_given_to_others_is_answered_though_it_is_out_of_sight_now(client: Client) -> None:
    sal = people(Role.SALESPERSON, "sal", team=team("North"))
    people(Role.SALESPERSON, "zoe", team=team("South"))
    mine = lead(owner=sal)
    client.force_login(sal)
    answer = put(client, mine, "owner", "zoe")
    assert answer.status_code == 200
    assert not Journey.objects.visible_to(sal).filter(pk=mine.pk).exists()
