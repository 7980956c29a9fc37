"""What a report may be asked for, at every door, and what it answers."""

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from funnel.models import Organisation
from funnel.periods import Period
from funnel.stages import Role
from kpi import report
from tests.factories import people, token

from . import ledgers
from .conftest import AS_OF
from .ledgers import Row, Start

URL = "/api/v1/kpi/report/"
pytestmark = pytest.mark.usefixtures("berlin")
BAD = [
    ("month", "2026-13"), ("month", "2026-1"), ("month", "March"), ("month", "1969-01"), ("month", "2200-01"),
    ("month", "2026-Q1"), ("period", "2026-Q5"), ("period", "2026-03-05..2026-03-01"),
    ("period", "1990-01-01..2026-01-01"), ("period", "0000"), ("as_of", "2026-04-10"), ("as_of", "2026-04-10T00:00"),
    ("as_of", "9999-01-01T00:00+00:00"), ("as_of", "0001-01-01T00:00+14:00"), ("as_of", "yesterday"), ("by", "moon"),
]  # fmt: skip


def printed(*arguments: str) -> Any:
    out = StringIO()
    call_command("kpi_report", *arguments, stdout=out)
    return json.loads(out.getvalue())


# the command


def test_the_command_prints_the_report_and_nothing_else(golden: Organisation) -> None:
    found = printed("--month=2026-03", "--as-of=2026-04-10T00:00+02:00", "--by=source")
    assert found["metrics"]["leads_valid"]["current"] == 11
    assert found["cuts"]["web"]["leads_valid"] == 5


def test_the_command_takes_the_month_of_the_moment_where_none_is_named(golden: Organisation) -> None:
    assert printed("--as-of=2026-04-01T00:00+02:00")["month"] == "2026-04"
    assert printed("--as-of=2026-03-31T23:59+02:00")["month"] == "2026-03"


@pytest.mark.parametrize(("field", "text"), BAD)
def test_the_command_refuses_a_bad_parameter_in_one_sentence(field: str, text: str) -> None:
    name = "--" + field.replace("_", "-")
    with pytest.raises(CommandError) as refused:
        call_command("kpi_report", f"{name}={text}", stdout=StringIO())
    assert refused.value.returncode == 2
    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)


def test_a_table_shows_every_metric_with_its_sample(golden: Organisation) -> None:
    out = StringIO()
    call_command(
        "kpi_report", "--month=2026-03", "--as-of=2026-04-10T00:00+02:00", "--format=table", stdout=out
    )
    lines = {line.split(" ")[0]: line for line in out.getvalue().splitlines()}
    assert "75% (3 of 4)" in lines["win_rate_close_date"]
    assert "median 45 min, n = 10, unanswered: 1" in lines["first_response_business_min"]
    assert "+230%" in lines["payments_net"]
    assert "n/a" in lines["won_back"]


# the REST door


def test_the_api_answers_the_same_object_as_the_command(golden: Organisation, client: Client) -> None:
    answer = client.get(
        URL,
        {"month": "2026-03", "as_of": "2026-04-10T00:00+02:00", "by": "owner"},
        headers=token(people(Role.MANAGER), "read"),
    )
    assert answer.status_code == 200
    assert answer.json() == printed("--month=2026-03", "--as-of=2026-04-10T00:00+02:00", "--by=owner")


