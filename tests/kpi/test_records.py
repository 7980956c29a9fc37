"""The REST door to the rows behind the figures: what it answers, to whom, and what it refuses."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from funnel.models import Organisation
from funnel.stages import Role
from tests.factories import people, token

from . import ledgers
from .ledgers import Row, Start
from .test_report import march

URL = "/api/v1/kpi/records/"
MARCH = {"month": "2026-03", "as_of": "2026-04-10T00:00+02:00"}
pytestmark = pytest.mark.usefixtures("berlin")


def ask(browser: Client, role: Role = Role.MANAGER, /, *, status: int = 200, **asked: Any) -> Any:
    answer = browser.get(URL, MARCH | asked, headers=token(people(role), "read"))
    assert answer.status_code == status, answer.content
    return answer.json()


def test_a_count_lists_its_journeys_newest_first(golden: Organisation, client: Client) -> None:
    found = ask(client, metric="leads_valid", source="web")
    assert found["count"] == 5 == len(found["results"])
    first = found["results"][0]
    assert first | {"id": 0, "journey": 0, "at": ""} == {
        "id": 0, "journey": 0, "visible": True, "name": "C11", "event": "lead_created", "at": "", "amount": None,
        "currency": None, "original": None, "source": "web", "campaign": first["campaign"], "service": "crm", "owner": first["owner"],
        "team": first["team"], "stage": first["stage"], "reason": "", "duration": None, "visit": None,
    }  # fmt: skip
    moments = [row["at"] for row in found["results"]]
    assert moments == sorted(moments, reverse=True)


def test_money_sums_up_to_the_figure_with_refunds_taken_off(golden: Organisation, client: Client) -> None:
    found = ask(client, metric="payments_net")
    assert found["sum"] == 33000 == sum(row["amount"] for row in found["results"])
    assert [row["amount"] for row in found["results"] if row["event"] == "refund_paid"] == [-3000]
    assert ask(client, metric="refunds")["sum"] == 3000


def test_those_who_wait_for_an_answer_are_listed_with_how_long(golden: Organisation, client: Client) -> None:
    found = ask(client, metric="first_response_business_min", part="unanswered")
    assert found["count"] == 1
    assert found["results"][0]["duration"]["waiting"] is True
    assert found["results"][0]["duration"]["value"] > 0
    told = ask(client, metric="first_response_business_min")
    assert told["count"] == 10
    assert {row["duration"]["unit"] for row in told["results"]} == {"business_minutes"}


def test_pages_give_every_row_once_forwards_and_backwards(golden: Organisation, client: Client) -> None:
    headers = token(people(Role.MANAGER), "read")
    whole = [row["id"] for row in ask(client, metric="stage_flow", page_size=200)["results"]]
    forwards, pages = [], []
    page = ask(client, metric="stage_flow", page_size=7)
    while True:
        assert page["count"] == len(whole)
        forwards += [row["id"] for row in page["results"]]
        pages.append(page)
        if not page["next"]:
            break
        page = client.get(page["next"], headers=headers).json()
    assert forwards == whole
    assert len(pages) > 3
    back = []
    while page["previous"]:
        page = client.get(page["previous"], headers=headers).json()
        back = [row["id"] for row in page["results"]] + back
    assert back == whole[: len(back)]
    assert len(back) >= len(whole) - 7


def test_rows_of_journeys_that_are_not_for_the_caller_are_counted_without_a_name(
    golden: Organisation, client: Client
) -> None:
    found = ask(client, Role.SALESPERSON, metric="leads_valid")
    assert found["count"] == 11
    hidden = [row for row in found["results"] if not row["visible"]]
    assert hidden
    assert {row["name"] for row in hidden} == {None}


def test_amounts_are_kept_from_those_who_may_not_see_money(golden: Organisation, client: Client) -> None:
    found = ask(client, Role.MARKETER, metric="payments_count")
    assert found["count"] > 0
    assert found["sum"] is None
    assert {row["amount"] for row in found["results"]} == {None}
    ask(client, Role.MARKETER, metric="payments_net", status=403)
    ask(client, Role.LAWYER, metric="leads_valid", status=403)


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"metric": "moon"}, "metric", "no “moon”"),
        ({}, "metric", "Give the key"),
        ({"metric": "sales_velocity_per_day"}, "metric", "average_deal_size"),
        ({"metric": "win_rate_close_date", "part": "half"}, "part", "numerator, denominator"),
        ({"metric": "leads_valid", "part": "numerator"}, "part", "one number only"),
        ({"metric": "leads_per_business_day", "part": "denominator"}, "part", "days, not records"),
        ({"metric": "quota_attainment", "part": "denominator"}, "part", "plan"),
        ({"metric": "cost_per_lead", "part": "numerator"}, "part", "campaigns cost"),
        ({"metric": "stage_flow", "stage": "moon"}, "stage", "handed_off"),
        ({"metric": "leads_valid", "stage": "new"}, "stage", "stage_flow"),
        ({"metric": "leads_valid", "client": "C1"}, "client", "ltv_by_client"),
        ({"metric": "leads_valid", "source": "moon"}, "source", "moon"),
        ({"metric": "leads_valid", "month": "2026-13"}, "month", "2026-13"),
        ({"metric": "leads_valid", "cursor": "moon"}, "cursor", "previous"),
        ({"metric": "leads_valid", "cursor": "bjIwMjYtMDMtMDFUMDA6MDB-MQ"}, "cursor", "previous"),
        ({"metric": "leads_valid", "page_size": "201"}, "page_size", "200"),
    ],
)
def test_what_cannot_be_listed_is_refused_by_name(
    golden: Organisation, client: Client, asked: dict[str, str], field: str, words: str
) -> None:
    problem = ask(client, status=400, **asked)
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert words in problem["errors"][0]["reason"]


def test_a_product_of_figures_names_where_its_factors_are_listed(
    golden: Organisation, client: Client
) -> None:
    links = ask(client, metric="sales_velocity_per_day", status=400)["links"]
    assert list(links) == ["sal_accepted", "win_rate_close_date", "average_deal_size", "sales_cycle_days"]
    for address in links.values():
        assert client.get(address, headers=token(people(Role.MANAGER), "read")).status_code == 200


def test_the_number_of_queries_is_the_same_for_one_row_and_a_thousand(
    berlin: Organisation, client: Client
) -> None:
    headers = token(people(Role.MANAGER), "read")

    def queries() -> int:
        asked = MARCH | {"metric": "leads_valid", "page_size": "200", "source": "web"}
        with CaptureQueriesContext(connection) as captured:
            assert client.get(URL, asked, headers=headers).status_code == 200
        return len(captured)

    ledgers.write([Start("J0", "C0")], [Row("E0", "J0", "lead_created", march(2))])
    queries()
    with_one = queries()
    many = [Start(f"J{n}", f"C{n}") for n in range(1, 1001)]
    ledgers.write(many, [Row(f"E{n}", f"J{n}", "lead_created", march(2)) for n in range(1, 1001)])
    assert queries() == with_one <= 14
