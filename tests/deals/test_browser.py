"""The sales half in a real browser: the editor, the client's page, the queue, the schedule."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from deals.models import Instalment, Payment, ProposalVersion
from funnel.models import Journey
from funnel.stages import Role, Stage
from tests.browsing import PHONE, Visit, check_access
from tests.factories import journey_at, organisation, people, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def seller() -> Any:
    return people(Role.SALESPERSON)


def write(page: Any, row: int, **cells: str) -> None:
    for name, value in cells.items():
        page.locator(f"[name='lines-{row}-{name}']").fill(value)


def test_totals_follow_the_typing_and_the_draft_is_sent(visit: Visit) -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    page = visit(f"/journeys/{journey.pk}/proposal/", seller())
    write(page, 0, description="Датчик", quantity="3", unit_price="19.99", tax="20")
    expect(page.locator("#totals .sum dd")).to_have_text("€71.96")
    write(page, 1, description="Wrong", quantity="-1", unit_price="5")
    expect(page.locator("#totals")).to_contain_text("Row 2, Quantity")
    page.get_by_role("button", name="Remove row 2").click()
    expect(page.locator("#totals .sum dd")).to_have_text("€71.96")
    page.get_by_role("button", name="Save and send…").click()
    page.locator("dialog[open]").get_by_label("I handed it over myself").check()
    page.locator("dialog[open]").get_by_role("button", name="Record version 1").click()
    expect(page.get_by_label("Whoever has it sees the last version sent.")).to_be_visible()
    assert Journey.objects.get(pk=journey.pk).stage == Stage.PROPOSAL_SENT
    assert str(ProposalVersion.objects.get().total) == "71.96"


def test_the_editor_and_the_clients_page_work_without_scripts(visit: Visit) -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    page = visit(f"/journeys/{journey.pk}/proposal/", seller(), scripts=False)
    write(page, 0, description="Gauge", quantity="2", unit_price="10")
    page.get_by_role("button", name="Work out totals").click()
    expect(page.locator("#totals .sum dd")).to_have_text("€20")
    page.get_by_role("button", name="Save and send…").click()
    page.get_by_role("link", name="Send version 1…").click()
    page.get_by_label("I handed it over myself").check()
    page.locator("form.delivery button.primary").click()
    link = page.get_by_label("Whoever has it sees the last version sent.").input_value()
    client = visit(link, scripts=False)
    client.get_by_role("button", name="Accept").click()
    expect(client.get_by_text("You accepted this proposal.")).to_be_visible()
    assert ProposalVersion.objects.get().answer == "accepted"
    page.reload()
    expect(page.locator("#client-link")).to_contain_text("Accepted, v1")


def test_a_clients_answer_counts_once_and_is_one_click_from_what_follows(visit: Visit) -> None:
    accepted, refused = journey_at(Stage.PROPOSAL_SENT), journey_at(Stage.PROPOSAL_SENT)
    first = visit(f"/p/{accepted.proposal.token}/", size=PHONE)
    late = visit(f"/p/{accepted.proposal.token}/")
    late.watch.allow("409")
    first.get_by_label("Your position").fill("CTO")
    first.get_by_role("button", name="Accept").click()
    expect(first.get_by_text("You accepted this proposal.")).to_be_visible()
    late.get_by_role("button", name="Decline").click()
    expect(late.get_by_text("It is answered already: Accepted")).to_be_visible()
    expect(late.get_by_role("button", name="Accept")).to_have_count(0)
    other = visit(f"/p/{refused.proposal.token}/", theme="dark")
    other.get_by_label("Anything to add?").fill("Our own fitters could do half of it.")
    other.get_by_role("button", name="Ask to change it").click()
    expect(other.get_by_text("You asked us to change this proposal.")).to_be_visible()
    check_access(other)

    page = visit("/my-day/", seller())
    answers = page.locator("#answers")
    expect(answers).to_contain_text("The client accepts the proposal (v1)")
    check_access(page)
    answers.get_by_role("button", name="Request a contract").click()
    expect(page.locator("#totals .sum dd")).to_have_text("€2,015.96")
    expect(page.locator("[name=amount]")).to_have_value("2015.96")
    page.goto(f"/journeys/{refused.pk}/")
    page.locator(".next-step").get_by_role("link", name="Record an objection").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.locator("[name=said]")).to_have_value("Our own fitters could do half of it.")
    dialog.locator("[name=reason]").select_option("price")
    dialog.locator("button.primary").click()
    expect(page.locator(".next-step")).not_to_contain_text("The client asks")
    assert Journey.objects.get(pk=refused.pk).stage == Stage.OBJECTION


def test_a_link_is_revoked_and_replaced_beside_the_editor(visit: Visit) -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    old = f"/p/{journey.proposal.token}/"
    page = visit(f"/journeys/{journey.pk}/proposal/", seller())
    page.locator("#client-link").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The link is revoked.")).to_be_visible()
    page.locator("#client-link").get_by_role("button", name="New link").click()
    link = page.get_by_label("Whoever has it sees the last version sent.").input_value()
    client = visit(old)
    client.watch.allow("410")
    expect(client.get_by_role("heading", name="This link is closed")).to_be_visible()
    check_access(client)
    client.goto(link)
    expect(client.get_by_role("heading", name="Proposal")).to_be_visible()


def test_the_letter_goes_from_the_same_dialog_with_what_stands_on_the_screen(visit: Visit) -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED, email="ada@client.example")
    page = visit(f"/journeys/{journey.pk}/proposal/", seller(), size=PHONE, theme="dark")
    write(page, 0, description="Gauge", quantity="2", unit_price="10")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Version 1 is saved as a draft.")).to_be_visible()
    write(page, 0, quantity="3")
    page.get_by_role("button", name="Save and send…").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_text("€30")).to_be_visible()
    expect(dialog.get_by_label("To", exact=False).first).to_have_value("ada@client.example")
    expect(dialog.get_by_label("When it happened")).to_be_hidden()
    check_access(page)
    dialog.locator("[name=to]").fill("nobody")
    page.watch.allow("422")
    dialog.locator("button.primary").click()
    expect(dialog.locator("[data-faults]")).to_be_visible()
    dialog.locator("[name=to]").fill("ada@client.example, cto@client.example")
    dialog.locator("button.primary").click()
    expect(page.get_by_text("Sent. The letter leaves in a moment.")).to_be_visible()
    version = ProposalVersion.objects.get()
    assert (str(version.total), version.delivery) == ("30.00", "letter")
    assert version.letter is not None and version.letter.to == "ada@client.example, cto@client.example"


def test_an_offer_is_rejected_in_a_dialog_that_asks_for_a_reason(visit: Visit) -> None:
    journey = journey_at(Stage.HANDED_OFF)
    page = visit("/handoffs/", seller())
    page.watch.allow("422")
    page.get_by_role("link", name="Reject").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("button", name="Reject").click()
    expect(dialog.locator("[data-faults]")).to_be_visible()
    dialog.locator("select[name=reason]").select_option("not_ready")
    dialog.locator("textarea[name=comment]").fill("Only browsing")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Nothing waits for a decision")).to_be_visible()
    assert Journey.objects.get(pk=journey.pk).stage == Stage.RETURNED


def test_an_instalment_is_paid_from_the_schedule(visit: Visit) -> None:
    run(
        journey_at(Stage.CONTRACT_SENT),
        "sign",
        {"signed_on": timezone.now().date().isoformat(), "amount": 250},
    )
    page = visit("/payments/", seller())
    page.get_by_role("link", name="Paid…").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.locator("[name=amount]")).to_have_value("250.00")
    dialog.locator("button.primary").click()
    expect(page.get_by_text("No instalments here")).to_be_visible()
    assert Instalment.objects.with_paid().get().left == 0


def test_the_pages_are_accessible_full_and_empty(visit: Visit) -> None:
    lists = (
        "/handoffs/",
        "/handoffs/?state=decided",
        "/meetings/",
        "/proposals/",
        "/contracts/",
        "/payments/",
    )
    page = visit(lists[0], seller(), theme="dark", size=PHONE)
    for path in lists:
        page.goto(path)
        check_access(page)
    offered, sent = journey_at(Stage.HANDED_OFF), journey_at(Stage.CONTRACT_SENT)
    journey_at(Stage.DEMO_SCHEDULED)
    won = run(run(journey_at(Stage.WON), "payment_received"), "legal_issue_raised")
    own = [f"/journeys/{sent.pk}/{paper}/" for paper in ("proposal", "contract")]
    pages = (
        *lists,
        *own,
        f"/journeys/{won.pk}/",
        f"/journeys/{won.pk}/contract/",
        f"/journeys/{offered.pk}/",
    )
    for path in (*pages, f"/p/{sent.proposal.token}/"):
        page.goto(path)
        check_access(page)


def test_a_missing_rate_is_typed_in_the_dialog_of_the_payment(visit: Visit) -> None:
    organisation(currency="EUR", timezone="UTC")
    journey = journey_at(Stage.WON)
    page = visit(f"/journeys/{journey.pk}/", people(Role.MANAGER), size=PHONE, theme="dark")
    page.watch.allow("409")
    page.goto(f"/journeys/{journey.pk}/facts/payment_received/")
    page.locator("[name=amount]").fill("100")
    page.locator("[name=currency]").fill("chf")
    page.locator("form button.primary").click()
    expect(page.get_by_text("No rate of CHF to EUR is known")).to_be_visible()
    check_access(page)
    page.get_by_label("One CHF in EUR").fill("1.05")
    page.locator("form button.primary").click()
    expect(page.get_by_text("CHF 100 at 1.05")).not_to_have_count(0)
    assert str(Payment.objects.get().amount) == "105.00"


def test_an_instalment_before_the_signature_is_confirmed_in_the_dialog(visit: Visit) -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    page = visit(f"/journeys/{journey.pk}/", seller())
    page.watch.allow("422")
    page.locator("a[href*='/moves/sign/']").first.click()
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=amount]").fill("100")
    dialog.locator("[name='instalments-0-due_on']").fill(
        (timezone.now() - dt.timedelta(days=5)).date().isoformat()
    )
    dialog.locator("[name='instalments-0-amount']").fill("100")
    dialog.locator("button.primary").click()
    expect(dialog.get_by_text("Is this meant?")).to_be_visible()
    check_access(page)
    dialog.get_by_role("button", name="Save all the same").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert Instalment.objects.get().amount == 100
