"""What is typed stays until the server has taken it, on every page with a form; leaving what is not saved warns."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Dialog, Page, expect

from deals.models import ContractVersion, ProposalVersion
from funnel.stages import Role, Stage
from tests.browsing import Visit
from tests.factories import journey_at, people

RESTORED = "What you typed before is here again"


def seller() -> Any:
    return people(Role.SALESPERSON)


def asked_on_leaving(page: Page) -> list[str]:
    """Answer every question of the browser with yes; return the list that their kinds are added to."""
    kinds: list[str] = []

    def answer(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    return kinds


@pytest.mark.django_db
def test_only_a_form_that_was_taken_is_told_to_the_page_that_follows() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    client, page = Client(), reverse("deals:proposal", args=[journey.pk])
    assert "saved" not in client.post(page, {"revision": 1}).cookies  # goes to sign in
    client.force_login(seller())
    assert "saved" not in client.post(page, {"revision": 1, "valid_until": "1999-01-01"}).cookies
    assert "saved" not in client.post(page, {"revision": 7}).cookies
    assert client.post(page, {"revision": 1}).cookies["saved"].value == page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_what_was_typed_survives_leaving_reload_a_lost_line_and_a_refusal(visit: Visit) -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    url = f"/journeys/{journey.pk}/proposal/"
    page = visit(url, seller())
    asked = asked_on_leaving(page)
    page.locator("[name=note]").fill("Dear Ada")
    for row, description in enumerate(("Gauge", "Valve", "Pump")):
        if not page.locator(f"[name=lines-{row}-description]").count():
            page.locator("[data-rows-add]").click()
        page.locator(f"[name=lines-{row}-description]").fill(description)
    page.goto("/proposals/")
    assert asked == ["beforeunload"]
    page.goto(url)
    expect(page.get_by_text(RESTORED)).to_be_visible()
    expect(page.locator("[name=note]")).to_have_value("Dear Ada")
    expect(page.locator("[name=lines-2-description]")).to_have_value("Pump")

    page.context.set_offline(True)
    page.watch.allow("ERR_INTERNET_DISCONNECTED")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("chrome-error://**")
    page.context.set_offline(False)
    page.goto(url)
    expect(page.locator("[name=lines-2-description]")).to_have_value("Pump")

    page.watch.allow("422")
    page.get_by_role("button", name="Save draft").click()  # lines without a price
    expect(page.locator("[data-faults]")).to_be_visible()
    page.goto(url)
    expect(page.locator("[name=note]")).to_have_value("Dear Ada")
    expect(page.locator("#totals")).to_contain_text("Row 1")  # what came back is counted, too
    for row in range(3):
        page.locator(f"[name=lines-{row}-quantity]").fill("1")
        page.locator(f"[name=lines-{row}-unit_price]").fill("10")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Version 1 is saved as a draft.")).to_be_visible()
    assert ProposalVersion.objects.get().note == "Dear Ada"
    expect(page.get_by_text(RESTORED)).to_have_count(0)
    asked.clear()
    page.goto("/proposals/")
    page.goto(url)
    assert asked == []
    expect(page.get_by_text(RESTORED)).to_have_count(0)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_another_button_of_the_page_takes_nothing_that_was_typed(visit: Visit) -> None:
    journey = journey_at(Stage.CONTRACT_REQUESTED)
    people(Role.LAWYER)
    page = visit(f"/journeys/{journey.pk}/contract/", seller())
    asked = asked_on_leaving(page)
    page.locator("[name=terms]").fill("Delivery in four weeks.")
    page.locator("[name=lawyer]").select_option("lawyer")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("The contract goes to")).to_be_visible()
    expect(page.locator("[name=terms]")).to_have_value("Delivery in four weeks.")
    page.get_by_role("link", name="Raise an issue").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=text]").fill("Penalty clause")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Raise an issue").click()
    expect(dialog.locator("[name=text]")).to_have_value("Penalty clause")
    dialog.locator("button.primary").click()
    expect(page.locator("#issues")).to_contain_text("Penalty clause")
    expect(page.locator("[name=terms]")).to_have_value("Delivery in four weeks.")
    assert asked == []
    page.get_by_role("button", name="Save and send…").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    assert ContractVersion.objects.get().terms == "Delivery in four weeks."


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_every_other_editor_keeps_what_was_typed_and_an_old_page_asks_first(visit: Visit) -> None:
    journey = journey_at(Stage.ACCEPTED)
    page = visit("/settings/organisation/", people(Role.ADMINISTRATOR, "root"))
    asked = asked_on_leaving(page)
    editors = {
        "/settings/organisation/": "[name=name]",
        f"/contacts/{journey.contact_id}/edit/": "[name=name]",
        "/leads/new/": "[name=message]",
        f"/journeys/{journey.pk}/moves/lose/": "[name=comment]",
    }
    for path, field in editors.items():
        page.goto(path)
        page.locator(field).fill("Typed and not saved")
        page.reload()
        expect(page.locator(field)).to_have_value("Typed and not saved")
    assert asked == ["beforeunload"] * (2 * len(editors) - 1)
    people(Role.ADMINISTRATOR, "root")
    journey.contact.name = "Somebody else wrote this"
    journey.contact.save()
    page.goto(f"/contacts/{journey.contact_id}/edit/")
    expect(page.locator("[name=name]")).to_have_value("Somebody else wrote this")
    page.get_by_role("button", name="Restore it").click()
    expect(page.locator("[name=name]")).to_have_value("Typed and not saved")
