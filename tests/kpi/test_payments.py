"""Payments by month: what falls due, what came, what is overdue, what was planned."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from funnel.models import Journey, Organisation
from funnel.periods import Period
from kpi.models import Plan
from kpi.payments import schedule as schedule_of

from . import ledgers
from .ledgers import Row, Start
from .schedules import pay, schedule

MONTHS = [Period.month(name) for name in ("2026-02", "2026-03", "2026-04")]
NOW = datetime.fromisoformat("2026-03-20T12:00+01:00")


def moment(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00+01:00")


@pytest.fixture
def signed(berlin: Organisation) -> None:
    """J1 owes 100 on 10 February (60 of it paid), 200 on 19 March (paid a month early), 300 on 20 March, 50 on 30 April.
    J2 of Bob owes 70 on 1 March. J3 owes 999 and is spam. 30 went back in March."""
    starts = [
        Start("J1", "C1", owner="Ann", campaign="spring"),
        Start("J2", "C2", owner="Bob"),
        Start("J3", "C3"),
    ]
    rows = [Row(f"L{n}", f"J{n}", "lead_created", moment("2026-02-01")) for n in (1, 2, 3)]
    rows += [Row(f"S{n}", f"J{n}", "contract_signed", moment("2026-02-02"), "650") for n in (1, 2, 3)]
    rows += [
        Row("X3", "J3", "merged_into", moment("2026-02-03")),
        Row("P1", "J1", "payment_received", moment("2026-02-10"), "260"),
        Row("P2", "J2", "refund_paid", moment("2026-03-05"), "30"),
        Row("P3", "J3", "payment_received", moment("2026-03-05"), "999"),
    ]
    ledgers.write(starts, rows)
    one = schedule(
        "J1", ("2026-02-10", "100"), ("2026-03-19", "200"), ("2026-03-20", "300"), ("2026-04-30", "50")
    )  # fmt: skip
    schedule("J2", ("2026-03-01", "70"))
    schedule("J3", ("2026-03-01", "999"))
    pay(one[0], "P1", "60", on="2026-02-10")
    pay(one[1], "P1", "200", on="2026-02-10")
    Plan.objects.create(month="2026-02", metric="payments_net", scope="all", value=500)
    Plan.objects.create(month="2026-03", metric="payments_net", scope="owner:Bob", value=80)
    Plan.objects.create(month="2026-03", metric="leads_valid", scope="all", value=9)


def told(filters: dict[str, list[str]] | None = None, **options: Any) -> dict[str, tuple[Any, ...]]:
    found = schedule_of(Organisation.current(), MONTHS, filters, **{"now": NOW, **options})
    assert [row.month for row in found] == MONTHS
    return {row.month.name: (row.due, row.paid, row.overdue, row.plan) for row in found}


@pytest.mark.usefixtures("signed")
def test_each_month_tells_due_paid_overdue_and_plan() -> None:
    assert told() == {
        "2026-02": (100, 260, 40, 500),
        "2026-03": (
            570,
            -30,
            70,
            None,
        ),  # 200 + 300 + 70; of it 70 of Bob's: 300 is due today and not late yet
        "2026-04": (50, 0, 0, None),
    }


@pytest.mark.usefixtures("signed")
def test_a_sum_is_overdue_from_the_day_after() -> None:
    assert told(now=moment("2026-03-21"))["2026-03"][2] == 370


@pytest.mark.usefixtures("signed")
def test_filters_keep_the_values_named_and_their_plan() -> None:
    assert told({"owner": ["Bob"]})["2026-03"] == (70, -30, 70, 80)
    assert told({"owner": ["Ann"]})["2026-03"] == (500, 0, 0, None)
    assert told({"campaign": [""]})["2026-02"] == (0, 0, 0, None)
    assert told({"campaign": ["spring", ""]})["2026-03"][0] == 570


@pytest.mark.usefixtures("signed")
def test_the_number_of_queries_is_fixed(django_assert_max_num_queries: Any) -> None:
    organisation = Organisation.current()
    for lag in (None, timedelta(seconds=5)):
        with django_assert_max_num_queries(5):
            schedule_of(organisation, MONTHS, lag=lag)
        year = [Period.month(f"2026-{number:02}") for number in range(1, 13)]
        with django_assert_max_num_queries(5):
            assert len(schedule_of(organisation, year, lag=lag)) == 12


def test_without_months_and_without_schedules_there_is_nothing(berlin: Organisation) -> None:
    assert schedule_of(berlin, []) == []
    assert told() == {month.name: (0, 0, 0, None) for month in MONTHS}
    assert not Journey.objects.exists()
