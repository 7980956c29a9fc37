"""What a client paid beyond the contract: their credit, on pages and by REST, and figures that are net of refunds."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.models import Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, run, token
from tests.history.files import load_rows

from .helpers import undo

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date().isoformat()


def record(journey: Journey, *money: tuple[str, int | str]) -> Journey:
    for name, amount in money:
        run(journey, name, {"amount": str(amount)}, at=timezone.now())
    return Journey.objects.get(pk=journey.pk)


def overpaid() -> Journey:
    """A contract over 100; 180 came in, 30 went back, 20 were spent: 50 over, 150 paid, worth 130."""
    signing = {"signed_on": TODAY, "amount": "100"}
    journey = run(journey_at(Stage.CONTRACT_SENT, company="Acme"), "sign", signing, at=timezone.now())
    return record(journey, ("payment_received", 180), ("refund_paid", 30), ("direct_cost", 20))


def api(path: str, role: str = Role.MANAGER) -> Any:
    answer = Client(headers=token(people(role))).get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_credit_stands_wherever_the_client_does(client: Client) -> None:
    journey = overpaid()
    client.force_login(people(Role.MANAGER))
    page = client.get(f"/journeys/{journey.pk}/").content.decode()
    assert "Client's credit: <b>€50</b>" in page
    assert "€150 received" in page
    for kind, key in (("contacts", journey.contact_id), ("companies", journey.company_id)):
        party = client.get(f"/{kind}/{key}/")
        assert {name: party.context["figures"][name] for name in ("paid", "worth", "credit")} == {
            "paid": 150, "worth": 130, "credit": 50,
        }  # fmt: skip
        page = " ".join(party.content.decode().split())
        assert "<dt>Credit</dt><dd>€50</dd>" in page
        assert "<dt>Lifetime value (LTV)</dt><dd>€130</dd>" in page
        assert api(f"{kind}/{key}/")["credit"] == "50.00"
        assert [row["credit"] for row in api(f"{kind}/")["results"]] == ["50.00"]
    assert api(f"journeys/{journey.pk}/")["credit"] == "50.00"
    assert [row["credit"] for row in api("journeys/")["results"]] == ["50.00"]
    (contract,) = api("contracts/")["results"]
    told = [(one["amount"], one["paid"], one["left"]) for one in contract["instalments"]]
    assert told == [("100.00", "100.00", "0.00")]


def test_the_answer_to_a_payment_tells_the_credit_that_it_leaves() -> None:
    journey = overpaid()
    program = Client(headers=token(people(Role.MANAGER)))
    url = f"/api/v1/journeys/{journey.pk}/"
    made = program.post(
        f"{url}facts/refund_paid/", {"inputs": {"amount": "45"}}, content_type="application/json"
    ).json()
    assert made["journey"]["credit"] == "5.00"
    undone = program.post(f"{url}annul/", {"event": made["event"]["id"]}, content_type="application/json")
    assert undone.json()["journey"]["credit"] == "50.00"


def test_there_is_no_credit_once_it_went_back_or_the_contract_takes_it(client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    journey = record(journey_at(Stage.CONTRACT_SENT), ("payment_received", 60))
    page = client.get(f"/journeys/{journey.pk}/").content.decode()
    assert "Client's credit: <b>€60</b>" in page
    assert "paid before a contract is signed" in page
    signing = {"signed_on": TODAY, "amount": "100"}
    run(journey, "sign", signing, at=timezone.now())
    assert "Client's credit" not in client.get(f"/journeys/{journey.pk}/").content.decode()
    assert api(f"journeys/{journey.pk}/")["credit"] == "0.00"
    record(journey, ("payment_received", 50))
    assert api(f"journeys/{journey.pk}/")["credit"] == "10.00"
    undo(journey, "payment_received")
    assert api(f"journeys/{journey.pk}/")["credit"] == "0.00"


def test_an_imported_past_that_was_paid_in_full_leaves_no_credit() -> None:
    rows = [
        "L1,A,lead_created,2026-01-01T10:00:00+00:00,,",
        "S1,A,contract_signed,2026-01-02T10:00:00+00:00,,500",
        "P1,A,payment_received,2026-01-03T10:00:00+00:00,,500",
        "P2,A,payment_received,2026-01-04T10:00:00+00:00,,70",
        "R1,A,refund_paid,2026-01-05T10:00:00+00:00,,70",
    ]
    load_rows(rows)
    journey = Journey.objects.get(external_id="A")
    assert api(f"journeys/{journey.pk}/")["credit"] == "0.00"
    assert api(f"contacts/{journey.contact_id}/")["credit"] == "0.00"


def test_one_journey_s_credit_is_not_held_against_what_another_owes(client: Client) -> None:
    journey = overpaid()
    second = journey_at(Stage.CONTRACT_SENT, email=journey.contact.email, name=journey.contact.name)
    assert second.contact_id == journey.contact_id
    run(second, "sign", {"signed_on": TODAY, "amount": "900"}, at=timezone.now())
    record(second, ("payment_received", 100))
    assert api(f"contacts/{journey.contact_id}/")["credit"] == "50.00"
    client.force_login(people(Role.MANAGER))
    figures = client.get(f"/contacts/{journey.contact_id}/").context["figures"]
    assert (figures["paid"], figures["worth"]) == (250, 230)


def test_what_is_merged_or_spam_counts_no_more() -> None:
    journey = record(journey_at(Stage.NEW), ("direct_cost", 5))
    run(journey, "mark_spam", at=timezone.now())
    assert api(f"contacts/{journey.contact_id}/")["credit"] == "0.00"


def test_who_does_not_see_money_is_told_no_credit(client: Client) -> None:
    journey = overpaid()
    for path in (f"journeys/{journey.pk}/", f"contacts/{journey.contact_id}/"):
        assert api(path, Role.MARKETER)["credit"] is None
    client.force_login(people(Role.MARKETER))
    for path in (f"/journeys/{journey.pk}/", f"/contacts/{journey.contact_id}/"):
        page = client.get(path).content.decode()
        assert "redit" not in page
        assert "LTV" not in page


@pytest.mark.parametrize("path", ["journeys/", "contacts/", "companies/", "contracts/"])
def test_a_list_by_rest_asks_as_many_queries_for_many_as_for_one(path: str) -> None:
    program = Client(headers=token(people(Role.MANAGER)))

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert program.get(f"/api/v1/{path}").status_code == 200
        return len(captured)

    overpaid()
    asked()
    one = asked()
    for number in range(3):
        signing = {"signed_on": TODAY, "amount": "100"}
        run(journey_at(Stage.CONTRACT_SENT, company=f"Firm {number}"), "sign", signing, at=timezone.now())
        lead()
    assert asked() == one
