"""What an application, a SAL and a client cost: by month, by campaign, and where there is nothing to tell."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from funnel.models import Campaign, Organisation
from funnel.periods import Period
from kpi import report
from kpi.costs import campaign_cost
from kpi.metrics import BY_KEY, CAMPAIGNS
from kpi.queries import Bucket
from leads.costs import Sum, set_costs
from tests.factories import START

from . import ledgers
from .ledgers import Row, Start

pytestmark = pytest.mark.usefixtures("berlin")
METRICS = [BY_KEY[key] for key in ("cost_per_lead", "cost_per_sal", "cost_per_client")]
AS_OF = datetime.fromisoformat("2026-04-10T00:00+02:00")


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00+00:00")


def spend(**by_campaign: dict[str, str]) -> None:
    """Set costs: spend(spring={"2026-03": "100"})."""
    set_costs(
        costs={
            (Campaign.objects.get_or_create(key=key)[0].pk, month): Sum(Decimal(amount))
            for key, months in by_campaign.items()
            for month, amount in months.items()
        },
        actor=None,
        at=START,
    )


@pytest.fixture
def history(berlin: Organisation) -> None:
    """March: five applications, three of the spring campaign, one of the fair, one of none; two SALs and one client,
    all of spring. February: one application of spring. One more of spring in March is spam."""
    starts = [
        Start("J1", "C1", campaign="spring", owner="Ann"), Start("J2", "C2", campaign="spring"),
        Start("J3", "C3", campaign="spring", source="ads"), Start("J4", "C4", campaign="fair"), Start("J5", "C5"),
        Start("J6", "C6", campaign="spring"), Start("J7", "C7", campaign="spring"),
    ]  # fmt: skip
    rows = [Row(f"L{n}", f"J{n}", "lead_created", at(f"2026-03-0{n}")) for n in range(1, 7)]
    rows += [
        Row("L7", "J7", "lead_created", at("2026-02-10")),
        Row("M6", "J6", "marked_spam", at("2026-03-08")),
        *(Row(f"B{n}", f"J{n}", "brief_filled", at("2026-03-10")) for n in (1, 2)),
        *(Row(f"H{n}", f"J{n}", "handed_off", at("2026-03-11")) for n in (1, 2)),
        *(Row(f"A{n}", f"J{n}", "sal_accepted", at("2026-03-12")) for n in (1, 2)),
        Row("S1", "J1", "contract_signed", at("2026-03-20"), "900"),
        Row("P1", "J1", "payment_received", at("2026-03-25"), "900"),
    ]
    ledgers.write(starts, rows)


def built(period: str, **options: Any) -> report.Report:
    return report.build(
        organisation=Organisation.current(), period=Period.parse(period), as_of=AS_OF,
        metrics=[*METRICS, *CAMPAIGNS], **options,
    )  # fmt: skip


def told(found: report.Report, name: str = "current") -> dict[str, tuple[Any, Any, Any]]:
    values = {line.metric.key: getattr(line, name) for line in found.lines}
    return {key: _three(values[key]) for key in ("cost_per_lead", "cost_per_sal", "cost_per_client")}


def _three(value: Any) -> tuple[Any, Any, Any]:
    return value.numerator, value.denominator, value.figure


@pytest.mark.usefixtures("history")
def test_the_month_divides_the_cost_of_all_campaigns_by_all_that_came() -> None:
    spend(spring={"2026-03": "600", "2026-02": "50"}, fair={"2026-03": "150.50"})
    found = built("2026-03")
    assert told(found) == {
        "cost_per_lead": (Decimal("750.50"), 5, Decimal("150.1")),
        "cost_per_sal": (Decimal("750.50"), 2, Decimal("375.25")),
        "cost_per_client": (Decimal("750.50"), 1, Decimal("750.5")),
    }
    assert told(found, "previous_month") == {
        "cost_per_lead": (50, 1, 50), "cost_per_sal": (50, 0, None), "cost_per_client": (50, 0, None),
    }  # fmt: skip
    line = found.lines[0]
    assert float(line.mom or 0) == pytest.approx((150.1 - 50) / 50 * 100)
    assert line.yoy is None


@pytest.mark.usefixtures("history")
def test_a_campaign_divides_its_own_cost_and_what_came_without_one_has_none() -> None:
    spend(spring={"2026-03": "600"}, idle={"2026-03": "70"})
    cuts = built("2026-03", by="campaign").cuts
    assert {cut: _three(values["cost_per_lead"]) for cut, values in cuts.items()} == {
        "spring": (600, 3, 200), "fair": (None, 1, None), "idle": (70, 0, None), "": (None, 1, None),
    }  # fmt: skip
    assert _three(cuts["spring"]["cost_per_sal"]) == (600, 2, 300)
    assert _three(cuts["spring"]["cost_per_client"]) == (600, 1, 600)
    assert _three(cuts["spring"]["campaign_return"]) == (900, 600, Decimal("1.5"))
    costs = {cut: values["campaign_cost"].figure for cut, values in cuts.items()}
    assert costs == {"spring": 600, "idle": 70, "fair": None, "": None}


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("by", ["source", "service", "owner", "team"])
def test_a_campaigns_money_is_not_shared_out_among_other_cuts(by: str) -> None:
    spend(spring={"2026-03": "600"})
    found = built("2026-03", by=by)
    assert found.cuts
    assert {_three(values["cost_per_lead"])[0] for values in found.cuts.values()} == {None}
    assert told(found)["cost_per_lead"] == (600, 5, 120)


@pytest.mark.usefixtures("history")
def test_a_filter_by_campaign_keeps_its_cost_and_another_filter_leaves_none() -> None:
    spend(spring={"2026-03": "600"}, fair={"2026-03": "150"}, idle={"2026-03": "1"})
    assert told(built("2026-03", filters={"campaign": ["spring"]}))["cost_per_lead"] == (600, 3, 200)
    assert told(built("2026-03", filters={"campaign": ["spring", "fair"]}))["cost_per_lead"] == (
        750,
        4,
        187.5,
    )
    assert told(built("2026-03", filters={"campaign": [""]}))["cost_per_lead"] == (None, 1, None)
    assert told(built("2026-03", filters={"source": ["web"]}))["cost_per_lead"] == (None, 4, None)
    both = {"campaign": ["spring"], "source": ["web"]}
    assert told(built("2026-03", filters=both))["cost_per_lead"] == (None, 2, None)
    found = built("2026-03", by="campaign", filters={"campaign": ["fair"]})
    assert {cut: _three(values["cost_per_lead"]) for cut, values in found.cuts.items()} == {
        "fair": (150, 1, 150)
    }


@pytest.mark.usefixtures("history")
def test_a_quarter_adds_up_its_months_and_a_part_of_a_month_has_no_cost() -> None:
    spend(spring={"2026-01": "10", "2026-03": "600", "2025-12": "7"})
    assert told(built("2026-Q1"))["cost_per_lead"] == (610, 6, Fraction(610, 6))
    assert told(built("2026"))["cost_per_lead"][:2] == (610, 6)
    assert told(built("2026-03-01..2026-03-15"))["cost_per_lead"] == (None, 5, None)
    assert told(built("2026-01-01..2026-02-28"))["cost_per_lead"] == (10, 1, 10)  # two whole months


@pytest.mark.usefixtures("history")
def test_a_running_month_counts_its_cost_in_full() -> None:
    spend(spring={"2026-03": "600", "2026-02": "50"})
    found = report.build(
        organisation=Organisation.current(), period=Period.parse("2026-03"),
        as_of=datetime.fromisoformat("2026-03-03T23:00+01:00"), metrics=METRICS,
    )  # fmt: skip
    assert found.running
    assert told(found)["cost_per_lead"] == (600, 3, 200)


@pytest.mark.usefixtures("history")
def test_nothing_entered_is_not_zero_and_zero_is() -> None:
    assert told(built("2026-03"))["cost_per_lead"] == (None, 5, None)
    spend(spring={"2026-03": "0"})
    assert told(built("2026-03"))["cost_per_lead"] == (0, 5, 0)


def test_costs_are_one_query_whatever_is_asked(django_assert_num_queries: Any) -> None:
    spend(**{f"c{n}": {"2026-03": str(n), "2026-02": "1"} for n in range(1, 20)})
    periods = {month: Period.parse(month) for month in ("2026-02", "2026-03", "2025-03")}
    for by in ("", "campaign", "owner"):
        with django_assert_num_queries(1):
            found = campaign_cost(periods, by, {})
            assert found.numbers["campaign_cost"](Bucket("2026-03")) == 190
            assert found.numbers["campaign_cost"](Bucket("2025-03")) is None
        assert found.numbers["campaign_cost"](Bucket("2026-03", "c7")) == (7 if by == "campaign" else None)
