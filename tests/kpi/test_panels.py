"""Every panel of the dashboard: who may see it, as what it is served, and that its tables can be taken away."""

import csv
import html
import io
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.models import Organisation
from funnel.periods import Period
from funnel.stages import Role
from kpi import rollup
from kpi.panels import PANELS, Asked
from tests.factories import people

from . import ledgers
from .ledgers import Row, Start
from .test_report import march

MARCH = {"month": "2026-03", "as_of": "2026-04-10T00:00+02:00"}
OPEN_PANELS = [key for key, panel in PANELS.items() if not panel.money]
MONEY_PANELS = [key for key, panel in PANELS.items() if panel.money]
MOST_QUERIES = 12
pytestmark = pytest.mark.usefixtures("berlin")


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def url(key: str) -> str:
    return f"/dashboard/panels/{key}/"


def shown(client: Client, key: str, **asked: Any) -> str:
    answer = client.get(url(key), MARCH | asked)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def table(client: Client, key: str, **asked: Any) -> list[list[str]]:
    """The rows of a panel as CSV gives them, the head first."""
    answer = client.get(url(key), MARCH | asked | {"format": "csv"})
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("key", PANELS)
def test_a_panel_of_a_full_month_is_a_page_with_its_meaning_and_downloads(
    golden: Organisation, manager: Client, key: str
) -> None:
    found = shown(manager, key)
    assert "<html" in found
    assert 'class="meaning"' in found
    assert "format=csv" in found
    assert "format=xlsx" in found


@pytest.mark.parametrize("key", PANELS)
def test_a_panel_of_an_empty_ledger_says_so(manager: Client, key: str) -> None:
    found = shown(manager, key)
    assert "no-chart" in found
    assert '<svg class="chart' not in found


