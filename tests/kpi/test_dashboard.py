"""The dashboard shows a month's figures to those who may see them, at a fixed number of queries."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from funnel.models import Organisation
from funnel.stages import Role
from tests.factories import people

from . import ledgers
from .ledgers import Row, Start
from .test_report import march

URL = "/dashboard/"
MARCH = {"month": "2026-03", "as_of": "2026-04-10T00:00+02:00"}
MOST_QUERIES = 12
pytestmark = pytest.mark.usefixtures("berlin")


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def page(client: Client, **asked: str) -> str:
    answer = client.get(URL, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def queries(client: Client, **asked: str) -> int:
    page(client, **asked)
    with CaptureQueriesContext(connection) as captured:
        page(client, **asked)
    return len(captured)


def test_a_month_is_shown_with_its_comparisons_and_samples(golden: Organisation, manager: Client) -> None:
    found = page(manager, **MARCH)
    for shown in (
        "March 2026",
        "February 2026",
        "March 2025",
        "€33,000",
        "+230%",
        "3 of 4",
        "−50 pp",
        "n/a",
        "Europe/Berlin",
    ):
        assert shown in found, shown
    assert "maturing" not in found.split("<footer")[0].split("Marketing")[0]


def test_a_cut_lists_its_values_and_an_empty_key_as_none(golden: Organisation, manager: Client) -> None:
    found = page(manager, **MARCH, by="campaign")
    table = found[found.index('id="cut"') : found.index("section-1")]
    assert "brand" in table
    assert "spring" in table
    assert ">None<" in table


def test_the_number_of_queries_is_the_same_for_one_journey_and_for_many(
    berlin: Organisation, manager: Client
) -> None:
    ledgers.write([Start("J0", "C0", owner="Ann")], [Row("E0", "J0", "lead_created", march(2))])
    with_one = queries(manager, **MARCH, by="owner")
    many = [Start(f"J{n}", f"C{n}", owner=f"U{n}") for n in range(1, 40)]
    ledgers.write(many, [Row(f"E{n}", f"J{n}", "lead_created", march(2)) for n in range(1, 40)])
    assert queries(manager, **MARCH, by="owner") == with_one <= MOST_QUERIES


def test_before_the_first_application_the_page_says_why_it_is_empty(manager: Client) -> None:
    assert "No applications yet" in page(manager)


def test_a_month_without_events_shows_zeros(golden: Organisation, manager: Client) -> None:
    found = page(manager, month="2024-03", as_of="2026-04-10T00:00+02:00", by="source")
    assert "Nothing happened in this period." in found


def test_a_running_month_says_what_it_is_compared_with(golden: Organisation, manager: Client) -> None:
    found = page(manager, month="2026-03", as_of="2026-03-16T00:00+01:00")
    assert "still running" in found
    assert "maturing" in found


def test_the_arrows_lead_to_the_neighbouring_periods_and_keep_the_cut(
    golden: Organisation, manager: Client
) -> None:
    found = page(manager, **MARCH, by="owner")
    assert "period=2026-02" in found
    assert "period=2026-04" in found
    assert "by=owner" in found
    assert "period=2026-Q1" in page(manager, period="2026-Q2")
    assert "The period after" not in page(manager, month="2150-01")


@pytest.mark.parametrize("asked", [{"month": "x"}, {"by": "moon"}, {"as_of": "now"}, {"period": "2026-Q9"}])
def test_a_bad_parameter_is_named_on_the_page(manager: Client, asked: dict[str, Any]) -> None:
    answer = manager.get(URL, asked)
    assert answer.status_code == 400
    assert "notice bad" in answer.content.decode()


def test_money_is_not_shown_to_those_who_may_not_see_it(golden: Organisation, client: Client) -> None:
    client.force_login(people(Role.MARKETER))
    found = page(client, **MARCH, by="source")
    assert "Net payments" not in found
    assert "€" not in found
    assert "Applications per business day" in found


def test_the_page_is_for_those_who_may_see_reports(client: Client) -> None:
    assert client.get(URL).status_code == 302
    client.force_login(people(Role.PARTNER))
    assert client.get(URL).status_code == 403
