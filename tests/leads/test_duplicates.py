"""Records that may be one: found over the whole stock, with how sure it is, merged by one click or told apart."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.models import Company, Contact
from funnel.stages import Role
from leads import pairing
from leads.models import ContactPair, Uncompared
from tests.factories import lead, people, team, token

pytestmark = pytest.mark.django_db
PAIRS = reverse("leads:pair-list")


@pytest.fixture
def manager(client: Client) -> Any:
    client.force_login(user := people(Role.MANAGER))
    return user


def two() -> tuple[Contact, Contact]:
    company = Company.objects.create(name="Авангард")
    one = Contact.objects.create(name="Иван Петров", email="petrov@avangard.example", company=company)
    other = Contact.objects.create(
        name="Ivan Petrov", phone="+49301112223", company=Company.objects.create(name="Avangard GmbH")
    )
    return one, other


def shown(client: Client, **query: str) -> list[tuple[int, int]]:
    page = client.get(PAIRS, query).context["page"]
    return [(pair.first_id, pair.second_id) for pair in page.rows]


def test_a_pair_in_two_scripts_is_suggested_with_how_sure_it_is_and_why(client, manager) -> None:
    one, other = two()
    Contact.objects.create(name="Somebody Else", company=one.company)
    assert shown(client) == [(one.pk, other.pk)]
    text = client.get(PAIRS).content.decode()
    assert "Probably the same" in text
    assert "Same name, spelt differently" in text
    assert "Same company" in text
    assert shown(client, kind="company") == [(one.company_id, other.company_id)]


def test_one_click_merges_and_one_undoes_it(client, manager) -> None:
    one, other = two()
    shown(client)
    pair = ContactPair.objects.get()
    url = reverse("leads:pair-merge", args=["contact", pair.pk])
    page = client.post(url, {"survivor": other.pk}, follow=True).content.decode()
    assert "is merged into" in page
    one.refresh_from_db()
    other.refresh_from_db()
    assert one.merged_into == other
    assert other.email == "petrov@avangard.example"
    assert shown(client) == []
    client.post(reverse("funnel:contact-unmerge", args=[one.pk]))
    assert shown(client) == [(one.pk, other.pk)]
    url = reverse("leads:pair-merge", args=["contact", ContactPair.objects.get().pk])
    assert client.post(url, {"survivor": "999"}).status_code == 404
    assert client.post(url, {"survivor": "x"}).status_code == 404
    assert client.post(url).status_code == 404
    assert not Contact.objects.exclude(merged_into=None).exists()  # nothing is guessed


def test_not_the_same_is_remembered_and_may_be_taken_back(client, manager) -> None:
    one, other = two()
    shown(client)
    pair = ContactPair.objects.get()
    client.post(reverse("leads:pair-apart", args=["contact", pair.pk]))
    assert shown(client) == []
    one.phone = "+49301112223"  # more sure than before, but told apart all the same
    one.save()
    assert shown(client) == []
    assert client.get(reverse("funnel:contact-alike", args=[one.pk])).context["alike"] == []
    pair.refresh_from_db()
    assert pair.apart_by == manager
    client.post(reverse("leads:pair-back", args=["contact", pair.pk]))
    assert shown(client) == [(one.pk, other.pk)]


def test_pairs_follow_changes_merges_and_erasure(client, manager) -> None:
    _one, other = two()
    assert len(shown(client)) == 1
    Contact.objects.filter(pk=other.pk).update(name="Olga Weber")
    assert shown(client) == []
    Contact.objects.filter(pk=other.pk).update(name="Petrov, Iwan")
    assert len(shown(client)) == 1
    Contact.objects.filter(pk=other.pk).update(name="", email="", phone="", erased_at="2026-01-01T00:00Z")
    assert shown(client) == []


def test_a_placeholder_phone_suggests_nobody(client, manager) -> None:
    for name in ("Anna Ray", "Boris Vale"):
        Contact.objects.create(name=name, phone="+1 000 000 0000")
    assert shown(client) == []


def test_the_list_is_paged_by_place_and_asks_a_fixed_number_of_queries(client, manager) -> None:
    def queries(**query: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(PAIRS, query)
        return len(asked)

    def twins(count: int, start: int) -> None:
        for number in range(start, start + count):
            word = "".join(
                ("bor", "vel", "tam", "gus", "nik", "dar", "lop", "zem", "fir", "kun")[int(d)]
                for d in f"{number:03}"
            )
            for local in ("x", "y"):
                Contact.objects.create(
                    name=f"{word.title()} {word[::-1].title()}",
                    email=f"{local}@{word}{local}.example",
                    phone=f"+4930111{number:04}",
                )

    twins(2, 0)
    shown(client)
    twins(2, 2)
    few = queries()
    twins(56, 10)
    pairing.work_off()
    twins(2, 80)
    assert queries() == few
    page = client.get(PAIRS)
    first = shown(client)
    older = dict(part.split("=") for part in page.context["page"].older.lstrip("?").split("&"))
    second = shown(client, **{name: value.replace("%7E", "~") for name, value in older.items()})
    assert len(first) == 50
    assert len(second) == 12
    assert not {*first} & {*second}


def test_only_who_merges_sees_pairs_and_only_of_records_they_see(client) -> None:
    client.force_login(people(Role.SALESPERSON))
    assert client.get(PAIRS).status_code == 403
    one = lead(
        name="Ivan Petrov", phone="+49301112223", owner=people(Role.FIRST_TOUCH, "far", team=team("South"))
    )
    lead(name="Иван Петров", email="ivan@client.example")
    client.force_login(people(Role.FIRST_TOUCH, "near", team=team("North")))
    assert shown(client) == []
    pair = ContactPair.objects.get()
    assert one.contact_id in (pair.first_id, pair.second_id)
    assert client.post(reverse("leads:pair-merge", args=["contact", pair.pk])).status_code == 404
    client.force_login(people(Role.MARKETER))
    assert len(shown(client)) == 1


def test_pairs_are_listed_merged_and_told_apart_over_rest(client) -> None:
    one, other = two()
    headers = token(people(Role.MARKETER), "read", "write")
    [pair] = client.get("/api/v1/contact-pairs/", headers=headers).json()["results"]
    assert (pair["first"], pair["second"]) == (
        {"id": one.pk, "name": "Иван Петров"},
        {"id": other.pk, "name": "Ivan Petrov"},
    )
    assert pair["why"] == ["name_spelt", "company"]
    assert pair["reasons"] == ["Same name, spelt differently", "Same company"]
    assert (pair["level"], 60 <= pair["sure"] < 90) == ("probable", True)
    assert client.get("/api/v1/contact-pairs/?sure=99", headers=headers).json()["results"] == []
    url = f"/api/v1/contact-pairs/{pair['id']}"
    refused = client.post(f"{url}/merge/", {"survivor": 1}, headers=headers, content_type="application/json")
    assert refused.status_code == 400
    assert client.post(f"{url}/apart/", headers=headers, content_type="application/json").status_code == 204
    assert client.post(f"{url}/merge/", headers=headers, content_type="application/json").status_code == 404
    pairing.put_back(pair=ContactPair.objects.get())
    answer = client.post(f"{url}/merge/", headers=headers, content_type="application/json")
    assert answer.json() == {"id": one.pk, "name": "Иван Петров"}
    [firms] = client.get("/api/v1/company-pairs/", headers=headers).json()["results"]
    assert firms["reasons"] == ["Same name, spelt differently"]
    sales = token(people(Role.SALESPERSON), "read", "write")
    assert client.get("/api/v1/contact-pairs/", headers=sales).status_code == 403


def test_a_capture_says_how_sure_it_is_that_the_application_was_made_before(client) -> None:
    headers = token(people(Role.MARKETER), "read", "write")
    first = lead(name="Иван Петров", email="ivan@first.example", phone="+49301112223", company="Авангард")
    body = {"name": "Ivan Petrov", "email": "petrov@second.example", "company": "Avangard", "source": "web"}
    answer = client.post("/api/v1/leads/", body, headers=headers, content_type="application/json").json()
    [found] = answer["duplicates"]
    assert found["journey"] == first.pk
    assert found["why"] == ["similar"]
    assert found["level"] in {"probable", "possible"}
    assert found["sure"] > 50


def test_the_clock_works_off_what_waits() -> None:
    two()
    pairing.work_off()
    assert ContactPair.objects.count() == 1
    assert not Uncompared.objects.exists()
