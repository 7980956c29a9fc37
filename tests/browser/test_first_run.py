"""The first run and the settings as people use them: on a phone, at a desk, two at once, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from funnel.models import Organisation, Source, User
from funnel.stages import Role
from leads.models import WebForm
from tests import factories
from tests.browsing import PHONE, Visit, check_access

pytestmark = pytest.mark.browser


@pytest.fixture
def ada(transactional_db: None) -> User:
    Organisation.objects.get_or_create(pk=1)
    return factories.people(Role.ADMINISTRATOR, "ada")


def test_an_empty_installation_is_set_up_on_a_phone_in_the_dark(visit: Visit, ada: User) -> None:
    page = visit("/", ada, theme="dark", size=PHONE)
    expect(page.get_by_role("heading", name="Organisation", level=1)).to_be_visible()
    page.get_by_label("Company name").fill("Northlane")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    expect(page.locator("#setup-progress")).to_have_text("1 of 4 steps done")
    page.get_by_role("button", name="Add a row").click()
    for number, (name, role) in enumerate([("Ben Carter", "salesperson"), ("Fay Holt", "first_touch")]):
        page.locator(f"[name=people-{number}-name]").fill(name)
        page.locator(f"[name=people-{number}-email]").fill(f"{name.split()[0].lower()}@northlane.example")
        page.locator(f"[name=people-{number}-role]").select_option(role)
    page.get_by_role("button", name="Invite and go on").click()
    expect(page.get_by_label(re.compile("Ben Carter"))).to_have_value(re.compile("/password/reset/key/"))
    check_access(page)
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_label("In a frame of your site")).to_have_value(re.compile("<iframe"))
    page.get_by_role("button", name="Skip this step").click()
    page.get_by_role("button", name="Begin empty").click()
    expect(page.get_by_role("heading", name="Ready to work")).to_be_visible()
    check_access(page)
    assert set(User.objects.exclude(pk=ada.pk).values_list("username", flat=True)) == {"ben", "fay"}
    page.goto("/")
    expect(page).not_to_have_url(re.compile("/welcome/"))


def test_who_was_invited_chooses_a_password_and_is_in(visit: Visit, ada: User) -> None:
    page = visit("/settings/users/new/", ada)
    page.get_by_label("Sign-in name").fill("ben")
    page.locator("[name=email]").fill("ben@northlane.example")
    page.get_by_label("Role").select_option("salesperson")
    page.get_by_role("button", name="Add the person").click()
    link = page.get_by_label("The link by which they choose a password").input_value()
    his = visit(re.sub(r"^https?://[^/]+", "", link))
    check_access(his)
    for label in ("New password", "New password again"):
        his.get_by_label(label, exact=True).fill("a long and new password")
    his.get_by_role("button", name="Save the password").click()
    expect(his.locator(".account summary")).to_contain_text("ben")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_two_who_save_at_once_see_both_versions_and_undo(visit: Visit, ada: User, scripts: bool) -> None:
    source = Source.objects.get_or_create(key="web", defaults={"label": "Web"})[0]
    address = f"/settings/sources/{source.pk}/"
    mine, theirs = (visit(address, ada, scripts=scripts) for _number in range(2))
    for page, label in ((theirs, "Our site"), (mine, "The site")):
        page.watch.allow("409")
        page.get_by_label("Label").fill(label)
        page.get_by_role("button", name="Save").click()
    both = mine.locator(".versions")
    expect(both).to_contain_text("Our site")
    expect(both).to_contain_text("The site")
    if scripts:
        expect(both).to_be_focused()
        check_access(mine)
    mine.get_by_role("button", name="Save").click()
    mine.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(mine.locator("#toasts")).to_contain_text("undone")
    source.refresh_from_db()
    assert source.label == "Our site"


def test_the_first_form_is_ready_to_be_embedded(visit: Visit, ada: User) -> None:
    page = visit("/welcome/form/", ada)
    page.get_by_label("Sites that may embed it").fill("https://www.northlane.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("is saved")
    assert WebForm.objects.order_by("pk")[0].embed_origins == ["https://www.northlane.example"]
    page.locator("#embed a[href='/f/contact/']").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
