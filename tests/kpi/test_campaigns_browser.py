"""Campaigns in a real browser: a cost is typed, and the page tells what an application cost."""

from typing import Any

import pytest
from playwright.sync_api import expect

from funnel.models import Campaign, Organisation
from funnel.stages import Role
from tests.browsing import PHONE, check_access
from tests.factories import lead, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_marketer_types_a_cost_and_sees_what_an_application_cost(visit: Any, scripts: bool) -> None:
    Organisation.objects.update(currency="EUR")
    spring = Campaign.objects.create(key="spring", label="Spring fair")
    for _number in range(4):
        lead(campaign=spring)  # on 2 March 2026
    page = visit("/campaigns/?month=2026-03", people(Role.MARKETER), scripts=scripts)
    page.get_by_role("link", name="Spring fair").click()
    page.get_by_label("March 2026").fill("500")
    page.get_by_label("Label").fill("Spring show")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The year: €500")).to_be_visible()
    page.goto("/campaigns/?month=2026-03")
    row = page.get_by_role("row").filter(has_text="Spring show")
    expect(row.get_by_text("€125")).to_be_visible()
    page.get_by_role("link", name="Campaign", exact=True).click()
    expect(page).to_have_url("/campaigns/?month=2026-03&ordering=name")


def test_the_pages_are_accessible(visit: Any) -> None:
    page = visit("/campaigns/?month=2026-03", people(Role.MANAGER), theme="dark", size=PHONE)
    check_access(page)
    spring = Campaign.objects.create(key="spring", label="Spring fair")
    lead(campaign=spring)
    lead()
    for path in (
        "/campaigns/?month=2026-03",
        f"/campaigns/{spring.pk}/",
        "/campaigns/new/",
        "/campaigns/costs/",
    ):
        page.goto(path)
        check_access(page)
    page.watch.allow("422")
    page.get_by_role("button", name="Import").click()
    check_access(page)
    page.goto("/campaigns/costs/")
    page.get_by_label("Or paste").fill("campaign,month,amount\nautumn,2026-03,1")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("There is no campaign “autumn”.")).to_be_visible()
    check_access(page)
