"""What partners and lawyers do not read over REST: activities, lists of colleagues, partners and campaigns, schedules."""

import json

import pytest
from django.test import Client

from deals.models import Contract
from funnel.models import Campaign, Journey
from funnel.stages import MOVES, Role, Stage
from partners.models import Partner
from tests.factories import journey_at, lead, partner, partner_person, people, run

from .test_api import Api

pytestmark = pytest.mark.django_db

SECRETS = ("fred-of-first-touch", "sam-of-sales", "rival-partner", "spring-campaign", "north-team")


@pytest.fixture
def referred() -> Journey:
    """A journey with the partner that pat stands for, after colleagues worked on it."""
    people(Role.SALESPERSON, "sam-of-sales")
    fred = people(Role.FIRST_TOUCH, "fred-of-first-touch")
    partner("rival-partner")
    ours = partner("ours", members=(partner_person("pat"),))
    journey = lead(campaign="spring-campaign", owner=fred)
    run(journey, "respond", {"kind": "call", "summary": "A secret."}, actor=fred)
    run(journey, "refer", {"partner": ours.key, "reason": "capacity"}, actor=fred)
    return Journey.objects.get(pk=journey.pk)


def test_a_partner_reads_no_activities(referred: Journey) -> None:
    assert Api(Role.PARTNER, "pat").get("activities/").status_code == 403
    assert Api(Role.SPECIALIST).get("activities/").status_code == 200


def test_no_door_that_a_partner_opens_lists_colleagues_partners_or_campaigns(referred: Journey) -> None:
    pat = Api(Role.PARTNER, "pat")
    assert [row["id"] for row in pat.get("journeys/").json()["results"]] == [referred.pk]
    told = [
        pat.get(path).content.decode()
        for path in (
            "journeys/",
            f"journeys/{referred.pk}/",
            f"journeys/{referred.pk}/moves/",
            f"journeys/{referred.pk}/events/",
            "referrals/",
            "notifications/",
        )
    ]
    moves = {move["name"]: move for move in json.loads(told[2])}
    assert set(moves) == set(MOVES)
    for text in told[:3] + told[4:]:
        assert not [secret for secret in SECRETS if secret in text], text
    (handoff,) = json.loads(told[3])["results"]
    assert (handoff["event"], handoff["inputs"]) == ("partner_handoff", {})
    assert {handoff[name] for name in ("owner", "team", "campaign", "source")} == {None}
    manager = Api(Role.MANAGER).get(f"journeys/{referred.pk}/moves/").content.decode()
    assert "sam-of-sales" in manager


def test_a_partner_reads_nothing_of_the_partners_that_the_journey_was_with_before() -> None:
    rival = partner("rival-partner")
    ours = partner("ours", members=(partner_person("pat"),))
    manager = people(Role.MANAGER)
    journey = run(lead(), "respond", actor=manager)
    run(journey, "refer", {"partner": rival.key, "reason": "capacity"}, actor=manager)
    run(journey, "return_referral", {"reason": "terms", "comment": "Too dear."}, actor=manager)
    run(journey, "refer", {"partner": ours.key, "reason": "capacity", "comment": "Zebra."}, actor=manager)
    pat = Api(Role.PARTNER, "pat")
    (only,) = pat.get(f"journeys/{journey.pk}/events/").json()["results"]
    assert (only["event"], only["value"]) == ("partner_handoff", "ours")
    page = Client()
    page.force_login(pat.user)
    told = page.get(f"/journeys/{journey.pk}/").content.decode()
    assert "Referred to a partner" in told
    assert "Referral returned" not in told
    assert "Partner declined" not in told
    for word in ("zebra", "yak"):
        found = page.get(f"/journeys/{journey.pk}/", {"find": word}).content.decode()
        assert "Referred to a partner" in found, word


@pytest.mark.parametrize("name", ["owner", "campaign"])
def test_a_partner_learns_no_name_by_trying_it_on_an_application(referred: Journey, name: str) -> None:
    pat = Api(Role.PARTNER, "pat")
    body = {"name": "New", "email": "new@client.example", "source": "web"}
    known = {"owner": "sam-of-sales", "campaign": Campaign.objects.get().key}[name]
    answers = [pat.post("leads/", {**body, name: value}) for value in (known, "nobody")]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    assert pat.post("leads/", body).status_code == 201


def test_a_partner_does_not_learn_by_an_application_who_is_known() -> None:
    partner("ours", members=(partner_person("pat"),))
    lead(name="Anna Berg", email="anna@berg.example", phone="+49301112233")
    body = {"name": "Anna Berg", "email": "anna.berg@home.example", "phone": "+49301112233"}
    manager = Api(Role.MANAGER).post("leads/", {**body, "email": "a.berg@work.example", "source": "web"})
    assert manager.json()["duplicates"]
    assert Api(Role.PARTNER, "pat").post("leads/", {**body, "source": "web"}).json()["duplicates"] == []


def test_a_partner_learns_no_name_by_trying_it_on_a_move_or_fact(referred: Journey) -> None:
    pat = Api(Role.PARTNER, "pat")
    for path, field, values in (
        ("moves/refer/", "partner", [Partner.objects.first().key, "nobody"]),  # type: ignore[union-attr]
        ("moves/hand_off/", "salesperson", ["sam-of-sales", "nobody"]),
        ("facts/owner_changed/", "owner", ["sam-of-sales", "nobody"]),
    ):
        answers = [pat.post(f"journeys/{referred.pk}/{path}", {"inputs": {field: value}}) for value in values]
        assert [answer.status_code for answer in answers] == [409, 409], path
        assert answers[0].json()["reason"] == answers[1].json()["reason"]


def test_a_lawyer_reads_the_contract_without_its_payment_schedule() -> None:
    journey = journey_at(Stage.WON)
    sales, lawyer = Api(Role.MANAGER), Api(Role.LAWYER, "lea")
    pk = Contract.objects.get(journey=journey).pk
    Contract.objects.filter(pk=pk).update(lawyer=lawyer.user)
    assert sales.get(f"contracts/{pk}/").json()["instalments"]
    for answer in (lawyer.get(f"contracts/{pk}/").json(), lawyer.get("contracts/").json()["results"][0]):
        assert answer["instalments"] is None
        assert answer["versions"]
    signed = lawyer.get(f"journeys/{journey.pk}/events/").json()["results"][-1]
    assert (signed["event"], signed["amount"], signed["inputs"]) == ("contract_signed", None, {})
    assert lawyer.get("payments/").status_code == 403
    assert lawyer.get(f"contracts/{pk}/", fields="id").json() == {"id": pk}


@pytest.mark.django_db(transaction=True)
def test_the_feed_tells_a_partner_what_concerns_them() -> None:
    ours = partner("ours", members=(partner_person("pat"),))
    fred = people(Role.FIRST_TOUCH, "fred-of-first-touch")
    journey = run(lead(owner=fred), "respond", actor=fred)
    run(journey, "refer", {"partner": ours.key, "reason": "capacity"}, actor=fred)
    (handoff,) = Api(Role.PARTNER, "pat").get("events/").json()["results"]
    assert (handoff["event"], handoff["owner"], handoff["source"]) == ("partner_handoff", None, None)
    assert len(Api(Role.MANAGER).get("events/").json()["results"]) > 1
