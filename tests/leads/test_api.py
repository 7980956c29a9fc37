"""Leads over REST: capture with its answers and refusals, and who may read what."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.models import Journey
from funnel.stages import Role, Stage
from leads.api.serializers import ApplicationSerializer, LeadSerializer
from leads.models import Application
from tests.factories import later, lead, people, run, team, token

pytestmark = pytest.mark.django_db
URL = "/api/v1/leads/"


def post(body: Any, headers: dict[str, str] | None = None) -> Any:
    headers = headers or token(people(Role.MARKETER), "read", "write")
    return Client(raise_request_exception=False).post(
        URL, body, content_type="application/json", headers=headers
    )


def application(**given: Any) -> dict[str, Any]:
    return {"name": "Ada Example", "email": "ada@acme.example", "source": "web", **given}


def faults(response: Any) -> set[str]:
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    return {fault["field"] for fault in response.json()["errors"]}


def test_a_posted_application_answers_with_its_journey_kind_and_candidates() -> None:
    response = post(application(occurred_at="2026-03-02T10:00:00+01:00", utm={"utm_source": "x"}))
    assert response.status_code == 201, response.content
    body = response.json()
    journey = Journey.objects.get()
    assert (body["journey"]["id"], body["journey"]["stage"], body["journey"]["seq"]) == (journey.pk, "new", 1)
    assert (body["kind"], body["created"], body["duplicates"]) == ("new", True, [])
    assert journey.created_at == dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    assert journey.application.utm == {"utm_source": "x"}


def test_a_phone_alone_is_a_way_to_answer() -> None:
    assert post({"name": "Ada", "phone": "+49 30 901820", "source": "call"}).status_code == 201
    assert Journey.objects.get().contact.phone == "+4930901820"


def test_the_answer_names_the_candidates_and_why() -> None:
    known = lead(email="ada@acme.example", company="Acme")
    [candidate] = post(application(company="Acme")).json()["duplicates"]
    assert candidate["journey"] == known.pk
    assert candidate["why"] == ["email", "company_domain"]
    assert (candidate["contact"], candidate["company"], candidate["stage"]) == (
        str(known.contact),
        "Acme",
        "new",
    )


def test_a_repeated_external_id_answers_200_with_the_same_journey() -> None:
    first = post(application(external_id="A-1"))
    again = post(application(external_id="A-1", name="Somebody", email="else@acme.example"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["created"] is False
    assert again.json()["journey"]["id"] == first.json()["journey"]["id"]
    assert Journey.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "pigeon"}, "source"),
        ({"source": None}, "source"),
        ({"source": 7}, "source"),
        ({"campaign": "nowhere"}, "campaign"),
        ({"service": "nothing"}, "service"),
        ({"owner": "nobody"}, "owner"),
        ({"colour": "red"}, "colour"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": ["Ada"]}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": {"a": 1}}, "email"),
        ({"phone": "call me", "email": None}, "phone"),
        ({"message": "x" * 20_001}, "message"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"utm": "utm_source=x"}, "utm"),
        ({"utm": {"a": 1}}, "utm"),
        ({"utm": {"a": {"b": "c"}}}, "utm"),
        ({"utm": {"a": "x" * 501}}, "utm"),
        ({"utm": {str(n): "x" for n in range(21)}}, "utm"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"occurred_at": 1}, "occurred_at"),
    ],
)
def test_a_faulty_field_is_named_and_nothing_is_written(change: dict[str, Any], field: str) -> None:
    assert field in faults(post(application(**change)))
    assert not Journey.objects.exists()


def test_a_time_to_come_is_refused() -> None:
    tomorrow = timezone.now() + dt.timedelta(days=1)
    assert faults(post(application(occurred_at=tomorrow.isoformat()))) == {"occurred_at"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"name": "\\ud800", "email": "a@b.example", "source": "web"}',
        b'{"name": "A\\u0000", "email": "a@b.example", "source": "web"}',
        b'{"name": "A", "email": "a@b.example", "source": "web", "utm": {"\\u0000": "x"}}',
        b'{"name": "A", "email": "a@b.example", "source": "web", "utm": {"a": "\\udfff"}}',
        b'{"name": "A", "email": "a@b.example", "source": "web", "external_id": "\\u0000"}',
        b'{"name": NaN, "email": "a@b.example", "source": "web"}',
        b"[" * 100_000,
    ],
)
def test_broken_bodies_are_the_callers_fault(body: bytes) -> None:
    faults(post(body))
    assert not Journey.objects.exists()


def test_a_token_that_may_only_capture_writes_and_learns_nothing_of_others() -> None:
    known = lead(email="ada@acme.example", company="Acme")
    headers = token(people(Role.SERVICE), "capture")
    response = post(application(), headers)
    assert response.status_code == 201
    [candidate] = response.json()["duplicates"]
    assert candidate.keys() == {"journey", "why", "reasons", "sure", "level"}
    again = post(application(external_id="A-1"), headers), post(application(external_id="A-1"), headers)
    assert again[1].status_code == 200
    assert "Person" not in again[1].content.decode()
    for url in (URL, f"{URL}{known.pk}/"):
        assert Client().get(url, headers=headers).status_code == 403


def test_a_token_that_may_only_read_captures_nothing() -> None:
    assert post(application(), token(people(Role.MARKETER), "read")).status_code == 403
    assert post(application(), {"Authorization": "Bearer nonsense"}).status_code == 401
    assert Client().post(URL, application(), content_type="application/json").status_code in {401, 403}
    assert not Journey.objects.exists()


def test_candidates_that_the_caller_does_not_see_keep_their_names_to_themselves() -> None:
    stranger = people(Role.FIRST_TOUCH, "stranger", team=team("South"))
    lead(email="ada@acme.example", owner=people(Role.FIRST_TOUCH, "fay", team=team("North")))
    [candidate] = post(application(), token(stranger, "read", "write")).json()["duplicates"]
    assert "contact" not in candidate


def test_a_retry_under_one_key_gives_the_first_answer() -> None:
    headers = token(people(Role.MARKETER), "write") | {"Idempotency-Key": "k-1"}
    first, again = post(application(), headers), post(application(), headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Journey.objects.count() == 1


def test_the_list_has_the_applications_of_marketings_half_with_their_words() -> None:
    lead(message="Please call", at=later(days=1))
    run(lead(), "lose", {"reason": "no_need"})
    response = Client().get(URL, headers=token(people(Role.MARKETER), "read"))
    [row] = response.json()["results"]
    assert row["application"]["message"] == "Please call"
    assert row["stage"] == "new"
    assert row.keys() == set(LeadSerializer.Meta.fields)
    assert row["application"].keys() == set(ApplicationSerializer.Meta.fields)


def test_a_journey_of_an_imported_history_has_no_application() -> None:
    journey = lead()
    Application.objects.all().delete()
    response = Client().get(f"{URL}{journey.pk}/", headers=token(people(Role.MARKETER), "read"))
    assert response.json()["application"] is None


def test_a_reader_may_ask_for_some_fields_alone() -> None:
    lead(message="Please call")
    headers = token(people(Role.MARKETER), "read")
    [row] = Client().get(f"{URL}?fields=id,application", headers=headers).json()["results"]
    assert row.keys() == {"id", "application"}


def test_a_lead_that_went_on_is_still_found_by_its_id() -> None:
    journey = run(lead(), "lose", {"reason": "no_need"})
    response = Client().get(f"{URL}{journey.pk}/", headers=token(people(Role.MARKETER), "read"))
    assert (response.status_code, response.json()["stage"]) == (200, Stage.LOST)


def test_a_lead_of_another_team_is_not_there() -> None:
    journey = lead(owner=people(Role.FIRST_TOUCH, "fay", team=team("North")))
    headers = token(people(Role.FIRST_TOUCH, "stranger", team=team("South")), "read")
    assert Client().get(f"{URL}{journey.pk}/", headers=headers).status_code == 404
    assert Client().get(URL, headers=headers).json()["results"] == []


def test_the_list_filters_and_pages_by_key() -> None:
    for number in range(5):
        lead(at=later(minutes=number), source="ads" if number % 2 else "web")
    headers = token(people(Role.MARKETER), "read")
    first = Client().get(f"{URL}?source=web&page_size=2", headers=headers).json()
    rest = Client().get(first["next"], headers=headers).json()
    assert [len(first["results"]), len(rest["results"]), rest["next"]] == [2, 1, None]
    assert Client().get(f"{URL}?source=pigeon", headers=headers).status_code == 400


def test_capture_and_list_ask_a_fixed_number_of_questions() -> None:
    headers = token(people(Role.MARKETER), "read", "write")
    counts = []
    for rows in (1, 5):
        for _row in range(rows):
            post(application(), headers)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert post(application(), headers).status_code == 201
        with CaptureQueriesContext(connection) as listed:
            Client().get(URL, headers=headers)
        counts.append((len(asked), len(listed)))
    assert counts[0] == counts[1]
    assert counts[0][1] <= 3