@pytest.mark.parametrize("key", PANELS)
def test_htmx_gets_the_panel_alone(golden: Organisation, manager: Client, key: str) -> None:
    answer = manager.get(url(key), MARCH, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.content.decode().split(maxsplit=1)[0] in {"<section", "<div"}
    assert 'class="meaning"' in answer.content.decode()


@pytest.mark.parametrize("key", PANELS)
def test_both_downloads_hold_the_same_table(golden: Organisation, manager: Client, key: str) -> None:
    rows = table(manager, key)
    assert len({len(row) for row in rows}) == 1
    assert all(rows[0])
    answer = manager.get(url(key), MARCH | {"format": "xlsx"})
    assert f'filename="{key}_2026-03.xlsx"' in answer.headers["Content-Disposition"]
    sheet = ZipFile(io.BytesIO(answer.content)).read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == len(rows)
    assert "<f>" not in sheet


@pytest.mark.parametrize("key", ["response", "ltv", "proposal-turnaround"])
def test_every_further_chart_is_taken_away_too(golden: Organisation, manager: Client, key: str) -> None:
    found = re.findall(r'href="([^"]+)" download', html.unescape(shown(manager, key)))
    further = [url for url in found if "chart=" in url]
    assert {parse_qs(urlsplit(url).query)["format"][0] for url in further} == {"csv", "xlsx"}
    for url in further:
        answer = manager.get(url)
        assert f'filename="{key}_2026' not in answer.headers["Content-Disposition"]
        if "format=csv" in url:
            head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
            assert rows
            assert all(len(row) == len(head) for row in rows)
            assert all(not cell or float(cell) >= 0 for row in rows for cell in row[1:2]), "numbers"


@pytest.mark.parametrize("key", PANELS)
def test_the_number_of_queries_is_the_same_for_one_journey_and_for_many(manager: Client, key: str) -> None:
    def queries() -> int:
        shown(manager, key)
        with CaptureQueriesContext(connection) as captured:
            shown(manager, key)
        return len(captured)

    ledgers.write([Start("J0", "C0", owner="Ann")], [Row("E0", "J0", "lead_created", march(2))])
    with_one = queries()
    many = [Start(f"J{n}", f"C{n}", owner=f"U{n}", source=f"s{n}") for n in range(1, 30)]
    ledgers.write(many, [Row(f"E{n}", f"J{n}", "lead_created", march(2)) for n in range(1, 30)])
    assert queries() == with_one <= MOST_QUERIES


@pytest.mark.parametrize("key", PANELS)
def test_what_is_kept_gives_the_same_as_the_ledger(golden: Organisation, key: str) -> None:
    rollup.catch_up()
    asked = Asked(golden, Period.month("2026-03"), timezone.now())
    with CaptureQueriesContext(connection) as captured:
        kept = PANELS[key].build(replace(asked, lag=rollup.FRESH))
    assert not any("known AS MATERIALIZED" in query["sql"] for query in captured)
    assert kept.table.plain_rows() == PANELS[key].build(asked).table.plain_rows()
    assert kept.table.rows or key == "seasonality"  # which needs more years than this history has


@pytest.mark.parametrize("key", MONEY_PANELS)
def test_money_is_refused_to_those_who_may_not_see_it(golden: Organisation, client: Client, key: str) -> None:
    client.force_login(people(Role.MARKETER))
    assert client.get(url(key), MARCH).status_code == 403
    assert url(key) not in shown(client, OPEN_PANELS[0])


@pytest.mark.parametrize("key", OPEN_PANELS)
def test_the_other_panels_show_no_money_to_a_marketer(golden: Organisation, client: Client, key: str) -> None:
    client.force_login(people(Role.MARKETER))
    assert "€" not in shown(client, key)


def test_panels_are_for_those_who_may_see_reports(client: Client) -> None:
    assert client.get(url("stage-flow")).status_code == 302
    client.force_login(people(Role.PARTNER))
    assert client.get(url("stage-flow")).status_code == 403


def test_a_panel_that_there_is_not_is_not_found(manager: Client) -> None:
    assert manager.get(url("moon")).status_code == 404


@pytest.mark.parametrize("asked", [{"month": "x"}, {"source": "moon"}, {"as_of": "now"}])
def test_a_bad_parameter_is_named(manager: Client, asked: dict[str, str]) -> None:
    answer = manager.get(url("stage-flow"), asked)
    assert answer.status_code == 400
    assert "notice bad" in answer.content.decode()


def test_period_and_filters_are_chosen_on_the_page_and_kept_in_its_links(
    golden: Organisation, manager: Client
) -> None:
    found = manager.get(url("ltv"), {"first": "2026-03-01", "last": "2026-03-15", "source": "web"}).text
    assert "Remove the filter Source: Website" in found
    assert 'href="?first=2026-03-01&amp;last=2026-03-15"' in found
    assert 'name="owner" value="Ann"' in found
    found = shown(manager, "ltv", source="web", every="quarter")
    assert "2026-Q1" in found
    assert (
        "/dashboard/panels/cohorts/?month=2026-03&amp;as_of=2026-04-10T00%3A00%2B02%3A00&amp;source=web"
        in found
    )


def test_a_filter_narrows_the_panel_and_names_the_file(golden: Organisation, manager: Client) -> None:
    answer = manager.get(url("stage-flow"), MARCH | {"source": "web", "format": "csv"})
    assert 'filename="stage-flow_2026-03_source-web.csv"' in answer.headers["Content-Disposition"]
    assert table(manager, "stage-flow", source="web") != table(manager, "stage-flow")


def test_stage_flow_adds_up_and_equals_the_report(golden: Organisation, manager: Client) -> None:
    _head, *rows = table(manager, "stage-flow")
    assert rows
    for row in rows:
        numbers = [int(number) for number in row[1:9]]
        assert numbers[0] == sum(numbers[1:7]) == numbers[7]
    answer = manager.get("/api/v1/kpi/report/", MARCH).json()["metrics"]["stage_flow"]["current"]
    assert [int(row[1]) for row in rows] == [
        stage["entered"] for stage in answer.values() if stage["entered"]
    ]
