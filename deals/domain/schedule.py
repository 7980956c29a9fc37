"""How money is spread over the instalments of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import Sum

from deals.models import Instalment, Payment, PaymentShare
from funnel.models import Journey


def spread(payments: Sequence[tuple[Payment, Decimal]], instalments: Sequence[Instalment]) -> None:
    """Give payments, each with what is left of it, to instalments with `left` annotated, in their order.

    A payment that names an instalment serves that one first. What is over stays on the payment: over-fulfilment
    is shown, not capped.
    """
    left = {instalment.pk: instalment.left for instalment in instalments}
    shares = []
    for payment, rest in payments:
        order = sorted(instalments, key=lambda item: item.pk != payment.instalment_id)  # stable: named first
        for instalment in order:
            part = min(rest, left[instalment.pk])
            if part > 0:
                shares.append(PaymentShare(payment=payment, instalment=instalment, amount=part))
                left[instalment.pk] -= part
                rest -= part
    PaymentShare.objects.bulk_create(shares)


def unpaid(journey: Journey) -> list[Instalment]:
    """Return the journey's instalments on which something is owed, oldest first."""
    return list(
        Instalment.objects.with_paid()
        .filter(contract__journey=journey, left__gt=0)
        .order_by("due_on", "position")
    )


def spread_earlier(journey: Journey) -> None:
    """Give what the journey's payments have not been used for to the instalments that are unpaid, oldest first."""
    payments = (
        Payment.objects.filter(journey=journey, kind=Payment.Kind.PAYMENT)
        .annotate(used=Sum("shares__amount"))
        .order_by("paid_on", "pk")
    )
    over = [(payment, payment.amount - (payment.used or 0)) for payment in payments]
    spread([(payment, rest) for payment, rest in over if rest > 0], unpaid(journey))
