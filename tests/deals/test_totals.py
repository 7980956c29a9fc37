"""What lines come to, against a sum made another way: whole numbers of thousandths, no Decimal at all."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deals.totals import line_totals, rows_of, sum_up


def places(limit: int, digits: int) -> st.SearchStrategy[Decimal]:
    return st.integers(0, limit * 10**digits).map(lambda number: Decimal(number).scaleb(-digits))


LINE = st.tuples(
    places(9999, 3),
    places(10**7, 4),
    places(100, 2),
    st.sampled_from([Decimal(0), Decimal("7"), Decimal("19.5")]),
)


def half_up(numerator: int, denominator: int) -> int:
    """Divide whole numbers that are not negative, rounding half up."""
    return (2 * numerator + denominator) // (2 * denominator)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.lists(LINE, max_size=8), places(100, 2), st.sampled_from([0, 2]))
def test_lines_come_to_what_whole_numbers_give(
    rows: list[tuple[Decimal, Decimal, Decimal, Decimal]], discount: Decimal, digits: int
) -> None:
    lines = [line_totals(quantity=q, unit_price=p, discount=d, tax=t, digits=digits) for q, p, d, t in rows]
    unit, by_rate = 10**digits, {}
    for line, (quantity, price, off, rate) in zip(lines, rows, strict=True):
        exact = int(quantity * 1000) * int(price * 10_000) * (10_000 - int(off * 100))
        net = half_up(exact * unit, 1000 * 10_000 * 10_000)
        assert line.net * unit == net
        by_rate[rate] = by_rate.get(rate, 0) + net
    totals = sum_up(lines, discount=discount, digits=digits)
    nets = {rate: half_up(net * (10_000 - int(discount * 100)), 10_000) for rate, net in by_rate.items()}
    taxes = {rate: half_up(net * int(rate * 100), 10_000) for rate, net in nets.items()}
    assert {one.rate: (one.net * unit, one.tax * unit) for one in totals.taxes} == {
        rate: (nets[rate], taxes[rate]) for rate in by_rate
    }
    assert totals.net * unit == sum(nets.values())
    assert totals.total * unit == sum(nets.values()) + sum(taxes.values())


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.lists(LINE, max_size=8), places(100, 2), st.sampled_from(["EUR", "JPY"]))
def test_a_reader_can_add_up_what_stands_below_the_lines(
    rows: list[tuple[Decimal, Decimal, Decimal, Decimal]], discount: Decimal, currency: str
) -> None:
    digits = {"EUR": 2, "JPY": 0}[currency]
    lines = [line_totals(quantity=q, unit_price=p, discount=d, tax=t, digits=digits) for q, p, d, t in rows]
    shown = rows_of(sum_up(lines, discount=discount, digits=digits), discount, currency)
    by_label = dict(shown)
    taxes = [amount for label, amount in shown if label.startswith("Tax ")]
    assert by_label["Net"] + sum(taxes) == by_label["Total"] == shown[-1][1]
    if "Before discounts" in by_label:
        off = [amount for label, amount in shown if label == "Discounts" or label.endswith("off the whole")]
        assert by_label["Before discounts"] + sum(off) == by_label["Net"]


def test_half_a_cent_goes_up_in_the_line_before_lines_are_summed() -> None:
    line = line_totals(quantity=Decimal("0.5"), unit_price=Decimal("0.01"))
    assert line.net == Decimal("0.01")
    assert sum_up([line, line, line]).total == Decimal("0.03")
