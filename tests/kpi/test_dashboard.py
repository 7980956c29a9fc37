"""The dashboards show what the report says, to those who may see it."""

import csv
import html
import re
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from funnel import formats
from funnel.lists.filters import JourneyFilter
from funnel.models import Journey, Organisation, Source
from funnel.periods import Period
from funnel.stages import Role
from kpi import report, rollup, tables
from kpi.dashboards.attention import answer_by, attention
from kpi.dashboards.pages import EVERY, VIEWS
from kpi.models import Plan
from tests.factories import people

from . import ledgers
from .conftest import AS_OF
from .ledgers import Row, Start
from .test_report import march

URL = "/dashboard/"
MARKETING, SALES = f"{URL}marketing/", f"{URL}sales/"
PANEL = f"{URL}panels/"
MARCH = {"month": "2026-03", "as_of": "2026-04-10T00:00+02:00"}
pytestmark = pytest.mark.usefixtures("berlin")


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def page(client: Client, url: str = URL, **asked: Any) -> str:
    answer = client.get(url, asked)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def card(found: str, key: str) -> str:
    """The card of a metric."""
    (one,) = re.findall(
        rf'<article class="stat" aria-labelledby="card-{key}">.*?</article>', found, re.DOTALL
    )
    return str(one)


def section(found: str, name: str) -> str:
    (one,) = re.findall(rf'<section class="panel[^>]*id="{name}".*?</section>', found, re.DOTALL)
    return str(one)


# What is shown


def test_a_card_shows_a_figure_its_changes_and_its_plan(golden: Organisation, manager: Client) -> None:
    paid = card(page(manager, **MARCH), "payments_net")
    assert 'title="€33,000"' in paid or "€33K" in paid
    assert "+230%" in paid
    assert "of plan €44K" in paid
    assert "vs last month" in paid


def test_cards_say_what_the_report_says(golden: Organisation, manager: Client) -> None:
    found = page(manager, **MARCH)
    lines = report.build(
        organisation=golden,
        period=Period.month("2026-03"),
        as_of=AS_OF,
        metrics=[EVERY[key] for key in VIEWS[0].cards],
    ).lines
    for line in lines:
        shown = card(found, line.metric.key)
        assert f'title="{tables.cell(line.metric, line.current, "EUR").figure}"' in shown
        for change in (line.mom, line.yoy):
            assert formats.change(None if change is None else float(change), unit(line)) in shown


def unit(line: report.Line) -> str:
    return "pp" if line.metric.points else "pct"


def test_a_rate_stands_beside_its_n_and_says_what_it_means(golden: Organisation, manager: Client) -> None:
    won = card(page(manager, **MARCH), "win_rate_close_date")
    assert "3 of 4" in won
    assert "Deals won ÷ (won + lost deals) of the period." in won


def test_the_funnel_names_its_weakest_step(golden: Organisation, manager: Client) -> None:
    assert "Weakest step:" in section(page(manager, **MARCH), "funnel")


def test_the_trend_follows_the_metric_of_the_address(golden: Organisation, manager: Client) -> None:
    found = section(page(manager, **MARCH, trend="leads_valid"), "trend")
    assert re.search(r'aria-current="true">Applications</a>', found)
    assert "March 2026" in found
    assert "April 2025" in found


@pytest.mark.parametrize("url", [URL, MARKETING, SALES])
def test_each_view_shows_six_to_nine_cards(golden: Organisation, manager: Client, url: str) -> None:
    assert 6 <= page(manager, url, **MARCH).count('class="stat"') <= 9


def test_a_running_month_is_compared_like_for_like_and_matures_later(
    golden: Organisation, manager: Client
) -> None:
    found = page(manager, MARKETING, month="2026-03", as_of="2026-03-16T00:00+01:00")
    assert "still running" in found
    # the month ends on 1 April, Berlin; a meeting then has fourteen days
    assert "maturing until 15 Apr" in card(found, "meeting_to_brief_cohort_14d")


