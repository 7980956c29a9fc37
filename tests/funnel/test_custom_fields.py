"""Custom fields: defined in the settings, shown, edited, listed and filtered by, each value checked by its type."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from funnel.models import Contact, CustomField, FieldChange, Journey, SettingChange
from funnel.parties import edit_fields, journey_mark
from funnel.stages import Role
from tests.factories import lead, people, token

pytestmark = pytest.mark.django_db
T = CustomField.Type
LIST = reverse("funnel:custom-field-list")
NEW = reverse("funnel:custom-field-new")


@pytest.fixture
def admin(client: Client):
    user = people(Role.ADMINISTRATOR)
    client.force_login(user)
    return user


def field(on: str, key: str, kind: str = T.TEXT, **more: object) -> CustomField:
    return CustomField.objects.create(on=on, key=key, label=key.title(), type=kind, **more)


def test_an_administrator_makes_a_field_and_the_change_is_kept(client, admin) -> None:
    given = {"on": "contact", "label": "Tier of care", "type": "choice", "choices": "Gold\n Silver \nGold"}
    assert client.post(NEW, given | {"position": "10"}).status_code == 303
    made = CustomField.objects.get()
    assert (made.key, made.choices, made.active) == ("tier_of_care", ["Gold", "Silver"], True)
    assert "Tier of care" in client.get(LIST).content.decode()
    page = reverse("funnel:custom-field", args=[made.pk])
    changed = {
        "label": "Tier",
        "choices": "Gold",
        "position": "5",
        "listed": "on",
        "type": "text",
        "key": "x",
    }
    assert client.post(page, changed).status_code == 303  # out of use: `active` was not ticked
    made.refresh_from_db()
    assert (made.label, made.key, made.type, made.active) == ("Tier", "tier_of_care", "choice", False)
    assert SettingChange.objects.filter(subject="custom-fields").count() == 2


@pytest.mark.parametrize(
    "given",
    [
        {"key": "Big Key"},
        {"key": "1st"},
        {"type": "choice", "choices": " \n "},
        {"type": "colour"},
        {"on": "planet"},
        {"label": ""},
        {"position": "-1"},
        {"type": "choice", "choices": "x" * 101},
    ],
)
def test_a_faulty_definition_is_refused(client, admin, given) -> None:
    fine = {"on": "contact", "label": "Size", "type": "number", "position": "1"}
    assert client.post(NEW, fine | given).status_code == 422
    assert not CustomField.objects.exists()


def test_a_label_without_latin_letters_gets_a_key_all_the_same(client, admin) -> None:
    given = {"on": "contact", "label": "Отрасль", "type": "text", "position": "1"}
    assert client.post(NEW, given).status_code == 303
    assert CustomField.objects.get().key == "field_1"


def test_a_key_is_used_once_for_each_kind_of_record(client, admin) -> None:
    field("contact", "size")
    fine = {"label": "Size", "type": "number", "position": "1"}
    assert client.post(NEW, fine | {"on": "contact"}).status_code == 422
    assert client.post(NEW, fine | {"on": "company"}).status_code == 303


def test_only_administrators_define_fields(client) -> None:
    client.force_login(people(Role.MANAGER))
    assert client.get(LIST).status_code == 403
    assert client.post(NEW, {}).status_code == 403
    api = Client(headers=token(people(Role.MANAGER)))
    body = json.dumps({"on": "contact", "key": "size", "label": "Size"})
    assert api.post("/api/v1/custom-fields/", body, content_type="application/json").status_code == 403
    assert api.get("/api/v1/custom-fields/").status_code == 200


def test_programs_define_fields_and_never_change_what_values_rest_on(admin) -> None:
    api = Client(headers=token(admin))

    def send(method: str, path: str, body: dict[str, object]) -> int:
        call = getattr(api, method)
        address = f"/api/v1/custom-fields/{path}"
        return call(address, json.dumps(body), content_type="application/json").status_code

    tier = {"on": "company", "key": "tier", "label": "Tier", "type": "choice", "choices": ["Gold"]}
    assert send("post", "", tier) == 201
    assert send("post", "", tier) == 400
    assert send("post", "", tier | {"key": "Upper"}) == 400
    assert send("post", "", tier | {"key": "other", "choices": []}) == 400
    pk = CustomField.objects.get().pk
    assert send("patch", f"{pk}/", {"type": "text"}) == 400
    assert send("patch", f"{pk}/", {"label": "Class", "choices": ["Gold", "Silver"]}) == 200


def test_values_are_edited_shown_listed_and_filtered_by(client, admin) -> None:
    field("contact", "tier", T.CHOICE, choices=["Gold", "Silver"], listed=True)
    field("contact", "vip", T.BOOLEAN)
    field("contact", "size", T.NUMBER, listed=True)
    one, other = lead(name="Ada").contact, lead(name="Bo").contact
    page = reverse("funnel:contact-edit", args=[one.pk])
    given = {"name": "Ada", "email": one.email, "custom.tier": "Gold", "custom.vip": "true"}
    assert client.post(page, given | {"custom.size": "1250.50"}).status_code == 303
    assert Contact.objects.get(pk=one.pk).custom == {"tier": "Gold", "vip": True, "size": "1250.5"}
    assert set(FieldChange.objects.values_list("field", flat=True)) == {
        "custom.tier",
        "custom.vip",
        "custom.size",
    }
    shown = client.get(reverse("funnel:contact", args=[one.pk])).content.decode()
    assert "1,250.5" in shown
    assert "Yes" in shown
    lists = reverse("funnel:contact-list")
    listed = client.get(lists)
    assert [row["own"] for row in listed.context["rows"]] == [
        [("", False), ("", True)],
        [("Gold", False), ("1,250.5", True)],
    ]
    for query, found in (
        ({"f_tier": "Gold"}, [one.pk]),
        ({"f_tier": "Silver"}, []),
        ({"f_vip": "true"}, [one.pk]),
        ({"f_vip": "maybe"}, [other.pk, one.pk]),
    ):
        rows = client.get(lists, query).context["rows"]
        assert [row["party"].pk for row in rows] == found, query
    assert client.post(page, given | {"custom.size": "many"}).status_code == 422
    assert client.post(page, given | {"custom.tier": "Lead"}).status_code == 422


def test_a_choice_no_longer_offered_stays_where_it_was_made(client, admin) -> None:
    tier = field("contact", "tier", T.CHOICE, choices=["Gold", "Silver"])
    one = lead(name="Ada").contact
    Contact.objects.filter(pk=one.pk).update(custom={"tier": "Gold"})
    CustomField.objects.filter(pk=tier.pk).update(choices=["Silver"])
    page = reverse("funnel:contact-edit", args=[one.pk])
    given = {"name": "Ada V.", "email": one.email, "custom.tier": "Gold"}
    assert client.post(page, given).status_code == 303
    assert Contact.objects.get(pk=one.pk).custom == {"tier": "Gold"}


def test_a_journey_has_fields_of_its_own(client, admin) -> None:
    journey = lead()
    page = reverse("funnel:journey", args=[journey.pk])
    edit = reverse("funnel:journey-fields", args=[journey.pk])
    assert edit not in client.get(page).content.decode()
    field("journey", "deadline", T.DATE)
    assert edit in client.get(page).content.decode()
    assert client.post(edit, {"deadline": "2026-12-24"}).status_code == 303
    assert Journey.objects.get(pk=journey.pk).custom == {"deadline": "2026-12-24"}
    assert "24 December 2026" in client.get(page).content.decode()
    assert client.post(edit, {"deadline": "soon"}).status_code == 422
    assert client.post(edit, {"deadline": ""}).status_code == 303
    assert Journey.objects.get(pk=journey.pk).custom == {}


def test_a_stale_save_of_a_journeys_fields_shows_both_versions(client, admin) -> None:
    field("journey", "deadline", T.DATE)
    journey = lead()
    mark = journey_mark(journey)
    edit_fields(journey=journey, actor=people(Role.MANAGER), values={"deadline": "2026-12-24"})
    edit = reverse("funnel:journey-fields", args=[journey.pk])
    answer = client.post(edit, {"deadline": "2027-01-31", "mark": mark})
    assert answer.status_code == 409
    assert answer.context["stale"] == [("Deadline", "31 January 2027", "24 December 2026")]
    assert Journey.objects.get(pk=journey.pk).custom == {"deadline": "2026-12-24"}


def test_programs_read_and_write_a_journeys_fields(admin) -> None:
    field("journey", "deadline", T.DATE)
    journey = lead()
    api = Client(headers=token(admin))
    address = f"/api/v1/journeys/{journey.pk}/"
    body = json.dumps({"custom": {"deadline": "2026-12-24"}})
    assert api.patch(address, body, content_type="application/json").json()["custom"] == {
        "deadline": "2026-12-24"
    }
    assert FieldChange.objects.get().field == "custom.deadline"
    body = json.dumps({"custom": {"deadline": 5}})
    assert api.patch(address, body, content_type="application/json").status_code == 400
    assert api.get(address).json()["custom"] == {"deadline": "2026-12-24"}
