"""Sums over the live ledger of journeys: what counts, and with which sign."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django.db.models import Case, DecimalField, F, OuterRef, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest

from .stages import Happening

MONEY: Final = DecimalField(max_digits=20, decimal_places=2)
NOTHING: Final = Value(Decimal(0), output_field=MONEY)
PAID: Final = {Happening.PAYMENT_RECEIVED: 1, Happening.REFUND_PAID: -1}
SUMS: Final = {
    "paid": PAID,
    "worth": PAID | {Happening.DIRECT_COST: -1},
    "credit": PAID | {Happening.CONTRACT_SIGNED: -1},
}
"""`credit` is what was paid beyond the contract, never less than nothing."""


def signed_amount(signs: Mapping[Happening, int]) -> Case:
    """Return the amount of an event with the sign that its kind has."""
    plus, minus = ([event for event, sign in signs.items() if sign == wanted] for wanted in (1, -1))
    return Case(
        When(event__in=plus, then=F("amount")),
        When(event__in=minus, then=-F("amount")),
        default=NOTHING,
        output_field=MONEY,
    )


def of_journeys(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the sums of a journey, by their names in `SUMS`, to annotate journeys with."""
    from .models import Event

    found: dict[str, Any] = {}
    for name in names:
        events = Event.objects.live().filter(journey=OuterRef("pk"), event__in=SUMS[name]).order_by()
        total = events.values("journey").annotate(sum=Sum(signed_amount(SUMS[name]))).values("sum")
        found[name] = Coalesce(Subquery(total, output_field=MONEY), NOTHING)
    if "credit" in found:
        found["credit"] = Greatest(found["credit"], NOTHING)
    return found
