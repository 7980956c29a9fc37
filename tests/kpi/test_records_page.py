"""The page of the rows behind a number: what it shows to whom, how it is narrowed down, and its downloads."""

import io
import re
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from funnel.models import Contact, Organisation
from funnel.stages import Role
from tests.factories import people

from . import ledgers, schedules
from .ledgers import Row, Start
from .test_report import march

URL = "/dashboard/records/"
MARCH = {"month": "2026-03", "as_of": "2026-04-10T00:00+02:00"}
MOST_QUERIES = 18
pytestmark = pytest.mark.usefixtures("berlin")


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def page(client: Client, *, status: int = 200, **asked: Any) -> str:
    answer = client.get(URL, MARCH | asked)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


def test_the_heading_says_what_is_listed_and_the_figure(golden: Organisation, manager: Client) -> None:
    found = page(manager, metric="leads_valid", source="web")
    assert "Applications, March 2026, source web: 5</h1>" in found.replace("Website", "web")
    assert found.count('<th scope="row">') == 5
    assert "Applications received, without spam" in found
    assert "As known at" in found


def test_money_is_summed_up_and_each_journey_is_a_link(golden: Organisation, manager: Client) -> None:
    found = page(manager, metric="payments_net")
    assert "Net payments, March 2026: €33,000" in found
    assert "−€3,000" in found
    assert 'href="/journeys/' in found


def test_each_filter_can_be_taken_off_and_parts_be_switched(golden: Organisation, manager: Client) -> None:
    found = page(manager, metric="win_rate_close_date", owner=["Bob", ""], part="denominator")
    assert found.count("Remove the filter Owner") == 2
    assert "part=numerator" in found
    assert "owner=Bob&amp;part=denominator" in found  # the list without “nobody”


def test_a_stage_shows_who_came_and_where_they_went(golden: Organisation, manager: Client) -> None:
    found = page(manager, metric="stage_flow", stage="new")
    assert "Stage flow, entered, March 2026, stage" in found
    assert found.count('<th scope="row">') == 13


def test_what_is_overdue_is_told_as_what_has_not_come_in(golden: Organisation, manager: Client) -> None:
    first, _second = schedules.schedule("J01", ("2026-03-10", "6000"), ("2026-05-10", "6000"))
    schedules.pay(first, "E014", "4000", on="2026-03-20")
    found = page(manager, metric="instalments_due", due="overdue")
    assert "Instalments due, March 2026, instalments Overdue: €2,000</h1>" in found
    assert "1 record" in found
    manager.force_login(people(Role.MARKETER))
    assert "instalments Overdue: 1</h1>" in page(manager, metric="instalments_due", due="overdue")


def test_a_number_that_counts_nothing_says_so(golden: Organisation, manager: Client) -> None:
    assert "Nothing is behind this number" in page(manager, metric="won_back", month="2025-03")


def test_a_product_leads_on_to_its_factors_and_a_mistake_is_named(
    golden: Organisation, manager: Client
) -> None:
    found = page(manager, metric="sales_velocity_per_day", status=400)
    assert "metric=average_deal_size" in found
    assert "there is no “moon”" in page(manager, metric="moon", status=400)


def test_what_is_not_for_the_reader_has_no_name(golden: Organisation, client: Client) -> None:
    client.force_login(people(Role.SALESPERSON))
    found = page(client, metric="leads_valid")
    assert "Not shown to you" in found
    assert ": 11</h1>" in found


def test_who_may_not_see_money_sees_no_amounts_and_no_sums(golden: Organisation, client: Client) -> None:
    client.force_login(people(Role.MARKETER))
    assert "€" not in page(client, metric="payments_count")
    page(client, metric="payments_net", status=403)
    client.force_login(people(Role.LAWYER))
    page(client, metric="leads_valid", status=403)


def test_the_way_back_keeps_where_the_reader_came_from(golden: Organisation, manager: Client) -> None:
    came = "/dashboard/sales/?period=2026-Q1&owner=Bob"
    answer = manager.get(
        URL, MARCH | {"metric": "leads_valid"}, headers={"referer": f"http://testserver{came}"}
    )
    assert f'href="{came.replace("&", "&amp;")}"' in answer.content.decode()
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        found = page(manager, metric="leads_valid", back=elsewhere)
        assert 'href="/dashboard/?period=2026-03"' in found


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_download_holds_every_row_and_no_formula(golden: Organisation, manager: Client, kind: str) -> None:
    Contact.objects.update(name="=1+1")
    answer = manager.get(URL, MARCH | {"metric": "payments_net", "page_size": "2", "format": kind})
    assert f"payments_net_2026-03.{kind}" in answer["Content-Disposition"]
    if kind == "csv":
        lines = answer.content.decode("utf-8-sig").splitlines()
        names, amounts = ([line.split(",")[place] for line in lines[1:]] for place in (0, 4))
        assert set(names) == {"'=1+1"}
        assert sum(map(float, amounts)) == 33000
    else:
        with ZipFile(io.BytesIO(answer.content)) as book:
            sheet, words = (
                book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings")
            )
        assert "<f>" not in sheet
        assert "<t>=1+1</t>" in words
        assert sum(map(float, re.findall(r'<c r="E[0-9]+"><v>([^<]+)', sheet))) == 33000


def test_a_download_that_is_cut_short_says_so(
    golden: Organisation, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpi.records.views.MOST_IN_A_FILE", 3)
    answer = manager.get(URL, MARCH | {"metric": "leads_valid", "format": "csv"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 3 + 1
    assert "Only the newest 3 of 11" in lines[-1]
    assert "A download holds the newest 3" in page(manager, metric="leads_valid")


def test_the_number_of_queries_is_the_same_for_one_row_and_a_thousand(
    berlin: Organisation, manager: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(manager, metric="leads_valid", page_size="200", source="web")
        return len(captured)

    ledgers.write([Start("J0", "C0", owner="Ann")], [Row("E0", "J0", "lead_created", march(2))])
    queries()
    with_one = queries()
    many = [Start(f"J{n}", f"C{n}", owner=f"U{n % 20}") for n in range(1, 1001)]
    ledgers.write(many, [Row(f"E{n}", f"J{n}", "lead_created", march(2)) for n in range(1, 1001)])
    assert queries() == with_one <= MOST_QUERIES
