"""Contracts: versions, legal issues, the signature with its schedule, and their undo."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from deals.domain import contracts
from deals.models import Contract, ContractVersion, Instalment, LegalIssue
from funnel.annulment import CannotAnnul
from funnel.models import Journey, Note
from funnel.stages import Role, Stage
from tests.factories import journey_at, organisation, people, run
from tests.factories.deals import TOTAL

from .helpers import event, faults, missing, undo

pytestmark = pytest.mark.django_db

TODAY = timezone.now().date().isoformat()


def test_a_request_starts_a_draft_at_the_proposals_total_for_the_lawyer_named() -> None:
    lawyer = people(Role.LAWYER)
    journey = run(journey_at(Stage.PROPOSAL_SENT), "request_contract", {"lawyer": lawyer.username})
    contract = Contract.objects.get(journey=journey)
    assert contract.lawyer == lawyer
    assert contract.versions.get().amount == Decimal(TOTAL)
    assert missing(journey, "send_contract", {}) == ("contract.terms",)


def test_without_draft_amount_and_terms_the_version_is_missing() -> None:
    journey = journey_at(Stage.CONTRACT_REQUESTED)
    ContractVersion.objects.all().delete()
    assert missing(journey, "send_contract", {}) == ("contract.version",)
    Contract.objects.all().delete()
    run(journey, "send_contract", {"terms": "All of them", "amount": 5})
    assert ContractVersion.objects.get().amount == 5


def test_sending_freezes_the_version_and_an_edit_starts_the_next() -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    assert event(journey, "contract_sent").value == "v1"
    contracts.save_draft(journey_id=journey.pk, actor=people(), at=timezone.now(), terms="In five weeks.")
    found = ContractVersion.objects.filter(contract__journey=journey).values_list("number", "state", "terms")
    assert list(found) == [(1, "sent", "Delivery in four weeks."), (2, "draft", "In five weeks.")]


def test_undoing_a_sending_makes_it_a_draft_again() -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    assert undo(journey, "contract_sent").stage == Stage.CONTRACT_REQUESTED
    assert ContractVersion.objects.get(contract__journey=journey).is_draft


def test_undoing_a_request_removes_its_untouched_draft() -> None:
    journey = journey_at(Stage.CONTRACT_REQUESTED)
    undo(journey, "contract_requested")
    assert not Contract.objects.filter(journey=journey).exists()


def test_signing_wins_the_deal_with_the_amount_on_the_event_and_one_instalment() -> None:
    journey = run(journey_at(Stage.CONTRACT_SENT), "sign", {"signed_on": TODAY, "amount": "1000.50"})
    signed = event(journey, "contract_signed")
    assert (signed.value, signed.amount, signed.currency) == ("1000.50", Decimal("1000.50"), "EUR")
    assert (journey.stage, journey.amount) == (Stage.WON, Decimal("1000.50"))
    instalment = Instalment.objects.get(contract__journey=journey)
    assert (instalment.due_on.isoformat(), instalment.amount) == (TODAY, Decimal("1000.50"))


def test_a_schedule_is_kept_in_the_order_of_its_days() -> None:
    rows = [{"due_on": "2027-02-01", "amount": "600"}, {"due_on": "2027-01-01", "amount": 400}]
    inputs = {"signed_on": TODAY, "amount": 1000, "instalments": rows}
    journey = run(journey_at(Stage.CONTRACT_SENT), "sign", inputs)
    found = Instalment.objects.filter(contract__journey=journey).values_list("position", "amount")
    assert list(found) == [(1, Decimal(400)), (2, Decimal(600))]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"signed_on": None}, "signed_on"),
        ({"signed_on": "2999-01-01"}, "signed_on"),
        ({"signed_on": (timezone.now() + dt.timedelta(days=2)).date().isoformat()}, "signed_on"),
        ({"signed_on": "2026-03-01"}, "signed_on"),
        ({"signed_on": "yesterday"}, "signed_on"),
        ({"amount": 0}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1e30"}, "amount"),
        ({"amount": "10.001"}, "amount"),
        ({"instalments": [{"due_on": "2027-01-01", "amount": "999.99"}]}, "instalments"),
        ({"instalments": [{"due_on": "soon", "amount": "1000"}]}, "instalments"),
        ({"instalments": [{"due_on": "2027-01-01"}]}, "instalments"),
        ({"instalments": "all"}, "instalments"),
    ],
)
def test_a_signature_in_the_future_or_out_of_sum_is_bad_input(change: dict[str, Any], field: str) -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    assert faults(journey, "sign", {"signed_on": TODAY, "amount": "1000"} | change) == {field}
    assert not Instalment.objects.exists()


def test_today_is_the_organisations_day() -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    organisation(timezone="Pacific/Kiritimati")
    there = timezone.now().astimezone(organisation().zone).date().isoformat()
    assert run(journey, "sign", {"signed_on": there, "amount": 1}).stage == Stage.WON


def test_undoing_a_signature_removes_the_schedule_and_restores_the_amount() -> None:
    journey = run(journey_at(Stage.CONTRACT_SENT), "sign", {"signed_on": TODAY, "amount": 7})
    back = undo(journey, "contract_signed")
    contract = Contract.objects.get(journey=journey)
    assert (back.stage, back.amount) == (Stage.CONTRACT_SENT, Decimal(TOTAL))
    assert (contract.signed_on, contract.amount, contract.instalments.count()) == (None, None, 0)
    assert run(back, "sign", at=timezone.now()).stage == Stage.WON


def test_a_signature_that_payments_rest_on_is_undone_only_with_them() -> None:
    journey = run(journey_at(Stage.WON), "payment_received")
    with pytest.raises(CannotAnnul, match="Payments rest"):
        undo(journey, "contract_signed")
    assert undo(journey, "contract_signed", "payment_received").stage == Stage.CONTRACT_SENT


def test_legal_issues_are_worked_through_one_by_one_and_undone() -> None:
    journey = run(run(journey_at(Stage.CONTRACT_REQUESTED), "legal_issue_raised"), "legal_issue_raised")
    first, second = LegalIssue.objects.filter(journey=journey)
    run(journey, "legal_issue_resolved", {"issue": second.pk, "resolution": "Struck out"})
    run(journey, "legal_issue_resolved", {})
    for issue in (first, second):
        issue.refresh_from_db()
        assert issue.resolved_at is not None
    assert missing(journey, "legal_issue_resolved", {}) == ("issue",)
    with pytest.raises(CannotAnnul):
        undo(journey, "legal_issue_raised")
    undo(journey, "legal_issue_resolved")
    second.refresh_from_db()
    assert (second.resolved_at, second.resolution) == (None, "")
    undo(journey, "legal_issue_raised")
    assert not LegalIssue.objects.exists()


def test_an_issue_of_another_journey_cannot_be_settled_here() -> None:
    other = run(journey_at(Stage.CONTRACT_REQUESTED), "legal_issue_raised")
    issue = LegalIssue.objects.get(journey=other)
    assert faults(journey_at(Stage.CONTRACT_REQUESTED), "legal_issue_resolved", {"issue": issue.pk}) == {
        "issue"
    }


def test_a_lawyer_sees_the_contracts_that_are_theirs_and_works_on_their_issues() -> None:
    lawyer = people(Role.LAWYER)
    journey = journey_at(Stage.CONTRACT_REQUESTED)
    journey_at(Stage.CONTRACT_REQUESTED)
    assert not Journey.objects.visible_to(lawyer).exists()
    contracts.assign_lawyer(journey_id=journey.pk, lawyer=lawyer, actor=people(), at=timezone.now())
    assert list(Journey.objects.visible_to(lawyer)) == [journey]
    assert Note.objects.filter(journey=journey, text__contains=str(lawyer)).exists()
    run(journey, "legal_issue_raised", actor=lawyer, at=timezone.now())
    assert LegalIssue.objects.get(journey=journey).raised_by == lawyer
