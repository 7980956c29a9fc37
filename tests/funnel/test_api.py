"""Journeys over REST: the envelope, the order of refusals, and what is never let through."""

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.models import ApiToken, Contact, Event, Journey
from funnel.stages import FACTS, MOVES, Role, Stage
from tests.factories import journey_at, run

from .plain import START, application, person, step

pytestmark = pytest.mark.django_db


class Api:
    """A program with a token."""

    def __init__(self, role: str = Role.ADMINISTRATOR, name: str = "", scopes: str = "read,write") -> None:
        self.user = person(role, name)
        secret = ApiToken.issue(user=self.user, scopes=scopes.split(","))[1]
        self.client = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=True)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        text = body if isinstance(body, str | bytes) else json.dumps(body or {})
        return self.client.post(f"/api/v1/{path}", text, content_type="application/json", headers=headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(f"/api/v1/{path}", json.dumps(body), content_type="application/json")

    def move(self, journey: Journey, name: str, inputs: Any = None, **envelope: Any) -> Any:
        return self.post(f"journeys/{journey.pk}/moves/{name}/", {"inputs": inputs or {}, **envelope})


@pytest.fixture
def api() -> Api:
    return Api()


def test_a_move_answers_with_the_journey_and_the_event(api: Api) -> None:
    journey = application()
    answer = api.move(journey, "lose", {"reason": "budget", "comment": "Next year perhaps."})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["journey"]["id"], body["journey"]["stage"], body["journey"]["seq"]) == (
        journey.pk,
        "lost",
        2,
    )
    event = body["event"]
    assert (event["event"], event["reason"], event["actor"]) == ("lead_lost", "budget", api.user.username)
    assert "Next year" not in json.dumps(event)


def test_stage_comes_before_role_and_role_before_inputs_and_inputs_before_data(api: Api) -> None:
    journey = step(application(), "respond")
    sales = Api(Role.SALESPERSON)
    Journey.objects.filter(pk=journey.pk).update(owner=sales.user)
    by_stage = sales.move(journey, "respond", {"nonsense": 1})
    by_role = sales.move(journey, "hold_first_meeting", {"nonsense": 1})
    by_inputs = api.move(journey, "lose", {"reason": "nonsense"})
    by_data = api.move(journey, "lose", {"reason": "price"}, occurred_at=START.isoformat())
    assert [(a.status_code, a.json().get("reason")) for a in (by_stage, by_role, by_inputs, by_data)] == [
        (409, "stage"),
        (409, "role"),
        (400, None),
        (409, "data"),
    ]
    assert by_inputs.json()["errors"] == [{"field": "reason", "reason": "“nonsense” is not known here."}]
    assert by_data.json()["missing"] == ["occurred_at"]
    assert by_stage.json()["current"]["stage"] == "contacted"
    assert by_stage["Content-Type"] == "application/problem+json"
    assert Event.objects.filter(journey=journey).count() == 2


def test_a_stale_sequence_number_is_refused(api: Api) -> None:
    journey = application()
    assert api.move(journey, "lose", {"reason": "price"}, expected_seq=0).json()["reason"] == "stale"
    assert api.move(journey, "lose", {"reason": "price"}, expected_seq=1).status_code == 200


def test_a_move_in_the_future_is_malformed(api: Api) -> None:
    later = (timezone.now() + dt.timedelta(minutes=5)).isoformat()
    answer = api.move(application(), "lose", {"reason": "price"}, occurred_at=later)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "occurred_at")


def test_moves_lists_every_move_with_what_it_asks_and_why_it_is_closed(api: Api) -> None:
    journey = application()
    moves = {move["name"]: move for move in api.get(f"journeys/{journey.pk}/moves/").json()}
    assert set(moves) == set(MOVES)
    assert moves["lose"]["open"] and moves["lose"]["reason"] is None
    assert "price" in moves["lose"]["asks"]["properties"]["reason"]["enum"]
    assert moves["lose"]["asks"]["required"] == ["reason"]
    assert (moves["sign"]["open"], moves["sign"]["reason"]) == (False, "stage")
    listed = Api(Role.PARTNER).get(f"journeys/{journey.pk}/moves/")
    assert listed.status_code == 404


