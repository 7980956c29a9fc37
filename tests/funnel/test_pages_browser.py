"""The kernel's pages in a real browser: open to everyone in both themes and sizes, the dialog, undo, many rows."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from funnel.models import Event, Journey, Organisation
from funnel.stages import Role, Stage
from tests.browsing import PHONE, check_access
from tests.factories import journey_at, lead, people, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ann():
    Organisation.objects.get_or_create(pk=1)
    return people(Role.ADMINISTRATOR, "ann")


def test_pages_are_open_to_everyone(visit, ann) -> None:
    journey = journey_at(Stage.CONTACTED, name="Priya Rossi", company="Evergreen Travel")
    run(journey, "note_logged", {"text": "Call back on Thursday."}, actor=ann)
    event = Event.objects.get(event="first_response")
    paths = [
        reverse("funnel:journey-list"),
        reverse("funnel:journey-list") + "?q=zzzz",
        reverse("funnel:journey", args=[journey.pk]),
        reverse("funnel:journey-move", args=[journey.pk, "lose"]),
        reverse("funnel:journey-move", args=[journey.pk, "respond"]),
        reverse("funnel:event-annul", args=[journey.pk, event.pk]),
        reverse("funnel:notifications"),
        reverse("funnel:search"),
        *(
            reverse(f"funnel:{name}")
            for name in ("settings", "organisation", "user-list", "user-new", "token-list", "profile")
        ),
        reverse("funnel:catalogue", args=["reasons"]),
    ]
    page = visit(paths[0], ann, theme="dark", size=PHONE)
    for path in paths:
        page.goto(path)
        check_access(page)


def test_a_move_is_refused_then_made_in_the_dialog_and_undone_from_the_toast(visit, ann) -> None:
    journey = lead(name="Priya Rossi", company="Evergreen Travel")
    page = visit(reverse("funnel:journey", args=[journey.pk]), ann)
    page.watch.allow("422")
    page.get_by_role("link", name="Lose", exact=True).first.click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading", name="Lose")).to_be_visible()
    check_access(page)
    dialog.get_by_label("Comment").fill("No money until May")
    dialog.get_by_role("button", name="Lose", exact=True).click()
    expect(dialog.locator(".faults")).to_be_visible()
    expect(dialog.get_by_label("Comment")).to_have_value("No money until May")
    check_access(page)
    dialog.get_by_label("Reason").select_option("budget")
    dialog.get_by_role("button", name="Lose", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("now “Lost”")
    assert Journey.objects.get(pk=journey.pk).stage == Stage.LOST
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Undone: Lead lost.")
    assert Journey.objects.get(pk=journey.pk).stage == Stage.NEW


def test_a_call_is_logged_in_the_composer(visit, ann) -> None:
    journey = lead(name="Priya Rossi")
    page = visit(reverse("funnel:journey", args=[journey.pk]), ann)
    expect(page.get_by_label("Who reached out")).to_be_hidden()
    page.locator(".composer .kinds label", has_text="Call").click()
    page.get_by_label("Who reached out").select_option("inbound")
    page.get_by_label("What was said").fill("Asked for the price.")
    page.get_by_label("What was said").press("Control+Enter")
    expect(page.locator(".timeline")).to_contain_text("Asked for the price.")
    expect(page.locator(".timeline")).to_contain_text("They reached out")


def test_many_rows_are_lost_at_once(visit, ann) -> None:
    for _number in range(3):
        lead()
    page = visit(reverse("funnel:journey-list"), ann)
    expect(page.locator("[data-bulk-bar]")).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("3")
    check_access(page)
    page.get_by_label("With the selected").select_option("lose")
    page.get_by_role("button", name="Go on").click()
    check_access(page)
    page.get_by_label("Reason").select_option("budget")
    page.get_by_role("button", name="Lose: 3 journeys").click()
    expect(page.locator("#toasts")).to_contain_text("“Lose”: 3 journeys.")
    assert Journey.objects.filter(stage=Stage.LOST).count() == 3


def test_filters_apply_as_they_are_chosen_and_back_restores_them(visit, ann) -> None:
    lead(source="event")
    page = visit(reverse("funnel:journey-list"), ann)
    page.get_by_label("Source", exact=True).select_option("event")
    page.wait_for_url("**/journeys/?source=event")
    page.locator("tbody a.name").click()
    page.wait_for_url("**/journeys/*/")
    page.go_back()
    expect(page.get_by_label("Source", exact=True)).to_have_value("event")


def test_without_scripts_a_move_and_many_rows_work_all_the_same(visit, ann) -> None:
    journey = lead(name="Priya Rossi")
    page = visit(reverse("funnel:journey", args=[journey.pk]), ann, scripts=False)
    page.get_by_role("link", name="Lose", exact=True).first.click()
    page.get_by_label("Reason").select_option("budget")
    page.get_by_role("button", name="Lose").click()
    expect(page.locator("#toasts")).to_contain_text("now “Lost”")
    page.goto(reverse("funnel:journey-list") + "?stage=lost")
    page.locator("input[name=journeys]").first.check()
    page.get_by_label("With the selected").select_option("owner_changed")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Owner").select_option("ann")
    page.get_by_role("button", name="Change the owner").click()
    expect(page.locator("tbody")).to_contain_text("ann")
