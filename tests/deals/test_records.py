"""What the database itself holds to, what follows an act, and what an imported past brings."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.celery import app
from deals import tasks
from deals.domain import adoption, contracts
from deals.models import (
    Contract,
    ContractVersion,
    DirectCost,
    Handoff,
    Instalment,
    Line,
    Meeting,
    Payment,
    PaymentShare,
    Proposal,
    ProposalVersion,
)
from funnel import outbox
from funnel.annulment import annul
from funnel.models import Event, Journey, Notification
from funnel.stages import Role, Stage
from tests.factories import journey_at, organisation, people, run
from tests.factories.deals import soon

pytestmark = pytest.mark.django_db


def refused(constraint: str, act: Any) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        act()


def test_a_journey_has_one_undecided_offer_and_a_decision_has_its_time() -> None:
    journey = journey_at(Stage.HANDED_OFF)
    other = Event.objects.filter(journey=journey).order_by("seq")[0]
    refused("handoff_one_undecided", lambda: _offer(journey, other))
    refused("handoff_decided_with_when", lambda: Handoff.objects.update(decision="accepted", decided_at=None))


def _offer(journey: Journey, event: Event) -> Handoff:
    return Handoff.objects.create(journey=journey, event=event, offered_at=timezone.now())


def test_a_journey_has_one_demo_in_the_calendar_and_outcomes_only_when_held() -> None:
    journey = journey_at(Stage.DEMO_SCHEDULED)
    event = Event.objects.filter(journey=journey).latest("seq")
    refused(
        "meeting_one_scheduled",
        lambda: Meeting.objects.create(journey=journey, event=event, starts_at=timezone.now()),
    )
    refused("meeting_outcome_when_held", lambda: Meeting.objects.update(outcome="interested"))
    refused("meeting_closed_by_event", lambda: Meeting.objects.update(state="missed"))


def test_a_proposal_has_one_draft_whose_sums_add_up() -> None:
    proposal = Proposal.objects.get(journey=journey_at(Stage.PROPOSAL_REQUESTED))
    refused("proposal_one_draft", lambda: proposal.versions.create(number=2))
    refused("proposal_version_number_once", lambda: _sent(proposal))
    refused("proposal_version_adds_up", lambda: ProposalVersion.objects.update(total=5))
    refused("proposal_version_sent_with_when", lambda: ProposalVersion.objects.update(state="sent"))
    version = proposal.versions.get()
    line = {"version": version, "position": 1, "description": "x", "unit_price": Decimal(1), "net": 1}
    refused("line_in_range", lambda: Line.objects.create(**line, quantity=Decimal(0)))
    refused("line_in_range", lambda: Line.objects.create(**line, quantity=Decimal(1), discount=Decimal(101)))


def _sent(proposal: Proposal) -> ProposalVersion:
    return proposal.versions.create(number=1, state="sent", sent_at=timezone.now())


def test_a_contract_is_signed_with_day_and_amount_and_money_is_positive() -> None:
    journey = run(journey_at(Stage.WON), "payment_received")
    refused("contract_signed_with_when_and_amount", lambda: Contract.objects.update(signed_on=None))
    refused("contract_version_amount_positive", lambda: ContractVersion.objects.update(amount=0))
    refused("instalment_amount_positive", lambda: Instalment.objects.update(amount=0))
    refused("payment_amount_positive", lambda: Payment.objects.filter(journey=journey).update(amount=-1))
    refused("share_amount_not_zero", lambda: PaymentShare.objects.update(amount=0))


def drain() -> None:
    while outbox.drain():
        pass


def test_a_specialist_and_a_lawyer_are_told_what_they_are_invited_to() -> None:
    specialist, lawyer = people(Role.SPECIALIST), people(Role.LAWYER)
    inputs = {"starts_at": soon(), "place": "Here", "specialist": specialist.username}
    run(journey_at(Stage.ACCEPTED), "schedule_demo", inputs)
    asked = run(journey_at(Stage.PROPOSAL_SENT), "request_contract", {"lawyer": lawyer.username})
    second = people(Role.LAWYER, "second")
    contracts.assign_lawyer(journey_id=asked.pk, lawyer=second, actor=people(), at=timezone.now())
    drain()
    told = Notification.objects.filter(user__in=[specialist, lawyer, second])
    assert sorted(told.values_list("event__event", flat=True)) == [
        "contract_requested",
        "demo_scheduled",
        "note_logged",
    ]


def test_the_clock_knows_the_task_that_withdraws_overdue_offers() -> None:
    entry = tasks.SCHEDULE["withdraw-overdue-handoffs"]
    assert entry["task"] in app.tasks
    organisation(handoff_hours=1)
    journey = journey_at(Stage.HANDED_OFF)
    tasks.withdraw_overdue_handoffs()
    assert Journey.objects.get(pk=journey.pk).stage == Stage.RETURNED


def test_the_money_of_an_imported_past_is_listed_once_and_leaves_when_annulled() -> None:
    organisation(timezone="Pacific/Auckland")
    journey = run(run(journey_at(Stage.WON), "payment_received"), "refund_paid")
    journey = run(journey, "direct_cost")
    event = Event.objects.get(journey=journey, event="payment_received")
    Payment.objects.all().delete()  # as if the ledger had come by COPY alone
    DirectCost.objects.all().delete()
    for _time in range(2):
        adoption.adopt(event.xact)
    payment = Payment.objects.get(event=event)
    assert (payment.amount, payment.kind) == (event.amount, "payment")
    assert payment.paid_on == event.occurred_at.astimezone(organisation().zone).date()
    assert Payment.objects.filter(kind="refund").count() == DirectCost.objects.count() == 1
    refund = Event.objects.get(journey=journey, event="refund_paid")
    annul(events=[refund.pk], actor=people(), at=timezone.now())
    Payment.objects.get_or_create(
        event=refund,
        defaults={"journey": journey, "kind": "refund", "amount": 1, "paid_on": dt.date(2026, 3, 2)},
    )
    adoption.adopt(event.xact)
    assert not Payment.objects.filter(event=refund).exists()


def test_what_was_paid_by_its_day_is_told_from_what_came_late() -> None:
    today = timezone.now().date()
    rows = [
        {"due_on": today.isoformat(), "amount": 60},
        {"due_on": (today - dt.timedelta(days=9)).isoformat(), "amount": 40},
    ]
    inputs = {"signed_on": today.isoformat(), "amount": 100, "instalments": rows}
    journey = run(journey_at(Stage.CONTRACT_SENT), "sign", inputs)
    run(journey, "payment_received", {"amount": 100}, at=timezone.now())
    found = Instalment.objects.with_paid_in_time().order_by("due_on").values_list("in_time", flat=True)
    assert list(found) == [Decimal(0), Decimal(60)]
