"""What lines come to, against a sum made another way: whole numbers of thousandths, no Decimal at all."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from deals.totals import line_totals, sum_up


def places(limit: int, digits: int) -> st.SearchStrategy[Decimal]:
    return st.integers(0, limit * 10**digits).map(lambda number: Decimal(number).scaleb(-digits))


LINE = st.tuples(places(9999, 3), places(10**7, 2), places(100, 2), places(100, 2))


def half_up(numerator: int, denominator: int) -> int:
    """Divide whole numbers that are not negative, rounding half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def in_cents(quantity: Decimal, price: Decimal, discount: Decimal, tax: Decimal) -> tuple[int, int]:
    """Return a line's net and tax in cents, by whole numbers alone."""
    thousandths, cents = int(quantity * 1000), int(price * 100)
    off, duty = int(discount * 100), int(tax * 100)
    net = half_up(thousandths * cents * (10_000 - off), 1000 * 10_000)
    return net, half_up(net * duty, 10_000)


@given(st.lists(LINE, max_size=20))
def test_lines_come_to_what_whole_numbers_give(rows: list[tuple[Decimal, Decimal, Decimal, Decimal]]) -> None:
    lines = [line_totals(quantity=q, unit_price=p, discount=d, tax=t) for q, p, d, t in rows]
    expected = [in_cents(*row) for row in rows]
    for line, (net, tax) in zip(lines, expected, strict=True):
        assert (line.net * 100, line.tax * 100, line.total * 100) == (net, tax, net + tax)
    totals = sum_up(lines)
    assert totals.net * 100 == sum(net for net, _tax in expected)
    assert totals.total * 100 == sum(net + tax for net, tax in expected)
    assert totals.gross - totals.discount == totals.net


def test_half_a_cent_goes_up_in_the_line_before_lines_are_summed() -> None:
    line = line_totals(quantity=Decimal("0.5"), unit_price=Decimal("0.01"))
    assert line.net == Decimal("0.01")
    assert sum_up([line, line, line]).total == Decimal("0.03")
