"""One application, from the public form to the last payment, through four roles, in a real browser."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from funnel.models import Event, Journey
from funnel.stages import Role
from tests import factories
from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Desk:
    """Someone at the page of the journey."""

    def __init__(self, page: Page, journey: Journey) -> None:
        self.page, self.journey = page, journey
        self.open()

    def open(self) -> None:
        self.page.goto(f"/journeys/{self.journey.pk}/")

    def act(self, name: str, now_at: str, **fields: str) -> None:
        """Open the act by its button, fill in its form, send it, and see the stage that the page then shows."""
        links = self.page.locator(f"a[href*='/{name}/']")
        if not links.locator("visible=true").count():
            self.page.locator("details.menu").filter(has=links).locator("summary").click()
        links.locator("visible=true").first.click()
        form = self.page.locator("dialog[open] form")
        expect(form).to_be_visible()
        for field, value in fields.items():
            fill(form.locator(f"[name='{field}']"), value)
        with self.page.expect_navigation():
            form.locator("button.primary").click()
        self.sees(now_at)

    def sees(self, stage: str) -> None:
        expect(self.page.locator(".path [aria-current]")).to_contain_text(stage)


def fill(field: Locator, value: str) -> None:
    """Give a field of any kind its value."""
    kind = field.first.evaluate("f => f.tagName === 'SELECT' ? 'select' : f.type")
    if kind == "select":
        field.select_option(value)
    elif kind == "radio":
        field.page.locator(f"label:has(input[value='{value}']):visible").click()
    else:
        field.fill(value)


def test_an_application_becomes_a_paying_client(visit: Visit) -> None:
    north = factories.team("North")
    first_touch = factories.people(Role.FIRST_TOUCH, "fay", team=north)
    seller = factories.people(Role.SALESPERSON, "sam", team=north)
    manager = factories.people(Role.MANAGER, "mia")
    yesterday = timezone.now() - dt.timedelta(days=1)

    page = visit("/f/contact/?utm_source=fair&utm_campaign=spring")
    for name, value in {
        "name": "Ada Example",
        "email": "ada@client.example",
        "company": "Client Works",
        "message": "Twelve pressure sensors",
    }.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/thanks/**")
    journey = Journey.objects.get()

    page = visit("/inbox/", first_touch)
    expect(page.get_by_text("Client Works").first).to_be_visible()
    desk = Desk(page, journey)
    expect(page.get_by_text("Twelve pressure sensors").first).to_be_visible()
    desk.act("respond", "Contacted", kind="call", outcome="reached", summary="They need them by spring.")
    desk.act("hold_first_meeting", "Met", how="online")
    page.locator("a[href$='/brief/']:visible").first.click()
    for key, answer in factories.ANSWERS.items():
        page.locator(f"[name='answers-{key}']").fill(answer)
    fill(page.locator("[name=verdict]"), "can_solve")
    page.get_by_role("button", name=re.compile("Fill|move", re.IGNORECASE)).last.click()
    desk.open()
    desk.sees("Briefed")
    desk.act("hand_off", "Handed off", salesperson="sam")

    page = visit("/handoffs/", seller)
    expect(page.get_by_text("Client Works").first).to_be_visible()
    desk = Desk(page, journey)
    desk.act("accept", "Accepted")
    desk.act("schedule_demo", "Demo scheduled", starts_at=f"{yesterday:%Y-%m-%dT10:00}", place="Their plant")
    desk.act("hold_demo", "Demo held", outcome="interested")
    desk.act("qualify", "Qualified", need="Line 2", budget="12000", authority="Ada decides", timing="Spring")
    desk.act("request_proposal", "Proposal requested")
    page.locator("a[href$='/proposal/']:visible").first.click()
    row = {"description": "Sensor", "quantity": "12", "unit_price": "1000"}
    for column, value in row.items():
        page.locator(f"[name='lines-0-{column}']").fill(value)
    page.get_by_role("button", name="Save and send…").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_text("12,000").first).to_be_visible()
    dialog.locator("button.primary").click()
    expect(page.get_by_text("Sent. The letter leaves in a moment.")).to_be_visible()
    desk.open()
    desk.sees("Proposal sent")
    desk.act("object", "Objection", reason="price", said="Ten per cent too dear.")
    page.locator("a[href$='/proposal/']:visible").first.click()
    page.get_by_role("link", name="Start version 2").click()
    page.locator("[name='lines-0-discount']").fill("10")
    page.get_by_role("button", name="Save and send…").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_text("10,800").first).to_be_visible()
    dialog.locator("button.primary").click()
    expect(page.get_by_text("Sent. The letter leaves in a moment.")).to_be_visible()
    desk.open()
    desk.sees("Proposal sent")
    desk.act("request_contract", "Contract requested")
    page.locator("a[href$='/contract/']:visible").first.click()
    page.locator("[name=terms]").fill("Delivery in four weeks.")
    page.locator("[name=amount]").fill("10800")
    page.get_by_role("button", name="Save and send…").click()
    page.locator("dialog[open] button.primary").click()
    expect(page.get_by_text("Sent. The letter leaves in a moment.")).to_be_visible()
    desk.open()
    desk.sees("Contract sent")
    desk.act(
        "sign",
        "Won",
        **{
            "amount": "10800",
            "instalments-0-due_on": "2026-12-01",
            "instalments-0-amount": "5400",
            "instalments-1-due_on": "2027-01-01",
            "instalments-1-amount": "5400",
        },
    )
    desk.act("payment_received", "Won", amount="5400")

    page = visit("/", manager)
    desk = Desk(page, journey)
    desk.act("payment_received", "Won", amount="5400")
    page.goto("/payments/?status=paid")
    expect(page.get_by_text("Client Works").first).to_be_visible()
    page.goto("/dashboard/")
    expect(page.locator(".stat .big [title*='10,800']").first).to_be_visible()

    check_ledger(journey)


def check_ledger(journey: Journey) -> None:
    """See that the ledger tells the whole way, in order, by the people who went it."""
    events: list[Any] = list(Event.objects.filter(journey=journey).order_by("seq").select_related("actor"))
    told = [(event.event, event.actor.username if event.actor else None) for event in events]
    ways = [
        ("lead_created", None),
        ("activity_logged", "fay"),
        ("owner_changed", "fay"),
        ("first_response", "fay"),
        ("first_meeting_held", "fay"),
        ("brief_filled", "fay"),
        ("handed_off", "fay"),
        ("owner_changed", "sam"),
        ("sal_accepted", "sam"),
        ("demo_scheduled", "sam"),
        ("demo_held", "sam"),
        ("sql_qualified", "sam"),
        ("proposal_requested", "sam"),
        ("proposal_sent", "sam"),
        ("activity_logged", "sam"),
        ("objection_raised", "sam"),
        ("proposal_sent", "sam"),
        ("activity_logged", "sam"),
        ("contract_requested", "sam"),
        ("contract_sent", "sam"),
        ("activity_logged", "sam"),
        ("contract_signed", "sam"),
        ("payment_received", "sam"),
        ("payment_received", "mia"),
    ]
    assert told == ways
    assert [event.seq for event in events] == list(range(1, len(ways) + 1))
    values = {event.event: event.value for event in events}
    assert (values["proposal_sent"], float(values["contract_signed"])) == ("v2", 10800.0)
    assert sum(event.amount for event in events if event.event == "payment_received") == 10800
    journey.refresh_from_db()
    assert (journey.stage, journey.owner and journey.owner.username) == ("won", "sam")
