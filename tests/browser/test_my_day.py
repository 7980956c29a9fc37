"""My day and the next steps of a journey in a real browser: by mouse, by keyboard, on a phone, without a script."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from funnel import todo_acts
from funnel.models import Journey, Organisation, Task, User
from funnel.stages import Role, Stage
from tests.browsing import DESK, PHONE, check_access
from tests.factories import journey_at, lead, people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = reverse("funnel:my-day")


@pytest.fixture
def sid(db: None) -> User:
    Organisation.objects.get_or_create(pk=1)
    return people(Role.SALESPERSON, "sid")


def task(user: User, title: str, days: float = 0, **given: Any) -> Task:
    now = timezone.now()
    return todo_acts.create(
        actor=user, at=now - timedelta(days=9), assignee=user, title=title,
        due_at=now + timedelta(days=days), **given,
    )  # fmt: skip


def row(page: Page, title: str):
    return page.locator("#day .task", has_text=title)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText"))


def test_a_morning_of_work_in_place_by_mouse_and_by_keyboard(visit: Any, sid: User) -> None:
    journey = journey_at(Stage.QUALIFIED, company="Evergreen Travel")
    Journey.objects.update(owner=sid)
    task(sid, "Call back", -2)
    task(sid, "Send the offer", -1)
    page = visit(DAY, sid)
    # plan in one line, and stay at it
    page.locator("#task-title").fill("Order stamps")
    page.keyboard.press("Enter")
    expect(row(page, "Order stamps")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "task-title"
    badge = page.locator(".side [data-count=due]")
    expect(badge).to_have_text("3")
    # done by key; the next row is at hand
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    assert focused(page) == "Call back"
    page.keyboard.press("e")
    expect(page.locator(".task.closed", has_text="Call back")).to_be_visible()
    expect(page.locator("#part-overdue small")).to_have_text("1")
    expect(badge).to_have_text("2")
    page.wait_for_function("document.activeElement.innerText === 'Send the offer'")
    # put off by key, and back by Undo
    page.keyboard.press("s")
    page.locator("#dialog").get_by_role("button", name="In a week").click()
    expect(page.locator("#dialog")).not_to_be_visible()
    expect(page.locator("#part-overdue")).to_have_count(0)
    page.keyboard.press("z")
    expect(page.locator("#part-overdue small")).to_have_text("1")
    # a journey that nobody has a step for
    page.locator("#forgotten").get_by_role("link", name="Plan").click()
    page.locator("#dialog").get_by_label("What to do").fill("")
    page.watch.allow("422")
    page.locator("#dialog").get_by_role("button", name="Plan").click()
    expect(page.locator("#dialog [data-faults]")).to_be_visible()
    page.locator("#dialog").get_by_label("What to do").fill("Ask who decides")
    page.locator("#dialog").get_by_role("button", name="Plan").click()
    expect(page.locator("#forgotten li")).to_have_count(0)
    expect(row(page, "Ask who decides")).to_contain_text("Evergreen Travel")
    # and on the journey's page
    page.goto(reverse("funnel:journey", args=[journey.pk]))
    steps = page.locator("#next-steps")
    steps.get_by_role("button", name="Done: Ask who decides").click()
    expect(steps).to_contain_text("No next step")
    page.locator("#composer .kinds").get_by_role("link", name="Task").click()
    page.locator("#dialog").get_by_label("What to do").fill("Send the contract")
    page.locator("#dialog").get_by_role("button", name="Plan").click()
    expect(steps).to_contain_text("Send the contract")


@pytest.mark.parametrize(
    ("theme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)]
)
def test_the_day_is_open_to_everyone_empty_and_full(visit: Any, sid: User, theme: str, size: Any) -> None:
    page = visit(DAY, sid, theme=theme, size=size)
    check_access(page)
    one = task(sid, "Call back", -2, kind="call", repeat="weekly", journey=lead(owner=sid))
    task(sid, "Later", 9)
    todo_acts.complete(task=task(sid, "Done").pk, actor=sid, at=timezone.now())
    lead(owner=sid)
    page.goto(DAY)
    check_access(page)
    row(page, "Call back").get_by_role("link", name="Call back", exact=True).click()
    expect(page.locator("#dialog")).to_be_visible()
    check_access(page)
    page.goto(reverse("funnel:task", args=[one.pk]))
    check_access(page)
    page.goto(reverse("funnel:task-put-off", args=[one.pk]))
    check_access(page)


def test_it_all_works_without_a_script(visit: Any, sid: User) -> None:
    task(sid, "Call back", -2)
    page = visit(DAY, sid, scripts=False)
    page.locator("#task-title").fill("Order stamps")
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("button", name="Done: Order stamps").click()
    expect(page.locator(".task.closed", has_text="Order stamps")).to_be_visible()
    page.get_by_role("link", name="Put off: Call back").click()
    page.get_by_role("button", name="Tomorrow").click()
    expect(page.locator("#part-tomorrow")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="Undo").last.click()
    expect(page.locator("#part-overdue")).to_be_visible()
