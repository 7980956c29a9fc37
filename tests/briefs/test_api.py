"""Briefs and templates over REST."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from briefs.models import Brief, BriefTemplate
from funnel.models import Event, Journey, Service
from funnel.stages import Role

from ..factories import (
    ANSWERS,
    brief,
    journey_at,
    lead,
    partner,
    partner_person,
    people,
    run,
    template,
    token,
)

pytestmark = pytest.mark.django_db


class Api:
    def __init__(self, role: str = Role.MARKETER, *scopes: str) -> None:
        self.client = Client(headers=token(people(role), *scopes))

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = getattr(self.client, method)(
            f"/api/v1/{path}",
            **({} if body is None else {"data": json.dumps(body), "content_type": "application/json"}),
        )
        return answer.status_code, json.loads(answer.content) if answer.content else None


@pytest.fixture
def api() -> Api:
    return Api()


def fields(body: Any) -> list[str]:
    return [fault["field"] for fault in body["errors"]]


def test_the_brief_of_a_journey_is_read_before_anybody_began_it(api: Api) -> None:
    status, body = api("get", f"briefs/{journey_at('contacted').pk}/")
    assert status == 200
    assert (body["answers"], body["revision"], body["completeness"], body["updated_at"]) == ({}, 0, 0, None)
    assert body["missing"] == [
        "brief.need",
        "brief.budget",
        "brief.deadline",
        "brief.decision_maker",
        "brief.verdict",
    ]
    assert body["questions"][1] == {
        "key": "budget",
        "label": "What budget is there?",
        "kind": "text",
        "required": True,
        "choices": [],
    }


def test_a_patch_saves_some_answers_and_takes_others_back(api: Api) -> None:
    path = f"briefs/{journey_at('contacted').pk}/"
    status, body = api("patch", path, {"answers": {"need": "Count", "users": "7"}, "verdict": "can_solve"})
    assert (status, body["answers"], body["revision"]) == (200, {"need": "Count", "users": 7}, 1)
    status, body = api("patch", path, {"answers": {"users": None}, "revision": 1})
    assert (status, body["answers"], body["verdict"]) == (200, {"need": "Count"}, "can_solve")
    assert api("get", "briefs/?verdict=can_solve")[1]["results"][0]["completeness"] == 25
    assert api("get", "briefs/?verdict=partner")[1]["results"] == []


def test_a_stale_patch_is_told_what_stands_now(api: Api) -> None:
    path = f"briefs/{journey_at('contacted').pk}/"
    api("patch", path, {"answers": {"need": "Count"}})
    status, body = api("patch", path, {"answers": {"need": "Weigh"}, "revision": 0})
    assert (status, body["reason"], body["current"]["answers"]) == (409, "stale", {"need": "Count"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answers": {"users": "many"}}, "answers.users"),
        ({"answers": {"nothing": 1}}, "answers.nothing"),
        ({"answers": []}, "answers"),
        ({"answers": "x"}, "answers"),
        ({"verdict": "perhaps"}, "verdict"),
        ({"revision": "x"}, "revision"),
        ({"comment": {}}, "comment"),
        ([], ""),
    ],
)
def test_bad_input_is_named_by_field(api: Api, body: Any, field: str) -> None:
    status, answer = api("patch", f"briefs/{journey_at('contacted').pk}/", body)
    assert status == 400 and fields(answer) == [field]
    assert not Brief.objects.exists()


def test_filling_by_the_move_names_malformed_answers_before_missing_ones(api: Api) -> None:
    journey = journey_at("contacted")
    path = f"journeys/{journey.pk}/moves/fill_brief/"
    status, body = api("post", path, {"inputs": {"answers": {"users": "many"}, "verdict": "can_solve"}})
    assert status == 400 and fields(body) == ["answers.users"]
    status, body = api("post", path, {"inputs": {"answers": {"need": "Count"}, "verdict": "can_solve"}})
    assert (status, body["reason"]) == (409, "data")
    assert body["missing"] == ["brief.budget", "brief.deadline", "brief.decision_maker"]
    assert not Event.objects.filter(event="brief_filled").exists()
    status, body = api("post", path, {"inputs": brief()})
    assert (status, body["journey"]["stage"], body["event"]["value"]) == (200, "briefed", "can_solve")
    versions = api("get", f"briefs/{journey.pk}/versions/")[1]
    assert [(row["version"], row["answers"]["budget"]) for row in versions] == [(1, ANSWERS["budget"])]


def test_the_moves_tell_what_the_brief_lacks_and_asks(api: Api) -> None:
    journey = journey_at("contacted")
    api("patch", f"briefs/{journey.pk}/", {"answers": {k: v for k, v in ANSWERS.items() if k != "budget"}})
    moves = {row["name"]: row for row in api("get", f"journeys/{journey.pk}/moves/")[1]}
    fill = moves["fill_brief"]
    assert (fill["open"], fill["reason"]) == (False, "data")
    assert fill["missing"] == ["brief.budget", "brief.verdict"]
    assert fill["asks"]["properties"]["answers"]["properties"]["budget"]["type"] == "string"
    assert moves["refer"]["open"] and moves["refer"]["asks"]["required"] == ["reason"]


def test_a_closed_brief_is_not_patched(api: Api) -> None:
    journey = run(journey_at("contacted"), "fill_brief", brief())
    status, body = api("patch", f"briefs/{journey.pk}/", {"answers": {"need": "More"}})
    assert (status, body["reason"]) == (409, "stage")


def test_roles_and_scopes_hold() -> None:
    journey = journey_at("contacted")
    Journey.objects.filter(pk=journey.pk).update(owner=people(Role.SALESPERSON))
    path = f"briefs/{journey.pk}/"
    sales = Api(Role.SALESPERSON)
    assert sales("get", path)[0] == 200
    assert sales("patch", path, {"answers": {"need": "x"}})[0] == 403
    assert sales("post", f"{path}link/")[0] == 403
    assert sales("get", f"briefs/{lead().pk}/")[0] == 404
    assert Api(Role.MARKETER, "read")("patch", path, {"answers": {}})[0] == 403
    assert Client().get(f"/api/v1/{path}").status_code == 401


def test_a_partners_people_read_no_briefs_and_no_templates() -> None:
    person = partner_person(Role.PARTNER)
    partner("acme", members=(person,))
    journey = run(journey_at("contacted"), "refer", {"partner": "acme", "reason": "capacity"})
    outsider = Api(Role.PARTNER)
    for path in ("briefs/", f"briefs/{journey.pk}/", f"briefs/{journey.pk}/versions/", "brief-templates/"):
        assert outsider("get", path)[0] == 403


def test_a_link_is_opened_and_closed(api: Api) -> None:
    journey = journey_at("contacted")
    status, body = api("post", f"briefs/{journey.pk}/link/")
    assert status == 200 and body["url"].startswith("http://testserver/b/")
    path = body["url"].removeprefix("http://testserver")
    assert Client().get(path).status_code == 200
    assert api("delete", f"briefs/{journey.pk}/link/")[0] == 204
    assert Client().get(path).status_code == 404


def test_lists_take_a_fixed_number_of_statements(api: Api) -> None:
    counts = {}
    for number in (1, 3):
        for _each in range(number):
            journey = journey_at("contacted", service=f"service-{number}-{_each}")
            template(f"service-{number}-{_each}", {"key": "halls"})
            api("patch", f"briefs/{journey.pk}/", {"answers": {"halls": "x"}})
        with CaptureQueriesContext(connection) as statements:
            api("get", "briefs/")
            api("get", "brief-templates/")
        counts[number] = len(statements)
    assert counts[1] == counts[3] <= 9


def test_templates_are_read_made_and_changed(api: Api) -> None:
    Service.objects.create(key="scanners")
    default = api("get", "brief-templates/?active=true")[1]["results"][0]
    assert default["service"] is None and len(default["questions"]) == 10
    halls = {"key": "halls", "label": "Halls", "kind": "choice", "choices": ["One", "Two"], "required": True}
    status, made = api("post", "brief-templates/", {"service": "scanners", "questions": [halls]})
    assert (status, made["service"], made["version"]) == (201, "scanners", 1)
    status, changed = api(
        "patch", f"brief-templates/{made['id']}/", {"questions": [{**halls, "key": "rooms"}]}
    )
    assert (status, changed["id"], changed["questions"][0]["key"]) == (200, made["id"], "rooms")
    journey = journey_at("contacted", service="scanners")
    run(journey, "fill_brief", {"answers": {"rooms": "One"}, "verdict": "can_solve"})
    status, changed = api("patch", f"brief-templates/{made['id']}/", {"questions": [halls]})
    assert (status, changed["version"]) == (200, 2)
    status, body = api("patch", f"brief-templates/{made['id']}/", {"questions": [halls]})
    assert status == 400 and fields(body) == ["questions"]


@pytest.mark.parametrize(
    ("questions", "field"),
    [
        ([], "questions"),
        ("x", "questions"),
        ([{"label": "No key"}], "questions.0.key"),
        ([{"key": "a", "label": "A"}, {"key": "a", "label": "B"}], "questions.1.key"),
        ([{"key": "a", "label": "A", "kind": "choice"}], "questions.0.choices"),
        ([{"key": "a", "label": "A", "kind": "song"}], "questions.0.kind"),
        ([{"key": "a", "label": "A", "active": False}], "questions"),
    ],
)
def test_bad_questions_are_named_by_path(api: Api, questions: Any, field: str) -> None:
    status, body = api("post", "brief-templates/", {"questions": questions})
    assert status == 400 and fields(body) == [field]
    assert BriefTemplate.objects.get().version == 1
    assert Api(Role.SALESPERSON)("post", "brief-templates/", {"questions": questions})[0] == 403
