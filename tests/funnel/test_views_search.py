"""The search palette: journeys that the person may see, and pages, as a fragment or as a page."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.merging import merge
from funnel.models import Journey
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


@pytest.mark.parametrize(
    "words",
    [
        "+78125550100 ext. 12",
        "8 812 555-01-00 доб. 12",
        "tel:+7-812-555-01-00;ext=12",
        "5550100 x12",
        "tel:+78125550100",
        "5550100",
    ],
)
def test_a_phone_is_found_as_it_is_shown_and_linked(words: str) -> None:
    petr = lead(name="Petr", phone="+7 (812) 555-01-00 доб. 12")
    lead(name="Olga", phone="+7 (812) 555-01-01 доб. 12")
    assert list(Journey.objects.search(words)) == [petr]


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
    for words in ("етрова", "olga@other.example", "петрова альфа"):
        assert found(client, words) == [], words


def test_a_phone_is_found_by_any_part_of_it_in_any_notation(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Phone", phone="+49 30 1234567")
    lead(name="Телефон", phone="+7 912 888-67-89")
    for words in (
        "+49 (30) 123-45-67",
        "030 1234567",
        "01234",
        "34567",
        "+49 30 12",
        "0049301234567",
        "phone 1234567",
    ):
        assert found(client, words) == ["Phone", "Phone"], words  # the journey, and the person
    for words in ("8 (912) 888-67-89", "89128886789", "912888"):
        assert found(client, words) == ["Телефон", "Телефон"], words
    for words in ("4567", "1234568", "телефон 1234567"):
        assert found(client, words) == [], words


def test_a_phone_in_digits_of_another_width_is_found(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Phone", phone="+49 30 1234567")
    assert found(client, "０３０ １２３４５６７") == ["Phone", "Phone"]


CASES = json.loads((Path(__file__).parent / "search_folding.json").read_text())


@pytest.mark.parametrize(("words", "name"), CASES["queries"].items())
def test_names_are_found_without_their_accents_in_every_door(client, words, name) -> None:
    client.force_login(people(Role.MANAGER))
    for person in CASES["people"]:
        lead(name=person)
    everywhere(client, words, [name])


def everywhere(client, words: str, names: list[str]) -> None:
    """Assert which people, and their journeys, every search finds."""
    assert sorted(found(client, words, of="Journeys")) == sorted(names), words
    assert sorted(found(client, words, of="Contacts")) == sorted(names), words
    for page in ("funnel:contact-list", "funnel:journey-list"):
        text = client.get(reverse(page), {"q": words}).content.decode()
        assert [name for name in names if f">{name}<" not in text.replace("\n", "")] == [], (page, words)
    rows = client.get("/api/v1/contacts/", {"search": words}).json()["results"]
    assert sorted(row["name"] for row in rows) == sorted(names), words
    rows = client.get("/api/v1/journeys/", {"search": words}).json()["results"]
    assert len(rows) == len(names), words


@pytest.mark.parametrize(
    ("name", "company", "asked"),
    [
        ("Иван Петров", "Авангард", "Ivan Petrov, Avangard"),
        ("Ivan Petrov", "Avangard", "Иван Петров, Авангард"),
        ("Щербакова Юлия", "", "Julia Scherbakowa"),
        ("Yuliya Shcherbakova", "", "юлия щербакова"),
        ("Müller", "", "Мюллер"),
        ("Мюллер", "", "mueller"),
        ("Соловьёв", "", "Solovyov"),
        ("Solovyev", "", "соловьев"),
        ("İlker Yıldız", "", "ilker yildiz"),
        ("Ilker Yildiz", "", "İLKER YILDIZ"),
        ("O’Neil", "", "oneil"),
        ("ONeil", "", "o'neil"),
        ("Łukasz Groß", "", "LUKASZ GROSS"),
    ],
)
def test_both_scripts_and_every_spelling_meet(client, name, company, asked) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name=name, company=company)
    lead(name="Somebody Else", company="Elsewhere")
    assert found(client, asked, of="Contacts") == [name]
    assert found(client, asked, of="Journeys") == [company or name]


@pytest.mark.parametrize(
    "words",
    ["Petrvo", "Petov", "Pettrof", "Petrob", "Ivna Petrov", "Ivan Petrvo, Avangrad", "петорв", "авнгард"],
)
def test_a_small_typing_error_is_forgiven(client, words) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Иван Петров", company="Авангард")
    lead(name="Peter Paul", company="Advance")
    assert found(client, words, of="Journeys") == ["Авангард"], words


def test_a_typing_error_is_looked_for_only_where_nothing_is_called_so(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Marta Meier")
    lead(name="Maria Meier")
    assert found(client, "marta meier", of="Contacts") == ["Marta Meier"]


def test_a_short_name_does_not_find_every_longer_one(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Anna")
    lead(name="Anatoly")
    lead(name="Анна")
    assert sorted(found(client, "Anna", of="Contacts")) == ["Anna", "Анна"]


def test_journeys_are_found_by_the_words_of_the_message_but_by_partners_not(client) -> None:
    journey = lead(name="Said", message="Нам нужен холодный склад\nnear Zürich, 1500 m².")
    lead(name="Other", message="Something else")
    client.force_login(people(Role.MANAGER))
    for words in ("холодный склад", "zurich", "holodny", "1500"):
        assert found(client, words, of="Journeys") == ["Said"], words
        rows = client.get("/api/v1/journeys/", {"search": words}).json()["results"]
        assert [row["id"] for row in rows] == [journey.pk], words
        assert ">Said<" in client.get(reverse("funnel:journey-list"), {"q": words}).content.decode()
    assert found(client, "zürich warehouse", of="Journeys") == []
    partner = people(Role.PARTNER)
    seen = Journey.objects.filter(pk=journey.pk)
    assert list(seen.search("zurich", reader=partner)) == []
    assert list(seen.search("zurich")) == []
    assert list(seen.search("zurich", reader=people(Role.MANAGER))) == [journey]


def test_who_was_merged_away_leads_to_the_survivor(client) -> None:
    manager = people(Role.MANAGER)
    client.force_login(manager)
    gone, kept = lead(name="Mira Vogt", phone="+493055512345").contact, lead(name="M. V.").contact
    merge(survivor=kept, loser=gone, actor=manager, at=timezone.now(), keep={"name": "survivor"})
    for words in ("mira", "мира вогт", "55512345"):
        assert found(client, words, of="Contacts") == ["M. V."], words
        assert sorted(found(client, words, of="Journeys")) == ["M. V.", "M. V."], words


def test_a_message_of_any_size_is_taken_in() -> None:
    lead(name="Long", message="x" * 300_000 + " " + "слово-слово " * 50_000)


def test_the_palette_asks_a_fixed_number_of_queries(client) -> None:
    client.force_login(people(Role.MANAGER))
    lead(name="Warm")
    found(client, "warm")

    def queries(words: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(SEARCH, {"q": words})
        return len(asked)

    few = queries("иван")
    for number in range(3):
        lead(name=f"Иван {number}", company=f"Авангард {number}", message="ivan")
    assert {queries(words) for words in ("иван", "Ivan Avangard 030 12345 x", "ivna")} == {few}


def test_a_number_with_its_mark_means_that_journey_alone(client) -> None:
    client.force_login(people(Role.MANAGER))
    one = lead(name="First")
    lead(name=f"Room {one.pk}")
    assert found(client, f"#{one.pk}") == ["First"]
    assert sorted(found(client, str(one.pk), of="Journeys")) == ["First", f"Room {one.pk}"]


def test_search_goes_by_its_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    plan = Journey.objects.search("anna 1234567", reader=people()).with_parties().explain()
    assert "Seq Scan on funnel_contact" not in plan
    assert "contact_terms" in plan
    assert "company_terms" in plan
    assert "application_terms" in plan
