"""The board in a real browser: dragging, refusing, asking, and the same by keyboard and without a script."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from funnel.models import Journey, Organisation
from funnel.stages import Role, Stage
from tests.browsing import DESK, PHONE, check_access
from tests.factories import journey_at, lead, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BOARD = reverse("funnel:board")


@pytest.fixture
def max_(db):
    Organisation.objects.get_or_create(pk=1)
    return people(Role.MANAGER, "max")


def card(page: Page, journey: Journey):
    return page.locator(f"#card-{journey.pk}")


def column(page: Page, key: str):
    return page.locator(f".col[data-to={key}]")


@pytest.mark.parametrize(
    ("theme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)]
)
def test_the_board_is_open_to_everyone_full_and_empty(visit, max_, theme, size) -> None:
    page = visit(BOARD, max_, theme=theme, size=size)
    check_access(page)
    journey = journey_at(Stage.DEMO_HELD, name="Priya Rossi", company="Evergreen Travel")
    page.goto(BOARD)
    expect(card(page, journey)).to_be_visible()
    check_access(page)
    page.goto(BOARD + "?half=marketing")
    check_access(page)
    page.goto(reverse("funnel:stage-limits"))
    check_access(page)


def test_a_dropped_card_moves_and_its_undo_brings_it_back(visit, max_) -> None:
    journey = journey_at(Stage.DEMO_HELD)
    page = visit(BOARD, max_, size=DESK)
    card(page, journey).drag_to(column(page, "proposal"))
    expect(column(page, "proposal").locator(".n")).to_have_text("1")
    expect(column(page, "proposal").locator(f"#card-{journey.pk}")).to_be_visible()
    journey.refresh_from_db()
    assert journey.stage == Stage.PROPOSAL_REQUESTED
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(column(page, "demo").locator(f"#card-{journey.pk}")).to_be_visible()


def test_a_refused_card_goes_back_and_says_why(visit, max_) -> None:
    journey = lead()
    page = visit(BOARD, max_, size=DESK)
    page.watch.allow("409")
    card(page, journey).drag_to(column(page, "contract"))
    expect(page.locator(".toast.error")).to_contain_text("no move leads there")
    expect(column(page, "application").locator(f"#card-{journey.pk}")).to_be_visible()


def test_what_is_missing_is_asked_for_in_a_dialog_while_the_card_stays(visit, max_) -> None:
    journey = journey_at(Stage.DEMO_HELD)
    page = visit(BOARD, max_, size=DESK)
    zone = page.locator(".drop[data-to=lost]")
    card(page, journey).hover()
    page.mouse.down()
    column(page, "touch").hover()  # the zones appear once a card is dragged
    expect(zone).to_have_css("pointer-events", "auto")
    zone.hover()
    page.mouse.up()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_label("Reason")).to_be_visible()
    expect(column(page, "demo").locator(f"#card-{journey.pk}")).to_be_visible()
    journey.refresh_from_db()
    assert journey.stage == Stage.DEMO_HELD
    dialog.get_by_label("Reason").select_option(index=1)
    dialog.get_by_role("button", name="Lose", exact=True).click()
    expect(card(page, journey)).to_have_count(0)


def test_the_menu_moves_a_card_by_keyboard(visit, max_) -> None:
    journey = journey_at(Stage.CONTACTED)
    page = visit(BOARD, max_, size=DESK)
    card(page, journey).locator(".kebab").focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#dialog")
    dialog.get_by_role("link", name="Lose").click()
    dialog.locator("select, input[type=radio]").first.wait_for()
    dialog.get_by_label("Reason").select_option(index=1)
    dialog.get_by_role("button", name="Lose", exact=True).click()
    expect(card(page, journey)).to_have_count(0)
    journey.refresh_from_db()
    assert journey.stage == Stage.LOST
    assert BOARD in page.url


def test_a_lost_connection_brings_the_card_back(visit, max_) -> None:
    journey = journey_at(Stage.DEMO_HELD)
    page = visit(BOARD, max_, size=DESK)
    page.watch.allow("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    card(page, journey).drag_to(column(page, "proposal"))
    expect(page.locator(".toast.error")).to_be_visible()
    expect(column(page, "demo").locator(f"#card-{journey.pk}")).to_be_visible()
    page.context.set_offline(False)
