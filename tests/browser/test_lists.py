"""The list in a real browser: columns, editing in cells by keyboard, saved views, many at once; and without a script."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from funnel.lists import arrangement, saved
from funnel.models import Journey, Organisation, SavedView, User
from funnel.stages import Role, Stage
from tests.browsing import DESK, PHONE, check_access
from tests.factories import journey_at, lead, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = reverse("funnel:journey-list")
BOARD = reverse("funnel:board")


@pytest.fixture
def max_(db) -> User:
    Organisation.objects.get_or_create(pk=1)
    return people(Role.MANAGER, "max")


def cell(page: Page, journey: Journey, column: str) -> Locator:
    row = page.locator("tbody tr").filter(has=page.locator(f"input[value='{journey.pk}']"))
    return row.locator(f"td[data-col={column}]")


@pytest.mark.parametrize(("theme", "size", "language"), [("light", DESK, "en"), ("dark", PHONE, "ru")])
def test_the_list_is_open_to_everyone_full_empty_and_at_fault(visit, max_, theme, size, language) -> None:
    User.objects.filter(pk=max_.pk).update(language=language)
    page = visit(LIST, max_, theme=theme, size=size)
    page.watch.allow("422")
    check_access(page)
    journey = journey_at(Stage.DEMO_HELD, name="Priya Rossi", company="Evergreen Travel")
    arrangement.choose_columns(user=max_, view=None, keys=["amount", "clock", "owner", "next", "stage"])
    shared = saved.create(actor=max_, name="Demos", place="list", query="owner=me", shared="everyone")
    page.goto(f"{LIST}?stage=demo_held&amount_from=0&view={shared.pk}")
    check_access(page)
    page.goto(f"{LIST}?stage=demo_held&view={shared.pk}")
    check_access(page)
    page.locator(".more-filters summary").click()
    check_access(page)
    page.goto(LIST)
    if size == DESK:
        cell(page, journey, "amount").locator("a").click()
        expect(cell(page, journey, "amount").locator("input[name=amount]")).to_be_focused()
        page.keyboard.type("-5")
        page.keyboard.press("Enter")
        expect(page.locator("#cell-error")).to_be_visible()
        check_access(page)
    for name in ("views", "journey-columns"):
        page.goto(reverse(f"funnel:{name}"))
        check_access(page)
    page.goto(f"{BOARD}?owner=me")
    check_access(page)


def test_values_are_edited_where_they_stand_by_keyboard(visit, max_) -> None:
    people(Role.FIRST_TOUCH, "fred")
    upper, lower = journey_at(Stage.DEMO_HELD, company="Upper"), journey_at(Stage.MET, company="Lower")
    arrangement.choose_columns(user=max_, view=None, keys=["stage", "amount", "owner", "expected"])
    page = visit(f"{LIST}?order=stage", max_, size=DESK)
    for status in ("422", "409", "ERR_INTERNET_DISCONNECTED", "htmx:"):
        page.watch.allow(status)
    # Enter opens and saves; a fault stands in the cell, and Escape leaves everything as it was
    cell(page, lower, "amount").locator("a").focus()
    page.keyboard.press("Enter")
    control = cell(page, lower, "amount").locator("input[name=amount]")
    expect(control).to_be_focused()
    page.keyboard.type("-5")
    page.keyboard.press("Enter")
    expect(cell(page, lower, "amount").locator(".error")).to_contain_text("greater than or equal to 0")
    expect(control).to_be_focused()
    page.keyboard.press("Escape")
    expect(cell(page, lower, "amount").locator("a")).to_be_focused()
    expect(cell(page, lower, "amount")).to_have_text("—")
    # Tab saves and goes on
    page.keyboard.press("Enter")
    expect(control).to_be_focused()
    page.keyboard.type("1200")
    page.keyboard.press("Tab")
    expect(cell(page, lower, "owner").locator("select")).to_be_focused()
    expect(cell(page, lower, "amount")).to_contain_text("1,200")
    cell(page, lower, "owner").locator("select").select_option("fred")
    page.keyboard.press("Tab")
    expect(cell(page, lower, "expected").locator("input[type=date]")).to_be_focused()
    expect(cell(page, lower, "owner")).to_contain_text("fred")
    page.keyboard.press("Escape")
    lower.refresh_from_db()
    assert (lower.amount, str(lower.owner)) == (1200, "fred")
    # the undo leads back to the same list
    page.locator(".toast", has_text="Expected amount").get_by_role("button", name="Undo").click()
    expect(cell(page, lower, "amount")).to_have_text("—")
    expect(page).to_have_url(re.compile(r"\?order=stage$"))
    # somebody else was faster: both versions, and one's own wins only when it is saved again
    cell(page, upper, "amount").locator("a").click()
    expect(cell(page, upper, "amount").locator("input[name=amount]")).to_be_focused()
    Journey.objects.filter(pk=upper.pk).update(amount=777)
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    expect(cell(page, upper, "amount").locator(".cell-stale")).to_contain_text("777")
    expect(cell(page, upper, "amount").locator("input[name=amount]")).to_have_value("50")
    page.get_by_role("button", name="Save mine").click()
    expect(cell(page, upper, "amount").locator("a.cell")).to_contain_text("50")
    # a lost connection loses nothing that was typed
    cell(page, upper, "amount").locator("a").click()
    expect(cell(page, upper, "amount").locator("input[name=amount]")).to_be_focused()
    page.keyboard.type("60")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator(".toast.error")).to_be_visible()
    expect(cell(page, upper, "amount").locator("input[name=amount]")).to_have_value("60")
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    expect(cell(page, upper, "amount").locator("a.cell")).to_contain_text("60")


def test_columns_and_views_are_arranged_saved_shared_deleted_and_brought_back(visit, max_) -> None:
    lead(source="event", company="At the fair")
    lead(source="web", company="On the web")
    page = visit(LIST, max_, size=DESK)
    page.get_by_role("link", name="Columns").click()
    dialog = page.locator("#dialog")
    dialog.get_by_role("checkbox", name="Phone").check()
    up = dialog.get_by_role("button", name="Move Phone up")
    up.focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Move Phone up")).to_be_focused()
    expect(dialog.get_by_role("checkbox", name="Phone")).to_be_checked()
    for column in ("Clock", "Owner", "Amount", "Next step", "Source", "Received"):
        dialog.get_by_role("checkbox", name=column).uncheck()
    dialog.get_by_role("button", name="Save").last.click()
    expect(page.locator("thead th[scope=col]")).to_have_text(["Client", "Stage", "Phone"])
    # a view of what is filtered, a chip at a time
    page.get_by_label("Source", exact=True).first.select_option("event")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Save these filters as a view").click()
    dialog.get_by_label("Name").fill("From fairs")
    dialog.get_by_label("Everyone").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".tabs [aria-current]")).to_contain_text("From fairs")
    expect(page.locator("#side")).to_contain_text("From fairs")
    page.get_by_role("link", name="Remove the filter Source").click()
    expect(page.locator(".changed")).to_contain_text("“From fairs” was changed here")
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.go_forward()
    page.locator(".changed").get_by_role("button", name="Save").click()
    expect(page.locator(".changed")).to_have_count(0)
    expect(page.locator("tbody tr")).to_have_count(2)
    assert SavedView.objects.get().query == ""
    page.goto(reverse("funnel:views"))
    page.get_by_role("button", name="Delete From fairs").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".tabs [aria-current]")).to_contain_text("From fairs")


def test_all_that_match_are_offered_once_all_that_are_seen_are_chosen(visit, max_) -> None:
    for _number in range(51):
        lead(source="event")
    page = visit(f"{LIST}?source=event", max_, size=DESK)
    bar = page.locator("[data-bulk-bar]")
    expect(bar).to_be_hidden()
    page.locator("tbody input[type=checkbox]").first.check()
    expect(bar).to_be_visible()
    expect(bar.get_by_label("all 51 that match")).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    bar.get_by_label("all 51 that match").check()
    bar.get_by_label("With the selected").select_option("lose")
    bar.get_by_role("button", name="Go on").click()
    page.get_by_label("Reason").select_option("budget")
    page.get_by_role("button", name="Lose: 51 journeys").click()
    expect(page.locator(".toast")).to_contain_text("51 journeys")
    assert Journey.objects.filter(stage=Stage.LOST).count() == 51
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".title")).to_contain_text("51 journeys")
    assert "source=event" in page.url


def test_everything_works_without_a_script(visit, max_) -> None:
    journey = lead(company="Evergreen")
    page = visit(LIST, max_, size=DESK, scripts=False)
    page.get_by_title("Amount of Evergreen").click()
    page.get_by_label("Expected amount").fill("4200")
    page.get_by_role("button", name="Save").click()
    expect(cell(page, journey, "amount")).to_contain_text("4,200")
    page.get_by_role("link", name="Columns").click()
    page.get_by_role("button", name="Move Clock up").click()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("thead th[scope=col]").nth(1)).to_have_text("Clock")
    page.get_by_role("link", name="Amount").click()
    page.get_by_role("link", name="Save these filters as a view").click()
    page.get_by_label("Name").fill("Largest")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".tabs [aria-current]")).to_contain_text("Largest")