def test_the_plan_of_a_quarter_is_the_sum_of_its_months(berlin: Organisation, manager: Client) -> None:
    ledgers.write([Start("J0", "C0")], [Row("E0", "J0", "lead_created", march(2))])
    for month in ("2026-01", "2026-02", "2026-03"):
        Plan.objects.create(month=month, metric="leads_valid", scope="all", value=10)
    assert "3% of plan 30" in card(page(manager, period="2026-Q1"), "leads_valid")
    Plan.objects.filter(month="2026-02").delete()
    assert "of plan" not in card(page(manager, period="2026-Q1"), "leads_valid")


# Filters and periods


def test_filters_narrow_the_figures_and_can_be_taken_away(golden: Organisation, manager: Client) -> None:
    whole = report.build(
        organisation=golden, period=Period.month("2026-03"), as_of=AS_OF, metrics=[EVERY["leads_valid"]],
        filters={"owner": ["Ann"]},
    )  # fmt: skip
    found = page(manager, **MARCH, owner="Ann")
    assert f">{whole.lines[0].current.figure}</b>" in card(found, "leads_valid")
    assert "Remove the filter Owner: Ann" in found
    assert 'href="/dashboard/marketing/?month=2026-03&as_of=2026-04-10T00%3A00%2B02%3A00&owner=Ann"' in found


def test_several_values_of_a_filter_add_up(golden: Organisation, manager: Client) -> None:
    def leads(*owners: str) -> int:
        shown = card(page(manager, **MARCH, owner=list(owners)), "leads_valid")
        return int(re.findall(r"<b[^>]*>(\d+)</b>", shown)[0])

    assert leads("Ann", "Bob") == leads("Ann") + leads("Bob") > leads("Ann") > 0


def test_the_same_filters_narrow_the_report_of_the_api(golden: Organisation, manager: Client) -> None:
    answer = manager.get("/api/v1/kpi/report/", {**MARCH, "owner": "Ann"})
    expected = report.build(
        organisation=golden, period=Period.month("2026-03"), as_of=AS_OF, filters={"owner": ["Ann"]}
    )
    assert answer.json()["metrics"]["leads_valid"] == expected.json()["metrics"]["leads_valid"]


@pytest.mark.parametrize(
    "asked",
    [
        {"month": "x"}, {"by": "moon"}, {"as_of": "now"}, {"period": "2026-Q9"}, {"source": "nowhere"},
        {"owner": "nobody"}, {"trend": "moon"}, {"sort": "moon"}, {"first": "2026-03-09", "last": "2026-03-01"},
    ],
)  # fmt: skip
def test_a_bad_parameter_is_named_on_the_page(
    golden: Organisation, manager: Client, asked: dict[str, Any]
) -> None:
    answer = manager.get(URL, asked)
    assert answer.status_code == 400
    assert f"<b>{list(asked)[-1]}</b>:" in answer.content.decode()


def test_an_unknown_filter_is_a_400_of_the_api_that_names_it(golden: Organisation, manager: Client) -> None:
    answer = manager.get("/api/v1/kpi/report/", {"campaign": "nowhere"})
    assert answer.status_code == 400
    assert "campaign" in answer.content.decode()


def test_two_days_are_a_range(golden: Organisation, manager: Client) -> None:
    found = page(manager, first="2026-03-02", last="2026-03-20", as_of=MARCH["as_of"])
    assert "2 Mar – 20 Mar 2026" in found
    assert "vs the time before" in found


def test_the_arrows_lead_to_the_neighbouring_periods_and_keep_the_rest(
    golden: Organisation, manager: Client
) -> None:
    found = page(manager, **MARCH, trend="leads_valid")
    assert "trend=leads_valid&period=2026-02" in found
    assert "period=2026-04" in found
    assert "period=2026-Q1" in page(manager, period="2026-Q2")
    assert "The period after" not in page(manager, month="2150-01")


