"""How what is sent reaches the client: a letter that really leaves, or "I handed it over myself"."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals.domain import contracts, links, proposals
from deals.models import Contract, ContractVersion, Proposal, ProposalVersion
from funnel import letters, mailing
from funnel.models import Activity, Contact, Event, Journey, Mail
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run
from tests.factories.deals import LINES

from .helpers import undo
from .test_api import Program, fields

pytestmark = pytest.mark.django_db

PAPERS = [
    ("proposal", Stage.PROPOSAL_REQUESTED, Stage.PROPOSAL_SENT, Proposal, ProposalVersion),
    ("contract", Stage.CONTRACT_REQUESTED, Stage.CONTRACT_SENT, Contract, ContractVersion),
]
GIVEN: dict[str, Any] = {
    "proposal": {"lines": LINES},
    "contract": {"terms": "Delivery in four weeks.", "amount": "900"},
}


def send_mails() -> int:
    now = timezone.now() + dt.timedelta(seconds=letters.UNDO_SECONDS + 1)
    return mailing.send_waiting(Mail, write=letters.write, now=now)


def seller() -> Client:
    client = Client()
    client.force_login(people(Role.SALESPERSON))
    return client


@pytest.mark.parametrize(("paper", "stage", "sent", "model", "versions"), PAPERS)
def test_a_letter_with_the_link_goes_to_the_client(
    paper: str, stage: Stage, sent: Stage, model: Any, versions: Any, postbox: Any
) -> None:
    journey = journey_at(stage, email="ada@client.example")
    letter = {
        "delivery": "letter",
        "to": ["ada@client.example", "cto@client.example"],
        "copy": "boss@funnel.example, archive@funnel.example",
        "subject": "What you asked for",
        "body": "Dear Ada, here it is.",
    }
    answer = Program().move(journey, f"send_{paper}", {**GIVEN[paper], **letter})
    assert answer.status_code == 200, answer.content
    assert answer.json()["event"]["event"] == f"{paper}_sent"
    assert Journey.objects.get(pk=journey.pk).stage == sent
    assert versions.objects.get(**{f"{paper}__journey": journey}).delivery == "letter"
    event = Event.objects.get(journey=journey, event=f"{paper}_sent")
    assert event.inputs["delivery"] == "letter"
    assert send_mails() == 1
    (mail,) = postbox[0].taken
    assert (mail["To"], mail["Cc"]) == (
        "ada@client.example, cto@client.example",
        "boss@funnel.example, archive@funnel.example",
    )
    assert mail["Subject"] == "What you asked for"
    link = reverse("deals:public-proposal", args=[model.objects.get(journey=journey).token])
    assert (
        "Dear Ada, here it is." in mail.get_content() and f"{settings.PUBLIC_URL}{link}" in mail.get_content()
    )
    assert Client().get(link).status_code == 200
    assert Activity.objects.get(event__act=event.act).kind == "email"


@pytest.mark.parametrize(("paper", "stage", "_sent", "_model", "versions"), PAPERS)
def test_by_rest_nothing_is_mailed_unless_asked_for_and_the_record_says_so(
    paper: str, stage: Stage, _sent: Stage, _model: Any, versions: Any
) -> None:
    journey = journey_at(stage)
    assert Program().move(journey, f"send_{paper}", GIVEN[paper]).status_code == 200
    assert not Mail.objects.filter(activity__isnull=False).exists()
    event = Event.objects.get(journey=journey, event=f"{paper}_sent")
    assert event.inputs["delivery"] == "handed_over"
    version = versions.objects.get(**{f"{paper}__journey": journey})
    assert (version.delivery, version.letter) == ("handed_over", None)
    resource = Program().get(f"/{paper}s/").json()["results"][0]
    assert resource["versions"][0]["delivery"] == "handed_over"


@pytest.mark.parametrize(("paper", "stage", "_sent", "_model", "_versions"), PAPERS)
def test_a_letter_has_defaults_in_the_clients_language(
    paper: str, stage: Stage, _sent: Stage, _model: Any, _versions: Any
) -> None:
    journey = journey_at(stage, name="Ада", email="ada@client.example")
    Contact.objects.filter(pk=journey.contact_id).update(language="ru")
    sent = Program().move(journey, f"send_{paper}", {**GIVEN[paper], "delivery": "letter"})
    assert sent.status_code == 200
    mail = Mail.objects.get(activity__isnull=False)
    assert (mail.to, mail.copy, mail.language) == ("ada@client.example", "", "ru")
    assert mail.subject and "Ада" in mail.text


@pytest.mark.parametrize(
    ("given", "faulty"),
    [
        ({"to": "no address"}, {"to"}),
        ({"to": [1]}, {"to"}),
        ({"to": ["a@b.example"] * 1 + [f"p{n}@b.example" for n in range(30)]}, {"to"}),
        ({"copy": "x"}, {"copy"}),
        ({"delivery": "pigeon"}, {"delivery"}),
        ({"subject": "x" * 251}, {"subject"}),
    ],
)
def test_a_letter_that_cannot_leave_is_refused_with_the_field(
    given: dict[str, Any], faulty: set[str]
) -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    inputs = {"lines": LINES, "delivery": "letter", **given}
    assert fields(Program().move(journey, "send_proposal", inputs)) == faulty
    assert Journey.objects.get(pk=journey.pk).stage == Stage.PROPOSAL_REQUESTED


def test_addresses_are_cleaned_and_nobody_gets_the_letter_twice() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    inputs = {
        "lines": LINES,
        "delivery": "letter",
        "to": "\u200bmailto:Ada@client.example, ａda@client.example",
        "copy": ["ada@client.example", "boss@funnel.example\u202c"],
    }
    assert Program().move(journey, "send_proposal", inputs).status_code == 200
    mail = Mail.objects.get(activity__isnull=False)
    assert (mail.to, mail.copy) == ("ada@client.example", "boss@funnel.example")


def test_a_letter_to_somebody_without_an_address_is_refused() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    Contact.objects.filter(pk=journey.contact_id).update(email="")
    answer = Program().move(journey, "send_proposal", {"lines": LINES, "delivery": "letter"})
    assert fields(answer) == {"to"}
    assert not Mail.objects.filter(activity__isnull=False).exists()


def test_undoing_the_sending_takes_the_letter_back() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    run(journey, "send_proposal", {"lines": LINES, "delivery": "letter"}, at=timezone.now())
    undo(journey, "proposal_sent")
    assert Mail.objects.get(activity__isnull=False).state == Mail.State.DROPPED
    version = ProposalVersion.objects.get()
    assert (version.state, version.delivery, version.letter) == ("draft", "", None)


def test_the_letter_carries_a_new_link_after_a_revocation() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    paper = Proposal.objects.get(journey=journey)
    links.revoke(paper=paper, at=timezone.now())
    run(run(journey, "object"), "send_proposal", {"lines": LINES, "delivery": "letter"})
    fresh = Proposal.objects.get(journey=journey).token
    assert fresh != paper.token
    assert f"/p/{fresh}/" in Mail.objects.get(activity__isnull=False).text


# one button saves and sends ------------------------------------------------------------------------------------------


def test_saving_leads_to_the_dialog_which_sends_what_was_saved() -> None:
    journey, client = journey_at(Stage.PROPOSAL_REQUESTED), seller()
    page = reverse("deals:proposal", args=[journey.pk])
    row = {"lines-0-description": "Gauge", "lines-0-quantity": "2", "lines-0-unit_price": "10"}
    saved = client.post(page, {**row, "revision": 1, "do": "send"})
    assert (saved.status_code, saved["Location"]) == (303, f"{page}?send=1")
    dialog = reverse("deals:proposal-send", args=[journey.pk])
    assert f'hx-get="{dialog}?revision=2"' in client.get(f"{page}?send=1").content.decode()
    drawn = client.get(dialog, headers={"HX-Request": "true"}).content.decode()
    assert "€20" in drawn and 'name="revision" value="2"' in drawn
    given = {"delivery": "handed_over", "comment": "In person at the fair", "revision": 2}
    assert client.post(dialog, given).status_code == 303
    version = ProposalVersion.objects.get()
    assert (version.state, version.delivery, str(version.total)) == ("sent", "handed_over", "20.00")
    assert version.sent_event is not None and version.sent_event.notes.get().text == "In person at the fair"


@pytest.mark.parametrize(("paper", "stage", "_sent", "_model", "versions"), PAPERS)
def test_a_draft_that_somebody_changed_meanwhile_is_not_sent(
    paper: str, stage: Stage, _sent: Stage, _model: Any, versions: Any
) -> None:
    journey, client = journey_at(stage), seller()
    if paper == "proposal":
        proposals.save_draft(
            journey_id=journey.pk, actor=people(), at=timezone.now(), note="Theirs", expected_revision=1
        )
    else:
        contracts.save_draft(journey_id=journey.pk, actor=people(), at=timezone.now(), terms="Theirs")
    dialog = reverse(f"deals:{paper}-send", args=[journey.pk])
    refused = client.post(dialog, {"delivery": "handed_over", "revision": 1})
    asked = client.get(dialog, {"revision": 1})  # by a page that shows the draft of before
    for drawn in (refused.content.decode(), asked.content.decode()):
        # it is looked at before it is sent: no button sends it unseen
        assert "changed since you opened it" in drawn and "Look at the draft" in drawn
        assert 'name="delivery"' not in drawn
    assert refused.status_code == 409
    assert "changed since you opened it" not in client.get(dialog, {"revision": 2}).content.decode()
    assert versions.objects.get(**{f"{paper}__journey": journey}).state == "draft"


def test_the_dialog_says_what_is_missing_and_who_may_not_send_is_kept_out() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    dialog = reverse("deals:proposal-send", args=[journey.pk])
    drawn = seller().get(dialog).content.decode()
    assert "Lines in the proposal" in drawn and "Back" in drawn
    stranger = Client()
    stranger.force_login(people(Role.MARKETER))
    assert stranger.get(dialog).status_code == 403
