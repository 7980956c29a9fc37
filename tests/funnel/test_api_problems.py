"""Whatever goes wrong under /api/ is told by a problem document, and what is not JSON or too large writes nothing."""

import json
from typing import Any

import pytest
from django.test import Client

from funnel.models import ApiToken, Journey
from funnel.stages import Role

from .plain import application, person
from .test_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api()


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem document of an answer, which must be one."""
    assert answer.status_code == status, (answer.status_code, answer.content[:300])
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["type"].startswith("/problems/")
    return body


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1/",
        "/api/v1/nowhere/",
        "/api/v2/journeys/",
        "/api/v1/journeys/x/",
        "/api/v1/journeys/1/moon/",
    ],
)
def test_an_address_that_is_no_door_is_a_problem(method: str, path: str, api: Api) -> None:
    for client in (Client(), api.client, Client(enforce_csrf_checks=True)):
        problem(getattr(client, method)(path), 404)


def test_a_reader_who_forgets_the_last_slash_is_led_on_and_a_writer_is_told(api: Api) -> None:
    led = api.client.get("/api/v1/journeys?page_size=5")
    assert (led.status_code, led["Location"]) == (301, "/api/v1/journeys/?page_size=5")
    body = {"name": "Ada", "email": "ada@client.example", "source": "web"}
    problem(api.client.post("/api/v1/leads", body, content_type="application/json"), 404)
    problem(api.client.get("/api/v1/nowhere"), 404)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "large"}])
def test_a_body_that_is_too_large_is_refused(api: Api, settings: Any, key: dict[str, str]) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = {"name": "Ada", "email": "ada@client.example", "source": "web", "message": "x" * 2000}
    problem(api.post("leads/", body, **key), 413)
    assert not Journey.objects.exists()
    assert api.post("leads/", {**body, "message": "short"}, **key).status_code == 201


def test_too_many_fields_in_an_upload_are_refused(api: Api, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
    problem(api.client.post("/api/v1/files/", {f"field{number}": "x" for number in range(9)}), 400)


@pytest.mark.parametrize("path", ["leads/", "journeys/{}/moves/lose/", "tasks/", "proposals/", "imports/"])
def test_a_body_of_another_kind_is_refused(api: Api, path: str) -> None:
    path = f"/api/v1/{path.format(application().pk)}"
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        problem(api.client.post(path, "name=Ada", content_type=kind), 415)
    kind = "application/json" if "imports" in path else "multipart/form-data; boundary=x"
    problem(api.client.post(path, "--x--", content_type=kind), 415)


def test_a_format_that_is_not_there_is_a_problem(api: Api) -> None:
    problem(api.client.get("/api/v1/journeys/", headers={"Accept": "text/html"}), 406)
    problem(api.get("journeys/", format="xml"), 404)
    problem(api.client.put("/api/v1/journeys/"), 405)


@pytest.mark.parametrize("body", ["[]", "[1]", '"x"', "null", "5", "true", "{", "", '{"a": 1, ', "[[]]"])
def test_a_body_of_another_shape_breaks_no_door(api: Api, body: str) -> None:
    journey = application()
    secret = ApiToken.issue(user=person(Role.ADMINISTRATOR), scopes=["read", "write", "admin", "capture"])[1]
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    broken = []
    for method, path in writing_doors():
        address = path.replace("{name}", "lose").replace("{event}", "note_logged")
        for part in ("{id}", "{journey}"):
            address = address.replace(part, str(journey.pk))
        answer = getattr(client, method)(address, body, content_type="application/json")
        if answer.status_code >= 500 or (
            answer.status_code >= 400 and "problem" not in answer["Content-Type"]
        ):
            broken.append((method, path, answer.status_code))
    assert not broken


def writing_doors() -> list[tuple[str, str]]:
    """Return method and path of every writing operation of the schema."""
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(public=True)["paths"]
    found = [(method, path) for path, methods in paths.items() for method in methods if method != "get"]
    assert len(found) > 40
    return found


def test_what_others_may_be_annulled_together_is_named_as_the_schema_says(api: Api) -> None:
    problem(api.post(f"journeys/{application().pk}/annul/", json.dumps([1])), 400)
    faults = problem(api.post(f"journeys/{application().pk}/annul/", {"event": 1, "with": "x"}), 400)
    assert [fault["field"] for fault in faults["errors"]] == ["with"]


def test_a_host_that_is_not_ours_is_a_problem_for_programs(api: Api) -> None:
    problem(api.client.get("/api/v1/journeys/", headers={"Host": "elsewhere.example"}), 400)