def test_a_moment_of_the_past_is_told(golden: Organisation, manager: Client) -> None:
    found = page(manager, **MARCH)
    assert "As known at" in found
    assert "Show what is known now" in found
    assert "As known at" not in page(manager, month="2026-03")


def test_a_filter_without_result_says_so(golden: Organisation, manager: Client) -> None:
    Source.objects.create(key="silent", label="Silent")
    assert "Nothing in this period fits these filters." in page(manager, **MARCH, source="silent")


# States


def test_before_the_first_application_the_page_says_why_it_is_empty(manager: Client) -> None:
    assert "No applications yet" in page(manager)


def test_a_month_without_events_says_so(golden: Organisation, manager: Client) -> None:
    found = page(manager, month="2024-03", as_of="2026-04-10T00:00+02:00")
    assert "Nothing happened in this period." in found


def test_while_figures_are_prepared_anew_the_page_says_so_and_is_right(
    golden: Organisation, manager: Client
) -> None:
    rollup.catch_up()
    assert "prepared anew" not in page(manager, month="2026-03")
    kept = card(page(manager, month="2026-03"), "leads_valid")
    rollup.drop()
    rollup.step()
    found = page(manager, month="2026-03")
    assert "prepared anew" in found
    assert card(found, "leads_valid") == kept


# The table of a cut, and files


def test_the_table_of_a_cut_lists_its_values_and_an_empty_key_as_none(
    golden: Organisation, manager: Client
) -> None:
    table = section(page(manager, f"{PANEL}results/", **MARCH, by="campaign"), "by")
    assert "brand" in table
    assert "spring" in table
    assert ">None<" in table


def test_the_table_is_ordered_by_the_column_asked_for(golden: Organisation, manager: Client) -> None:
    def order(sort: str) -> list[str]:
        table = section(page(manager, f"{PANEL}results/", **MARCH, by="source", sort=sort), "by")
        return re.findall(r'<th scope="row" class="wrap">(.*?)</th>', table)

    assert order("name") == sorted(order("name"), key=str.casefold) == order("-name")[::-1]
    assert len(order("name")) > 1


