"""The shell in a real browser: manners, themes, sizes, access, and that nothing breaks the content policy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browsing import DESK, PHONE, check_access

pytestmark = pytest.mark.browser

OPEN = "Open the dialog"


LOOKS = [("light", DESK), ("dark", PHONE)]


@pytest.mark.parametrize(
    "path",
    [
        "/components/",
        "/components/?part=dialog",
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/password/change/",
        "/accounts/email/",
        "/accounts/logout/",
    ],
)
def test_pages_are_open_to_everyone_in_both_themes_and_sizes(visit, ann, path):
    for theme, size in LOOKS:
        page = visit(path, ann, theme=theme, size=size)
        if "reauthenticate" in page.url:
            check_access(page)
            page.get_by_label("Password").fill("a long enough one")
            page.locator("main button[type=submit]").first.click()
        check_access(page)


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/password/reset/", "/accounts/signup/", "/nowhere/"]
)
def test_pages_outside_the_workspace_are_open_to_everyone(visit, ann, path):
    for theme, size in LOOKS:
        page = visit(path, theme=theme, size=size)
        page.watch.allow("404")
        check_access(page)


def test_signing_in_and_out(visit, ann):
    page = visit("/accounts/login/?next=/components/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".faults, .error").first).to_be_visible()
    check_access(page)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("a long enough one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile("/components/$"))
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_the_theme_changes_and_stays(visit, ann, scripts):
    page = visit("/components/", ann, scripts=scripts)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/accounts/2fa/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = (
        page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor") if scripts else None
    )
    assert dark in {None, "rgb(14, 15, 18)"}


def test_the_language_changes_in_place(visit, ann):
    page = visit("/components/", ann)
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    expect(page).to_have_url(re.compile("/components/$"))


def test_the_dialog_asks_refuses_and_thanks(visit, ann):
    page = visit("/components/", ann)
    opener = page.get_by_role("link", name=OPEN)
    opener.click()
    dialog = page.get_by_role("dialog", name=re.compile("Before Proposal"))
    expect(dialog.get_by_label("Budget")).to_be_focused()
    check_access(page)
    page.watch.allow("422")
    dialog.get_by_label("Budget").fill("-5")
    dialog.get_by_role("button", name="Save and move").click()
    expect(dialog.get_by_role("alert")).to_be_focused()
    expect(dialog.get_by_label("Budget")).to_have_attribute("aria-invalid", "true")
    check_access(page)
    dialog.get_by_label("Budget").fill("500")
    dialog.get_by_role("button", name="Save and move").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("moved to Proposal")
    expect(opener).to_be_focused()


def test_the_dialog_closes_by_escape_cancel_and_a_click_beside_it(visit, ann):
    page = visit("/components/", ann)
    dialog = page.locator("#dialog")
    for close in (
        lambda: page.keyboard.press("Escape"),
        lambda: dialog.get_by_role("button", name="Cancel").click(),
        lambda: page.mouse.click(5, 5),
    ):
        page.get_by_role("link", name=OPEN).click()
        expect(dialog.get_by_label("Budget")).to_be_visible()
        close()
        expect(dialog).to_be_hidden()


def test_the_dialog_is_a_page_without_scripts(visit, ann):
    page = visit("/components/", ann, scripts=False)
    page.get_by_role("link", name=OPEN).click()
    page.get_by_label("Budget").fill("500")
    page.get_by_role("button", name="Save and move").click()
    expect(page.locator("#toasts")).to_contain_text("moved to Proposal")


def test_a_toast_can_be_undone_and_an_error_stays_until_closed(visit, ann):
    page = visit("/components/", ann)
    page.get_by_role("button", name="Show two toasts").click()
    toasts = page.locator("#toasts .toast")
    expect(toasts).to_have_count(2)
    page.locator(".toast.success").hover()  # who points at it, is still reading
    check_access(page)
    error = page.locator(".toast.error")
    error.get_by_role("button", name="Close").click()
    expect(error).to_have_count(0)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("#toasts .toast")).to_have_count(2)  # the undo itself reports back


def test_a_server_that_does_not_answer_is_told(visit, ann):
    page = visit("/components/", ann)
    page.watch.allow("net::ERR")
    page.watch.allow("htmx")
    page.route("**/components/?part=dialog", lambda route: route.abort())
    page.get_by_role("link", name=OPEN).click()
    expect(page.locator(".toast.error")).to_contain_text("The server did not answer")


@pytest.mark.parametrize(
    ("status", "words"), [(403, "You may not do that"), (404, "no longer there"), (500, "That did not work")]
)
def test_a_refusal_by_the_server_is_told(visit, ann, status, words):
    page = visit("/components/", ann)
    page.watch.allow(str(status))
    page.route("**/components/?part=dialog", lambda route: route.fulfill(status=status, body="no"))
    page.get_by_role("link", name=OPEN).click()
    expect(page.locator(".toast.error")).to_contain_text(words)


def test_rows_are_added_and_removed_without_a_gap_in_their_numbers(visit, ann):
    page = visit("/components/", ann)
    box = page.locator("[data-rows='items']")
    names = "inputs => inputs.map(input => input.name)"
    items = box.locator("input[name$='-item']")
    items.nth(0).fill("First")
    items.nth(1).fill("Second")
    box.get_by_role("button", name="Add a row").click()
    expect(items).to_have_count(4)
    expect(items.nth(3)).to_be_focused()
    expect(items.nth(3)).to_have_value("")
    box.get_by_role("button", name="Remove row 1").click()
    assert items.evaluate_all(names) == [f"items-{index}-item" for index in range(3)]
    expect(items.nth(0)).to_have_value("Second")
    labels = box.locator("input[name$='-price']").evaluate_all("all => all.map(x => x.ariaLabel)")
    assert labels == ["Price, 1", "Price, 2", "Price, 3"]
    for _ in range(3):
        box.get_by_role("button", name="Remove row 1").click()
    expect(items).to_have_count(1)  # the last row is emptied, never taken away
    expect(items.nth(0)).to_have_value("")


def test_a_phone_reaches_everything_through_more(visit, ann):
    page = visit("/components/", ann, size=PHONE)
    bar = page.locator("#side")
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="More").last.click()
    expect(bar).to_be_visible()
    expect(bar.get_by_text("Ann Berg").first).to_be_visible()
    check_access(page)
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()


def test_a_menu_closes_by_escape_and_a_click_elsewhere(visit, ann):
    page = visit("/components/", ann)
    menu = page.locator(".top details.menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("link", name="Import")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Import")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(menu.get_by_role("link", name="Import")).to_be_hidden()


def test_the_keyboard_skips_to_the_content(visit, ann):
    page = visit("/accounts/2fa/", ann)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_palette_searches_by_keyboard(visit, ann):
    page = visit("/accounts/2fa/", ann)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search")
    options = palette.locator("a[role=option]")
    expect(options.first).to_have_attribute("aria-selected", "true")
    check_access(page)
    page.keyboard.type("dashb")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("Dashboard")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/dashboard/$"))
    page.keyboard.press("Control+k")
    expect(options.first).to_be_visible()
    page.keyboard.type("nothing at all is called so")
    expect(palette).to_contain_text("Nothing is called that.")
    check_access(page)
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_search_is_a_page_without_scripts(visit, ann):
    page = visit("/accounts/2fa/", ann, scripts=False)
    page.get_by_role("link", name="Search or jump to…").click()
    expect(page).to_have_url(re.compile("/search/$"))
