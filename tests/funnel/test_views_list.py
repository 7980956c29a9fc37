"""The list of journeys: what the address says it shows, in a fixed number of queries, and acts on many rows."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.models import Event, Journey
from funnel.stages import Role, Stage
from tests.factories import START, journey_at, later, lead, organisation, people, run, team

pytestmark = pytest.mark.django_db
LIST = reverse("funnel:journey-list")


@pytest.fixture
def marketer(client: Client):
    user = people(Role.MARKETER, "mia")
    client.force_login(user)
    return user


def shown(client: Client, **filters: str) -> list[int]:
    answer = client.get(LIST, filters)
    assert answer.status_code == 200
    return [row.journey.pk for row in answer.context["rows"]]


def test_the_list_takes_the_same_few_queries_for_one_three_and_a_hundred_rows(client, marketer) -> None:
    counts = []
    made = 0
    for wanted in (1, 3, 100):
        for _number in range(wanted - made):
            lead(owner=people(Role.FIRST_TOUCH, f"owner{_number % 7}"))
        made = wanted
        client.get(LIST)  # what is read once a process is read now
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2] <= 10, counts


def test_newest_come_first_and_pages_follow_without_gap_or_repetition(client, marketer) -> None:
    made = [
        lead(at=later(minutes=number // 3)).pk for number in range(120)
    ]  # three arrive at the same minute
    newest_first = sorted(made, key=lambda pk: (-((made.index(pk)) // 3), -pk))
    seen: list[int] = []
    address = LIST
    pages = 0
    while address:
        answer = client.get(address)
        seen += [row.journey.pk for row in answer.context["rows"]]
        older = answer.context["page"].older
        address = LIST + older if older else ""
        pages += 1
    assert seen == newest_first
    assert pages == 3


def test_the_page_before_is_the_one_we_came_from(client, marketer) -> None:
    for number in range(60):
        lead(at=later(minutes=number))
    first = client.get(LIST)
    second = client.get(LIST + first.context["page"].older)
    back = client.get(LIST + second.context["page"].newer)
    assert [r.journey.pk for r in back.context["rows"]] == [r.journey.pk for r in first.context["rows"]]
    assert not back.context["page"].newer
    assert not second.context["page"].older


@pytest.mark.parametrize(
    "place", ["nonsense", "2026-01-01T00:00:00~1", "~", "2026-01-01T00:00:00+00:00~99999999999999999999"]
)
def test_a_broken_place_leads_to_the_first_page(client, marketer, place) -> None:
    pk = lead().pk
    assert shown(client, after=place) == [pk]


def test_open_ones_are_shown_unless_the_address_says_otherwise(client, marketer) -> None:
    fresh, lost, spam = lead().pk, journey_at(Stage.LOST).pk, journey_at(Stage.SPAM).pk
    assert shown(client) == [fresh]
    assert shown(client, state="closed") == [lost]
    assert shown(client, state="void") == [spam]
    assert set(shown(client, state="all")) == {fresh, lost, spam}
    assert shown(client, stage="lost") == [lost]
    assert shown(client, stage="lost", state="open") == [lost]  # a stage says more than a state


def test_filters_by_half_owner_source_and_snooze(client, marketer) -> None:
    mine = lead(owner=marketer).pk
    other = lead(owner=people(Role.FIRST_TOUCH, "fred"), source="event").pk
    orphan = lead().pk
    assert set(shown(client, state="marketing")) == {mine, other, orphan}
    assert shown(client, state="sales") == []
    assert shown(client, owner="me") == [mine]
    assert shown(client, owner="fred") == [other]
    assert orphan in shown(client, owner="none")
    assert other not in shown(client, owner="none")
    assert shown(client, source="event") == [other]
    assert shown(client, snoozed="yes") == []
    run(Journey.objects.get(pk=mine), "snoozed", {"until": "2099-01-01T00:00:00+00:00"})
    assert shown(client, snoozed="yes") == [mine]
    assert mine not in shown(client, snoozed="no")


def test_search_finds_people_companies_addresses_phones_and_numbers(client, marketer) -> None:
    wanted = lead(
        name="Priya Rossi",
        email="priya@evergreen.example",
        phone="+49 30 1234567",
        company="Evergreen Travel",
    ).pk
    lead(name="Somebody Else", email="other@elsewhere.example")
    for words in (
        "priya",
        "ROSSI",
        "evergreen tra",
        "priya@evergreen.example",
        "030 1234567"[1:],
        "1234567",
        f"#{wanted}",
        str(wanted),
    ):
        assert wanted in shown(client, q=words), words
    assert shown(client, q="nobody of that name") == []


def test_an_unknown_filter_is_named_and_left_out(client, marketer) -> None:
    pk = lead().pk
    answer = client.get(LIST, {"stage": "nowhere", "owner": "ghost", "order": "sideways"})
    assert [row.journey.pk for row in answer.context["rows"]] == [pk]
    page = answer.content.decode()
    assert "“nowhere” is not known here" in page
    assert "“ghost” is not known here" in page


@pytest.mark.parametrize("words", ["\x00", "%", "'; drop table x", "х" * 300, "🦊"])
def test_no_search_breaks_the_page(client, marketer, words) -> None:
    assert client.get(LIST, {"q": words}).status_code == 200


def test_empty_lists_say_why(client, marketer) -> None:
    assert "No journeys yet" in client.get(LIST).content.decode()
    lead()
    answer = client.get(LIST, {"q": "zzzz"}).content.decode()
    assert "Nothing matches these filters" in answer
    assert 'href="?state=open"' in answer


def test_the_clock_shows_the_working_minutes_left_to_answer(client, marketer, monkeypatch) -> None:
    organisation(first_response_minutes=60, timezone="UTC")
    late = lead(at=START)  # months ago
    answer = client.get(LIST)
    assert [row.left < 0 for row in answer.context["rows"]] == [True]
    assert "over" in answer.content.decode()
    run(late, "respond")
    assert client.get(LIST).context["rows"][0].left is None


def test_the_chips_take_one_filter_away_each(client, marketer) -> None:
    lead(source="event")
    answer = client.get(LIST, {"source": "event", "q": "person"})
    addresses = {label: url for label, _words, url in answer.context["chips"]}
    assert addresses["Source"] == "?q=person"
    assert addresses["Find"] == "?source=event"


def test_a_salesperson_sees_neither_other_teams_nor_marketings_own(client) -> None:
    hers = people(Role.SALESPERSON, "sal", team=team("North"))
    colleague = people(Role.SALESPERSON, "sam", team=team("North"))
    stranger = people(Role.SALESPERSON, "zoe", team=team("South"))
    client.force_login(hers)
    own, teams = lead(owner=hers).pk, lead(owner=colleague).pk
    lead(owner=stranger), lead()
    assert set(shown(client)) == {own, teams}


def test_money_is_shown_to_those_who_may_see_it(client) -> None:
    journey = lead()
    Journey.objects.filter(pk=journey.pk).update(amount=33300)
    client.force_login(people(Role.MANAGER))
    assert "33,300" in client.get(LIST).content.decode()
    client.force_login(people(Role.MARKETER))
    assert "33,300" not in client.get(LIST).content.decode()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_list_is_drawn_in_each_language(client, marketer, language) -> None:
    lead()
    marketer.language = language
    marketer.save()
    answer = client.get(LIST)
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.content.decode()


# many rows at once ---------------------------------------------------------------------------------------------------

BULK = reverse("funnel:journey-bulk")


def test_a_bulk_act_asks_for_its_inputs_first_and_changes_nothing_yet(client, marketer) -> None:
    keys = [lead().pk, lead().pk]
    answer = client.post(BULK, {"act": "lose", "journeys": keys})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'name="reason"' in page
    assert page.count('name="journeys"') == 2
    assert Journey.objects.filter(stage=Stage.LOST).count() == 0


def test_a_bulk_act_changes_each_that_can_and_reports_the_others_with_why(client, marketer) -> None:
    fresh, lost = lead(), journey_at(Stage.LOST)
    answer = client.post(
        BULK, {"act": "lose", "journeys": [fresh.pk, lost.pk], "confirmed": "1", "reason": "budget"}
    )
    assert answer.status_code == 200
    fresh.refresh_from_db()
    assert fresh.stage == Stage.LOST
    (refused,) = answer.context["refused"]
    assert refused["journey"].pk == lost.pk
    assert "not open in the stage “Lost”" in refused["why"]


def test_a_bulk_act_that_all_took_leads_back_with_an_undo(client, marketer) -> None:
    keys = [lead().pk for _number in range(3)]
    data = {
        "act": "lose",
        "journeys": keys,
        "confirmed": "1",
        "reason": "budget",
        "next": f"{LIST}?owner=none",
    }
    answer = client.post(BULK, data)
    assert answer.status_code == 303
    assert answer.url == f"{LIST}?owner=none"
    act = Event.objects.filter(event="lead_lost").values_list("act", flat=True).distinct().get()
    undo = reverse("funnel:act-undo", args=[act])
    assert undo in client.get(answer.url).content.decode()
    client.post(undo)
    assert Journey.objects.filter(stage=Stage.NEW).count() == 3


def test_a_bulk_act_with_bad_input_shows_the_fault_and_changes_nothing(client, marketer) -> None:
    journey = lead()
    answer = client.post(BULK, {"act": "lose", "journeys": [journey.pk], "confirmed": "1", "reason": "whim"})
    assert answer.status_code == 422
    assert "“whim” is not known here." in answer.content.decode()
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"act": "lose"},
        {"act": "lose", "journeys": ["x"]},
        {"act": "sign", "journeys": ["1"]},
        {"act": "nothing", "journeys": ["1"]},
        {"act": "lose", "journeys": [str(n) for n in range(1, 600)]},
        {"act": "lose", "journeys": ["99999999999999999999999"]},
    ],
)
def test_a_broken_bulk_act_is_refused_in_words(client, marketer, data) -> None:
    answer = client.post(BULK, data)
    assert answer.status_code == 400
    assert b"Nothing was changed" in answer.content


def test_a_bulk_act_never_touches_what_the_person_does_not_see(client) -> None:
    client.force_login(people(Role.FIRST_TOUCH, "fay", team=team("North")))
    hidden = lead(owner=people(Role.FIRST_TOUCH, "joe", team=team("South")))
    answer = client.post(BULK, {"act": "lose", "journeys": [hidden.pk], "confirmed": "1", "reason": "budget"})
    assert answer.status_code == 400
    hidden.refresh_from_db()
    assert hidden.stage == Stage.NEW


def test_the_owner_of_many_is_changed_at_once(client, marketer) -> None:
    keys = [lead().pk for _number in range(2)]
    fred = people(Role.FIRST_TOUCH, "fred")
    client.post(BULK, {"act": "owner_changed", "journeys": keys, "confirmed": "1", "owner": "fred"})
    assert Journey.objects.filter(owner=fred).count() == 2


def test_what_a_role_may_not_do_in_bulk_is_not_offered(client) -> None:
    client.force_login(people(Role.SPECIALIST))
    assert client.get(LIST).context["bulk"] == [("activity_logged", "Log a call, message or meeting")]
    client.force_login(people(Role.MARKETER))
    names = {name for name, _label in client.get(LIST).context["bulk"]}
    assert "respond" in names
    assert "unmerge" not in names


def test_all_that_match_are_chosen_across_pages_by_the_filters_of_the_list(client, marketer) -> None:
    for _number in range(55):
        lead(source="event")
    lead(source="web")
    page = client.get(LIST, {"source": "event"})
    assert page.context["matching"] == 55
    answer = client.post(BULK, {"act": "lose", "matching": "1", "query": "source=event"})
    assert answer.context["count"] == 55
    assert client.get(LIST, {"source": "web"}).context["matching"] == 0
