"""The brief in a real browser: it saves itself, notices others, and is filled."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from briefs import domain
from briefs.models import Brief
from funnel.models import Journey
from funnel.stages import Role
from tests.browsing import PHONE, check_access

from ..factories import ANSWERS, brief, journey_at, partner, people, run, template

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def url(journey: Journey) -> str:
    return f"/journeys/{journey.pk}/brief/"


def test_what_is_typed_is_saved_by_itself_and_the_brief_is_filled(visit: Any) -> None:
    journey = journey_at("contacted")
    page = visit(url(journey), people(Role.MARKETER))
    for number, (key, answer) in enumerate(ANSWERS.items(), 1):
        page.locator(f"#id_answers-{key}").fill(answer)
        expect(page.locator("#brief-state")).to_contain_text(f"Required answers: {number} of 4")
        expect(page.locator("#id_revision")).to_have_value(str(number))
    page.get_by_label("We can solve it").check()
    expect(page.locator("#brief-state")).to_contain_text("The brief is complete.")
    assert Brief.objects.get().answers == ANSWERS
    page.get_by_role("button", name="Fill and move").click()
    page.wait_for_url(re.compile(rf"/journeys/{journey.pk}/$"))
    expect(page.get_by_text("the brief is filled")).to_be_visible()
    assert Journey.objects.get().stage == "briefed"


def test_two_people_at_one_brief_notice_each_other(visit: Any) -> None:
    journey = journey_at("contacted")
    mine = visit(url(journey), people(Role.MARKETER))
    theirs = visit(url(journey), people(Role.FIRST_TOUCH))
    mine.watch.allow("409")
    theirs.locator("#id_answers-need").fill("Theirs")
    expect(theirs.locator("#brief-state")).to_contain_text("Saved at")
    mine.locator("#id_answers-need").fill("Mine")
    state = mine.locator("#brief-state")
    expect(state).to_contain_text("somebody saved this brief since you opened it")
    expect(state.locator("tbody")).to_contain_text("Theirs")
    expect(state.locator("tbody")).to_contain_text("Mine")
    mine.get_by_role("button", name="Save yours over it").click()
    expect(mine.locator("#brief-state")).to_contain_text("Saved at")
    assert Brief.objects.get().answers == {"need": "Mine"}


def test_the_client_answers_without_scripts(visit: Any) -> None:
    journey = journey_at("contacted")
    opened = domain.open_link(journey=journey.pk, actor=people(), at=journey.stage_since)
    Brief.objects.update(link_expires_at="2999-01-01T00:00Z")
    page = visit(f"/b/{opened.link_key}/", scripts=False)
    page.locator("#id_answers-need").fill("Count our visitors")
    page.get_by_role("button", name="Save my answers").click()
    expect(page.get_by_text("Your answers are saved.")).to_be_visible()
    assert Brief.objects.get().answers == {"need": "Count our visitors"}


def test_the_pages_are_accessible(visit: Any) -> None:
    user = people(Role.MARKETER)
    partner("acme", takes=[{}])
    template("scanners", {"key": "halls", "kind": "choice", "choices": ["One", "Two"]})
    draft = journey_at("contacted")
    domain.save_draft(
        journey=draft.pk, actor=user, at=draft.stage_since, answers={"need": "Count"}, verdict="partner"
    )
    opened = domain.open_link(journey=draft.pk, actor=user, at=draft.stage_since)
    Brief.objects.update(link_expires_at="2999-01-01T00:00Z")
    filled = run(journey_at("contacted"), "fill_brief", brief())
    page = visit(url(draft), user, theme="dark", size=PHONE)
    check_access(page)
    page.watch.allow("409")
    page.get_by_role("button", name="Fill and move").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    check_access(page)
    for path in (
        url(filled),
        f"{url(filled)}versions/1/",
        "/brief-templates/",
        "/brief-templates/default/",
        f"/b/{opened.link_key}/",
    ):
        page.goto(path)
        check_access(page)