def test_a_fact_changes_no_stage(api: Api) -> None:
    journey = application()
    answer = api.post(f"journeys/{journey.pk}/facts/note_logged/", {"inputs": {"text": "Called back."}})
    assert answer.json()["journey"]["stage"] == "new" and answer.json()["event"]["stage_to"] == ""
    owned = api.post(f"journeys/{journey.pk}/facts/owner_changed/", {"inputs": {"owner": api.user.username}})
    assert owned.json()["journey"]["owner"] == api.user.username


def test_annulling_needs_an_event_of_the_journey(api: Api) -> None:
    journey, other = application(), application()
    foreign = Event.objects.get(journey=other)
    answer = api.post(f"journeys/{journey.pk}/annul/", {"event": foreign.pk})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "event")
    lost = api.move(journey, "lose", {"reason": "price"}).json()["event"]["id"]
    answer = api.post(f"journeys/{journey.pk}/annul/", {"event": lost})
    assert answer.status_code == 200
    assert answer.json()["journey"]["stage"] == "new"
    assert answer.json()["events"][0]["annuls"] == lost
    assert api.post(f"journeys/{journey.pk}/annul/", {"event": lost}).status_code == 409


def test_a_whole_journey_is_taken_back_by_annulling_its_capture_with_the_rest(api: Api) -> None:
    journey = step(application(), "mark_spam")
    created, spam = Event.objects.filter(journey=journey).order_by("seq").values_list("pk", flat=True)
    assert api.post(f"journeys/{journey.pk}/annul/", {"event": created}).status_code == 409
    answer = api.post(f"journeys/{journey.pk}/annul/", {"event": created, "with": [spam]})
    assert (answer.status_code, answer.json()["journey"]) == (200, None)
    assert api.get(f"journeys/{journey.pk}/").status_code == 404


def test_bulk_moves_all_or_none_or_each_that_can(api: Api) -> None:
    fresh, spam = application(), step(application(), "mark_spam")
    body = {"journeys": [fresh.pk, spam.pk], "inputs": {"reason": "price"}}
    assert api.post("journeys/moves/lose/", body).status_code == 409
    fresh.refresh_from_db()
    assert fresh.stage == Stage.NEW
    answer = api.post(
        "journeys/moves/lose/", {**body, "mode": "each", "journeys": [fresh.pk, spam.pk, 10**9]}
    )
    assert answer.json()["moved"] == [fresh.pk]
    assert [(r["id"], r["reason"]) for r in answer.json()["refusals"]] == [
        (10**9, "unknown"),
        (spam.pk, "stage"),
    ]


