"""People and companies over REST: reading, changing side by side, duplicates, merging and back, custom fields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from funnel.models import Company, Contact, CustomField, FieldChange
from funnel.stages import Role
from tests.factories import lead, people, token

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/contacts/"


class Api:
    """A program of a role."""

    def __init__(self, role: str = Role.MANAGER, *scopes: str) -> None:
        self.client = Client(headers=token(people(role), *scopes))

    def get(self, path: str = "", **query: Any) -> Any:
        return self.client.get(f"{ROOT}{path}", query)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        call = getattr(self.client, method)
        return call(f"{ROOT}{path}", json.dumps(body or {}), content_type="application/json")


def fields() -> None:
    T = CustomField.Type
    for key, kind, choices in (
        ("size", T.NUMBER, []),
        ("tier", T.CHOICE, ["Gold", "Silver"]),
        ("since", T.DATE, []),
        ("vip", T.BOOLEAN, []),
        ("about", T.TEXT, []),
    ):
        CustomField.objects.create(on="contact", key=key, label=key.title(), type=kind, choices=choices)


def test_what_is_changed_is_normalised_kept_and_told_of() -> None:
    contact = lead(name="Ada").contact
    api = Api()
    answer = api.send("patch", f"{contact.pk}/", {"name": "Ada Vale", "phone": "+49 (30) 901-820"})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["phone"]) == ("Ada Vale", "+4930901820")
    rows = api.get(f"{contact.pk}/changes/").json()["results"]
    assert {(row["field"], row["old"], row["new"]) for row in rows} == {
        ("name", "Ada", "Ada Vale"),
        ("phone", "", "+4930901820"),
    }


def test_a_person_keeps_a_name_an_e_mail_or_a_phone() -> None:
    contact, api = lead(name="Ada").contact, Api()
    left = {"name": "\u200b", "phone": "", "email": "ada@acme.example"}
    assert api.send("patch", f"{contact.pk}/", left).status_code == 200
    assert api.send("patch", f"{contact.pk}/", {"email": ""}).status_code == 400
    assert api.send("patch", f"{contact.pk}/", {"region": "Berlin"}).status_code == 200
    contact.refresh_from_db()
    assert (contact.name, contact.email, contact.region) == ("", "ada@acme.example", "Berlin")


def test_a_stale_change_is_refused_by_its_mark() -> None:
    contact, api = lead(name="Ada").contact, Api()
    mark = api.get(f"{contact.pk}/").json()["mark"]
    assert api.send("patch", f"{contact.pk}/", {"name": "First", "mark": mark}).status_code == 200
    answer = api.send("patch", f"{contact.pk}/", {"name": "Second", "mark": mark})
    assert (answer.status_code, answer.json()["reason"]) == (409, "stale")
    assert Contact.objects.get(pk=contact.pk).name == "First"


@pytest.mark.parametrize(
    "body",
    [
        {"email": "nonsense"},
        {"phone": "call me"},
        {"company": 999999},
        {"name": "x" * 201},
        {"name": None},
        {"custom": []},
        {"custom": {"unknown": 1}},
        {"custom": {"size": "many"}},
        {"custom": {"size": "1e999999"}},
        {"custom": {"size": True}},
        {"custom": {"tier": "Lead"}},
        {"custom": {"since": "yesterday"}},
        {"custom": {"vip": "maybe"}},
        {"custom": {"about": {"deep": 1}}},
        {"custom": {"about": "x" * 501}},
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(body: Any) -> None:
    fields()
    contact = lead(name="Ada").contact
    answer = Api().send("patch", f"{contact.pk}/", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(next(iter(body)))
    assert not FieldChange.objects.exists()


def test_custom_fields_are_typed_changed_one_by_one_and_emptied() -> None:
    fields()
    contact, api = lead().contact, Api()
    given = {"size": 12.50, "tier": "Gold", "since": "2026-03-02", "vip": False, "about": " Met at a fair "}
    kept = {"size": "12.5", "tier": "Gold", "since": "2026-03-02", "vip": False, "about": "Met at a fair"}
    answer = api.send("patch", f"{contact.pk}/", {"custom": given})
    assert answer.json()["custom"] == kept
    answer = api.send("patch", f"{contact.pk}/", {"custom": {"tier": None, "size": 7}})
    assert answer.json()["custom"] == {k: v for k, v in kept.items() if k != "tier"} | {"size": "7"}


def test_a_merge_is_previewed_made_and_taken_back() -> None:
    one = lead(name="Ada Vale", email="ada@acme.example").contact
    other = lead(name="Ada Wale", email="ada@home.example").contact
    api = Api()
    assert api.get(f"{one.pk}/duplicates/").json() == [
        {
            "id": other.pk,
            "name": "Ada Wale",
            "why": ["Same name, spelt differently"],
            "against": ["Different e-mails"],
            "sure": 40,
            "level": "possible",
        }
    ]
    seen = api.get(f"{other.pk}/merge/", survivor=one.pk).json()
    assert (seen["journeys"], [c["field"] for c in seen["choices"]]) == (1, ["name", "email"])
    answer = api.send("post", f"{other.pk}/merge/", {"survivor": one.pk, "keep": {"name": "loser"}})
    assert (answer.status_code, answer.json()["name"]) == (200, "Ada Wale")
    assert [row["id"] for row in api.get().json()["results"]] == [one.pk]
    Contact.objects.filter(pk=other.pk).update(external_id="C-7")
    assert [row["id"] for row in api.get(external_id="C-7").json()["results"]] == [one.pk]
    assert api.get(f"{other.pk}/").json()["merged_into"] == one.pk
    assert api.send("post", f"{other.pk}/merge/", {"survivor": one.pk}).status_code == 409
    assert api.send("post", f"{other.pk}/unmerge/").json()["merged_into"] is None
    assert api.send("post", f"{other.pk}/unmerge/").status_code == 409


@pytest.mark.parametrize("body", [{}, {"survivor": "x"}, {"survivor": 10**30}, {"survivor": 999999}])
def test_merging_with_nobody_is_bad_input(body: Any) -> None:
    assert Api().send("post", f"{lead().contact_id}/merge/", body).status_code == 400


def test_roles_and_scopes_hold() -> None:
    one, other = lead(owner=people(Role.SALESPERSON)).contact, lead().contact
    sales = Api(Role.SALESPERSON)
    assert [row["id"] for row in sales.get().json()["results"]] == [one.pk]
    assert sales.get(f"{other.pk}/").status_code == 404
    assert sales.send("post", f"{one.pk}/merge/", {"survivor": other.pk}).status_code == 403
    assert Api(Role.MANAGER, "read").send("patch", f"{one.pk}/", {"name": "x"}).status_code == 403
    assert Api(Role.PARTNER).get().status_code == 403


def test_lists_find_by_words_address_and_company() -> None:
    one = lead(name="Priya Rossi", email="priya@evergreen.example", company="Evergreen").contact
    lead()
    api = Api()
    for query in (
        {"search": "ross"},
        {"email": "Priya@Evergreen.example"},
        {"company": Company.objects.get().pk},
    ):
        assert [row["id"] for row in api.get(**query).json()["results"]] == [one.pk], query
