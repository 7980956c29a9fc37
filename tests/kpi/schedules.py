"""Schedules of payments for the KPI tests, beside ledgers written by `ledgers`."""

from datetime import date, datetime
from decimal import Decimal

from deals.models import Contract, Instalment, Payment, PaymentShare, Reschedule
from funnel.models import Event, Journey


def schedule(journey: str, *instalments: tuple[str, str]) -> list[Instalment]:
    """Give a signed journey of the ledger its instalments: schedule("J1", ("2026-03-10", "100"), …)."""
    signed = Event.objects.get(journey__external_id=journey, event="contract_signed")
    contract = Contract.objects.create(
        journey=signed.journey,
        signed_event=signed,
        signed_on=signed.occurred_at.date(),
        amount=sum(Decimal(amount) for _day, amount in instalments),
    )
    return Instalment.objects.bulk_create(
        Instalment(contract=contract, position=n, due_on=date.fromisoformat(day), amount=Decimal(amount))
        for n, (day, amount) in enumerate(instalments, 1)
    )


def pay(instalment: Instalment, event: str, amount: str, *, on: str) -> None:
    """Let a payment of the ledger, by the id of its event, cover so much of an instalment."""
    found = Event.objects.get(external_id=event)
    payment, _made = Payment.objects.get_or_create(
        event=found,
        defaults={
            "journey": Journey.objects.get(pk=found.journey_id),
            "amount": found.amount,
            "paid_on": date.fromisoformat(on),
        },
    )
    PaymentShare.objects.create(payment=payment, instalment=instalment, amount=Decimal(amount))


def move(instalment: Instalment, day: str, *, at: datetime) -> None:
    """Move the day that an instalment is due."""
    before, instalment.due_on = instalment.due_on, date.fromisoformat(day)
    instalment.save(update_fields=["due_on"])
    Reschedule.objects.create(
        instalment=instalment, due_before=before, due_after=instalment.due_on, actor=None, at=at
    )
