"""What came of a contact: only what reached the person answers the application, everything else is an attempt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from funnel import contacts, journey_page, letters, mailing, todo
from funnel.models import Activity, Event, Journey, Mail, Organisation, Task
from funnel.stages import Role, Stage
from tests.factories import later, lead, people, run
from tests.funnel.test_api import Api
from tests.history.files import load_rows

pytestmark = pytest.mark.django_db


def kinds(journey: Journey) -> list[str]:
    """Return what stands in the journey's live ledger after its arrival."""
    events = Event.objects.live().filter(journey=journey, seq__gt=1).order_by("seq")
    return list(events.values_list("event", flat=True))


def count(journey: Journey) -> int:
    number: int = Journey.objects.with_attempts().get(pk=journey.pk).contact_attempts  # type: ignore[attr-defined]
    return number


# by program ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("call", "reached"),
        ("call", "call_back"),
        ("call", "not_interested"),
        ("email", "sent"),
        ("message", "sent"),
    ],
)
def test_what_reached_the_person_answers_the_application(kind: str, outcome: str) -> None:
    journey = lead()
    answer = Api(Role.MARKETER).move(journey, "respond", {"kind": kind, "outcome": outcome})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["journey"]["stage"], body["event"]["event"]) == ("contacted", "first_response")
    assert body["journey"]["contact_attempts"] == 1
    assert Activity.objects.get().outcome == outcome


@pytest.mark.parametrize("outcome", ["no_answer", "left_message", "wrong_number"])
def test_what_did_not_is_counted_and_moves_nothing(outcome: str) -> None:
    journey = lead()
    api = Api(Role.MARKETER)
    for number in (1, 2):
        answer = api.move(journey, "respond", {"kind": "call", "outcome": outcome})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["journey"]["stage"], body["event"]["event"]) == ("new", "activity_logged")
        assert body["journey"]["contact_attempts"] == number
        assert body["journey"]["owner"] is None
    assert kinds(journey) == ["activity_logged", "activity_logged"]
    journey.refresh_from_db()
    left = journey_page.minutes_left(
        journey, Organisation.current(), Organisation.current().clock, timezone.now()
    )
    assert left is not None
    assert api.move(journey, "respond", {"kind": "call"}).json()["journey"]["contact_attempts"] == 3
    assert kinds(journey)[2:] == ["activity_logged", "owner_changed", "first_response"]
    assert api.get(f"activities/?journey={journey.pk}").json()["results"][0]["outcome"] == "reached"


def test_a_fact_takes_an_outcome_too_and_changes_no_stage() -> None:
    journey = lead()
    answer = Api().post(f"journeys/{journey.pk}/facts/activity_logged/", {"inputs": {"kind": "call"}})
    assert (answer.status_code, answer.json()["journey"]["stage"]) == (200, "new")
    assert Activity.objects.get().outcome == "reached"
    assert answer.json()["event"]["inputs"]["outcome"] == "reached"


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"kind": "call", "outcome": "perhaps"}, "outcome"),
        ({"kind": "call", "outcome": "sent"}, "outcome"),
        ({"kind": "call", "outcome": ["reached"]}, "outcome"),
        ({"kind": "call", "next_at": "2020-01-01T09:00:00Z"}, "next_at"),
        ({"kind": "call", "next_at": "soon"}, "next_at"),
    ],
)
def test_an_outcome_that_cannot_be_is_a_fault_of_its_field(inputs: dict[str, Any], field: str) -> None:
    journey = lead()
    answer = Api().move(journey, "respond", inputs)
    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert kinds(journey) == []


def test_trying_again_is_the_next_step_until_it_is_tried() -> None:
    fay = people(Role.FIRST_TOUCH, "fay")
    journey, due = lead(owner=fay), timezone.now() + timedelta(days=1)
    inputs = {"kind": "call", "outcome": "no_answer", "next_at": due.isoformat()}
    run(journey, "respond", inputs, actor=fay)
    task = Task.objects.get()
    assert (task.title, task.kind, task.assignee, task.due_at) == ("Call again", "call", fay, due)
    assert todo.next_steps([journey.pk])[journey.pk].due_at == due
    run(journey, "respond", {"kind": "call", "outcome": "left_message"}, actor=fay)
    task.refresh_from_db()
    assert task.state == "done"
    assert todo.next_steps([journey.pk]) == {}


