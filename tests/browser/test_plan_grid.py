"""The plan's grid in a real browser: paste, keys, what is unsaved, errors; and the same without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from funnel.stages import Role, Stage
from kpi.models import Plan
from tests.browsing import PHONE, Visit, check_access
from tests.factories import journey_at, people, team

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
URL = "/plans/?year=2026"


@pytest.fixture
def manager() -> Any:
    return people(Role.MANAGER)


def cell(page: Page, metric: str = "leads_valid", month: int = 3, scope: str = "all") -> Locator:
    return page.locator(f"[name='2026-{month:02}|{metric}|{scope}']")


def paste(target: Locator, text: str) -> None:
    """Paste as the browser does after a copy in a spreadsheet."""
    target.focus()
    target.evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save the plan").click()


def test_a_block_from_a_spreadsheet_is_pasted_undone_pasted_again_and_saved(
    visit: Visit, manager: Any
) -> None:
    page = visit(URL, manager)
    state = page.locator("[data-plan-state]")
    paste(cell(page), "1 234,5\t$2,000\r\n3\t\r\n")
    expect(cell(page)).to_have_value("1 234,5")
    expect(cell(page, month=4)).to_have_value("$2,000")
    expect(cell(page, "sal_accepted")).to_have_value("3")
    expect(state).to_have_text("Cells pasted: 4. Ctrl Z takes them back.")
    expect(page.locator("tr[data-row]").first.locator("[data-total]")).to_have_text("3,234.5")
    page.keyboard.press("Control+z")
    expect(cell(page)).to_have_value("")
    expect(state).to_have_text("")
    paste(cell(page), "1 234,5\t$2,000\n3\t")
    save(page)
    expect(page.get_by_text("3 figures saved.")).to_be_visible()
    stored = {(plan.metric, plan.month): str(plan.value) for plan in Plan.objects.all()}
    assert stored == {
        ("leads_valid", "2026-03"): "1234.5000",
        ("leads_valid", "2026-04"): "2000.0000",
        ("sal_accepted", "2026-03"): "3.0000",
    }
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The plan is as it was before.")).to_be_visible()
    assert not Plan.objects.exists()


@pytest.mark.parametrize(
    ("language", "typed", "total"),
    [("en-GB", "1,234", "1,234"), ("ru", "1,234", "1,234"), ("en-GB", "1.234,5", "1,234.5"), ("en-GB", "1'234", "1,234")],
)  # fmt: skip
def test_the_grid_reads_numbers_as_the_server_does(
    visit: Visit, manager: Any, language: str, typed: str, total: str
) -> None:
    page = visit(URL, manager, language=language)
    cell(page).fill(typed)
    row = page.locator("tr[data-row]").first
    expect(row.locator("[data-total]")).to_have_text(total)
    with page.expect_navigation():
        page.locator("button[value=save]").click()
    expect(page.locator("tr[data-row]").first.locator("[data-total]")).to_have_text(total)


def test_keys_move_between_cells_and_escape_takes_a_cell_back(visit: Visit, manager: Any) -> None:
    Plan.objects.create(month="2026-03", metric="leads_valid", value=10)
    Plan.objects.create(month="2026-03", metric="sal_accepted", value=5)
    page = visit(URL, manager)
    cell(page).focus()
    for key, at in (
        ("ArrowRight", cell(page, month=4)),
        ("ArrowDown", cell(page, "sal_accepted", 4)),
        ("ArrowLeft", cell(page, "sal_accepted")),
        ("ArrowUp", cell(page)),
        ("Enter", cell(page, "sal_accepted")),
        ("Shift+Enter", cell(page)),
    ):
        page.keyboard.press(key)
        expect(at).to_be_focused()
    page.keyboard.type("77")
    expect(page.locator("[data-plan-state]")).to_have_text("Unsaved changes: 1")
    page.keyboard.press("Escape")
    expect(cell(page)).to_have_value("10")
    expect(page.locator("[data-plan-state]")).to_have_text("")


def test_what_is_no_number_is_said_at_once_and_again_by_the_server(visit: Visit, manager: Any) -> None:
    page = visit(URL, manager)
    page.watch.allow("422")  # type: ignore[attr-defined]
    cell(page).fill("many")
    expect(cell(page)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("no number from 0 up")).to_be_visible()
    save(page)
    expect(page.locator("[data-faults]")).to_be_focused()
    expect(cell(page)).to_have_value("many")
    check_access(page)
    page.locator("[data-faults] a").click()
    expect(cell(page)).to_be_focused()


def test_leaving_with_unsaved_changes_asks_first(visit: Visit, manager: Any) -> None:
    page = visit(URL, manager)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    cell(page).click()
    page.keyboard.type("5")
    page.get_by_role("link", name="Staff activity").click(no_wait_after=True)
    expect(cell(page)).to_have_value("5")
    assert asked == ["beforeunload"]


def test_the_grid_works_without_scripts(visit: Visit, manager: Any) -> None:
    page = visit(URL, manager, scripts=False)
    cell(page).fill("12")
    page.get_by_label("Cells").fill("Deals won\t1\t2\t3")
    page.get_by_role("button", name="Fill in").first.click()
    expect(page.get_by_text("filled in, but not saved yet")).to_be_visible()
    expect(cell(page, "deals_won")).to_have_value("3")
    expect(cell(page)).to_have_value("12")
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_text("4 figures saved.")).to_be_visible()
    assert Plan.objects.count() == 4


@pytest.mark.parametrize(
    "path", [URL, "/plans/?year=2026&metric=payments_net", "/plans/import/", "/staff/?period=month"]
)
def test_the_pages_hold_for_everybody_in_both_themes_and_on_a_phone(
    visit: Visit, manager: Any, path: str
) -> None:
    for name in ("Ann", "Bob"):
        people(Role.SALESPERSON, name, team=team("North"))
        Plan.objects.create(month="2026-03", metric="payments_net", scope=f"owner:{name}", value=1_234_567)
    Plan.objects.create(month="2026-03", metric="payments_net", value=9)
    journey_at(Stage.CONTACTED)
    check_access(visit(path, manager, theme="dark", size=PHONE))
