"""Money: what pays which instalment, what may go back, and what undo frees."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from deals.domain import payments
from deals.models import DirectCost, Instalment, Payment, Reschedule
from funnel.annulment import CannotAnnul, annul
from funnel.machine import Refused
from funnel.models import Event, Journey, Note
from funnel.stages import Stage
from tests.factories import journey_at, people, run

from .helpers import event, faults, missing, undo

pytestmark = pytest.mark.django_db

TODAY = timezone.now().date().isoformat()


def signed(*amounts: int) -> Journey:
    rows = [{"due_on": f"2027-0{month}-01", "amount": amount} for month, amount in enumerate(amounts, 1)]
    inputs = {"signed_on": TODAY, "amount": sum(amounts), "instalments": rows}
    return run(journey_at(Stage.CONTRACT_SENT), "sign", inputs)


def left(journey: Journey) -> list[int]:
    return [int(item.left) for item in Instalment.objects.with_paid().filter(contract__journey=journey)]


def test_a_payment_goes_to_the_oldest_instalments_and_what_is_over_stays_on_it() -> None:
    journey = signed(100, 200)
    run(journey, "payment_received", {"amount": 150})
    assert left(journey) == [0, 150]
    run(journey, "payment_received", {"amount": "170.00"})
    assert left(journey) == [0, 0]
    received = event(journey, "payment_received")
    assert (received.value, received.amount) == ("170.00", Decimal(170))


def test_a_named_instalment_is_served_first() -> None:
    journey = signed(100, 200)
    second = Instalment.objects.get(contract__journey=journey, position=2)
    run(journey, "payment_received", {"amount": 250, "instalment": second.pk})
    assert left(journey) == [50, 0]


def test_an_instalment_of_another_deal_cannot_be_named() -> None:
    other = Instalment.objects.get(contract__journey=signed(100))
    assert faults(signed(100), "payment_received", {"amount": 5, "instalment": other.pk}) == {"instalment"}


def test_money_paid_before_the_signature_counts_towards_the_schedule() -> None:
    journey = run(journey_at(Stage.CONTRACT_SENT), "payment_received", {"amount": 30})
    journey = run(journey, "sign", {"signed_on": TODAY, "amount": 100})
    assert left(journey) == [70]
    assert undo(journey, "contract_signed").stage == Stage.CONTRACT_SENT
    assert Payment.objects.get(journey=journey).shares.count() == 0


def test_undoing_a_payment_frees_its_instalment_and_later_money_moves_up() -> None:
    journey = signed(100)
    run(journey, "payment_received", {"amount": 80})
    run(journey, "payment_received", {"amount": 60})
    first = Event.objects.filter(journey=journey, event="payment_received").order_by("seq")[0]
    assert left(journey) == [0]
    annul(events=[first.pk], actor=people(), at=timezone.now())
    assert left(journey) == [40]
    assert Payment.objects.filter(journey=journey).count() == 1


def test_a_payment_on_an_earlier_day_is_dated_to_that_day() -> None:
    journey = signed(100)
    day = (timezone.now() - dt.timedelta(days=3)).date()
    run(journey, "payment_received", {"amount": 10, "paid_on": day.isoformat()}, at=timezone.now())
    assert event(journey, "payment_received").occurred_at.date() == day
    assert Payment.objects.get(journey=journey).paid_on == day


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 5, "paid_on": "2999-01-01"}, "paid_on"),
        ({"amount": 5, "method": "barter"}, "method"),
        ({"amount": 5, "instalment": 10**30}, "instalment"),
    ],
)
def test_a_payment_out_of_range_is_bad_input(inputs: dict[str, Any], field: str) -> None:
    assert faults(signed(100), "payment_received", inputs) == {field}
    assert not Payment.objects.exists()


def test_no_more_goes_back_than_was_paid() -> None:
    journey = run(signed(100), "payment_received", {"amount": 50})
    assert missing(journey, "refund_paid", {"amount": "50.01"}) == ("payments",)
    run(journey, "refund_paid", {"amount": 20})
    assert missing(journey, "refund_paid", {"amount": "30.01"}) == ("payments",)
    run(journey, "refund_paid", {"amount": 30})
    assert payments.paid_so_far(journey.pk) == 0


def test_a_payment_that_a_refund_rests_on_is_undone_only_with_it() -> None:
    journey = run(run(signed(100), "payment_received"), "refund_paid")
    with pytest.raises(CannotAnnul, match="refund rests"):
        undo(journey, "payment_received")
    undo(journey, "refund_paid", "payment_received")
    assert not Payment.objects.exists()


def test_a_direct_cost_is_kept_with_its_kind_and_undone() -> None:
    journey = run(signed(100), "direct_cost")
    assert (DirectCost.objects.get().kind, event(journey, "direct_cost").amount) == (
        "travel",
        Decimal("15.50"),
    )
    undo(journey, "direct_cost")
    assert not DirectCost.objects.exists()


def test_an_unpaid_instalment_moves_to_another_day_and_who_moved_it_is_kept() -> None:
    journey = run(signed(100, 200), "payment_received", {"amount": 100})
    paid, unpaid = Instalment.objects.filter(contract__journey=journey)
    given = {"due_on": dt.date(2027, 6, 1), "actor": people(), "at": timezone.now(), "why": "Asked for it"}
    payments.reschedule(instalment_id=unpaid.pk, **given)
    kept = Reschedule.objects.get(instalment=unpaid)
    assert (kept.due_before, kept.due_after, kept.actor) == (unpaid.due_on, dt.date(2027, 6, 1), people())
    assert Note.objects.filter(journey=journey, text__contains="2027-06-01").exists()
    with pytest.raises(Refused):
        payments.reschedule(instalment_id=paid.pk, **given)