def test_a_move_costs_at_most_twelve_statements_and_a_bulk_of_500_at_most_five_more_than_of_one(
    api: Api,
) -> None:
    api.get("journeys/")  # the token's last use is written at most once a minute

    def cost(path: str, body: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.post(path, body).status_code == 200
        # The test's own transaction turns BEGIN and COMMIT into savepoints.
        return sum("SAVEPOINT" not in query["sql"] for query in captured)

    inputs = {"inputs": {"reason": "price", "comment": "Too dear."}}
    assert cost(f"journeys/{application().pk}/moves/lose/", inputs) <= 12
    one = cost("journeys/moves/lose/", {**inputs, "journeys": [application().pk]})
    many = cost("journeys/moves/lose/", {**inputs, "journeys": [application().pk for _i in range(500)]})
    assert many <= one + 5


def test_lists_page_by_keyset_and_filter_and_search(api: Api) -> None:
    ids = [application(at=START + dt.timedelta(minutes=i)).pk for i in range(5)]
    step(Journey.objects.get(pk=ids[0]), "mark_spam")
    page = api.get("journeys/", page_size=2, count="true").json()
    assert page["count"] == 5
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = api.client.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    assert seen == ids[::-1]
    assert [row["id"] for row in api.get("journeys/", stage="spam").json()["results"]] == [ids[0]]
    assert len(api.get("journeys/", search="ada@CLIENT").json()["results"]) == 5
    assert api.get("journeys/", fields="id,stage", page_size=1).json()["results"] == [
        {"id": ids[-1], "stage": "new"}
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"stage": "nowhere"},
        {"owner": "nobody"},
        {"created_after": "yesterday"},
        {"cursor": "cD1hYmM="},
        {"cursor": "%00"},
        {"cursor": "bz0xJnA9MjAyNi0wMS0wMQ=="},
        {"search": "a\x00b"},
        {"open": "perhaps"},
        {"page_size": "-1"},
    ],
)
def test_a_broken_query_is_answered_and_never_breaks_the_server(api: Api, query: dict[str, str]) -> None:
    assert api.get("journeys/", **query).status_code in {200, 400, 404}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        '{"inputs": []}',
        '{"inputs": {"reason": ["price"]}}',
        '{"inputs": {"reason": {"a": 1}}}',
        '{"inputs": {"reason": "price", "comment": "a\\u0000b"}}',
        '{"inputs": {"reason": "price", "comment": "\\ud800"}}',
        '{"inputs": {"reason": "price", "stranger": 1}}',
        '{"inputs": {"reason": "price"}, "occurred_at": "0001-01-01T00:00:00+14:00"}',
        '{"inputs": {"reason": "price"}, "occurred_at": 5}',
        '{"inputs": {"reason": "price"}, "expected_seq": 99999999999999999999}',
        '{"inputs": {"reason": NaN}}',
        "[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_broken_body_is_a_clear_error_and_writes_nothing(api: Api, body: str | bytes) -> None:
    journey = application()
    answer = api.post(f"journeys/{journey.pk}/moves/lose/", body)
    assert answer.status_code in {400, 409}, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert Event.objects.filter(journey=journey).count() == 1


@pytest.mark.parametrize(
    "path", ["journeys/99999999999999999999/", "journeys/x/", "journeys/1/moves/fly/", "nowhere/"]
)
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert api.get(path).status_code in {404, 405}


