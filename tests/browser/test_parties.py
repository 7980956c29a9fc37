"""People and companies in a browser: found, edited side by side, merged with a look before, taken back; open to all."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from funnel.models import Contact, CustomField, Organisation
from funnel.parties import edit_party
from funnel.stages import Role, Stage
from tests.browsing import DESK, PHONE, check_access
from tests.factories import journey_at, lead, people, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_person_is_found_edited_merged_and_made_two_again(visit) -> None:
    Organisation.objects.get_or_create(pk=1)
    ann = people(Role.ADMINISTRATOR, "ann")
    tier = CustomField(on="contact", key="tier", label="Tier", type="choice", choices=["Gold", "Silver"])
    tier.listed = True
    tier.save()
    won = run(
        journey_at(
            Stage.WON, name="Priya Rossi", email="priya@evergreen.example", company="Evergreen Travel"
        ),
        "payment_received",
        {"amount": "500"},
    )
    other = lead(name="Pria Rossi", email="pria@home.example")

    # the list narrows as one chooses, Back brings it as it was, and a name leads to the page
    page = visit(reverse("funnel:contact-list"), ann)
    page.get_by_role("combobox", name="State").select_option("won")
    expect(page.get_by_role("link", name="Pria Rossi")).to_have_count(0)
    page.get_by_role("link", name="Priya Rossi").click()
    page.go_back()
    expect(page.get_by_role("combobox", name="State")).to_have_value("won")
    page.get_by_role("link", name="Priya Rossi").click()
    expect(page.get_by_role("heading", name="Timeline of all journeys")).to_be_visible()

    # a stale save shows both versions, and what was typed survives it
    page.watch.allow("409")
    page.get_by_role("link", name="Edit").first.click()
    dialog = page.locator("#dialog")
    expect(page.get_by_role("link", name="Erase personal data")).to_be_attached()
    dialog.get_by_label("Region").fill("Hamburg")
    dialog.get_by_label("Tier").select_option("Gold")
    edit_party(party=won.contact, actor=people(Role.MANAGER), values={"region": "Berlin"})
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("row", name="Region Berlin Hamburg")).to_be_visible()
    check_access(page)
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Priya Rossi: saved.")).to_be_visible()
    expect(page.get_by_text("Hamburg").first).to_be_visible()

    # a possible duplicate is looked at, merged, and the merge undone from the toast
    page.locator(f"a[href$='with={other.contact_id}']").click()  # it comes once the page stands
    expect(page.get_by_text("1 journey moves over")).to_be_visible()
    page.get_by_label("pria@home.example").check()
    check_access(page)
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("is merged into")).to_be_visible()
    expect(page.get_by_role("heading", name="Merged into this one")).to_be_visible()
    assert Contact.objects.get(pk=won.contact_id).email == "pria@home.example"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("are two again")).to_be_visible()
    assert Contact.objects.get(pk=won.contact_id).email == "priya@evergreen.example"

    paths = [
        reverse("funnel:contact-list"),
        reverse("funnel:contact-list") + "?q=zzzz",
        reverse("funnel:company-list"),
        reverse("funnel:contact", args=[won.contact_id]),
        reverse("funnel:company", args=[won.company_id]),
        reverse("funnel:contact-edit", args=[won.contact_id]),
        reverse("funnel:contact-changes", args=[won.contact_id]),
        reverse("funnel:contact-merge", args=[won.contact_id]),
        reverse("funnel:contact-merge", args=[won.contact_id]) + f"?with={other.contact_id}",
        reverse("funnel:contact-merge", args=[won.contact_id]) + f"?with={won.contact_id}",
        reverse("funnel:custom-field-list"),
        reverse("funnel:custom-field-new"),
    ]
    for theme, size in (("light", DESK), ("dark", PHONE)):
        page = visit(paths[0], ann, theme=theme, size=size)
        page.watch.allow("409")
        for path in paths:
            page.goto(path)
            check_access(page)


def test_without_scripts_people_are_edited_and_merged_all_the_same(visit) -> None:
    Organisation.objects.get_or_create(pk=1)
    one = lead(name="Ada Vale", email="ada@acme.example").contact
    other = lead(name="Ada Wale", email="ada@home.example").contact
    page = visit(reverse("funnel:contact", args=[one.pk]), people(Role.MANAGER), scripts=False)
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("Region").fill("Berlin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Ada Vale: saved.")).to_be_visible()
    page.get_by_role("link", name="Merge…").first.click()
    page.get_by_role("link", name="Merge…").first.click()
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("is merged into")).to_be_visible()
    assert Contact.objects.get(pk=other.pk).merged_into_id == one.pk
