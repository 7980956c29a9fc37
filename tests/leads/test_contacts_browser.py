"""Logging a call from the inbox in a real browser: how it went is asked, attempts are shown, numbers pick."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from funnel.models import Activity, Journey, Task
from funnel.stages import Role, Stage
from tests.browsing import PHONE, Visit, check_access
from tests.factories import lead, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def picture(page: object, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))  # type: ignore[attr-defined]


def test_a_call_that_reached_nobody_is_an_attempt_and_one_that_did_is_the_answer(visit: Visit) -> None:
    fay = people(Role.FIRST_TOUCH, "fay")
    journey = lead(name="Sam Orr", company="Larkfield", owner=fay, at=timezone.now() - dt.timedelta(hours=1))
    page = visit(reverse("leads:inbox"), fay)
    page.watch.allow("422")
    dialog = page.locator("dialog[open]")

    page.keyboard.press("c")
    dialog.get_by_label("What", exact=True).select_option("call")
    dialog.locator("button.primary").click()
    expect(dialog).to_contain_text("Say how it went.")
    dialog.locator("h2").first.click()
    page.keyboard.press("2")
    expect(dialog.get_by_label("No answer")).to_be_checked()
    dialog.get_by_role("button", name="Next morning").click()
    expect(dialog.get_by_label("Try again")).not_to_have_value("")
    picture(page, "contact-dialog")
    check_access(page)
    dialog.locator("button.primary").click()
    expect(page.locator("#toasts")).to_contain_text("The attempt is logged.")
    assert Journey.objects.get(pk=journey.pk).stage == Stage.NEW
    assert (Activity.objects.get().outcome, Task.objects.get().title) == ("no_answer", "Call again")

    page.goto(reverse("leads:inbox"))
    expect(page.locator("[data-row]").first).to_contain_text("1 attempt")
    expect(page.locator(".tries").first).to_contain_text("Call, No answer")
    picture(page, "contact-inbox")
    page.keyboard.press("c")
    dialog.get_by_label("What", exact=True).select_option("call")
    dialog.get_by_text("Reached", exact=True).click()
    dialog.locator("button.primary").click()
    expect(dialog).to_contain_text("Say what was said in the call.")
    dialog.get_by_label("What was said").fill("Needs six sensors.")
    dialog.locator("button.primary").click()
    expect(page.locator("#toasts")).to_contain_text("now “Contacted”")
    assert Journey.objects.get(pk=journey.pk).stage == Stage.CONTACTED
    assert Task.objects.get().state == "done"


def test_the_composer_asks_how_a_call_went_on_a_phone(visit: Visit) -> None:
    fay = people(Role.FIRST_TOUCH, "fay")
    journey = lead(owner=fay)
    page = visit(reverse("funnel:journey", args=[journey.pk]), fay, size=PHONE)
    expect(page.locator("#composer [name=outcome]")).to_be_hidden()
    page.locator("#composer .kinds label", has_text="Call").click()
    page.locator("#composer [name=outcome]").select_option("left_message")
    page.locator("#composer button.primary").click()
    expect(page.locator(".timeline")).to_contain_text("We reached out · Left a message")
    assert Journey.objects.get(pk=journey.pk).stage == Stage.NEW
