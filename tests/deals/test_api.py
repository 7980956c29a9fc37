"""Deals over REST: the same rules as in the browser, and a field and a reason for every fault."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deals.models import ContractVersion, Handoff, Meeting, Payment, ProposalVersion
from funnel.models import Event, Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, organisation, people, run, take, token
from tests.factories.deals import LINES, TOTAL, soon

pytestmark = pytest.mark.django_db

API = "/api/v1"


class Program:
    """A program that comes in with a token of a role."""

    def __init__(self, role: str = Role.SALESPERSON, *scopes: str, name: str = "") -> None:
        self.client, self.headers = Client(), token(people(role, name), *scopes)

    def get(self, path: str) -> Any:
        return self.client.get(API + path, headers=self.headers)

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        call = getattr(self.client, method)
        return call(API + path, body, content_type="application/json", headers={**self.headers, **headers})

    def move(self, journey: Journey, name: str, inputs: Any) -> Any:
        return self.send("post", f"/journeys/{journey.pk}/moves/{name}/", {"inputs": inputs})


def fields(answer: Any) -> set[str]:
    assert answer.status_code == 400, answer.content
    return {fault["field"] for fault in answer.json()["errors"]}


def test_a_deal_goes_all_the_way_by_moves_alone() -> None:
    journey, program = journey_at(Stage.HANDED_OFF), Program()
    steps: list[tuple[str, dict[str, Any]]] = [
        ("accept", {}),
        ("schedule_demo", {"starts_at": soon(minutes=-1), "link": "https://meet.example/x"}),
        ("hold_demo", {"outcome": "proposal"}),
        ("qualify", {"need": "A", "budget": 100, "authority": "B", "timing": "C"}),
        ("request_proposal", {}),
        ("send_proposal", {"lines": LINES}),
        ("object", {"reason": "price", "said": "Too much"}),
        ("send_proposal", {"lines": LINES[:1]}),
        ("request_contract", {}),
        ("send_contract", {"terms": "All", "amount": "719.96"}),
        ("sign", {"signed_on": timezone.now().date().isoformat(), "amount": "719.96"}),
    ]
    for name, inputs in steps:
        answer = program.move(journey, name, inputs)
        assert answer.status_code == 200, (name, answer.content)
    body = answer.json()
    assert (body["journey"]["stage"], body["event"]["value"], body["event"]["amount"]) == (
        "won",
        "719.96",
        "719.96",
    )
    paid = program.send(
        "post", f"/journeys/{journey.pk}/facts/payment_received/", {"inputs": {"amount": 719.96}}
    )
    assert paid.status_code == 200 and paid.json()["event"]["value"] == "719.96"
    values = Event.objects.filter(journey=journey, event="proposal_sent").values_list("value", flat=True)
    assert list(values) == ["v1", "v2"]


def test_moves_tell_what_a_proposal_lacks() -> None:
    journey, program = journey_at(Stage.PROPOSAL_REQUESTED), Program()
    moves = {move["name"]: move for move in program.get(f"/journeys/{journey.pk}/moves/").json()}
    assert moves["send_proposal"]["missing"] == ["proposal.lines"]
    assert moves["send_proposal"]["reason"] == "data"
    refused = program.move(journey, "send_proposal", {})
    assert (refused.status_code, refused.json()["missing"]) == (409, ["proposal.lines"])


def test_the_schema_of_a_demo_asks_for_a_place_or_a_link() -> None:
    journey, program = journey_at(Stage.ACCEPTED), Program()
    moves = {move["name"]: move for move in program.get(f"/journeys/{journey.pk}/moves/").json()}
    asks = moves["schedule_demo"]["asks"]
    assert asks["anyOf"] == [{"required": ["place"]}, {"required": ["link"]}]
    assert (asks["required"], asks["properties"]["link"]["format"]) == (["starts_at"], "uri")


def test_offers_are_listed_with_the_brief_as_frozen() -> None:
    journey, program = journey_at(Stage.HANDED_OFF), Program()
    journey_at(Stage.ACCEPTED)
    (offer,) = program.get("/handoffs/?waiting=true").json()["results"]
    assert (offer["journey"], offer["offered_to"]) == (journey.pk, people(Role.SALESPERSON).username)
    assert offer["brief"]["rows"]
    assert Handoff.objects.count() == 2


def test_an_offer_says_what_sales_needs_to_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    organisation(opens=dt.time(9), closes=dt.time(18), handoff_hours=8)
    journey = take(
        lead(
            name="Iris Lang",
            email="iris@pinecrest.example",
            phone="+442079460355",
            message="Twelve steam lines.",
        ),
        "respond",
        "hold_first_meeting",
        "fill_brief",
    )
    given = {
        "salesperson": people(Role.SALESPERSON).username,
        "comment": "Skip the basics.\nAsk about January.",
    }
    monday = dt.datetime(2026, 3, 9, 16, tzinfo=dt.UTC)
    run(journey, "hand_off", given, at=monday)
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime(2026, 3, 10, 9, 30, tzinfo=dt.UTC))
    (offer,) = Program().get("/handoffs/?waiting=true").json()["results"]
    assert offer["words"] == "Skip the basics.\nAsk about January."
    assert offer["message"] == "Twelve steam lines."
    assert offer["contact"] == {
        "name": "Iris Lang",
        "phone": "+442079460355",
        "email": "iris@pinecrest.example",
    }
    assert offer["age_business_min"] == 150  # two hours of Monday, half an hour of Tuesday
    assert offer["due_at"] == "2026-03-10T15:00:00Z"  # eight hours on


def test_a_decided_offer_keeps_the_age_at_which_it_was_decided() -> None:
    journey = journey_at(Stage.HANDED_OFF)
    offered = Handoff.objects.get(journey=journey).offered_at
    run(journey, "accept", at=offered + dt.timedelta(minutes=35))
    (offer,) = Program().get("/handoffs/").json()["results"]
    assert (offer["age_business_min"], offer["words"]) == (35, "")


def test_offers_cost_as_many_statements_for_many_as_for_few() -> None:
    program = Program(Role.MANAGER)
    journey_at(Stage.HANDED_OFF)
    program.get("/handoffs/")
    counts = []
    for _more in range(2):
        with CaptureQueriesContext(connection) as asked:
            program.get("/handoffs/")
        counts.append(len(asked))
        for _each in range(4):
            journey_at(Stage.HANDED_OFF)
    assert counts[0] == counts[1]


def test_meetings_are_filtered_by_time() -> None:
    journey, program = journey_at(Stage.DEMO_SCHEDULED), Program()
    meeting = Meeting.objects.get(journey=journey)
    assert len(program.get("/meetings/?state=scheduled").json()["results"]) == 1
    late = meeting.ends_at.isoformat().replace("+", "%2B")
    assert program.get(f"/meetings/?starts_after={late}").json()["results"] == []
    assert program.get("/meetings/?starts_after=noon").status_code == 400


def test_a_draft_is_written_changed_and_sent() -> None:
    journey, program = journey_at(Stage.PROPOSAL_REQUESTED), Program()
    made = program.send("post", "/proposals/", {"journey": journey.pk, "lines": LINES, "note": "Hi"})
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["versions"][0]["total"] == TOTAL
    assert body["public_url"].startswith("/p/")
    changed = program.send("patch", f"/proposals/{body['id']}/", {"lines": LINES[:1]})
    version = changed.json()["versions"][0]
    assert (version["total"], version["note"], len(version["lines"])) == ("719.96", "Hi", 1)
    stale = program.send("patch", f"/proposals/{body['id']}/", {"note": "x", "revision": 1})
    assert (stale.status_code, stale.json()["reason"]) == (409, "stale")
    assert program.move(journey, "send_proposal", {}).status_code == 200
    after = program.send("patch", f"/proposals/{body['id']}/", {"note": "Next"}).json()
    assert [(v["number"], v["state"], v["total"]) for v in after["versions"]] == [
        (1, "sent", "719.96"),
        (2, "draft", "719.96"),
    ]


@pytest.mark.parametrize(
    ("body", "faulty"),
    [
        ({}, {"journey"}),
        ({"journey": "x"}, {"journey"}),
        ({"journey": True}, {"journey"}),
        ({"journey": 10**30}, {"journey"}),
        ({"journey": 999999}, {"journey"}),
        ([], {""}),
    ],
)
def test_a_proposal_of_no_journey_is_bad_input(body: Any, faulty: set[str]) -> None:
    assert fields(Program().send("post", "/proposals/", body)) == faulty


def test_faults_in_lines_name_the_row_and_the_column() -> None:
    journey, program = journey_at(Stage.PROPOSAL_REQUESTED), Program()
    broken = [LINES[0], {"description": "x", "quantity": "many", "unit_price": None}]
    answer = program.send("post", "/proposals/", {"journey": journey.pk, "lines": broken})
    assert fields(answer) == {"lines.1.quantity", "lines.1.unit_price"}
    assert not ProposalVersion.objects.get(proposal__journey=journey).lines.exists()
    assert fields(program.send("post", "/proposals/", {"journey": journey.pk, "lines": "all"})) == {"lines"}
    assert fields(program.send("post", "/proposals/", {"journey": journey.pk, "price": 1})) == {"price"}


def test_a_contract_is_drafted_and_given_to_a_lawyer() -> None:
    lawyer = people(Role.LAWYER)
    journey, program = journey_at(Stage.CONTRACT_REQUESTED), Program()
    (listed,) = program.get("/contracts/").json()["results"]
    answer = program.send(
        "patch", f"/contracts/{listed['id']}/", {"terms": "T", "lawyer": lawyer.username, "amount": "5"}
    )
    assert answer.status_code == 200, answer.content
    assert (answer.json()["lawyer"], answer.json()["versions"][0]["amount"]) == (lawyer.username, "5.00")
    theirs = Program(Role.LAWYER)
    assert [row["journey"] for row in theirs.get("/contracts/").json()["results"]] == [journey.pk]
    assert fields(program.send("patch", f"/contracts/{listed['id']}/", {"amount": -1})) == {"amount"}
    assert ContractVersion.objects.get().amount == 5


def test_a_payment_is_posted_once_under_its_key() -> None:
    journey, program = journey_at(Stage.WON), Program()
    body = {"journey": journey.pk, "amount": "12.50"}
    first = program.send("post", "/payments/", body, **{"Idempotency-Key": "one"})
    again = program.send("post", "/payments/", body, **{"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Payment.objects.get().amount == Decimal("12.50")
    other = program.send("post", "/payments/", body | {"amount": 1}, **{"Idempotency-Key": "one"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("change", "faulty"),
    [
        ({"amount": "lots"}, {"amount"}),
        ({"amount": 0}, {"amount"}),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, {"occurred_at"}),
        ({"occurred_at": 5}, {"occurred_at"}),
        ({"instalment": 1}, {"instalment"}),
        ({"paid_on": "2999-01-01"}, {"paid_on"}),
    ],
)
def test_a_broken_payment_is_refused_by_field(change: dict[str, Any], faulty: set[str]) -> None:
    journey = journey_at(Stage.WON)
    answer = Program().send("post", "/payments/", {"journey": journey.pk, "amount": 1} | change)
    assert fields(answer) == faulty
    assert not Payment.objects.exists()


def test_refunds_are_listed_with_payments() -> None:
    journey = run(run(journey_at(Stage.WON), "payment_received"), "refund_paid")
    rows = Program().get(f"/payments/?journey={journey.pk}&ordering=id").json()["results"]
    assert [(row["kind"], row["amount"]) for row in rows] == [("payment", "100.00"), ("refund", "40.00")]


@pytest.mark.parametrize(
    ("role", "open_to_it"),
    [
        (Role.MARKETER, {"handoffs", "meetings"}),
        (Role.SALESPERSON, {"handoffs", "meetings", "proposals", "contracts", "payments"}),
        (Role.LAWYER, {"handoffs", "meetings", "contracts"}),
        (Role.SPECIALIST, {"handoffs", "meetings"}),
        (Role.PARTNER, {"handoffs", "meetings"}),
    ],
)
def test_roles_come_in_only_where_they_work(role: str, open_to_it: set[str]) -> None:
    program = Program(role)
    names = {"handoffs", "meetings", "proposals", "contracts", "payments"}
    assert {name for name in names if program.get(f"/{name}/").status_code == 200} == open_to_it


def test_what_a_role_does_not_see_is_not_listed_nor_found() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    stranger = Program(name="stranger")
    partner = Program(Role.PARTNER)
    assert stranger.get("/proposals/").json()["results"] == []
    assert stranger.get(f"/proposals/{journey.proposal.pk}/").status_code == 404
    assert partner.get("/handoffs/").json()["results"] == []


def test_reading_needs_its_scope_and_writing_another() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    reader = Program(Role.SALESPERSON, "read")
    assert reader.get("/proposals/").status_code == 200
    assert reader.send("post", "/proposals/", {"journey": journey.pk}).status_code == 403
