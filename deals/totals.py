"""What lines and proposals come to. Decimal only: a line's net, and the tax of each rate, are rounded half up once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from django.utils.translation import gettext as _

from funnel import formats

HUNDRED: Final = Decimal(100)
LARGEST: Final = Decimal("999999999999.99")
"""The largest total that a journey's amount can hold."""
_EXACT: Final = Context(prec=60)


@dataclass(frozen=True, slots=True)
class LineTotals:
    """A line's amounts before and after its discount, and the rate of tax on it, in per cent."""

    gross: Decimal
    net: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of one rate: on what, and how much."""

    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """A proposal's amounts: gross − discounts − reduction = net, net + tax = total.

    `discounts` are those of lines, `reduction` is the discount on the whole. The `taxes` add up to net and tax.
    """

    gross: Decimal
    discounts: Decimal
    reduction: Decimal
    net: Decimal
    taxes: Sequence[Tax]
    tax: Decimal
    total: Decimal


def rounded(amount: Decimal, digits: int) -> Decimal:
    """Round half up, away from zero at the half as people do it."""
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=_EXACT)


def part(amount: Decimal, per_cent: Decimal) -> Decimal:
    """Return so many per cent of an amount, exactly."""
    return _EXACT.divide(_EXACT.multiply(amount, per_cent), HUNDRED)


def line_totals(
    *,
    quantity: Decimal,
    unit_price: Decimal,
    discount: Decimal = Decimal(0),
    tax: Decimal = Decimal(0),
    digits: int = 2,
) -> LineTotals:
    """Return what a line comes to; `discount` and `tax` are per cent."""
    exact = _EXACT.multiply(quantity, unit_price)
    net = rounded(part(exact, HUNDRED - discount), digits)
    return LineTotals(rounded(exact, digits) if discount else net, net, tax)


def sum_up(lines: Iterable[LineTotals], *, discount: Decimal = Decimal(0), digits: int = 2) -> Totals:
    """Return what lines come to together, with so many per cent off the whole: by rate, then summed."""
    lines = list(lines)
    by_rate: dict[Decimal, Decimal] = {}
    for line in lines:
        by_rate[line.rate] = by_rate.get(line.rate, Decimal(0)) + line.net
    taxes = []
    for rate, whole in sorted(by_rate.items()):
        net = rounded(part(whole, HUNDRED - discount), digits)
        taxes.append(Tax(rate, net, rounded(part(net, rate), digits)))
    return totals_with(lines, taxes)


def totals_with(lines: Iterable[LineTotals], taxes: Sequence[Tax]) -> Totals:
    """Return the totals of lines whose taxes are known."""
    gross = before = Decimal(0)
    for line in lines:
        gross, before = gross + line.gross, before + line.net
    net = sum((one.net for one in taxes), Decimal(0))
    tax = sum((one.tax for one in taxes), Decimal(0))
    return Totals(gross, gross - before, before - net, net, tuple(taxes), tax, net + tax)


def rows_of(totals: Totals, discount: Decimal, currency: str) -> list[tuple[str, Decimal]]:
    """Return the rows below the lines, as label and amount, that a reader can add up; the last is the total."""
    rows = []
    if totals.discounts or totals.reduction:
        rows.append((_("Before discounts"), totals.gross))
    if totals.discounts:
        rows.append((_("Discounts"), -totals.discounts))
    if totals.reduction:
        rows.append((_("%(percent)s off the whole") % {"percent": percent(discount)}, -totals.reduction))
    rows.append((_("Net"), totals.net))
    for one in totals.taxes:
        words = {"percent": percent(one.rate), "net": formats.money(one.net, currency)}
        rows.append((_("Tax %(percent)s on %(net)s") % words, one.tax))
    return [*rows, (_("Total"), totals.total)]


def percent(number: Decimal) -> str:
    """Return "19%" or "19 %" for 19."""
    return formats.percent(number / HUNDRED, 2)
