"""How money that came in and went back is spread over the instalments of a schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from deals.models import Instalment, Payment, PaymentShare

ZERO = Decimal(0)


class Money(NamedTuple):
    """A payment, or a refund with a negative amount; `named` is the instalment that it names."""

    key: int
    amount: Decimal
    named: int | None = None


class Part(NamedTuple):
    """So much of a payment goes to an instalment; a negative part is what a refund takes off it again."""

    money: int
    instalment: int
    amount: Decimal


def parts_of(entries: Iterable[Money], owed: Sequence[tuple[int, Decimal]]) -> list[Part]:
    """Spread money, in the order of its days, over instalments (key, amount), the oldest first.

    A payment goes to the instalment that it names, then to the unpaid ones from the oldest on; what is over is the
    client's credit. A refund is taken from the credit, then from the paid ones from the latest on.
    """
    left = dict(owed)
    whole = dict(owed)
    over = ZERO  # below zero: went back before it came in
    parts = []
    for entry in entries:
        rest = abs(entry.amount)
        if entry.amount > 0:
            covered = min(rest, max(ZERO, -over))
            order = sorted(left, key=lambda key: key != entry.named)  # stable: the named one first
            room, sign = left, 1
        else:
            covered = min(rest, max(ZERO, over))
            order = list(reversed(left))
            room, sign = {key: whole[key] - left[key] for key in left}, -1
        over += sign * covered
        rest -= covered
        for key in order:
            if part := min(rest, room[key]):
                parts.append(Part(entry.key, key, sign * part))
                left[key] -= sign * part
                rest -= part
        over += sign * rest
    return parts


def allocate(journeys: Iterable[int]) -> None:
    """Work out anew what of the journeys' payments and refunds goes to which instalments: four statements, one without money.

    Of each journey, what is left of the instalments is then the contract less what came in, plus what went back, and
    never below zero. The journeys are locked.
    """
    entries: dict[int, list[Money]] = defaultdict(list)
    money = Payment.objects.filter(journey__in=set(journeys)).order_by("paid_on", "pk")
    for journey, key, kind, amount, named in money.values_list(
        "journey", "pk", "kind", "amount", "instalment"
    ):
        signed = -amount if kind == Payment.Kind.REFUND else amount
        entries[journey].append(Money(key, signed, named))
    if not entries:
        return
    owed: dict[int, list[tuple[int, Decimal]]] = defaultdict(list)
    instalments = Instalment.objects.filter(contract__journey__in=entries).order_by(
        "due_on", "position", "pk"
    )
    for journey, key, amount in instalments.values_list("contract__journey", "pk", "amount"):
        owed[journey].append((key, amount))
    PaymentShare.objects.filter(payment__journey__in=owed).delete()
    PaymentShare.objects.bulk_create(
        PaymentShare(payment_id=part.money, instalment_id=part.instalment, amount=part.amount)
        for journey in owed
        for part in parts_of(entries[journey], owed[journey])
    )
