"""The pages of the sales half: who may open them, what they cost, and what they do without scripts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deals.domain import contracts, proposals
from deals.models import (
    Contract,
    ContractVersion,
    Instalment,
    Meeting,
    Proposal,
    ProposalVersion,
    ProposalView,
)
from funnel.models import Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run
from tests.factories.deals import soon

pytestmark = pytest.mark.django_db

LISTS = ("handoff-list", "meeting-list", "proposal-list", "contract-list", "payment-list")


def browser(role: str = Role.MANAGER, name: str = "") -> Client:
    client = Client()
    client.force_login(people(role, name))
    return client


def signed() -> Journey:
    today = timezone.now().date()
    rows = [{"due_on": (today + dt.timedelta(days=gap)).isoformat(), "amount": 500} for gap in (-3, 30)]
    inputs = {"signed_on": today.isoformat(), "amount": 1000, "instalments": rows}
    return run(journey_at(Stage.CONTRACT_SENT), "sign", inputs)


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_for_those_who_sign_in(name: str) -> None:
    answer = Client().get(reverse(f"deals:{name}"))
    assert answer.status_code == 302 and "login" in answer["Location"]


ALLOWED = {
    Role.MARKETER: {"handoff-list", "meeting-list"},
    Role.FIRST_TOUCH: {"handoff-list", "meeting-list"},
    Role.SALESPERSON: set(LISTS),
    Role.SPECIALIST: {"meeting-list"},
    Role.LAWYER: {"meeting-list", "contract-list"},
    Role.MANAGER: set(LISTS),
    Role.ADMINISTRATOR: set(LISTS),
    Role.PARTNER: set(),
    Role.SERVICE: {"meeting-list"},
}


@pytest.mark.parametrize("role", Role)
def test_each_role_opens_the_lists_of_its_work_and_no_other(role: Role) -> None:
    client = browser(role)
    opened = {name for name in LISTS if client.get(reverse(f"deals:{name}")).status_code == 200}
    assert opened == ALLOWED[role]


@pytest.mark.parametrize(
    ("name", "query", "stage"),
    [
        ("handoff-list", "", Stage.HANDED_OFF),
        ("handoff-list", "?state=decided", Stage.ACCEPTED),
        ("meeting-list", "?state=open", Stage.DEMO_SCHEDULED),
        ("meeting-list", "?state=past", Stage.DEMO_HELD),
        ("proposal-list", "", Stage.PROPOSAL_SENT),
        ("contract-list", "", Stage.CONTRACT_REQUESTED),
        ("payment-list", "?status=all", Stage.WON),
    ],
)
def test_a_list_costs_the_same_queries_for_one_row_and_for_three(name: str, query: str, stage: str) -> None:
    client = browser()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(reverse(f"deals:{name}") + query)
        assert answer.status_code == 200
        return len(captured)

    first = journey_at(stage)
    assert str(first) in client.get(reverse(f"deals:{name}") + query).content.decode()
    one = queries()
    journey_at(stage)
    journey_at(stage)
    assert queries() == one <= 10


def test_the_panels_of_a_journey_cost_one_query_together() -> None:
    from deals import panels

    journey = Journey.objects.get(pk=run(signed(), "payment_received").pk)
    manager = people()
    with CaptureQueriesContext(connection) as captured:
        shown = [
            build(journey, manager)
            for build in (panels.handoff, panels.meetings, panels.proposal, panels.contract, panels.payments)
        ]
    assert len(captured) == 1
    assert [panel is not None for panel in shown] == [False, True, True, True, True]
    money = shown[-1]
    assert money is not None and money["paid"] == Decimal(100)
    assert [item["status"] for item in money["instalments"]] == ["overdue", "due"]


def test_partners_and_specialists_see_no_money_on_a_journey() -> None:
    from deals import panels

    journey = run(signed(), "payment_received")
    for role in (Role.PARTNER, Role.SPECIALIST, Role.MARKETER):
        assert panels.payments(journey, people(role)) is None
        assert panels.proposal(journey, people(role)) is None
    assert panels.meetings(journey, people(Role.PARTNER)) is None


def test_a_salesperson_accepts_from_the_queue() -> None:
    journey = journey_at(Stage.HANDED_OFF)
    client = browser(Role.SALESPERSON)
    page = client.get(reverse("deals:handoff-list")).content.decode()
    assert (
        "The brief as offered" in page and reverse("funnel:journey-move", args=[journey.pk, "accept"]) in page
    )
    client.post(
        reverse("funnel:journey-move", args=[journey.pk, "accept"]), {"next": reverse("deals:handoff-list")}
    )
    assert Journey.objects.get(pk=journey.pk).stage == Stage.ACCEPTED
    assert "Nothing waits" in client.get(reverse("deals:handoff-list")).content.decode()


def test_a_meeting_goes_into_any_calendar() -> None:
    journey = run(
        journey_at(Stage.ACCEPTED), "schedule_demo", {"starts_at": soon(), "place": "Цех 2, ворота; B"}
    )
    meeting = Meeting.objects.get(journey=journey)
    answer = browser().get(reverse("deals:meeting-ics", args=[meeting.pk]))
    body = answer.content.decode().replace("\r\n ", "")
    assert answer["Content-Type"].startswith("text/calendar")
    assert f"DTSTART:{meeting.starts_at:%Y%m%dT%H%M%SZ}" in body
    assert "LOCATION:Цех 2\\, ворота\\; B" in body
    assert (
        browser(Role.SPECIALIST, "other").get(reverse("deals:meeting-ics", args=[meeting.pk])).status_code
        == 404
    )


# proposals -----------------------------------------------------------------------------------------------------------


def lines(*rows: dict[str, Any]) -> dict[str, Any]:
    blank = {"description": "", "unit": "", "quantity": "", "unit_price": "", "discount": "", "tax": ""}
    return {
        f"lines-{number}-{name}": value
        for number, row in enumerate([*rows, {}])
        for name, value in {**blank, **row}.items()
    }


LINE = {"description": "Gauge", "quantity": "2", "unit_price": "10.25", "tax": "20"}


def test_the_editor_works_out_totals_without_saving_and_then_saves() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    client, url = browser(Role.SALESPERSON), reverse("deals:proposal", args=[journey.pk])
    counted = client.post(url, {**lines(LINE), "revision": 1, "do": "count"})
    assert counted.status_code == 200 and "€24.60" in counted.content.decode()
    assert not ProposalVersion.objects.get(proposal__journey=journey).lines.exists()
    fragment = client.post(reverse("deals:proposal-totals", args=[journey.pk]), lines(LINE))
    assert "€24.60" in fragment.content.decode() and "<html" not in fragment.content.decode()
    saved = client.post(url, {**lines(LINE), "revision": 1, "do": "save", "note": "Hello"})
    assert saved.status_code == 303
    version = ProposalVersion.objects.get(proposal__journey=journey)
    assert (version.total, version.note) == (Decimal("24.60"), "Hello")


def test_a_faulty_line_is_shown_again_with_its_fault() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    url = reverse("deals:proposal", args=[journey.pk])
    answer = browser().post(url, {**lines({**LINE, "quantity": "-1"}), "revision": 1})
    assert answer.status_code == 422
    assert 'name="lines-0-quantity"' in answer.content.decode() and 'value="-1"' in answer.content.decode()


def test_a_stale_editor_is_told_and_keeps_what_was_typed() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    url = reverse("deals:proposal", args=[journey.pk])
    browser().post(url, {**lines(LINE), "revision": 1})
    late = browser(Role.ADMINISTRATOR).post(url, {**lines({**LINE, "description": "Mine"}), "revision": 1})
    assert late.status_code == 409 and "Mine" in late.content.decode()
    assert ProposalVersion.objects.get(proposal__journey=journey).lines.get().description == "Gauge"


def test_versions_are_compared_line_by_line() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    first = ProposalVersion.objects.get(proposal__journey=journey).lines.all()[0]
    changed = {"description": first.description, "quantity": Decimal(3), "unit_price": Decimal("150")}
    added = {"description": "Training", "quantity": Decimal(1), "unit_price": Decimal("90")}
    proposals.save_draft(journey_id=journey.pk, actor=people(), at=timezone.now(), lines=[changed, added])
    page = browser().get(reverse("deals:proposal-compare", args=[journey.pk])).content.decode()
    for words in ("Changed", "Removed", "Added", "<del>€199.99</del>", "€540"):
        assert words in page


def test_the_pdf_is_one_and_says_what_the_client_is_called_in_their_letters() -> None:
    from deals import pdf
    from funnel.models import Organisation

    journey = journey_at(Stage.PROPOSAL_SENT, company="ООО «Ромашка» #set text(red)")
    answer = browser().get(reverse("deals:proposal-pdf", args=[journey.pk, 1]))
    assert answer["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    version = ProposalVersion.objects.get(proposal__journey=journey)
    data = pdf.proposal_data(version, organisation=Organisation.current())
    assert data["client"] == "ООО «Ромашка» #set text(red)"
    # The same paper with other letters is another paper: Cyrillic is drawn, not dropped, and markup is not obeyed.
    plain = pdf.render("proposal", {**data, "client": "OOO"})
    assert len(pdf.render("proposal", data)) > len(plain)


def test_a_foreign_journeys_proposal_is_not_found() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    stranger = browser(Role.SALESPERSON, "stranger")
    for name, args in (("proposal", []), ("proposal-pdf", [1]), ("contract", [])):
        assert stranger.get(reverse(f"deals:{name}", args=[journey.pk, *args])).status_code == 404


# the public page -----------------------------------------------------------------------------------------------------


def public(journey: Journey) -> str:
    return reverse("deals:public-proposal", args=[Proposal.objects.get(journey=journey).token])


def test_the_client_sees_the_last_version_sent_and_never_a_draft() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    proposals.save_draft(
        journey_id=journey.pk,
        actor=people(),
        at=timezone.now(),
        lines=[{"description": "Secret plan", "quantity": Decimal(1), "unit_price": Decimal(1)}],
    )
    page = Client().get(public(journey)).content.decode()
    assert "Датчик давления" in page and "Secret plan" not in page
    assert "noindex" in page


def test_what_was_never_sent_cannot_be_opened() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    assert Client().get(public(journey)).status_code == 404
    assert Client().get(reverse("deals:public-proposal", args=["no-such-token"])).status_code == 404


def test_views_are_counted_once_a_visitor_and_day_and_colleagues_not_at_all() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    visitor = Client(headers={"User-Agent": "Phone"})
    visitor.get(public(journey))
    visitor.get(public(journey))
    Client(headers={"User-Agent": "Desk"}).get(public(journey))
    browser().get(public(journey))
    assert sorted(ProposalView.objects.values_list("times", flat=True)) == [1, 2]
    assert "127.0.0.1" not in str(ProposalView.objects.values())


def test_a_form_sent_from_elsewhere_is_refused() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    client = Client(enforce_csrf_checks=True)
    assert client.post(public(journey), {"answer": "accepted", "version": 1}).status_code == 403


# contracts and payments ----------------------------------------------------------------------------------------------


def test_a_draft_with_a_scan_is_saved_sent_and_handed_out_as_a_download() -> None:
    journey = journey_at(Stage.CONTRACT_REQUESTED)
    client, url = browser(Role.SALESPERSON), reverse("deals:contract", args=[journey.pk])
    scan = SimpleUploadedFile("скан <договора>.pdf", b"%PDF-1.7 scan")
    assert client.post(url, {"amount": "900", "file": scan, "revision": 1}).status_code == 303
    run(journey, "send_contract", {})
    answer = client.get(reverse("deals:contract-file", args=[journey.pk, 1]))
    assert answer.content == b"%PDF-1.7 scan"
    assert (
        answer["Content-Disposition"].startswith("attachment")
        and answer["X-Content-Type-Options"] == "nosniff"
    )
    assert client.get(reverse("deals:contract-pdf", args=[journey.pk, 1])).content.startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["page.html", "run.exe", "drawing.svg", "noname"])
def test_files_that_a_browser_might_run_are_not_taken(name: str) -> None:
    journey = journey_at(Stage.CONTRACT_REQUESTED)
    scan = SimpleUploadedFile(name, b"<script>alert(1)</script>")
    url = reverse("deals:contract", args=[journey.pk])
    assert browser().post(url, {"amount": "900", "file": scan, "revision": 1}).status_code == 422
    assert not ContractVersion.objects.get(contract__journey=journey).file


def test_a_lawyer_works_on_the_draft_but_gives_it_to_nobody() -> None:
    lawyer = people(Role.LAWYER)
    journey = run(journey_at(Stage.PROPOSAL_SENT), "request_contract", {"lawyer": lawyer.username})
    client = browser(Role.LAWYER)
    url = reverse("deals:contract", args=[journey.pk])
    assert client.post(url, {"amount": "900", "terms": "Clause", "revision": 1}).status_code == 303
    assert ContractVersion.objects.get(contract__journey=journey).terms == "Clause"
    assert client.post(reverse("deals:contract-lawyer", args=[journey.pk]), {"lawyer": ""}).status_code == 403
    assert Contract.objects.get(journey=journey).lawyer == lawyer


def test_the_payments_page_sets_the_years_plan_against_what_came_in() -> None:
    today = timezone.now().date()
    journey = run(
        signed(), "payment_received", {"amount": 700, "paid_on": today.isoformat()}, at=timezone.now()
    )
    run(journey, "refund_paid", {"amount": 50}, at=timezone.now())
    answer = browser().get(reverse("deals:payment-list") + "?status=all")
    month = next(month for month in answer.context["months"] if month.month.month == today.month)
    assert month.fact == Decimal(650)
    assert answer.context["plan"] + sum(
        Instalment.objects.exclude(due_on__year=today.year).values_list("amount", flat=True)
    ) == Decimal(1000)
    assert [item["status"] for item in answer.context["rows"]] == ["paid", "part"]


def test_what_cannot_be_read_in_an_address_leads_to_the_first_page() -> None:
    signed()
    client = browser()
    for query in (
        "?after=x~1",
        "?after=2026-01-01~9999999999999999999",
        "?year=99999",
        "?year=9999",
        "?year=²026",
        "?status=<b>",
    ):
        assert client.get(reverse("deals:payment-list") + query).status_code == 200


def test_an_instalment_is_moved_from_the_payments_page() -> None:
    instalment = Instalment.objects.filter(contract__journey=signed())[1]
    url = reverse("deals:instalment-move", args=[instalment.pk])
    client = browser()
    assert client.get(url).status_code == 200
    assert client.post(url, {"due_on": "soon"}).status_code == 422
    assert client.post(url, {"due_on": "2027-12-24", "why": "Asked"}).status_code == 303
    instalment.refresh_from_db()
    assert instalment.due_on.isoformat() == "2027-12-24"
    assert browser(Role.SALESPERSON, "stranger").get(url).status_code == 404


def test_erasing_the_person_leaves_no_word_of_theirs_but_every_figure() -> None:
    journey = run(journey_at(Stage.OBJECTION), "objection_resolved")
    journey = run(run(journey, "request_contract"), "legal_issue_raised")
    contracts.save_draft(
        journey_id=journey.pk, actor=people(), at=timezone.now(), terms="With Anna in person"
    )
    said = {"answer": "accepted", "answered_at": timezone.now(), "answer_text": "Anna said yes"}
    ProposalVersion.objects.filter(proposal__journey=journey).update(**said, answered_by="Anna")
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now())
    assert Client().get(public(journey)).status_code == 404
    version = ProposalVersion.objects.get(proposal__journey=journey)
    assert version.total > 0 and not any(line.description for line in version.lines.all())
    assert ContractVersion.objects.get(contract__journey=journey).terms == ""
    assert (version.answer, version.answer_text, version.answered_by) == ("accepted", "", "")
    assert not any(journey.legal_issues.values_list("text", flat=True))
    assert not any(journey.objections.values_list("said", flat=True))