def test_undoing_a_contact_takes_its_plan_back(client: Client) -> None:
    fay = people(Role.FIRST_TOUCH, "fay")
    journey = lead(owner=fay)
    due = (timezone.now() + timedelta(days=1)).isoformat()
    run(journey, "respond", {"kind": "call", "outcome": "no_answer", "next_at": due}, actor=fay)
    client.force_login(fay)
    client.post(reverse("funnel:act-undo", args=[Event.objects.get(event="activity_logged").act]))
    assert not Task.objects.exists()
    assert count(journey) == 0


def test_nobody_to_try_again_is_said_at_once() -> None:
    answer = Api(Role.SERVICE).post(
        f"journeys/{lead().pk}/facts/activity_logged/",
        {"inputs": {"kind": "call", "next_at": (timezone.now() + timedelta(days=1)).isoformat()}},
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "next_at")


# counting ------------------------------------------------------------------------------------------------------------


def test_what_the_client_does_and_what_follows_the_answer_does_not_count() -> None:
    journey = lead()
    run(journey, "activity_logged", {"kind": "call", "outcome": "no_answer"}, at=later(minutes=1))
    run(journey, "activity_logged", {"kind": "email", "direction": "inbound"}, at=later(minutes=2))
    assert count(journey) == 1
    run(journey, "respond", {"kind": "call"}, at=later(minutes=3))
    assert count(journey) == 2
    run(journey, "activity_logged", {"kind": "call"}, at=later(minutes=4))
    assert count(journey) == 2


def test_contacts_without_an_outcome_count_as_they_did() -> None:
    load_rows(
        [
            "E1,A,lead_created,2026-03-02T08:00:00Z,,",
            "E2,A,activity_logged,2026-03-02T09:00:00Z,,call",
            "E3,A,activity_logged,2026-03-02T10:00:00Z,,call",
            "E4,A,first_response,2026-03-02T11:00:00Z,,call",
            "E5,A,activity_logged,2026-03-02T12:00:00Z,,call",
        ]
    )
    journey = Journey.objects.get(external_id="A")
    assert (journey.stage, count(journey)) == (Stage.CONTACTED, 3)


# in the browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def fay(client: Client) -> Any:
    user = people(Role.FIRST_TOUCH, "fay")
    client.force_login(user)
    return user


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "call"}, "Say how it went."),
        ({"kind": "meeting"}, "Say how it went."),
        ({"kind": "call", "outcome": "reached"}, "Say what was said in the call."),
        ({"kind": "call", "outcome": "call_back"}, "Say what was said in the call."),
        ({"kind": "call", "outcome": "no_answer"}, ""),
        ({"kind": "meeting", "outcome": "reached"}, ""),
        ({"kind": "call", "direction": "inbound", "summary": "They rang"}, ""),
    ],
)
@pytest.mark.parametrize("door", ["dialog", "composer"])
def test_pages_ask_how_it_went_and_what_was_said(
    client: Client, fay: Any, given: dict[str, str], words: str, door: str
) -> None:
    journey = lead(owner=fay)
    if door == "dialog":
        url, sent = reverse("funnel:journey-move", args=[journey.pk, "respond"]), given
    else:
        url = reverse("funnel:journey-compose", args=[journey.pk])
        sent = {("text" if name == "summary" else name): value for name, value in given.items()}
    answer = client.post(url, sent)
    if words:
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not Activity.objects.exists()
    else:
        assert answer.status_code == 303
        assert Activity.objects.get().outcome == given.get("outcome", "reached")


