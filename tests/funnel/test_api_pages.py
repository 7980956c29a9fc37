"""Pages of lists over REST and on screen: whole while equal values come and go; and queries that no door knows."""

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from drf_spectacular.generators import SchemaGenerator

from funnel import paging, todo_acts
from funnel.models import Contact, Event, Journey, Task
from funnel.stages import Role, Stage
from partners.models import Referral
from tests.factories import journey_at, lead, run

from .plain import START, application, person, step
from .test_api import Api

pytestmark = pytest.mark.django_db
NAMES = itertools.count()


@pytest.fixture
def api() -> Api:
    return Api()


def contact(_api: Api) -> Contact:
    return Contact.objects.create(name="Anna", email=f"anna{next(NAMES)}@same.example")


def task(api: Api) -> Task:
    due_at = START + dt.timedelta(days=1)
    return todo_acts.create(
        actor=api.user, at=START, title="Call", journey=None, assignee=api.user, due_at=due_at, all_day=False
    )


def walk(api: Api, path: str, between: Callable[[list[int]], None], **query: Any) -> list[int]:
    """Return the ids of all pages; `between` is called with those seen so far after each."""
    page = api.get(path, page_size=3, **query).json()
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        between(seen)
        page = api.client.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    return seen


@pytest.mark.parametrize(
    ("path", "ordering", "make"),
    [
        ("contacts/", "name", contact),
        ("contacts/", "-name", contact),
        ("tasks/", "due_at", task),
        ("tasks/", "-due_at", task),
        ("tasks/", "-due_at,id", task),
    ],
)
def test_no_row_is_skipped_or_repeated_while_equal_values_come_and_go(
    api: Api, path: str, ordering: str, make: Callable[[Api], Any]
) -> None:
    rows = [make(api) for _i in range(10)]
    gone: set[int] = set()

    def between(seen: list[int]) -> None:
        leaving = next(pk for pk in seen if pk not in gone)
        type(rows[0]).objects.filter(pk=leaving).delete()
        gone.add(leaving)
        make(api)
        make(api)

    seen = walk(api, path, between, ordering=ordering)
    assert len(seen) == len(set(seen)), "a row came twice"
    assert {row.pk for row in rows} <= set(seen), "a row was skipped"


def test_a_page_goes_back_to_the_rows_before_it_whatever_came_meanwhile(api: Api) -> None:
    made = [contact(api).pk for _i in range(7)]
    first = api.get("contacts/", ordering="name", page_size=3).json()
    second = api.client.get(first["next"]).json()
    contact(api)
    Contact.objects.filter(pk=made[0]).delete()
    back = api.client.get(second["previous"]).json()
    assert [row["id"] for row in back["results"]] == made[1:3]
    assert back["previous"] is None
    again = api.client.get(back["next"]).json()
    assert [row["id"] for row in again["results"]] == made[3:6]


@pytest.mark.parametrize("ordering", ["decided_at", "-decided_at"])
def test_rows_without_a_value_are_listed_once_each_and_last(api: Api, ordering: str) -> None:
    journeys = [journey_at(Stage.REFERRED) for _i in range(5)]
    for journey in journeys[:2]:
        run(journey, "partner_accepted")
    decided = set(Referral.objects.exclude(decided_at=None).values_list("pk", flat=True))
    assert len(decided) == 2
    seen = walk(api, "referrals/", lambda _seen: None, ordering=ordering)
    assert set(seen[:2]) == decided
    assert sorted(seen) == sorted(Referral.objects.values_list("pk", flat=True))


def test_a_ledger_with_events_of_one_moment_is_read_whole_while_one_is_annulled(api: Api) -> None:
    journey = application()
    for _i in range(8):
        step(journey, "respond", at=START) if journey.stage == "new" else None
        body = {"inputs": {"text": "At once."}, "occurred_at": START.isoformat()}
        assert api.post(f"journeys/{journey.pk}/facts/note_logged/", body).status_code == 200
        journey.refresh_from_db()
    wanted = list(Event.objects.filter(journey=journey).order_by("seq").values_list("pk", flat=True))

    def between(seen: list[int]) -> None:
        if len(seen) == 3:
            annulled = api.post(f"journeys/{journey.pk}/annul/", {"event": seen[2]})
            assert annulled.status_code == 200, annulled.content

    seen = walk(api, f"journeys/{journey.pk}/events/", between, annulled="false")
    assert seen == wanted


