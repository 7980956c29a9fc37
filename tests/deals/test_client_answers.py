"""What clients do by the link of a proposal or contract: one answer a version, and a link that closes."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals import pdf
from deals.domain import links, proposals
from deals.models import Contract, ContractVersion, Proposal, ProposalVersion
from funnel.annulment import CannotAnnul, annul
from funnel.models import Activity, Event, Journey, Note, Notification, Organisation
from funnel.stages import Role, Stage
from tests.factories import journey_at, organisation, people, run
from tests.factories.deals import LINES, TOTAL

from .helpers import undo

pytestmark = pytest.mark.django_db

PAPERS = [
    (Stage.PROPOSAL_SENT, Proposal, ProposalVersion),
    (Stage.CONTRACT_SENT, Contract, ContractVersion),
]


def url_of(journey: Journey, paper: Any = Proposal) -> str:
    return reverse("deals:public-proposal", args=[paper.objects.get(journey=journey).token])


def answer(journey: Journey, given: str, text: str = "", *, paper: Any = Proposal, version: int = 1) -> Any:
    return Client().post(url_of(journey, paper), {"answer": given, "text": text, "version": version})


def now(journey: Journey, name: str, inputs: Any = None) -> Journey:
    """Do an act at this moment: after what the client did just now."""
    return run(journey, name, inputs, at=timezone.now())


def browser(role: Role = Role.SALESPERSON) -> Client:
    client = Client()
    client.force_login(people(role))
    return client


def answers(journey: Journey) -> list[Event]:
    return list(Event.objects.live().filter(journey=journey, event="client_answered"))


# an answer is a fact -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "paper", "versions"), PAPERS)
def test_an_answer_is_one_fact_with_its_words_told_to_the_owner_and_moves_nothing(
    stage: Stage, paper: Any, versions: Any
) -> None:
    journey = journey_at(stage)
    activities = Activity.objects.filter(journey=journey).count()
    given = {"answer": "changes", "text": "Cheaper <b>", "version": 1, "name": "Anna", "position": "CTO"}
    assert Client().post(url_of(journey, paper), given).status_code == 303
    (event,) = answers(journey)
    assert (event.value, event.actor, event.inputs["version"]) == ("changes", None, 1)
    assert Note.objects.get(event=event).text == "Cheaper <b>\n— Anna, CTO"
    version = versions.objects.get(answered_event=event)
    assert (version.answer, version.answer_text, version.answered_by, version.answered_as) == (
        "changes",
        "Cheaper <b>",
        "Anna",
        "CTO",
    )
    assert Notification.objects.get(user=people(Role.SALESPERSON), event=event).kind == "answered"
    assert Journey.objects.get(pk=journey.pk).stage == stage
    assert Activity.objects.filter(journey=journey).count() == activities


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"answer": "changes", "version": 1}, 422),
        ({"answer": "maybe", "version": 1}, 422),
        ({"answer": "accepted"}, 422),
        ({"answer": "accepted", "version": 7}, 409),
    ],
)
def test_an_answer_that_makes_no_sense_changes_nothing(given: dict[str, Any], status: int) -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    assert Client().post(url_of(journey), given).status_code == status
    assert answers(journey) == []


@pytest.mark.parametrize(("stage", "paper", "_versions"), PAPERS)
def test_a_later_answer_is_told_what_stands_and_the_same_again_changes_nothing(
    stage: Stage, paper: Any, _versions: Any
) -> None:
    journey = journey_at(stage)
    assert answer(journey, "declined", "Too late for us", paper=paper).status_code == 303
    assert answer(journey, "declined", "Too late for us", paper=paper).status_code == 303
    second = answer(journey, "accepted", paper=paper)
    assert second.status_code == 409 and "answered already: Declined" in second.content.decode()
    assert answer(journey, "declined", "Other words", paper=paper).status_code == 409
    assert [event.value for event in answers(journey)] == ["declined"]


def test_the_next_version_is_answered_anew() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    assert answer(journey, "changes", "Fewer sensors").status_code == 303
    now(now(journey, "object"), "send_proposal", {"lines": LINES[:1]})
    assert answer(journey, "accepted", version=1).status_code == 409
    assert answer(journey, "accepted", version=2).status_code == 303
    assert [(event.value, event.inputs["version"]) for event in answers(journey)] == [
        ("changes", 1),
        ("accepted", 2),
    ]


@pytest.mark.django_db(transaction=True)
def test_of_many_answers_at_once_one_counts_and_the_others_are_told() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    url = url_of(journey)
    given = ["accepted", "declined"] * 3
    barrier, codes = threading.Barrier(len(given)), []

    def send(word: str) -> None:
        try:
            client = Client()
            barrier.wait()
            codes.append((word, client.post(url, {"answer": word, "version": 1}).status_code))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(word,)) for word in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (event,) = answers(journey)
    assert ProposalVersion.objects.get().answer == event.value
    assert sorted(codes) == sorted((word, 303 if word == event.value else 409) for word in given)
    assert Notification.objects.filter(event=event).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["lose", "revoke"])
def test_a_link_that_closes_while_the_answer_is_on_its_way_takes_none(how: str) -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    url, codes = url_of(journey), []

    def accept() -> None:
        try:
            codes.append(Client().post(url, {"answer": "accepted", "version": 1}).status_code)
        finally:
            connection.close()

    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    client = threading.Thread(target=accept)
    with transaction.atomic(), connection.cursor() as cursor:
        Journey.objects.select_for_update().get(pk=journey.pk)
        client.start()
        while client.is_alive() and not cursor.execute(waiting) and not cursor.fetchone()[0]:
            client.join(0.01)
        if how == "lose":
            now(journey, "lose")
        else:
            links.revoke(paper=Proposal.objects.get(), at=timezone.now())
    client.join()
    assert (codes, answers(journey)) == ([410], [])


@pytest.mark.parametrize("role", [Role.SALESPERSON, Role.ADMINISTRATOR])
def test_nobody_answers_for_the_client(role: Role) -> None:
    from tests.deals.test_api import Program

    journey = journey_at(Stage.PROPOSAL_SENT)
    inputs = {"paper": "proposal", "version": 1, "answer": "accepted"}
    refused = Program(role).send("post", f"/journeys/{journey.pk}/facts/client_answered/", {"inputs": inputs})
    assert (refused.status_code, refused.json()["reason"]) == (409, "role")
    assert answers(journey) == []


def test_an_answer_that_a_leader_annuls_may_be_given_again_and_holds_the_sending_until_then() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    answer(journey, "declined")
    sent = Event.objects.get(journey=journey, event="proposal_sent")
    with pytest.raises(CannotAnnul):
        annul(events=[sent.pk], actor=people(), at=timezone.now())
    undo(journey, "client_answered")
    assert ProposalVersion.objects.get().answer == ""
    assert answer(journey, "accepted").status_code == 303
    undo(journey, "proposal_sent", "client_answered")
    version = ProposalVersion.objects.get()
    assert (version.state, version.answer, version.answered_at) == ("draft", "", None)


def test_an_offer_that_has_run_out_is_declined_but_not_accepted() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    ProposalVersion.objects.update(valid_until=timezone.now().date() - dt.timedelta(days=2))
    assert Client().get(url_of(journey)).status_code == 200
    assert answer(journey, "accepted").status_code == 409
    assert answer(journey, "declined").status_code == 303


# what staff do next --------------------------------------------------------------------------------------------------


def test_what_the_client_objects_fills_the_objection_where_the_category_alone_is_missing() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    answer(journey, "changes", "Too dear for three lines")
    client = browser()
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    form = reverse("funnel:journey-move", args=[journey.pk, "object"])
    assert "The client asks to change the proposal (v1)" in page and "Too dear for three lines" in page
    assert f'href="{form}"' in page
    drawn = client.get(form).content.decode()
    assert "Too dear for three lines" in drawn
    assert client.post(form, {"reason": "price", "said": "Too dear for three lines"}).status_code == 303
    assert Journey.objects.get(pk=journey.pk).stage == Stage.OBJECTION
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    assert 'aria-label="Next step"' in page
    assert "The client asks to change the proposal (v1)" not in page.split('aria-label="Next step"')[1][:1500]


def test_an_accepted_proposal_becomes_a_contract_with_its_lines_and_amount_by_one_click() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    answer(journey, "accepted")
    client = browser()
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    move = reverse("funnel:journey-move", args=[journey.pk, "request_contract"])
    contract = reverse("deals:contract", args=[journey.pk])
    assert f'<form method="post" action="{move}">' in page
    seq = Journey.objects.get(pk=journey.pk).seq
    done = client.post(move, {"expected_seq": seq, "next": contract})
    assert (done.status_code, done["Location"]) == (303, contract)
    version = ContractVersion.objects.get(contract__journey=journey)
    assert (str(version.amount), version.offer) == (TOTAL, ProposalVersion.objects.get())
    page = client.get(contract).content.decode()
    assert all(line["description"] in page for line in LINES) and "2,015.96" in page
    assert pdf.contract(version, organisation=Organisation.current()).startswith(b"%PDF")


def test_a_contract_follows_the_proposal_that_was_accepted_last() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    answer(journey, "changes", "Fewer sensors")
    now(now(journey, "object"), "send_proposal", {"lines": LINES[:1]})
    answer(journey, "accepted", version=2)
    now(journey, "request_contract")
    version = ContractVersion.objects.get(contract__journey=journey)
    assert str(version.amount) == "719.96"  # 599.97 + 20 %
    assert [line.description for line in version.offer.lines.all()] == [LINES[0]["description"]]  # type: ignore[union-attr]


def test_answers_stand_on_the_card_and_in_my_day_until_somebody_acts() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    answer(journey, "accepted")
    client = browser()
    for name in ("funnel:my-day", "funnel:board"):
        assert "The client accepts the proposal (v1)" in client.get(reverse(name)).content.decode(), name
    now(journey, "request_contract")
    for name in ("funnel:my-day", "funnel:board"):
        assert "The client accepts the proposal (v1)" not in client.get(reverse(name)).content.decode(), name


# the link ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "paper", "versions"), PAPERS)
def test_a_link_expires_after_the_days_of_the_settings(stage: Stage, paper: Any, versions: Any) -> None:
    organisation(link_days=7)
    journey = journey_at(stage)
    found = paper.objects.get(journey=journey).sent
    assert abs(found.link_expires_at - timezone.now() - dt.timedelta(days=7)) < dt.timedelta(minutes=5)
    assert Client().get(url_of(journey, paper)).status_code == 200
    versions.objects.update(link_expires_at=timezone.now() - dt.timedelta(seconds=1))
    for response in (Client().get(url_of(journey, paper)), answer(journey, "accepted", paper=paper)):
        assert response.status_code == 410 and "expired" in response.content.decode()
    assert answers(journey) == []


def test_a_link_that_does_not_expire_has_no_day() -> None:
    organisation(link_days=0)
    journey_at(Stage.PROPOSAL_SENT)
    assert ProposalVersion.objects.get().link_expires_at is None


@pytest.mark.parametrize(("stage", "paper", "_versions"), PAPERS)
def test_staff_revoke_a_link_and_replace_it(stage: Stage, paper: Any, _versions: Any) -> None:
    journey = journey_at(stage)
    name = paper.__name__.lower()
    first, page = url_of(journey, paper), reverse(f"deals:{name}-link", args=[journey.pk])
    client = browser()
    assert client.post(page, {"do": "nothing"}).status_code == 400
    assert client.post(page, {"do": "revoke"}).status_code == 303
    assert Client().get(first).status_code == 410
    assert Client().get(f"{first}{name}.pdf").status_code == 410
    assert client.post(page, {"do": "replace"}).status_code == 303
    second = url_of(journey, paper)
    assert second != first and Client().get(second).status_code == 200
    old = Client().get(first)
    assert old.status_code == 410 and "replaced" in old.content.decode()
    assert browser(Role.MARKETER).post(page, {"do": "revoke"}).status_code == 403
    assert client.get(reverse(f"deals:{name}", args=[journey.pk])).status_code == 200


@pytest.mark.parametrize(("move", "status"), [("lose", 410), ("refer", 410), ("request_contract", 200)])
def test_a_link_closes_with_the_deal(move: str, status: int) -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    url = url_of(journey)
    run(journey, move)
    assert Client().get(url).status_code == status
    assert Client().get(f"{url}proposal.pdf").status_code == status


def test_after_the_signature_papers_are_readable_and_take_no_answer() -> None:
    journey = journey_at(Stage.WON)
    for paper in (Proposal, Contract):
        page = Client().get(url_of(journey, paper))
        assert page.status_code == 200 and 'name="answer"' not in page.content.decode()
        assert answer(journey, "declined", paper=paper).status_code == 409
    assert answers(journey) == []


def test_a_deal_taken_up_again_opens_its_link_again() -> None:
    journey = run(journey_at(Stage.PROPOSAL_SENT), "lose")
    assert Client().get(url_of(journey)).status_code == 410
    run(journey, "reopen", {"stage": "qualified", "why": "They came back."})
    assert Client().get(url_of(journey)).status_code == 200


def test_sending_after_a_revocation_gives_the_client_a_link_that_works() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    old = url_of(journey)
    links.revoke(paper=Proposal.objects.get(journey=journey), at=timezone.now())
    proposals.save_draft(journey_id=journey.pk, actor=people(), at=timezone.now())
    run(run(journey, "object"), "send_proposal", {})
    assert Client().get(old).status_code == 410
    assert Client().get(url_of(journey)).status_code == 200


def test_programs_read_and_close_links() -> None:
    from tests.deals.test_api import Program

    journey, program = journey_at(Stage.CONTRACT_SENT), Program(Role.SALESPERSON)
    for name, model in (("proposals", Proposal), ("contracts", Contract)):
        paper = model.objects.get(journey=journey)
        assert program.get(f"/{name}/{paper.pk}/").json()["link_state"] == "open"
        closed = program.send("post", f"/{name}/{paper.pk}/revoke-link/", {})
        assert (closed.status_code, closed.json()["link_state"]) == (200, "revoked")
        fresh = program.send("post", f"/{name}/{paper.pk}/replace-link/", {}).json()
        assert fresh["link_state"] == "open" and fresh["public_url"] == url_of(journey, model)
    assert program.get("/contracts/").json()["results"][0]["versions"][0]["lines"][0]["quantity"] == "3.000"
    answer(journey, "accepted", paper=Contract)
    (found,) = program.get("/contracts/?answer=accepted").json()["results"]
    assert (found["answer"], found["answered_version"]) == ("accepted", 1)
