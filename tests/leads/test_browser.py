"""First touch in a real browser: triage by keyboard, the public form with and without scripts, no violations."""

import datetime as dt
import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from funnel.models import Company, Contact, Event, Journey
from funnel.stages import Role, Stage
from leads.models import WebForm
from tests.browsing import DESK, PHONE, Visit, check_access
from tests.factories import lead, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def ago(**span: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**span)


def applications() -> list[Journey]:
    """Return three applications, the oldest first; the second looks like the first."""
    return [
        lead(
            name="Ada Lovelace",
            email="ada@acme.example",
            company="Acme GmbH",
            message="Ten sensors, please.",
            at=ago(days=3),
        ),
        lead(
            name="Bob Stone",
            email="bob@acme.example",
            company="Acme",
            utm={"utm_source": "letter"},
            at=ago(days=2),
        ),
        lead(name="Cleo Park", email="cleo@park.example", phone="+49 30 901820", at=ago(hours=1)),
    ]


def picture(page: object, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)  # type: ignore[attr-defined]


def test_the_inbox_is_worked_off_by_keys(visit: Visit) -> None:
    first, second, _third = applications()
    page = visit("/inbox/", people(Role.FIRST_TOUCH, "fay"))
    picture(page, "inbox")
    check_access(page)
    page.keyboard.press("j")
    page.wait_for_url(f"**/inbox/?journey={second.pk}")
    page.keyboard.press("a")
    page.locator(".toast", has_text="is yours").wait_for()
    second.refresh_from_db()
    assert second.owner and second.owner.username == "fay"
    page.keyboard.press("k")
    page.wait_for_url(f"**/inbox/?journey={first.pk}")
    page.keyboard.press("c")
    page.locator("#dialog select[name=kind]").select_option("call")
    page.locator("#dialog input[name=outcome][value=reached]").check()
    page.locator("#dialog textarea[name=summary]").fill("Spoke: j k a c")  # keys typed here do nothing
    picture(page, "inbox-dialog")
    page.locator("#dialog button.primary").click()
    page.wait_for_url(f"**/inbox/?journey={second.pk}")  # the next one opens
    first.refresh_from_db()
    assert first.stage == Stage.CONTACTED
    assert Event.objects.filter(journey=first).count() == 4  # who answers owns it


def test_several_applications_are_selected_and_taken_through_one_move(visit: Visit) -> None:
    applications()
    page = visit("/inbox/", people(Role.MARKETER, "mary"))
    page.keyboard.press("x")
    page.locator("[data-bulk-bar]").wait_for()
    page.locator("input[name=journeys]").nth(2).check()
    picture(page, "inbox-selected")
    check_access(page)
    page.locator("#bulk-act").select_option("mark_spam")
    page.locator("[data-bulk-bar] button.primary").click()
    page.locator("main button.primary").last.click()
    page.wait_for_url("**/inbox/")
    assert Journey.objects.filter(stage=Stage.SPAM).count() == 2


def test_a_slip_is_undone_and_the_keys_are_told_by_key(visit: Visit) -> None:
    first, *_rest = applications()
    page = visit("/inbox/", people(Role.MARKETER, "mary"))
    page.keyboard.press("?")
    page.locator("#dialog[open]", has_text="Go to the dashboard").wait_for()
    check_access(page)
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.locator(".toast", has_text="is yours").wait_for()
    page.keyboard.press("z")
    page.locator(".toast", has_text="is yours").wait_for(state="detached")
    first.refresh_from_db()
    assert first.owner is None
    page.goto("/inbox/")
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url("**/journeys/")


def test_single_keys_can_be_turned_off(visit: Visit) -> None:
    applications()
    mary = people(Role.MARKETER, "mary")
    page = visit("/inbox/", mary)
    with page.expect_response("**/profile/keys/"):
        page.locator("[data-keys-switch]").click()
    page.keyboard.press("j")
    assert page.url.endswith("/inbox/")
    page = visit("/inbox/", mary)  # another browser: the profile keeps it
    page.keyboard.press("j")
    assert page.url.endswith("/inbox/")
    page.locator("[data-keys-switch]").click()
    page.keyboard.press("j")
    page.wait_for_url("**/inbox/?journey=*")


def test_on_a_phone_the_inbox_shows_the_list_or_the_application(visit: Visit) -> None:
    applications()
    page = visit("/inbox/", people(Role.FIRST_TOUCH, "fay"), size=PHONE)
    assert page.locator(".split-list").is_visible() and not page.locator(".split-view").is_visible()
    page.locator("[data-row]").first.click()
    page.wait_for_url("**/inbox/?journey=*")
    assert page.locator(".split-view").is_visible() and not page.locator(".split-list").is_visible()
    picture(page, "inbox-phone")
    check_access(page)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_visitor_fills_in_the_public_form(visit: Visit, scripts: bool) -> None:
    WebForm.objects.filter(slug="contact").update(
        consent_text="I agree that you may call me.", intro="Tell us what you need."
    )
    page = visit("/f/contact/?utm_source=letter", scripts=scripts)
    page.watch.allow("422")  # the browser notes the refused form
    if scripts:  # axe is one
        check_access(page)
    page.fill("input[name=name]", "Ada Lovelace")
    page.fill("input[name=email]", "ada@")
    page.click("button.primary")
    page.locator("[data-faults]").wait_for()
    picture(page, f"form-faults-{scripts}")
    assert page.input_value("input[name=name]") == "Ada Lovelace"
    page.fill("input[name=email]", "ada@acme.example")
    page.check("input[name=consent]")
    page.click("button.primary")
    page.wait_for_url("**/f/contact/thanks/")
    picture(page, "thanks")
    assert Journey.objects.get().application.utm == {"utm_source": "letter"}


def test_the_pages_of_first_touch_are_accessible(visit: Visit) -> None:
    journey, *_rest = applications()
    mary = people(Role.MARKETER, "mary")
    form = WebForm.objects.get(slug="contact")
    for number, path in enumerate(
        (
            "/leads/new/",
            "/leads/forms/",
            f"/leads/forms/{form.pk}/",
            f"/journeys/{journey.pk}/first-meeting/",
            f"/journeys/{journey.pk}/duplicates/",
            f"/journeys/{journey.pk}/",
        )
    ):
        page = visit(path, mary, theme="dark")
        page.wait_for_load_state("networkidle")
        picture(page, f"page-{number}")
        check_access(page)
    assert Contact.objects.count() == 3 and Company.objects.count() == 1


def test_what_an_application_says_otherwise_is_saved_on_the_contact_at_a_click_and_taken_back(visit) -> None:
    marketer = people(Role.MARKETER, "mia")
    contact = lead(name="Anna Ray", email="anna@hub.example", phone="+49301112223").contact
    journey = lead(name="Anna Ray", email="anna@hub.example", phone="+49 89 1234560 ext. 7")
    page = visit(reverse("funnel:journey", args=[journey.pk]), marketer)
    button = page.get_by_role("button", name="Save this phone on the contact")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("“+49891234560 ext. 7” is saved on the contact.")).to_be_visible()
    expect(button).to_have_count(0)
    contact.refresh_from_db()
    assert contact.phone == "+49891234560 ext. 7"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Save this phone on the contact")).to_be_visible()
    contact.refresh_from_db()
    assert contact.phone == "+49301112223"
    for theme, size in (("light", DESK), ("dark", PHONE)):
        check_access(visit(reverse("funnel:journey", args=[journey.pk]), marketer, theme=theme, size=size))