def test_attempts_are_shown_in_inbox_journey_list_and_dialog(client: Client, fay: Any) -> None:
    journey = lead(owner=fay, company="Larkfield")
    for outcome in ("no_answer", "left_message"):
        run(journey, "respond", {"kind": "call", "outcome": outcome}, actor=fay)
    inbox = client.get(reverse("leads:inbox")).content.decode()
    assert "2 attempts</span>" in inbox
    assert "2 attempts so far" in inbox
    assert "Call, No answer" in inbox
    dialog = client.get(reverse("funnel:journey-move", args=[journey.pk, "respond"])).content.decode()
    assert "Call, Left a message" in dialog
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    assert "We reached out · No answer" in page
    assert "Attempts to reach the person" in page
    from funnel.lists import arrangement

    arrangement.choose_columns(user=fay, view=None, keys=["attempts"])
    assert 'data-col="attempts">2</td>' in client.get(reverse("funnel:journey-list")).content.decode()


# letters -------------------------------------------------------------------------------------------------------------


def write(client: Client, journey: Journey, **more: str) -> None:
    given = {"kind": "email", "way": "send", "subject": "Your sensors", "text": "Dear Ada", "answers": "on"}
    assert client.post(reverse("funnel:journey-compose", args=[journey.pk]), given | more).status_code == 303


def send(left: Any = contacts.letter_left) -> int:
    now = timezone.now() + timedelta(seconds=letters.UNDO_SECONDS + 1)
    return mailing.send_waiting(Mail, write=letters.write, now=now, left=left)


def test_a_letter_answers_once_it_has_really_left(client: Client, fay: Any, postbox: Any) -> None:
    journey = lead()
    write(client, journey)
    journey.refresh_from_db()
    activity = Activity.objects.get()
    assert (journey.stage, activity.outcome, journey.owner) == (Stage.NEW, "", None)
    assert send() == 1
    journey.refresh_from_db()
    activity.refresh_from_db()
    assert (journey.stage, activity.outcome, journey.owner) == (Stage.CONTACTED, "sent", fay)
    answered = Event.objects.get(event="first_response")
    assert answered.occurred_at == Mail.objects.get().sent_at
    assert answered.inputs["rests_on"] == [activity.event_id]
    assert count(journey) == 1
    assert send() == 0


def test_a_letter_that_never_leaves_answers_nothing(client: Client, fay: Any, postbox: Any) -> None:
    postbox[0].answer = "550 no such person"
    journey = lead()
    write(client, journey)
    for _attempt in range(mailing.MAX_ATTEMPTS):
        assert send() == 0
        Mail.objects.filter(state="waiting").update(run_at=timezone.now())
    assert Mail.objects.get().state == Mail.State.DEAD
    assert kinds(journey) == ["activity_logged"]
    assert Activity.objects.get().outcome == ""


def test_a_letter_that_left_after_another_answer_only_says_that_it_left(
    client: Client, fay: Any, postbox: Any
) -> None:
    journey = lead(owner=fay)
    write(client, journey)
    run(journey, "respond", {"kind": "call"}, actor=fay, at=timezone.now())
    assert send() == 1
    assert Event.objects.filter(event="first_response").count() == 1
    assert set(Activity.objects.values_list("outcome", flat=True)) == {"sent", "reached"}


def test_a_letter_that_was_not_meant_as_the_answer_is_none(client: Client, fay: Any, postbox: Any) -> None:
    journey = lead(owner=fay)
    write(client, journey, answers="")
    assert send() == 1
    assert kinds(journey) == ["activity_logged"]
    assert Activity.objects.get().outcome == "sent"


def test_what_a_dead_process_could_not_note_is_noted_later(client: Client, fay: Any, postbox: Any) -> None:
    journey = lead(owner=fay)
    write(client, journey)
    assert send(left=lambda row: 1 / 0) == 1  # it went out, and nothing followed
    assert kinds(journey) == ["activity_logged"]
    contacts.sweep_letters()
    contacts.sweep_letters()
    assert kinds(journey) == ["activity_logged", "first_response"]
