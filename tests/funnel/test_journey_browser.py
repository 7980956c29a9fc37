"""One walk over a journey's page and the notifications in a real browser: written, sent, attached, edited, told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from funnel import contacts, letters, mailing, outbox
from funnel.models import Attachment, Contact, Journey, Mail, Note, Notification
from funnel.stages import Role
from tests.browsing import PHONE, check_access
from tests.factories import lead, people, run
from tests.funnel.test_views_journey import many_notes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def drain() -> None:
    while outbox.drain():
        pass


def test_a_journeys_page_is_worked_on_from_end_to_end(visit, tmp_path) -> None:
    ann, ben = people(Role.MANAGER, "ann"), people(Role.SALESPERSON, "ben")
    ben.name = "Ben Carter"
    ben.save()
    journey = lead(name="Priya Rossi", email="priya@evergreen.example", company="Evergreen Travel")
    many_notes(journey, 40, by=ann)
    address = reverse("funnel:journey", args=[journey.pk])
    page = visit(address, ann)
    page.watch.allow("409")
    page.watch.allow("422")
    for said in ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"):
        page.watch.allow(said)
    words = page.get_by_label("What was said")

    # what is typed survives a reload and a lost line; a colleague is found by keyboard
    words.press_sequentially("Ask @be")
    expect(page.get_by_role("option", name="Ben Carter")).to_be_visible()
    check_access(page)
    words.press("Enter")
    expect(words).to_have_value("Ask @ben ")
    expect(page.locator("[data-draft-note]")).to_be_visible()
    page.reload()
    expect(words).to_have_value("Ask @ben ")
    page.context.set_offline(True)
    words.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("The server did not answer")
    expect(words).to_have_value("Ask @ben ")
    page.context.set_offline(False)
    words.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("The note is saved.")
    expect(page.locator(".timeline .mention").first).to_have_text("@Ben Carter")
    expect(words).to_have_value("")
    assert Note.objects.filter(text="Ask @ben").exists()

    # an empty note is refused in place; a file goes with the next one, and comes back after its removal
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.locator("#timeline [data-faults]")).to_contain_text("A note needs words.")
    offer = tmp_path / "offer.pdf"
    offer.write_bytes(b"%PDF-1.7")
    words.fill("The offer")
    page.locator(".attach input").set_input_files(offer)
    expect(page.locator("[data-chosen]")).to_contain_text("offer.pdf")
    words.press("Control+Enter")
    expect(page.locator(".attached")).to_contain_text("offer.pdf")
    with page.expect_download() as download:
        page.get_by_role("link", name="offer.pdf").click()
    assert download.value.suggested_filename == "offer.pdf"
    page.get_by_role("button", name="Remove: offer.pdf").click()
    expect(page.locator("#toasts")).to_contain_text("“offer.pdf” is removed.")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".attached")).to_contain_text("offer.pdf")
    assert Attachment.objects.get().removed_at is None

    # a letter, which is the first response once it has left; its fields show only with it
    expect(page.get_by_label("Subject")).to_be_hidden()
    page.locator(".composer .kinds label", has_text="E-mail").click()
    page.get_by_label("Subject").fill("Your sensors")
    words.fill("Dear Priya, …")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".timeline .letter-line")).to_contain_text("Your sensors")
    assert Mail.objects.get().to == "priya@evergreen.example"
    expect(page.locator(".path [aria-current=step]")).to_contain_text("New")
    later = timezone.now() + timedelta(seconds=letters.UNDO_SECONDS + 1)
    assert mailing.send_waiting(Mail, write=letters.write, now=later, left=contacts.letter_left) == 1
    page.reload()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("Contacted")

    # narrowed down, found and read on, each with an address of its own
    page.get_by_role("link", name="E-mails").click()
    page.wait_for_url("**/?show=emails")
    expect(page.locator(".timeline > li")).to_have_count(1)
    page.goto(address)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#event-" + str(journey.events.get(seq=2).pk))).to_be_visible()
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.get_by_label("Find in the timeline").fill("Note 17 ")
    page.get_by_label("Find in the timeline").press("Enter")
    expect(page.locator(".timeline > li")).to_have_count(1)

    # a detail in its row, against somebody faster; what it said before is one click away
    page.goto(address)
    page.locator("#detail-phone").hover()
    page.get_by_role("link", name="Change: Phone").click()
    expect(page.get_by_role("textbox", name="Phone")).to_be_focused()
    Contact.objects.update(phone="+4930111111")
    page.get_by_role("textbox", name="Phone").fill("+4930222222")
    page.get_by_role("textbox", name="Phone").press("Enter")
    expect(page.locator("#detail-phone")).to_contain_text("changed meanwhile")
    expect(page.locator("#detail-phone")).to_contain_text("+4930111111")
    check_access(page)
    page.get_by_role("button", name="Save mine").click()
    expect(page.locator("#detail-phone dd")).to_contain_text("+4930222222")
    page.locator("#detail-phone").hover()
    page.get_by_role("link", name="History: Phone").click()
    expect(page.locator("#dialog")).to_contain_text("+4930222222")
    check_access(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Change: Phone").focus()
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Phone").press("Escape")
    expect(page.get_by_role("textbox", name="Phone")).to_have_count(0)

    # dark, on a phone, and without scripts it all stands there too
    small = visit(address, ann, theme="dark", size=PHONE)
    check_access(small)
    plain = visit(address, ann, scripts=False)
    plain.get_by_label("What was said").fill("Typed without scripts")
    plain.get_by_role("button", name="Save").first.click()
    expect(plain.locator(".timeline")).to_contain_text("Typed without scripts")


def test_what_was_meant_in_the_composer_survives_a_reload_and_leaving_it_warns(visit) -> None:
    ann = people(Role.FIRST_TOUCH, "ann")
    page = visit(reverse("funnel:journey", args=[lead(owner=ann).pk]), ann)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == []  # nothing was typed
    page.locator(".composer .kinds label", has_text="Call").click()
    page.get_by_label("What was said").press_sequentially("Nobody picked up")
    page.get_by_label("How did it go?").select_option("no_answer")
    page.get_by_label("When it happened").fill("2026-01-05T08:30")
    first = page.get_by_label("This is the first response")
    first.uncheck()
    page.reload()
    assert asked == ["beforeunload"]
    expect(page.get_by_label("What was said")).to_have_value("Nobody picked up")
    expect(page.get_by_label("How did it go?")).to_have_value("no_answer")
    expect(page.get_by_label("When it happened")).to_have_value("2026-01-05T08:30")
    expect(first).not_to_be_checked()


def test_an_open_page_hears_of_a_mention_and_stops_asking_out_of_sight(visit) -> None:
    ann, ben = people(Role.MANAGER, "ann"), people(Role.MARKETER, "ben")
    journey = lead(name="Priya Rossi")
    page = visit(reverse("funnel:notifications"), ben)
    page.watch.allow("404")
    count = page.locator(".nav [data-count=news]")
    expect(count).to_be_hidden()
    page.wait_for_event("response", lambda answer: "/notifications/new/" in answer.url)
    run(journey, "note_logged", {"text": "@ben, please call"}, actor=ann)
    drain()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # back from another tab
    expect(page.locator("#toasts .news")).to_contain_text("ann mentions you: Priya Rossi")
    expect(count).to_have_text("1")
    expect(page).to_have_title("(1) Notifications · Onefunnel")
    check_access(page)
    page.get_by_role("link", name="Show what is new").click()
    expect(page.locator(".notices")).to_contain_text("@ben, please call")
    check_access(page)
    page.locator(".notices a.what").click()
    page.wait_for_url(f"**/journeys/{journey.pk}/#event-*")
    expect(page.locator(".nav [data-count=news]")).to_be_hidden()
    assert Notification.objects.get().read_at is not None
    assert Journey.objects.count() == 1

    page.clock.install()
    page.reload()
    seen = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    switch = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(seen % "true" + switch)
    asked: list[str] = []
    page.on("request", lambda request: "/notifications/new/" in request.url and asked.append(request.url))
    page.clock.fast_forward(10 * 60 * 1000)
    assert asked == []
    with page.expect_request("**/notifications/new/*"):
        page.evaluate(seen % "false" + switch)

    settings = visit(reverse("funnel:notices"), ben, theme="dark", size=PHONE)
    check_access(settings)
    settings.get_by_label("Somebody mentions you: By e-mail").check()
    settings.get_by_role("button", name="Save").click()
    expect(settings.locator("#toasts")).to_contain_text("Your notifications are saved.")
    ben.refresh_from_db()
    assert ben.notices == {"mentioned": ["app", "mail"]}
