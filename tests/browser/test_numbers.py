"""Amounts typed and pasted in a real browser, in English and Russian: kept as they were meant, and shown alike."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from deals.models import Line
from funnel.models import Journey
from funnel.stages import Role, Stage
from kpi.models import Plan
from tests.browsing import Visit
from tests.factories import journey_at, organisation, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LANGUAGES = pytest.mark.parametrize(
    ("language", "typed", "shown"), [("en", "1,234.50", "1234.50"), ("ru", "1234,50", "1234,50")]
)
RIGHT = Decimal("1234.50")


@pytest.fixture
def journey() -> Journey:
    organisation(currency="EUR")
    return journey_at(Stage.PROPOSAL_REQUESTED, name="Ann")


def amount(journey: Journey) -> Decimal | None:
    return Journey.objects.get(pk=journey.pk).amount


def paste(page: Page, text: str) -> None:
    page.keyboard.insert_text(text)


@LANGUAGES
def test_an_amount_is_typed_and_pasted_in_the_form_and_in_the_list(
    visit: Visit, journey: Journey, language: str, typed: str, shown: str
) -> None:
    page = visit(f"/journeys/{journey.pk}/details/", people(Role.MANAGER, language=language))
    page.watch.allow("422")
    page.locator("#id_amount").fill("")
    page.locator("#id_amount").press_sequentially(typed)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert amount(journey) == RIGHT
    page.goto(f"/journeys/{journey.pk}/details/")
    expect(page.locator("#id_amount")).to_have_value(shown)
    page.goto("/journeys/")
    cell = page.locator("td[data-col=amount]")
    cell.locator("a").click()
    box = cell.locator("input[name=amount]")
    expect(box).to_have_value(shown)
    box.fill("1e3")
    box.press("Enter")
    expect(cell.get_by_role("alert")).to_contain_text(shown)
    assert amount(journey) == RIGHT
    box.fill("")
    paste(page, "2\N{NO-BREAK SPACE}234,50 €")
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.ok):
        box.press("Enter")
    assert amount(journey) == Decimal("2234.50")


@LANGUAGES
def test_the_lines_of_a_proposal_are_typed_and_come_back_alike(
    visit: Visit, journey: Journey, language: str, typed: str, shown: str
) -> None:
    page = visit(f"/journeys/{journey.pk}/proposal/", people(Role.MANAGER, language=language))
    for name, value in {"description": "Gauge", "quantity": "2", "unit_price": typed, "tax": "2,5 %"}.items():
        page.locator(f"[name='lines-0-{name}']").press_sequentially(value)
    expect(page.locator("#totals .sum dd")).to_contain_text({"en": "2,530.73", "ru": "530,73"}[language])
    page.locator("[name=discount]").press_sequentially("10")
    expect(page.locator("#totals .sum dd")).to_contain_text({"en": "2,277.65", "ru": "277,65"}[language])
    with page.expect_navigation():
        page.locator("button[value=save]").click()
    line = Line.objects.get()
    assert (line.unit_price, line.tax) == (RIGHT, Decimal("2.5"))
    expect(page.locator("[name='lines-0-unit_price']")).to_have_value(shown)


@LANGUAGES
def test_a_plan_is_typed_in_the_grid_and_summed_at_once(
    visit: Visit, journey: Journey, language: str, typed: str, shown: str
) -> None:
    page = visit("/plans/?year=2026", people(Role.MANAGER, language=language))
    cell = page.locator("[name='2026-03|payments_net|all']")
    cell.press_sequentially(typed + " €")
    page.keyboard.press("Enter")
    expect(cell.locator("xpath=ancestor::tr").locator("[data-total]")).to_contain_text(
        {"en": "1,234.5", "ru": "234,5"}[language]
    )
    with page.expect_navigation():
        page.locator("form[data-plan] button[type=submit], form[data-plan] .btn.primary").first.click()
    assert Plan.objects.get(metric="payments_net").value == RIGHT


def test_full_width_digits_are_read_in_the_grid_as_they_are_saved(visit: Visit, journey: Journey) -> None:
    page = visit("/plans/?year=2026", people(Role.MANAGER, language="en"))
    cell = page.locator("[name='2026-03|payments_net|all']")
    cell.fill("\uff11\uff12\uff13\uff14\uff0e\uff15\uff10")
    cell.press("Enter")
    expect(cell.locator("xpath=ancestor::tr").locator("[data-total]")).to_contain_text("1,234.5")
    expect(cell).not_to_have_attribute("aria-invalid", "true")
