"""What a line and a proposal come to. Decimal only; each line is rounded half up to cents, sums are of rounded lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, Protocol

CENT: Final = Decimal("0.01")
HUNDRED: Final = Decimal(100)
LARGEST: Final = Decimal("999999999999.99")
"""The largest total that a journey's amount can hold."""
_EXACT: Final = Context(prec=60)


@dataclass(frozen=True, slots=True)
class LineTotals:
    """A line's amounts: before discount, after it, the tax on that, and both together."""

    gross: Decimal
    net: Decimal
    tax: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """A proposal's amounts; `discount` is what the discounts take off."""

    gross: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    total: Decimal


class HasTotals(Protocol):
    @property
    def totals(self) -> LineTotals: ...


def cents(amount: Decimal) -> Decimal:
    """Round half up to cents, away from zero at the half as people do it."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP, context=_EXACT)


def line_totals(
    *, quantity: Decimal, unit_price: Decimal, discount: Decimal = Decimal(0), tax: Decimal = Decimal(0)
) -> LineTotals:
    """Return what a line comes to; `discount` and `tax` are per cent."""
    exact = _EXACT.multiply(quantity, unit_price)
    net = cents(_EXACT.divide(_EXACT.multiply(exact, HUNDRED - discount), HUNDRED))
    duty = cents(_EXACT.divide(_EXACT.multiply(net, tax), HUNDRED))
    return LineTotals(cents(exact), net, duty, net + duty)


def sum_up(lines: Iterable[LineTotals]) -> Totals:
    """Return what lines come to together."""
    gross = net = tax = Decimal("0.00")
    for line in lines:
        gross, net, tax = gross + line.gross, net + line.net, tax + line.tax
    return Totals(gross, gross - net, net, tax, net + tax)
