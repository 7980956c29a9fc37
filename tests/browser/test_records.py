"""The rows behind a number in a real browser: open to everyone, and back to where one came from."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from funnel.models import Organisation
from funnel.stages import Role
from tests.browsing import PHONE, check_access
from tests.factories import people
from tests.kpi import ledgers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
URL = "/dashboard/records/?month=2026-03"


@pytest.fixture(autouse=True)
def _golden() -> None:
    Organisation.objects.update(timezone="Europe/Berlin", currency="EUR")
    ledgers.write(*ledgers.golden(), teams={"Ann": "North", "Bob": "South"})


def test_the_list_is_open_to_everyone(visit):
    page = visit(
        f"{URL}&metric=payments_net&owner=Bob",
        people(Role.MANAGER),
        theme="dark",
        language="ru-RU",
        size=PHONE,
    )
    check_access(page)
    for asked in ("metric=stage_flow&part=advanced", "metric=lost_leads"):
        page.goto(f"{URL}&{asked}")
        check_access(page)


def test_a_filter_is_removed_a_part_switched_and_the_way_back_kept(visit):
    back = "/campaigns/?month=2026-03"
    page = visit(
        f"{URL}&metric=win_rate_close_date&part=denominator&owner=Bob&back={quote(back)}",
        people(Role.MANAGER),
    )
    expect(page.locator("h1")).to_contain_text("Win rate, out of, March 2026, owner Bob")
    page.get_by_role("link", name="Remove the filter Owner").click()
    expect(page.locator("h1")).to_contain_text("Win rate, out of, March 2026: 4")
    page.get_by_role("link", name="Counted", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Win rate, counted, March 2026: 3")
    page.locator("tbody a.name").first.click()
    expect(page).to_have_url(re.compile("/journeys/"))
    page.go_back()
    page.locator(".crumbs a").click()
    expect(page).to_have_url(re.compile(re.escape(back)))