def test_without_a_token_nothing_opens_and_with_a_wrong_scope_neither(client: Client) -> None:
    journey = application()
    answer = client.get("/api/v1/journeys/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    bad = client.get("/api/v1/journeys/", headers={"Authorization": "Bearer of_nothing"})
    assert bad.status_code == 401
    reader = Api(scopes="read")
    assert reader.get("journeys/").status_code == 200
    assert reader.move(journey, "lose", {"reason": "price"}).status_code == 403
    assert Api(scopes="capture").get("journeys/").status_code == 403


def test_a_token_dies_with_its_user_and_when_revoked(api: Api) -> None:
    assert api.get("journeys/").status_code == 200
    api.user.is_active = False
    api.user.save()
    assert api.get("journeys/").status_code == 401


def test_a_salesperson_finds_only_the_journeys_and_contacts_that_concern_them() -> None:
    sales = Api(Role.SALESPERSON, "bob")
    stranger = Contact.objects.create(name="Stranger", email="s@other.example")
    foreign = application(owner=person(Role.SALESPERSON, "eve"), contact=stranger)
    own = application(owner=sales.user)
    assert [row["id"] for row in sales.get("journeys/").json()["results"]] == [own.pk]
    assert sales.get(f"journeys/{foreign.pk}/").status_code == 404
    assert sales.move(foreign, "lose", {"reason": "price"}).status_code == 404
    assert [row["id"] for row in sales.get("contacts/").json()["results"]] == [own.contact_id]


def test_only_an_administrator_with_the_admin_scope_makes_users() -> None:
    body = {"username": "new", "role": "salesperson", "password": "a long enough secret"}
    assert Api(Role.MANAGER, scopes="read,write,admin").post("users/", body).status_code == 403
    assert Api(Role.ADMINISTRATOR, "root").post("users/", body).status_code == 403
    made = Api(Role.ADMINISTRATOR, "root2", scopes="admin,read").post("users/", body)
    assert made.status_code == 201 and "password" not in made.json()
    weak = Api(Role.ADMINISTRATOR, "root3", scopes="admin").post("users/", {**body, "password": "1"})
    assert (weak.status_code, weak.json()["errors"][0]["field"]) == (400, "username")


def test_every_fact_of_the_table_has_a_door(api: Api) -> None:
    journey = application()
    for name in FACTS:
        assert api.post(f"journeys/{journey.pk}/facts/{name}/", {"inputs": {"stranger": 1}}).status_code in {
            400,
            409,
        }


def test_a_catalogue_key_never_changes(api: Api) -> None:
    made = api.post("sources/", {"key": "fair", "label": "Fair"}).json()
    assert api.patch(f"sources/{made['id']}/", {"label": "Trade fair"}).json()["label"] == "Trade fair"
    assert api.patch(f"sources/{made['id']}/", {"key": "other"}).status_code == 400


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(api: Api, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "api_token": "3/d"}
    assert [api.get("sources/").status_code for _index in range(4)] == [200, 200, 200, 429]
    assert int(api.get("sources/")["Retry-After"]) >= 1
    assert Api(Role.MANAGER).get("sources/").status_code == 200


def test_what_the_schema_says_of_journeys_and_events_is_what_they_answer() -> None:
    from rest_framework.serializers import ModelSerializer

    from funnel.api.serializers import EventSerializer, JourneySerializer, Plain

    moved = step(application(owner=person(), amount=5), "mark_spam")
    journey = Journey.objects.with_sums("credit").with_attempts().get(pk=moved.pk)
    context = {"request": SimpleNamespace(user=person(Role.MANAGER))}
    for kind, record in ((JourneySerializer, journey), (EventSerializer, Event.objects.first())):
        slow = ModelSerializer.to_representation(kind(), record)
        assert issubclass(kind, Plain)
        assert kind(record, context=context).data == slow
        assert list(kind(record, context=context).data) == list(slow)


@pytest.mark.parametrize("path", ["users/", "teams/", "sources/", "campaigns/", "services/", "reasons/"])
def test_what_is_internal_is_not_for_partners(path: str) -> None:
    assert Api(Role.PARTNER).get(path).status_code == 403
    assert Api(Role.SPECIALIST).get(path).status_code == 200


def test_a_journeys_ledger_pages_in_the_order_of_replay_however_late_an_event_was_recorded(api: Api) -> None:
    journey = step(application(), "respond", "hold_first_meeting")
    early = (START + dt.timedelta(seconds=30)).isoformat()
    api.post(
        f"journeys/{journey.pk}/facts/note_logged/",
        {"inputs": {"text": "Found later."}, "occurred_at": early},
    )
    page = api.get(f"journeys/{journey.pk}/events/", page_size=2).json()
    seen = [row["event"] for row in page["results"]]
    while page["next"]:
        page = api.client.get(page["next"]).json()
        seen += [row["event"] for row in page["results"]]
    assert seen == ["lead_created", "note_logged", "first_response", "first_meeting_held"]


def test_an_expected_amount_below_nothing_is_told(api: Api) -> None:
    answer = api.patch(f"journeys/{application().pk}/", {"amount": "-5"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "amount"), "negative"


@pytest.mark.parametrize(
    ("role", "sees"),
    [(Role.MANAGER, True), (Role.SERVICE, True), (Role.MARKETER, False), (Role.FIRST_TOUCH, False)],
)
def test_amounts_are_told_to_who_may_see_money_only(role: str, sees: bool) -> None:
    journey = journey_at(Stage.WON)
    Journey.objects.filter(pk=journey.pk).update(amount="1234.50")
    run(journey, "payment_received")
    reader = Api(role)
    if role == Role.FIRST_TOUCH:  # sees what is their own
        Journey.objects.filter(pk=journey.pk).update(owner=reader.user)
    ledger = reader.get(f"journeys/{journey.pk}/events/").json()["results"]
    (event,) = (row for row in ledger if row["event"] == "payment_received")
    assert (event["amount"] is not None) == bool(event["value"]) == bool(event["inputs"]) == sees
    assert (reader.get(f"journeys/{journey.pk}/").json()["amount"] == "1234.50") == sees
    assert sees or reader.patch(f"journeys/{journey.pk}/", {"amount": "1"}).status_code == 403
