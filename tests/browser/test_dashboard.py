"""A dashboard in a real browser: its address is its state, everything opens, and everything can be taken away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from funnel.models import Organisation
from funnel.stages import Role
from kpi import rollup
from kpi.dashboards.pages import MANAGEMENT, MARKETING
from tests.browsing import PHONE, check_access
from tests.factories import people
from tests.kpi import ledgers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
URL = "/dashboard/?month=2026-03"


@pytest.fixture(autouse=True)
def _golden() -> None:
    Organisation.objects.update(timezone="Europe/Berlin", currency="EUR")
    ledgers.write(*ledgers.golden(), teams={"Ann": "North", "Bob": "South"})
    rollup.catch_up()


def saved(page: Page, click: Callable[[], None], folder: Path) -> tuple[str, bytes]:
    """What a click downloads: its name and its first bytes."""
    with page.expect_download() as coming:
        click()
    target = folder / coming.value.suggested_filename
    coming.value.save_as(target)
    return target.name, target.read_bytes()[:4]


def read_to_the_end(page: Page) -> None:
    """Scroll as a reader does, until every panel that comes in sight has come."""
    button = ".later > section:first-child a.btn"
    waiting = page.locator(button)
    while left := waiting.count():  # what has come meanwhile is no longer there to scroll to
        page.evaluate("button => document.querySelector(button)?.scrollIntoView()", button)
        expect(waiting).not_to_have_count(left)


def test_a_manager_narrows_reads_opens_and_takes_away(visit, tmp_path: Path) -> None:
    page = visit(URL, people(Role.MANAGER))
    applications = page.locator("article:has(#card-leads_valid) .big b")
    expect(applications).to_have_text("11")

    # the address is the state
    page.locator("summary", has_text="Filters").click()
    page.locator(".filterbox summary", has_text="Owner").click()
    page.locator("input[name=owner][value=Ann]").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("owner=Ann"))
    expect(page.locator(".chips")).to_contain_text("Ann")
    narrowed = applications.inner_text()
    assert int(narrowed) < 11
    page.go_back()
    expect(page.locator(".chips")).to_have_count(0)
    expect(applications).to_have_text("11")
    page.go_forward()
    expect(applications).to_have_text(narrowed)
    page.get_by_role("link", name="Remove the filter Owner: Ann").click()
    expect(applications).to_have_text("11")

    # what is drawn can be read, and says what it means
    page.locator("#trend .seg a", has_text="Applications").click()
    expect(page).to_have_url(re.compile("trend=leads_valid"))
    page.locator("#trend .as-table summary").click()
    row = page.locator("#trend .as-table tr", has_text="March 2026")
    expect(row).to_contain_text("11")
    page.locator("#funnel .meaning summary").click()
    expect(page.locator("#funnel .meaning p")).to_be_visible()
    page.locator("article:has(> header #card-win_rate_close_date) .meaning summary").click()
    expect(page.get_by_text("Deals won ÷ (won + lost deals) of the period.")).to_be_visible()

    # what is shown can be taken away
    def click(found: str) -> Callable[[], None]:
        return page.locator(found).click

    assert saved(page, click("#trend [title=CSV]"), tmp_path) == ("trend_2026-03.csv", b"\xef\xbb\xbfM")
    assert saved(page, click("#funnel [title=XLSX]"), tmp_path) == ("funnel_2026-03.xlsx", b"PK\x03\x04")
    assert saved(page, click("#trend [title=PNG]"), tmp_path) == ("trend.png", b"\x89PNG")
    page.locator("summary", has_text="Export").click()
    name, start = saved(page, click(".menu-panel a:has-text('XLSX')"), tmp_path)
    assert (name, start) == ("dashboard_management_2026-03.xlsx", b"PK\x03\x04")

    # what is further down comes as one gets there
    read_to_the_end(page)
    assert page.locator(".later > .panels").count() == len(MANAGEMENT.panels)
    with page.expect_download():
        page.locator("#cohorts [data-png]").click()

    # every number opens its rows, and Back returns
    applications.click()
    expect(page.locator("h1")).to_contain_text("Applications, March 2026: 11")
    page.go_back()
    expect(page).to_have_url(re.compile("trend=leads_valid"))


def test_marketing_reads_it_on_a_phone_at_night_in_russian(visit) -> None:
    page = visit(
        "/dashboard/marketing/?month=2026-03",
        people(Role.MANAGER),
        theme="dark",
        size=PHONE,
        language="ru-RU",
    )
    expect(page.locator("#trend h2")).to_have_text("Динамика за 12 месяцев")
    expect(page.locator("#funnel .legend li")).to_contain_text("те же дни прошлого года")
    read_to_the_end(page)
    assert page.locator(".later > .panels").count() == len(MARKETING.panels)
    expect(page.locator(".attention")).to_be_attached()
    check_access(page)


def test_without_scripts_what_is_further_down_is_a_page(visit) -> None:
    page = visit(URL, people(Role.MANAGER), scripts=False)
    page.get_by_role("link", name="Show: Cohorts").click()
    expect(page).to_have_url(re.compile(r"/dashboard/panels/cohorts/\?month=2026-03"))
    expect(page.locator("#cohorts .chart.large")).to_be_visible()


def test_on_paper_a_dashboard_lies_on_its_side_without_what_can_only_be_clicked(visit) -> None:
    page = visit(URL, people(Role.MANAGER), theme="dark")
    page.emulate_media(media="print")
    expect(page.locator("#trend .chart.large")).to_be_visible()
    expect(page.locator("#trend .seg a[aria-current]")).to_be_visible()
    for gone in (".side", "#trend .tools", "#trend .seg a:not([aria-current])", "header .actions"):
        expect(page.locator(gone).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", page.pdf(prefer_css_page_size=True))
    assert box
    assert float(box[1]) > float(box[2])