def test_people_without_a_name_are_paged_on_screen_too() -> None:
    for _i in range(5):
        Contact.objects.create(name="", email=f"nameless{next(NAMES)}@same.example")
    Contact.objects.create(name="Zoe")
    for oldest_first in (True, False):
        words: dict[str, Any] = {
            "by": "name",
            "oldest_first": oldest_first,
            "read": paging.words,
            "size": 2,
        }
        contacts = Contact.objects.all()
        page = paging.keyset(contacts, QueryDict(), **words)
        pages = [page]
        while page.older:
            assert len(pages) < 9, "the pages run in a circle"
            page = paging.keyset(contacts, QueryDict(page.older.removeprefix("?")), **words)
            pages.append(page)
        seen = [row.pk for page in pages for row in page.rows]
        assert sorted(seen) == sorted(contacts.values_list("pk", flat=True))
        assert len(pages) == 3
        back = paging.keyset(contacts, QueryDict(page.newer.removeprefix("?")), **words)
        assert back.rows == pages[1].rows


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "moon"},
        {"cursor": "WyJuIiwiLXBrIixudWxsXQ"},  # a key that is nothing
        {"cursor": "WyJuIiwiLWNyZWF0ZWRfYXQsLWlkIiwiMjAyNi0wMS0wMSIsMV0"},  # a moment without a zone
        {"page_size": "0"},
        {"page_size": "many"},
        {"count": "perhaps"},
        {"ordering": "password"},
        {"ordering": "owner__password"},
        {"ordering": "created_at,moon"},
        {"fields": "id,moon"},
        {"colour": "red"},
        {"stage__in": "new"},
    ],
)
def test_what_a_query_cannot_mean_is_refused_by_name(api: Api, query: dict[str, str]) -> None:
    application()
    answer = api.get("journeys/", **query)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert {fault["field"] for fault in answer.json()["errors"]} == set(query)


def test_a_cursor_of_one_order_is_no_place_in_another(api: Api) -> None:
    for _i in range(3):
        contact(api)
    cursor = QueryDict(api.get("contacts/", page_size=1).json()["next"].partition("?")[2])["cursor"]
    answer = api.get("contacts/", cursor=cursor, ordering="name")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


def operations() -> list[tuple[str, str, list[str]]]:
    """Return path, an address of it, and its query parameters, of every reading operation of the schema."""
    schema = SchemaGenerator().get_schema(public=True)
    found = []
    for path, methods in schema["paths"].items():
        if "get" in methods:
            address = path
            for part in methods["get"].get("parameters", []):
                if part["in"] == "path":
                    address = address.replace("{" + part["name"] + "}", "1")
            names = [part["name"] for part in methods["get"].get("parameters", []) if part["in"] == "query"]
            found.append((path, address, names))
    return found


def test_every_door_knows_the_parameters_of_the_schema_and_names_any_other(api: Api) -> None:
    found = operations()
    assert len(found) > 50
    for path, address, names in found:
        known = api.client.get(address, dict.fromkeys(names, "x"))
        told = (
            {fault["reason"] for fault in known.json().get("errors", [])} if known.status_code == 400 else ()
        )
        assert "There is no such parameter here." not in told, (path, known.content)
        always = dict.fromkeys(("format", "lang", "page_size", "cursor", "search", "fields", "count"), "")
        assert "There is no such parameter here." not in api.client.get(address, always).content.decode(), (
            path
        )
        answer = api.client.get(address, {"moon": "1"})
        assert answer.status_code == 400, path
        assert answer.json()["errors"] == [{"field": "moon", "reason": "There is no such parameter here."}]
        order = api.client.get(address, {"ordering": "moon"})
        assert (order.status_code, order.json()["errors"][0]["field"]) == (400, "ordering"), path
        if "{" not in path and "kpi" not in path and "proposed" not in path:
            sparse = api.client.get(address, {"fields": "moon"})
            assert (sparse.status_code, sparse.json()["errors"][0]["field"]) == (400, "fields"), path


def test_an_unknown_parameter_is_refused_before_anything_is_written(api: Api) -> None:
    journey = application()
    answer = api.post(f"journeys/{journey.pk}/moves/lose/?expected_seq=1", {"inputs": {"reason": "price"}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "expected_seq")
    assert Journey.objects.get(pk=journey.pk).seq == 1


def test_a_filter_that_a_partner_may_not_use_is_refused_like_one_that_is_not_there() -> None:
    journey = lead(owner=person(Role.FIRST_TOUCH, "fred"))
    partner = Api(Role.PARTNER)
    for path, name, value in (
        ("journeys/", "owner", "fred"),
        ("journeys/", "owner", "nobody"),
        ("journeys/", "campaign", "spring"),
        ("journeys/", "source", "web"),
        ("journeys/", "service", "crm"),
        ("referrals/", "partner", "acme"),
        ("referrals/", "reason", "language"),
    ):
        refused = partner.get(path, **{name: value})
        strange = partner.get(path, moon=value)
        assert refused.status_code == strange.status_code == 400, (path, name)
        reasons = [answer.json()["errors"][0]["reason"] for answer in (refused, strange)]
        assert reasons[0] == reasons[1]
    for path in ("journeys/", "referrals/"):
        assert partner.get(path).status_code == 200
    assert partner.get("referrals/", journey=journey.pk).json()["results"] == []


def test_a_record_that_is_not_there_and_one_out_of_sight_filter_alike() -> None:
    journey = journey_at(Stage.WON)
    run(journey, "payment_received")
    stranger = Api(Role.SALESPERSON, "stranger")
    for path in (
        "handoffs/",
        "meetings/",
        "proposals/",
        "contracts/",
        "payments/",
        "activities/",
        "tasks/",
        "files/",
    ):
        answers = [stranger.get(path, journey=key) for key in (journey.pk, 10**9)]
        assert [answer.status_code for answer in answers] == [200, 200], path
        assert [answer.json()["results"] for answer in answers] == [[], []]
        assert stranger.get(path, journey="x").status_code == 400