@pytest.mark.parametrize("key", ["trend", "funnel", "results"])
def test_each_part_is_downloaded(golden: Organisation, manager: Client, key: str) -> None:
    answer = manager.get(f"{PANEL}{key}/", {**MARCH, "format": "csv"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
    assert len(rows) > 2
    assert len({len(row) for row in rows}) == 1


# Who sees what


def test_money_is_not_shown_to_those_who_may_not_see_it(golden: Organisation, client: Client) -> None:
    client.force_login(people(Role.FIRST_TOUCH))
    for url in (URL, MARKETING, SALES, f"{PANEL}results/", f"{PANEL}trend/"):
        found = page(client, url, **MARCH)
        assert "€" not in found, url
    assert client.get(URL, {"trend": "payments_net"}).status_code == 400


def test_the_page_is_for_those_who_may_see_reports(client: Client) -> None:
    assert client.get(URL).status_code == 302
    client.force_login(people(Role.PARTNER))
    for url in (URL, MARKETING, SALES, f"{URL}attention/"):
        assert client.get(url).status_code == 403


@pytest.mark.parametrize(
    ("role", "url"), [(Role.MARKETER, MARKETING), (Role.SALESPERSON, SALES), (Role.MANAGER, URL)]
)
def test_the_left_bar_leads_to_the_dashboard_of_ones_role(client: Client, role: Role, url: str) -> None:
    client.force_login(people(role))
    found = page(client, url)
    assert re.search(rf'<a [^>]*href="{url}"[^>]*aria-current="page"', found)


# What waits


def test_what_waits_is_counted_with_its_sum_and_leads_to_its_list(
    golden: Organisation, manager: Client
) -> None:
    Journey.objects.update(stage="won")
    journey = Journey.objects.order_by("pk").first()
    assert journey is not None
    Journey.objects.filter(pk=journey.pk).update(stage="objection", amount=5000)
    found = page(manager, f"{URL}attention/")
    assert "Open objections" in found
    assert "€5K" in found
    assert "/journeys/?stage=objection" in found
    assert "Leads past their reply time" not in found


def test_each_line_of_what_waits_counts_as_many_as_the_list_it_opens(golden: Organisation) -> None:
    manager = people(Role.MANAGER)
    keys = list(Journey.objects.order_by("pk").values_list("pk", flat=True))
    Journey.objects.update(stage="new", annulled_at=None)
    Journey.objects.filter(pk__in=keys[:3]).update(stage="handed_off", decide_by=timezone.now())
    Journey.objects.filter(pk__in=keys[3:5]).update(stage="objection", stage_since=timezone.now())
    Journey.objects.filter(pk__in=keys[5:9]).update(stage="won")
    found = attention(manager, golden, {}, money=True, now=timezone.now())
    assert len(found) == 5  # late, undecided, stale, objections, no next step
    for item in found:
        asked = JourneyFilter(QueryDict(urlsplit(item.url).query), user=manager)
        assert asked.narrow(Journey.objects.visible_to(manager)).count() == item.count, item.title


def test_an_application_waits_too_long_once_its_business_minutes_are_over(berlin: Organisation) -> None:
    monday = datetime(2026, 3, 9, 9, 30, tzinfo=berlin.zone)
    limit = answer_by(berlin.clock, monday, 60)
    # half an hour of Monday, half an hour of Friday
    assert abs(limit - datetime(2026, 3, 6, 17, 30, tzinfo=berlin.zone)) < timedelta(seconds=2)


# Where numbers lead


@pytest.mark.parametrize("url", [URL, MARKETING, SALES, f"{PANEL}results/"])
def test_every_number_opens_its_rows(golden: Organisation, manager: Client, url: str) -> None:
    found = page(manager, url, **MARCH, owner="Ann")
    links = {link for link in re.findall(r'href="([^"]+)"', found) if "/records/" in link}
    assert len(links) > 5
    for link in sorted(links):
        assert manager.get(link).status_code == 200, link


def test_the_rows_of_a_count_are_as_many_as_it_says(golden: Organisation, manager: Client) -> None:
    shown = card(page(manager, **MARCH), "leads_valid")
    (number,) = re.findall(r"<b>(\d+)</b></a>", shown)
    (link,) = re.findall(r'<p class="big"><a href="([^"]+)"', shown)
    rows = manager.get(f"{link}&format=csv").content.decode("utf-8-sig").splitlines()
    assert len(rows) - 1 == int(number)


@pytest.mark.parametrize("key", ["management", "marketing", "sales"])
def test_a_whole_dashboard_is_downloaded_with_a_sheet_for_each_panel(
    golden: Organisation, manager: Client, key: str
) -> None:
    answer = manager.get(f"{URL}{key}.xlsx", MARCH)
    assert answer["Content-Disposition"] == f'attachment; filename="dashboard_{key}_2026-03.xlsx"'
    with ZipFile(BytesIO(answer.content)) as book:
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    view = next(view for view in VIEWS if view.key == key)
    assert len(sheets) == 4 + len(view.panels)
    text = manager.get(f"{URL}{key}.csv", MARCH).content.decode("utf-8-sig")
    assert "Applications" in text


def test_a_file_for_those_who_may_not_see_money_has_none(golden: Organisation, client: Client) -> None:
    client.force_login(people(Role.FIRST_TOUCH))
    text = client.get(f"{URL}sales.csv", MARCH).content.decode("utf-8-sig")
    assert "Deals won" in text
    assert "33000" not in text
    assert "Net payments" not in text


def test_a_dashboard_that_there_is_not_is_not_found(golden: Organisation, manager: Client) -> None:
    assert manager.get(f"{URL}moon.xlsx").status_code == 404
    assert manager.get(f"{URL}sales.csv", {"source": "moon"}).status_code == 400
