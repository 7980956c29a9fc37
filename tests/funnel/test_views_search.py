"""The search palette: journeys that the person may see, and pages, as a fragment or as a page."""

import pytest
from django.urls import reverse

from funnel.stages import Role
from tests.factories import lead, people, team

pytestmark = pytest.mark.django_db
SEARCH = reverse("funnel:search")


def found(client, words: str) -> list[str]:
    groups = client.get(SEARCH, {"q": words}).context["groups"]
    return [item["label"] for group in groups for item in group["items"]]


def test_it_finds_journeys_and_pages(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Priya Rossi", company="Evergreen Travel", phone="+49301234567")
    assert found(client, "evergreen") == ["Evergreen Travel"]
    assert found(client, "1234567") == ["Evergreen Travel"]
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