def test_an_offset_whose_plus_was_not_quoted_is_understood(golden: Organisation, client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    answer = client.get(f"{URL}?month=2026-03&as_of=2026-04-10T00:00+02:00")
    assert answer.json()["as_of"] == "2026-04-10T00:00:00+02:00"


@pytest.mark.parametrize(("field", "text"), [*BAD, ("month", "2026-03\0"), ("by", "x" * 5000)])
def test_the_api_names_the_parameter_that_is_wrong(client: Client, field: str, text: str) -> None:
    client.force_login(people(Role.MANAGER))
    answer = client.get(URL, {field: text})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_a_month_and_a_period_at_once_are_refused(client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    answer = client.get(URL, {"month": "2026-03", "period": "2026-Q1"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "period")


COSTS = {"cost_per_lead", "cost_per_sal", "cost_per_client"}


def test_money_is_for_those_who_may_see_money_and_costs_for_marketers_too(
    golden: Organisation, client: Client
) -> None:
    asked = {"month": "2026-03", "by": "source"}
    everything = client.get(URL, asked, headers=token(people(Role.SALESPERSON), "read")).json()
    of_money = {
        key for key, metric in everything["metrics"].items()
        if "money" in metric["unit"] or metric["unit"] == "per_day"
    }  # fmt: skip
    assert of_money > COSTS
    for role, seen in ((Role.MARKETER, COSTS), (Role.FIRST_TOUCH, set())):
        without = client.get(URL, asked, headers=token(people(role), "read")).json()
        hidden = everything["metrics"].keys() - without["metrics"].keys()
        assert hidden >= {
            "payments_net",
            "refunds",
            "contract_value_won",
            "ltv_by_client",
            "average_deal_size",
        }
        assert of_money - hidden == seen
        assert not hidden & without["cuts"]["web"].keys()
        assert without["metrics"]["leads_valid"]["current"] == 11


def test_figures_are_not_for_everybody(client: Client) -> None:
    assert client.get(URL).status_code in {401, 403}
    for role in (Role.PARTNER, Role.LAWYER, Role.SPECIALIST):
        assert client.get(URL, headers=token(people(role), "read")).status_code == 403
    assert client.get(URL, headers=token(people(Role.MANAGER), "capture")).status_code == 403


# what is counted


def march(day: int, hour: int = 12) -> datetime:
    return datetime.fromisoformat(f"2026-03-{day:02}T{hour:02}:00+01:00")


def figures(
    organisation: Organisation, period: str = "2026-03", as_of: datetime = AS_OF, by: str = ""
) -> Any:
    return report.build(organisation=organisation, period=Period.parse(period), as_of=as_of, by=by).json()


def test_an_empty_ledger_gives_zeros_and_no_rates(berlin: Organisation) -> None:
    metrics = figures(berlin)["metrics"]
    assert metrics["leads_valid"]["current"] == 0
    assert metrics["win_rate_close_date"]["current"] == {"numerator": 0, "denominator": 0, "value": None}
    assert metrics["sales_cycle_days"]["current"] == {"mean": None, "median": None, "p90": None, "n": 0}
    assert metrics["quota_attainment"]["current"] == {"numerator": 0, "denominator": None, "value": None}
    assert metrics["seasonality_index"]["current"] is None
    assert metrics["ltv_by_client"]["current"] == {}


def test_an_annulled_payment_leaves_every_figure_from_the_annulment_on(golden: Organisation) -> None:
    ledgers.write(
        [Start("X1", "CX")],
        [
            Row("X-1", "X1", "lead_created", march(2)),
            Row("X-2", "X1", "payment_received", march(3), "500"),
            Row("X-3", "X1", "annulled", march(20), "X-2"),
        ],
    )
    assert figures(golden, as_of=march(19))["metrics"]["payments_gross"]["current"] == 20000 + 500
    after = figures(golden)["metrics"]
    assert after["payments_gross"]["current"] == 36000
    assert after["new_clients"]["current"] == 2
    assert after["leads_gross"]["current"] == 14


def test_an_annulled_application_leaves_even_the_gross_count(berlin: Organisation) -> None:
    ledgers.write(
        [Start("X1", "CX")],
        [Row("X-1", "X1", "lead_created", march(2)), Row("X-2", "X1", "annulled", march(5), "X-1")],
    )
    assert figures(berlin, as_of=march(4))["metrics"]["leads_gross"]["current"] == 1
    assert figures(berlin)["metrics"]["leads_gross"]["current"] == 0


def test_spam_leaves_all_but_the_gross_count_until_it_is_reopened(berlin: Organisation) -> None:
    ledgers.write(
        [Start("X1", "CX")],
        [
            Row("X-1", "X1", "lead_created", march(2)),
            Row("X-2", "X1", "first_meeting_held", march(3)),
            Row("X-3", "X1", "payment_received", march(4), "10"),
            Row("X-4", "X1", "marked_spam", march(10)),
            Row("X-5", "X1", "reopened", march(20), "new"),
        ],
    )
    keys = ("leads_gross", "leads_valid", "first_meetings_held", "payments_net", "new_clients")

    def at(day: int) -> list[int]:
        return [figures(berlin, as_of=march(day))["metrics"][key]["current"] for key in keys]

    assert at(5) == [1, 1, 1, 10, 1]
    assert at(15) == [1, 0, 0, 0, 0]
    assert at(25) == [1, 1, 1, 10, 1]


def test_a_running_month_compares_with_as_many_business_days(berlin: Organisation) -> None:
    def lead(name: str, moment: str) -> tuple[Start, Row]:
        return Start(name, name), Row(f"E-{name}", name, "lead_created", datetime.fromisoformat(moment))

    leads = [
        lead("A", "2026-02-13T23:00+01:00"),  # February's tenth business day
        lead("B", "2026-02-14T10:00+01:00"),  # the Saturday after it
        lead("C", "2026-03-13T10:00+01:00"),
    ]
    ledgers.write([start for start, _ in leads], [row for _, row in leads])
    metric = figures(berlin, as_of=march(16, 0))["metrics"]
    assert metric["leads_valid"]["current"] == 1
    assert metric["leads_valid"]["previous_month"] == 1
    assert metric["leads_per_business_day"]["current"]["denominator"] == 10
    assert metric["leads_per_business_day"]["previous_month"]["denominator"] == 10
    assert figures(berlin)["metrics"]["leads_valid"]["previous_month"] == 2


def test_a_cohort_is_maturing_until_its_last_member_has_had_the_window(berlin: Organisation) -> None:
    ledgers.write(
        [Start("X1", "CX")],
        [Row("X-1", "X1", "lead_created", march(25)), Row("X-2", "X1", "first_meeting_held", march(30))],
    )
    window = timedelta(days=14)

    def maturing(moment: datetime) -> bool:
        return figures(berlin, as_of=moment)["metrics"]["meeting_to_brief_cohort_14d"]["maturing"]

    assert maturing(march(31))
    assert maturing(march(30) + window - timedelta(seconds=1))
    assert not maturing(march(30) + window)


def test_answers_within_sixty_business_minutes_include_the_sixtieth(berlin: Organisation) -> None:
    ledgers.write(
        [Start("X1", "C1"), Start("X2", "C2"), Start("X3", "C3")],
        [
            Row("1", "X1", "lead_created", march(2, 10)), Row("2", "X1", "first_response", march(2, 11)),
            Row("3", "X2", "lead_created", march(2, 10)),
            Row("4", "X2", "first_response", march(2, 11) + timedelta(seconds=1)),
            Row("5", "X3", "lead_created", march(7, 10)), Row("6", "X3", "first_response", march(7, 20)),  # Saturday
        ],
    )  # fmt: skip
    metrics = figures(berlin)["metrics"]
    assert metrics["response_within_60_business_min"]["current"]["numerator"] == 2
    assert metrics["first_response_business_min"]["current"]["median"] == 60


def test_a_quarter_and_a_year_and_a_range_are_counted_alike(golden: Organisation) -> None:
    quarter = figures(golden, "2026-Q1")["metrics"]
    assert quarter["leads_gross"]["current"] == 18
    assert quarter["leads_gross"]["previous_year"] == 3
    assert quarter["quota_attainment"]["current"]["denominator"] is None  # January has no plan
    assert figures(golden, "2026")["metrics"]["leads_gross"]["current"] == 18
    assert figures(golden, "2026-03-01..2026-03-02")["metrics"]["leads_gross"]["current"] == 2
    assert figures(golden, "2026-03-01..2026-03-31")["metrics"] == figures(golden)["metrics"]


def test_seconds_round_midnight_fall_into_their_own_month(berlin: Organisation) -> None:
    edge = datetime.fromisoformat("2026-04-01T00:00+02:00")  # after the clocks went forward
    ledgers.write(
        [Start("X1", "C1"), Start("X2", "C2")],
        [
            Row("1", "X1", "lead_created", edge - timedelta(seconds=1)),
            Row("2", "X2", "lead_created", edge),
        ],
    )
    assert figures(berlin)["metrics"]["leads_gross"]["current"] == 1
    assert figures(berlin, "2026-04")["metrics"]["leads_gross"]["current"] == 1
    Organisation.objects.update(timezone="Asia/Kolkata")
    there = Organisation.current()
    assert figures(there)["metrics"]["leads_gross"]["current"] == 0
    assert figures(there, "2026-04")["metrics"]["leads_gross"]["current"] == 2


def test_what_entered_a_stage_is_what_left_it_and_what_is_still_there(golden: Organisation) -> None:
    flow = figures(golden)["metrics"]["stage_flow"]["current"]
    exits = ("advanced", "lost", "returned", "referred", "voided", "still_here")
    for stage, visits in flow.items():
        assert visits["entered"] == sum(visits[name] for name in exits), stage
    assert flow["new"] | {"median_days": 0, "p90_days": 0} == {
        "entered": 13, "advanced": 10, "lost": 0, "returned": 0, "referred": 0, "voided": 2, "still_here": 1,
        "median_days": 0, "p90_days": 0,
    }  # fmt: skip
    assert (flow["met"]["referred"], flow["met"]["lost"], flow["met"]["still_here"]) == (1, 2, 3)
    assert flow["briefed"]["returned"] == 1  # J04
    assert flow["returned"] == {
        "entered": 1, "advanced": 0, "lost": 0, "returned": 0, "referred": 0, "voided": 0, "still_here": 1,
        "median_days": 30.541666666666668, "p90_days": 30.541666666666668,
    }  # fmt: skip


def test_a_visit_ends_and_begins_where_a_journey_is_merged_unmerged_and_reopened(
    berlin: Organisation,
) -> None:
    ledgers.write(
        [Start("X1", "C1"), Start("X2", "C2")],
        [
            Row("1", "X1", "lead_created", march(2)),
            Row("2", "X1", "first_response", march(3)),
            Row("3", "X1", "merged_into", march(5), "X2"),
            Row("4", "X1", "brief_filled", march(6)),  # nobody listens to a merged journey
            Row("5", "X1", "unmerged", march(7)),
            Row("6", "X1", "lead_lost", march(9), "price"),
            Row("7", "X1", "reopened", march(12), "met"),  # no such place to return to: contacted it is
            Row("8", "X2", "lead_created", march(2)),
        ],
    )
    flow = figures(berlin)["metrics"]["stage_flow"]["current"]
    assert flow["contacted"] == {
        "entered": 3, "advanced": 0, "lost": 1, "returned": 0, "referred": 0, "voided": 1, "still_here": 1,
        "median_days": 2, "p90_days": pytest.approx(0.2 * 2 + 0.8 * (AS_OF - march(12)).total_seconds() / 86400),
    }  # fmt: skip
    assert flow["briefed"]["entered"] == 0
    assert figures(berlin, by="source")["cuts"]["web"]["stage_flow"] == flow


def test_active_lead_time_leaves_out_only_losses_reopened_before_the_first_payment(
    berlin: Organisation,
) -> None:
    ledgers.write(
        [Start("X1", "C1")],
        [
            Row("1", "X1", "lead_created", march(2)),
            Row("2", "X1", "lead_lost", march(3), "price"),
            Row("3", "X1", "deal_lost", march(4), "price"),  # lost already: the stretch has begun
            Row("4", "X1", "reopened", march(6), "new"),
            Row("5", "X1", "deal_lost", march(9), "price"),
            Row("6", "X1", "payment_received", march(12), "100"),
            Row("7", "X1", "reopened", march(20), "new"),
        ],
    )
    metrics = figures(berlin)["metrics"]
    assert metrics["lead_time_days"]["current"]["mean"] == 10
    assert metrics["lead_time_active_days"]["current"]["mean"] == 10 - 3


def test_the_figures_of_a_dimension_keep_their_own_plan(golden: Organisation) -> None:
    from kpi.models import Plan

    Plan.objects.create(month="2026-03", metric="payments_net", scope="owner:Bob", value=26000)
    cuts = figures(golden, by="owner")["cuts"]
    assert cuts["Bob"]["quota_attainment"] == {"numerator": 13000, "denominator": 26000, "value": 0.5}
    assert cuts["Ann"]["quota_attainment"]["value"] is None
    assert figures(golden, by="source")["cuts"]["web"]["quota_attainment"]["denominator"] is None
