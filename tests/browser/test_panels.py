"""The panels' own pages in a real browser: open to everyone, filtered by hand, and down to the rows of a number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from funnel.models import Organisation
from funnel.stages import Role
from kpi.panels import ALL
from tests.browsing import DESK, PHONE, check_access
from tests.factories import people
from tests.kpi import ledgers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARCH = "month=2026-03&as_of=2026-04-10T00:00%2B02:00"


@pytest.fixture(autouse=True)
def _golden() -> None:
    Organisation.objects.update(timezone="Europe/Berlin", currency="EUR")
    ledgers.write(*ledgers.golden(), teams={"Ann": "North", "Bob": "South"})


@pytest.mark.parametrize(
    ("theme", "language", "size"), [("light", "en-GB", DESK), ("dark", "ru-RU", PHONE)], ids=["desk", "phone"]
)
def test_every_panel_is_open_to_everyone(visit, theme, language, size):
    first, *others = ALL if size == DESK else ALL[::3]
    page = visit(
        f"/dashboard/panels/{first.key}/?{MARCH}",
        people(Role.MANAGER),
        theme=theme,
        language=language,
        size=size,
    )
    check_access(page)
    for panel in others:
        page.goto(re.sub(r"/panels/[a-z-]+/", f"/panels/{panel.key}/", page.url))
        expect(page.locator("h1")).to_be_visible()
        check_access(page)


def test_a_panel_is_filtered_saved_as_a_picture_and_opened_to_its_rows(visit, tmp_path: Path):
    page = visit(f"/dashboard/panels/stage-flow/?{MARCH}", people(Role.MANAGER))
    page.get_by_text("Filters").click()
    page.get_by_label("Website").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("source=web"))
    expect(page.get_by_role("link", name="Remove the filter Source: Website")).to_be_visible()
    with page.expect_download() as saving:
        page.get_by_role("button", name=re.compile("PNG")).click()
    assert saving.value.suggested_filename.endswith(".png")
    entered = page.locator("details.numbers tbody tr").first.locator("td a").first
    number = entered.inner_text()
    entered.click()
    expect(page.locator("h1")).to_contain_text(f"source Website, stage New: {number}")
    page.locator(".crumbs a").click()
    expect(page).to_have_url(re.compile("panels/stage-flow/.*source=web"))


def test_without_scripts_the_numbers_are_read_and_filtered(visit):
    page = visit(f"/dashboard/panels/cohorts/?{MARCH}", people(Role.MANAGER), scripts=False)
    page.locator("summary", has_text="Filters").click()
    page.get_by_label("Website").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("source=web"))
    page.get_by_role("link", name="To SAL").click()
    expect(page).to_have_url(re.compile("to=sal"))
    expect(page.locator("ul.chips")).to_contain_text("Website")
