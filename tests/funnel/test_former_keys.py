"""What a merge puts out of sight still leads to the record that stays: e-mails, phones and names, searched or captured."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.merging import merge, unmerge
from funnel.models import Company, Contact, FormerCompany, FormerContact, Journey
from funnel.stages import Role
from tests.factories import lead, people, run, token
from tests.leads.test_capture import captured

pytestmark = pytest.mark.django_db
OLD, NEW = "+493012345", "+493054321"


def joined(survivor: Any, loser: Any, **keep: str) -> None:
    merge(survivor=survivor, loser=loser, actor=people(Role.MANAGER), at=timezone.now(), keep=keep)


def anna_and_her_double(**keep: str) -> tuple[Contact, Contact]:
    """Return two cards of one person, merged; `keep` says of which a field is kept."""
    one = lead(name="Anna Meier", email="anna@old.example", phone=OLD).contact
    other = lead(name="Анна Рэй", email="ray@new.example", phone=NEW).contact
    joined(one, other, **keep)
    one.refresh_from_db()
    return one, other


WAYS = [{}, {"name": "loser", "email": "loser", "phone": "loser"}]
KEYS = ["anna@old.example", "ray@new.example", OLD, NEW, "030 54321", "Anna Meier", "Анна Рэй", "Anna Rei"]


@pytest.mark.parametrize("keep", WAYS)
@pytest.mark.parametrize("words", KEYS)
def test_a_search_for_any_of_the_keys_finds_the_one_that_stays(words: str, keep: dict[str, str]) -> None:
    one, _other = anna_and_her_double(**keep)
    assert list(Contact.objects.standing().search(words)) == [one]
    assert set(Journey.objects.search(words)) == set(one.journeys.all())


@pytest.mark.parametrize("keep", WAYS)
def test_an_application_with_any_of_the_keys_is_that_of_the_one_that_stays(keep: dict[str, str]) -> None:
    one, _other = anna_and_her_double(**keep)
    for given in (
        {"email": "anna@old.example", "name": "Somebody"},
        {"email": "RAY@new.example"},
        {"phone": OLD, "name": "Anna Meier"},
        {"phone": NEW, "name": "Anna Meier"},
        {"phone": NEW, "name": "Анна Рэй"},
        {"phone": OLD, "name": "Anna Rei"},
    ):
        assert captured(**given).journey.contact == one, given
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("keep", WAYS)
def test_the_page_of_the_one_that_stays_lists_them_and_rest_finds_it_by_them(
    client: Client, keep: dict[str, str]
) -> None:
    one, _other = anna_and_her_double(**keep)
    client.force_login(people(Role.MANAGER, "m"))
    page = client.get(reverse("funnel:contact", args=[one.pk])).content.decode()
    for key in ("anna@old.example", "ray@new.example", OLD, NEW, "Anna Meier", "Анна Рэй"):
        assert key in page
    assert "Applications and searches with these find this record." in page
    api = Client(headers=token(people(Role.MANAGER, "api"), "read"))
    for query in (
        {"email": "anna@old.example"},
        {"email": "ray@new.example"},
        {"phone": OLD},
        {"phone": "030 54321"},
    ):
        if query.get("phone") == "030 54321":
            query = {"phone": "+49 30 54321"}
        rows = api.get("/api/v1/contacts/", query).json()["results"]
        assert [row["id"] for row in rows] == [one.pk], query


def test_the_keys_follow_when_the_one_that_stayed_is_merged_on_and_come_back() -> None:
    one, _other = anna_and_her_double(email="loser", name="loser", phone="loser")
    third = lead(name="A. Third", email="third@acme.example").contact
    joined(third, one)
    assert captured(email="anna@old.example").journey.contact == third
    assert captured(email="ray@new.example").journey.contact == third
    assert list(Contact.objects.standing().search("Anna Meier")) == [third]
    Contact.objects.filter(pk=third.pk).update(name="A. Third")
    unmerge(loser=Contact.objects.get(pk=one.pk), actor=people(Role.MANAGER), at=timezone.now())
    assert captured(email="anna@old.example").journey.contact == one
    assert list(Contact.objects.standing().search("Anna Meier")) == [one]


def test_a_merge_taken_back_leaves_no_former_keys() -> None:
    one, other = anna_and_her_double(email="loser")
    assert FormerContact.objects.count() == 1
    unmerge(loser=Contact.objects.get(pk=other.pk), actor=people(Role.MANAGER), at=timezone.now())
    assert not FormerContact.objects.exists()
    assert captured(email="ray@new.example").journey.contact == other
    assert captured(email="anna@old.example").journey.contact == one


def test_an_erasure_removes_them() -> None:
    one, _other = anna_and_her_double(email="loser", name="loser")
    run(one.journeys.order_by("pk")[0], "personal_data_erased", {"sure": True})
    assert not FormerContact.objects.exists()
    assert captured(email="anna@old.example").journey.contact != one


@pytest.mark.parametrize("keep", [{}, {"name": "loser", "domain": "loser"}])
def test_a_company_is_found_by_the_name_and_domain_that_it_had(client: Client, keep: dict[str, str]) -> None:
    one = lead(email="ada@nordwind.example", company="Nordwind GmbH").company
    other = lead(email="bob@suedwind.example", company="Südwind AG").company
    assert one and other
    joined(one, other, **keep)
    one.refresh_from_db()
    for words in ("Nordwind", "Sudwind", "nordwind.example", "suedwind.example"):
        assert list(Company.objects.standing().search(words)) == [one], words
        assert set(Journey.objects.search(words)) == set(Journey.objects.filter(company=one)), words
    assert captured(email="x@gmail.com", company="Nordwind Ltd").journey.company == one
    assert captured(email="y@gmail.com", company="südwind").journey.company == one
    assert captured(email="z@nordwind.example").journey.company == one
    client.force_login(people(Role.MANAGER, "m"))
    page = client.get(reverse("funnel:company", args=[one.pk])).content.decode()
    assert "Nordwind GmbH" in page
    assert "Südwind AG" in page
    assert FormerCompany.objects.count() == len(keep) // 2


def test_former_keys_are_looked_up_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for condition, index in (
            ("lower(email) = 'a'", "former_contact_email"),
            ("phone = 'a'", "former_contact_phone"),
        ):
            cursor.execute(f"EXPLAIN SELECT 1 FROM funnel_formercontact WHERE {condition}")
            assert index in str(cursor.fetchall())
        cursor.execute("EXPLAIN SELECT 1 FROM funnel_formercompany WHERE leads_company_key(name) = 'a'")
        assert "leads_former_company_by_key" in str(cursor.fetchall())
    with CaptureQueriesContext(connection) as asked:
        list(Contact.objects.filter(pk__in=Contact.objects.reached_by("email", "a@b.example").values("pk")))
    assert len(asked) == 1
