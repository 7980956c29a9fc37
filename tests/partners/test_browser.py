"""Partners in a real browser: the portal, and marketing's pages."""

from typing import Any

import pytest
from playwright.sync_api import expect

from funnel.stages import Role
from partners.models import Referral
from tests.browsing import PHONE, check_access

from ..factories import journey_at, partner, partner_person, people, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def referred(name: str) -> Referral:
    journey = journey_at("contacted", name=name)
    run(journey, "refer", {"partner": "acme", "reason": "capacity"})
    return Referral.objects.get(journey=journey)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_partner_takes_one_referral_and_declines_another(visit: Any, scripts: bool) -> None:
    pat = partner_person("pat")
    partner("acme", members=(pat,))
    taken, declined = referred("Ada Lind"), referred("Bo Krag")
    page = visit("/portal/", pat, scripts=scripts)
    row = page.get_by_role("listitem").filter(has_text="Ada Lind")
    row.get_by_role("link", name="Take").click()
    page.get_by_role("button", name="Take", exact=True).click()
    expect(page.get_by_text("You took Ada Lind.")).to_be_visible()
    row = page.get_by_role("listitem").filter(has_text="Bo Krag")
    row.get_by_role("link", name="Decline").click()
    page.get_by_label("Why").select_option("region")
    page.get_by_role("button", name="Decline", exact=True).click()
    expect(page.get_by_text("You declined Bo Krag.")).to_be_visible()
    states = dict(Referral.objects.values_list("pk", "state"))
    assert states == {taken.pk: "accepted", declined.pk: "declined"}


def test_the_pages_are_accessible(visit: Any) -> None:
    pat = partner_person("pat")
    acme = partner("acme", members=(pat,), takes=[{"service": "scanners", "region": "Bavaria"}])
    offered, taken = referred("Ada Lind"), referred("Bo Krag")
    run(taken.journey, "partner_accepted", {})
    page = visit("/partners/", people(Role.MARKETER), theme="dark", size=PHONE)
    check_access(page)
    for path in ("/partners/new/", f"/partners/{acme.pk}/", f"/partners/{acme.pk}/edit/"):
        page.goto(path)
        check_access(page)
    page.watch.allow("422")
    page.goto("/partners/new/")
    page.get_by_role("button", name="Save").click()
    check_access(page)
    page = visit("/portal/", pat, theme="dark", size=PHONE)
    check_access(page)
    for path in (f"/portal/{offered.pk}/", f"/portal/{offered.pk}/decline/"):
        page.goto(path)
        check_access(page)
