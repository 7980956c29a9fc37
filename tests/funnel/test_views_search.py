"""The search palette: journeys that the person may see, and pages, as a fragment or as a page."""

import pytest
from django.db import connection
from django.urls import reverse

from funnel.stages import Role
from tests.factories import lead, people, team

pytestmark = pytest.mark.django_db
SEARCH = reverse("funnel:search")


def found(client, words: str, *, of: str = "") -> list[str]:
    groups = client.get(SEARCH, {"q": words}).context["groups"]
    return [item["label"] for group in groups if of in {"", group["label"]} for item in group["items"]]


def test_it_finds_journeys_and_pages(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Priya Rossi", company="Evergreen Travel", phone="+49301234567")
    assert found(client, "evergreen") == ["Evergreen Travel", "Priya Rossi", "Evergreen Travel"]
    assert found(client, "1234567") == ["Evergreen Travel", "Priya Rossi"]
    groups = client.get(SEARCH, {"q": "rossi"}).context["groups"]
    assert [str(group["label"]) for group in groups] == ["Journeys", "Contacts"]
    assert "Notifications" in found(client, "notif")
    assert found(client, "nothing is called this") == []


def test_it_finds_only_what_the_person_may_see(client) -> None:
    lead(name="Hidden", owner=people(Role.SALESPERSON, "zoe", team=team("South")))
    client.force_login(people(Role.SALESPERSON, "sal", team=team("North")))
    assert found(client, "hidden") == []


def test_the_palette_gets_a_fragment_and_a_browser_without_scripts_a_page(client) -> None:
    client.force_login(people(Role.MANAGER))
    fragment = client.get(SEARCH, {"q": "x"}, headers={"HX-Request": "true"}).content.decode()
    assert "<!doctype" not in fragment
    page = client.get(SEARCH, {"q": "<b>x"}).content.decode()
    assert "<!doctype" in page
    assert "&lt;b&gt;x" in page


@pytest.mark.parametrize("words", ["", "\x00", "%_\\", "я" * 500, "9" * 400])
def test_no_words_break_it(client, words) -> None:
    client.force_login(people(Role.MANAGER))
    lead()
    assert client.get(SEARCH, {"q": words}).status_code == 200


def test_each_word_is_found_by_its_beginning_in_any_order_and_script(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Ольга Петрова", email="olga@client.example", company="Вектор-Логистика")
    for words in ("петр оль", "ОЛЬГА", "вектор", "логист", "client", "olga@client.example", "olga@cli"):
        assert found(client, words, of="Journeys") == ["Вектор-Логистика"], words
        parties = {*found(client, words, of="Contacts"), *found(client, words, of="Companies")}
        assert parties <= {"Ольга Петрова", "Вектор-Логистика"}, words
        assert parties, words
    for words in ("етрова", "olga@other.example", "петрова вектор"):
        assert found(client, words) == [], words


def test_a_phone_is_found_by_its_end_in_any_notation(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Phone", phone="+49 30 1234567")
    for words in ("+49 (30) 123-45-67", "030 1234567", "34567", "0049301234567"):
        assert found(client, words) == ["Phone", "Phone"], words  # the journey, and the person
    assert found(client, "4567") == []


def test_a_number_with_its_mark_means_that_journey_alone(client) -> None:
    client.force_login(people(Role.MANAGER))
    one = lead(name="First")
    lead(name=f"Room {one.pk}")
    assert found(client, f"#{one.pk}") == ["First"]
    assert sorted(found(client, str(one.pk), of="Journeys")) == ["First", f"Room {one.pk}"]


def test_search_goes_by_its_indexes() -> None:
    from funnel.models import Journey

    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    plan = Journey.objects.search("anna 1234567").with_parties().explain()
    assert "contact_words" in plan
    assert "company_words" in plan
    assert "contact_phone_end" in plan
