"""Refunds are taken off the instalments that they leave unpaid: what stands is spread anew."""

from collections import defaultdict
from typing import Any

from django.db import migrations, models

from deals.domain.schedule import Money, parts_of


def spread(apps: Any, schema_editor: Any) -> None:
    Payment, Instalment, PaymentShare = (
        apps.get_model("deals", name) for name in ("Payment", "Instalment", "PaymentShare")
    )
    refunded = Payment.objects.filter(kind="refund", journey__contract__instalments__isnull=False)
    keys = list(refunded.order_by("journey").values_list("journey", flat=True).distinct())
    for start in range(0, len(keys), 500):
        portion = keys[start : start + 500]
        owed, entries = defaultdict(list), defaultdict(list)
        for journey, key, amount in (
            Instalment.objects.filter(contract__journey__in=portion)
            .order_by("due_on", "position", "pk")
            .values_list("contract__journey", "pk", "amount")
        ):
            owed[journey].append((key, amount))
        for payment in Payment.objects.filter(journey__in=portion).order_by("paid_on", "pk"):
            signed = -payment.amount if payment.kind == "refund" else payment.amount
            entries[payment.journey_id].append(Money(payment.pk, signed, payment.instalment_id))
        PaymentShare.objects.filter(payment__journey__in=portion).delete()
        PaymentShare.objects.bulk_create(
            PaymentShare(payment_id=part.money, instalment_id=part.instalment, amount=part.amount)
            for journey in portion
            for part in parts_of(entries[journey], owed[journey])
        )


class Migration(migrations.Migration):
    dependencies = [("deals", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="paymentshare", name="share_amount_positive"),
        migrations.AddConstraint(
            model_name="paymentshare",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount", 0), _negated=True), name="share_amount_not_zero"
            ),
        ),
        migrations.RunPython(spread, migrations.RunPython.noop),
    ]
