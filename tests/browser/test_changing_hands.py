"""In a real browser: who owns what, partners who decline, and the offer that sales decides on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from funnel.models import Event, Journey, Organisation
from funnel.stages import Role, Stage
from partners.models import Referral
from tests.browsing import PHONE, Visit, check_access
from tests.factories import STEPS, journey_at, later, lead, partner, partner_person, people, run, take

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def for_a_partner(**given: Any) -> Journey:
    """Return a journey whose brief says that a partner should take it."""
    journey = take(lead(**given), "respond", "hold_first_meeting")
    return run(journey, "fill_brief", {**STEPS["fill_brief"](journey), "verdict": "partner"})


def offered(**given: Any) -> Journey:
    """Return a journey offered to the salesperson with a note."""
    journey = take(lead(**given), "respond", "hold_first_meeting", "fill_brief")
    note = {
        "salesperson": people(Role.SALESPERSON).username,
        "comment": "Skip the basics.\nAsk about January.",
    }
    return run(journey, "hand_off", note)


def test_a_verdict_for_a_partner_leads_to_the_next_one_and_back_and_on(visit: Visit) -> None:
    pat = partner_person("pat")
    scans = [{"service": "scanners"}]
    partner("acme", name="Acme", members=(pat,), takes=scans)
    partner("borg", name="Borg", takes=scans)
    partner("pens", name="Pens & Co", takes=[{"service": "pens"}])
    marketer = people(Role.FIRST_TOUCH)
    journey = for_a_partner(name="Ada Lind", service="scanners")
    page = visit(f"/journeys/{journey.pk}/", marketer)
    expect(page.get_by_text("Level with Borg: first by key")).to_be_visible()
    page.get_by_role("link", name="Refer to Acme").first.click()
    dialog = page.locator("dialog[open]")
    chosen = dialog.get_by_label("Partner")
    expect(chosen).to_have_value("acme")
    expect(chosen.locator("optgroup").last).to_have_attribute("label", "Do not fit: only if they have agreed")
    expect(chosen.locator("option", has_text="Pens & Co")).to_have_text("Pens & Co – does not serve scanners")
    dialog.get_by_label("Why").select_option("capacity")
    dialog.get_by_role("button", name="Refer to a partner").click()
    expect(page.get_by_text("now “Referred”")).to_be_visible()

    portal = visit(f"/portal/{Referral.objects.get().pk}/decline/", pat)
    portal.get_by_label("Why").select_option("region")
    portal.get_by_label("Comment").fill("Too far away for us.")
    portal.get_by_role("button", name="Decline", exact=True).click()
    expect(portal.get_by_text("You declined Ada Lind.")).to_be_visible()

    page = visit("/inbox/", marketer)
    back = page.get_by_role("region", name="Why it came back")
    expect(back).to_contain_text("Declined by Acme: Not our region")
    expect(back).to_contain_text("Too far away for us.")
    check_access(page)
    page.keyboard.press("p")
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_label("Partner")).to_have_value("borg")
    dialog.get_by_label("Why").select_option("capacity")
    dialog.get_by_role("button", name="Refer to a partner").click()
    expect(page.get_by_text("Nothing waits for an answer")).to_be_visible()
    journey.refresh_from_db()
    assert (journey.stage, Referral.objects.latest().get().partner.key) == ("referred", "borg")


def test_a_partner_who_does_not_serve_the_service_is_referred_to_only_after_a_question(visit: Visit) -> None:
    partner("pens", name="Pens & Co", takes=[{"service": "pens"}])
    journey = journey_at("contacted", name="Ada Lind", service="scanners")
    page = visit(f"/journeys/{journey.pk}/moves/refer/", people(Role.MARKETER))
    page.watch.allow("422")
    page.get_by_label("Partner").select_option("pens")
    page.get_by_label("Why").select_option("capacity")
    page.locator("form button.primary").last.click()
    expect(page.get_by_text("Pens & Co does not serve scanners.")).to_be_visible()
    assert not Referral.objects.exists()
    page.locator("form button.primary").last.click()
    expect(page.get_by_text("now “Referred”")).to_be_visible()
    assert Referral.objects.get().partner.key == "pens"


def test_a_referral_declined_before_is_returned_with_one_click(visit: Visit) -> None:
    partner("acme", name="Acme")
    journey = run(
        journey_at("contacted", name="Ada Lind"), "refer", {"partner": "acme", "reason": "capacity"}
    )
    made = Referral.objects.get()
    Referral.objects.update(state="declined", decided_at=made.referred_at, decline_reason="terms")
    page = visit("/inbox/", people(Role.MARKETER))
    page.get_by_role("button", name="Return to marketing").click()
    expect(page.get_by_text("now “Returned”")).to_be_visible()
    journey.refresh_from_db()
    assert journey.stage == Stage.RETURNED


def test_whoever_answers_an_unowned_application_owns_it(visit: Visit) -> None:
    fay = people(Role.FIRST_TOUCH, "fay")
    journey = lead(name="Ada Lind")
    page = visit(f"/journeys/{journey.pk}/moves/respond/", fay)
    page.locator("[name=kind]").first.select_option("call")
    page.locator("label:has(input[value=reached])").click()
    page.locator("[name=summary]").fill("They need twelve sensors.")
    page.locator("form button.primary").last.click()
    expect(page.locator("#toasts .toast")).to_contain_text("Contacted")
    journey.refresh_from_db()
    assert journey.owner == fay
    page.locator("#toasts .toast form button").click()
    expect(page.get_by_text("Undone").first).to_be_visible()
    journey.refresh_from_db()
    assert (journey.stage, journey.owner) == ("new", None)


@pytest.mark.parametrize("size", [None, PHONE])
def test_an_offer_shows_all_that_sales_decides_on(visit: Visit, size: Any) -> None:
    assert Organisation.current().handoff_hours == 8
    journey = offered(
        name="Iris Lang",
        email="iris@pinecrest.example",
        phone="+442079460355",
        message="Twelve steam lines drift.",
    )
    seller = people(Role.SALESPERSON)
    page = visit("/handoffs/", seller, **({"size": size} if size else {}))
    if size:
        page.get_by_role("link", name=re.compile("Iris Lang")).first.click()
    whole = page.get_by_role("region", name="Iris Lang")
    expect(whole.get_by_role("link", name="+442079460355")).to_have_attribute("href", "tel:+442079460355")
    expect(whole.get_by_role("link", name="iris@pinecrest.example")).to_be_visible()
    expect(page.get_by_role("region", name="Note to sales")).to_contain_text("Ask about January.")
    expect(whole.get_by_text("Twelve steam lines drift.")).to_be_visible()
    expect(whole.locator(".offer-head small")).to_contain_text("waits")
    check_access(page)
    if size:
        page.get_by_role("button", name="Accept", exact=False).first.click()
    else:
        page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits for a decision")).to_be_visible()
    journey.refresh_from_db()
    assert (journey.stage, journey.owner) == (Stage.ACCEPTED, seller)


def test_an_offer_is_accepted_and_the_demo_scheduled_at_once(visit: Visit) -> None:
    journey = offered(name="Iris Lang")
    page = visit("/handoffs/", people(Role.SALESPERSON))
    page.keyboard.press("d")
    expect(page.locator("[name=starts_at]")).to_be_visible()
    journey.refresh_from_db()
    assert journey.stage == Stage.ACCEPTED


def test_marketing_reads_in_the_inbox_why_sales_returned_a_lead(visit: Visit) -> None:
    offered(name="Iris Lang")
    page = visit("/handoffs/", people(Role.SALESPERSON))
    page.keyboard.press("r")
    dialog = page.locator("dialog[open]")
    dialog.locator("select[name=reason]").select_option("not_ready")
    dialog.locator("textarea[name=comment]").fill("She could not say who signs.")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Nothing waits for a decision")).to_be_visible()
    page = visit("/inbox/", people(Role.FIRST_TOUCH), theme="dark", size=PHONE)
    page.get_by_role("link", name=re.compile("Iris Lang")).first.click()
    back = page.get_by_role("region", name="Why it came back")
    expect(back).to_contain_text("Returned by")
    expect(back).to_contain_text("She could not say who signs.")
    check_access(page)


def test_a_further_purchase_goes_on_in_sales(visit: Visit) -> None:
    run(journey_at(Stage.WON, email="iris@pinecrest.example"), "payment_received")
    bob = people(Role.SALESPERSON, "bob")
    journey = lead(email="iris@pinecrest.example", owner=bob, at=later(days=30))
    page = visit(f"/journeys/{journey.pk}/", bob)
    page.get_by_role("link", name="Go on in sales").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Accept").click()
    expect(page.get_by_text("now “Accepted”")).to_be_visible()
    kinds = Event.objects.filter(journey=journey).order_by("seq").values_list("event", flat=True)
    assert list(kinds) == ["lead_created", "first_response", "sal_accepted"]
