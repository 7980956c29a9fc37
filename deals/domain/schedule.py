"""How money is spread over the instalments of a schedule."""

from __future__ import annotations

from deals.models import Instalment, Payment, PaymentShare
from funnel.models import Journey


def spread(journey: Journey) -> None:
    """Work out anew which of the journey's payments pay which instalments: four statements, one without payments.

    Payments go in the order of their days, each first to the instalment that it names, then to those still unpaid
    from the oldest on. What is over stays on the payment: over-fulfilment is shown, not capped.
    """
    payments = list(
        Payment.objects.filter(journey=journey, kind=Payment.Kind.PAYMENT).order_by("paid_on", "pk")
    )
    if not payments:
        return
    PaymentShare.objects.filter(payment__journey=journey).delete()
    instalments = list(Instalment.objects.filter(contract__journey=journey).order_by("due_on", "position"))
    left = {instalment.pk: instalment.amount for instalment in instalments}
    shares = []
    for payment in payments:
        rest = payment.amount
        order = sorted(instalments, key=lambda item: item.pk != payment.instalment_id)  # stable: named first
        for instalment in order:
            part = min(rest, left[instalment.pk])
            if part > 0:
                shares.append(PaymentShare(payment=payment, instalment=instalment, amount=part))
                left[instalment.pk] -= part
                rest -= part
    PaymentShare.objects.bulk_create(shares)
