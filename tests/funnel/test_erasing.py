"""Erasing a person: every table is searched for what they are called, wrote and were written."""

import json
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from funnel.merging import merge
from funnel.models import BulkJob, Contact, Event, IdempotencyKey, Journey, OutboxRow, SavedView
from funnel.stages import MOVES, Role
from leads.models import PendingApplication, WebForm
from tests.factories import START, STEPS, lead, people, run
from tests.factories.deals import begun, soon
from tests.factories.journeys import PATHS
from tests.history.files import EVENT_HEADER, JOURNEY_HEADER, load, table

from .plain import person
from .test_api import Api

pytestmark = pytest.mark.django_db

MARK = "quoll"
"""Stands in every text about the person."""
PHONE = "+4930123456789"


def marked(value: Any) -> Any:
    """Return inputs with the mark in each text that is free."""
    if isinstance(value, dict):
        free = {"summary", "comment", "need", "authority", "timing", "said", "place", "terms", "text", "why"}
        free |= {"description", "resolution", "note", "decision_maker", "deadline", "attendees"}
        return {
            key: f"{inner} {MARK}" if key in free and isinstance(inner, str) else marked(inner)
            for key, inner in value.items()
        }
    return [marked(inner) for inner in value] if isinstance(value, list) else value


def mentions(*texts: str) -> dict[str, list[str]]:
    """Return the rows of every table in which one of the texts stands."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(
                f"SELECT t::text FROM {connection.ops.quote_name(table)} t WHERE "
                + " OR ".join(["t::text ILIKE %s"] * len(texts)),
                [f"%{text}%" for text in texts],
            )
            if rows := [row[0] for row in cursor.fetchall()]:
                found[table] = rows
    return found


def person_everywhere(api: Api) -> Journey:
    """Return a won journey whose person stands in whatever keeps words."""
    captured = api.post(
        "leads/",
        {
            "name": "Zyx Quoll",
            "email": "zyx@quoll.example",
            "phone": PHONE,
            "source": "web",
            "occurred_at": START.isoformat(),
            "message": "Quoll asks for three halls.",
            "utm": {"utm_term": "quoll"},
            "external_id": "order-of-zyx@quoll.example",
        },
        **{"Idempotency-Key": "capture-zyx@quoll.example"},
    )
    assert captured.status_code == 201, captured.content
    journey = Journey.objects.get(pk=captured.json()["journey"]["id"])
    Contact.objects.filter(pk=journey.contact_id).update(external_id="QUOLL-1")
    manager = people(Role.MANAGER)
    for name in (*PATHS["proposal_sent"], "object", "objection_resolved", "request_contract"):
        run(journey, name, marked(dict(STEPS[name](journey))), actor=manager if name not in MOVES else None)
        journey.refresh_from_db()
        if name == "schedule_demo":
            again = begun(journey) | {"place": f"Hall of {MARK}", "attendees": f"Zyx {MARK}"}
            run(journey, "schedule_demo", again)
    for name in ("legal_issue_raised", "legal_issue_resolved", "send_contract", "sign", "payment_received"):
        if name in STEPS:
            run(journey, name, marked(dict(STEPS[name](journey))))
    for path, body in (
        (f"journeys/{journey.pk}/facts/note_logged/", {"inputs": {"text": "Zyx Quoll called."}}),
        (
            f"journeys/{journey.pk}/facts/activity_logged/",
            {"inputs": marked(dict(STEPS["respond"](journey)))},
        ),
        ("tasks/", {"title": "Call Quoll", "details": "Quoll", "journey": journey.pk, "due_at": soon()}),
        ("views/", {"name": "Of Zyx Quoll", "query": "q=zyx%40quoll.example&stage=new"}),
    ):
        answer = api.post(path, body, **{"Idempotency-Key": f"quoll-{path}"})
        assert answer.status_code in {200, 201}, (path, answer.content)
    contact = api.get(f"contacts/{journey.contact_id}/").json()
    for name in ("Zyx Quoll the Elder", "Zyx Quoll"):
        key = {"Idempotency-Key": f"name-{name}"}
        body = json.dumps({"name": name, "mark": ""})
        changed = api.client.patch(
            f"/api/v1/contacts/{contact['id']}/", body, content_type="application/json", headers=key
        )
        assert changed.status_code == 200, changed.content
    loser = lead(name="Zyx Quoll-Smith", email="smith@quoll.example", phone="+4930999888").contact
    merge(survivor=Contact.objects.get(pk=journey.contact_id), loser=loser, actor=manager, at=timezone.now())
    BulkJob.objects.create(
        act="lose",
        inputs="reason=price&comment=Quoll",
        journeys=[journey.pk],
        back="/journeys/?q=quoll",
        state=BulkJob.State.DONE,
        created_by=manager,
        queued_at=timezone.now(),
    )
    OutboxRow.objects.filter(event__journey=journey).update(error="No mailbox zyx@quoll.example")
    PendingApplication.objects.create(
        form=WebForm.objects.first(),
        submission="s1",
        fingerprint="f1",
        email="zyx@quoll.example",
        answers={"name": "Zyx Quoll"},
        created_at=timezone.now(),
    )
    return journey


def test_after_an_erasure_no_table_names_the_person(settings: Any) -> None:
    api = Api()
    journey = person_everywhere(api)
    before = mentions(MARK, PHONE)
    assert {"funnel_idempotencykey", "funnel_savedview", "funnel_contact", "funnel_outboxrow"} <= set(before)
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now())
    assert mentions(MARK, PHONE) == {}
    assert api.get(f"journeys/{journey.pk}/").json()["external_id"] is None
    assert Event.objects.filter(journey=journey).count() > 10
    assert SavedView.objects.get().query == "stage=new"


def test_a_retry_after_the_erasure_repeats_neither_the_answer_nor_the_act() -> None:
    api = Api()
    body = {"name": "Zyx Quoll", "email": "zyx@quoll.example", "source": "web"}
    key = {"Idempotency-Key": "once"}
    first = api.post("leads/", body, **key)
    other = api.post(
        "leads/", {**body, "email": "other@client.example", "name": "Ada"}, **{"Idempotency-Key": "2"}
    )
    journey = Journey.objects.get(pk=first.json()["journey"]["id"])
    task = {"title": "Ring", "journey": journey.pk, "due_at": soon()}
    assert api.post("tasks/", task, **{"Idempotency-Key": "3"}).status_code == 201
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now())
    for path, sent, name in (("leads/", body, "once"), ("tasks/", task, "3")):
        again = api.post(path, sent, **{"Idempotency-Key": name})
        assert (again.status_code, again.json()["type"]) == (409, "/problems/answer-erased")
        assert again["Content-Type"] == "application/problem+json"
    assert Journey.objects.count() == 2
    same = {**body, "email": "other@client.example", "name": "Ada"}
    untouched = api.post("leads/", same, **{"Idempotency-Key": "2"})
    assert (untouched.status_code, untouched.json()) == (201, other.json())
    assert IdempotencyKey.objects.count() == 3


def test_an_application_sent_again_by_its_external_id_does_not_bring_an_erased_person_back() -> None:
    api = Api()
    body = {"name": "Zyx", "email": "zyx@quoll.example", "source": "web", "external_id": "zyx@quoll.example"}
    journey = Journey.objects.get(pk=api.post("leads/", body).json()["journey"]["id"])
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now())
    again = api.post("leads/", body)
    assert (again.status_code, again.json()["journey"]["id"]) == (200, journey.pk)
    assert again.json()["journey"]["external_id"] is None
    assert mentions("quoll") == {}


def test_a_history_read_again_does_not_bring_an_erased_journey_back() -> None:
    journeys = table(JOURNEY_HEADER, ["J1,C1,web,,,,", "J2,C2,web,,,,"])
    events = [
        "E1,J1,lead_created,2026-03-02T08:00:00Z,,",
        "E2,J2,lead_created,2026-03-02T08:00:00Z,,",
        "E3,J2,marked_spam,2026-03-03T08:00:00Z,,",
    ]
    load(journeys, table(EVENT_HEADER, events))
    journey = Journey.objects.get(external_id="J1")
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now(), actor=person())
    assert not Journey.objects.filter(external_id="J1").exists()
    later = [*events, "E4,J1,lead_lost,2026-03-04T08:00:00Z,,price"]
    again = load(journeys, table(EVENT_HEADER, later))
    assert (again.counts, again.places) == ((6, 1, 5, 0), [])
    assert Journey.objects.count() == 2
    assert Event.objects.get(external_id="E4").journey_id == journey.pk


def test_somebody_elses_words_stay() -> None:
    api = Api()
    journey, other = lead(name="Zyx Quoll"), lead(name="Ada Example", email="ada@client.example")
    run(other, "note_logged", {"text": "Rings on Monday."}, actor=person())
    api.post("views/", {"name": "Of Ada", "query": "q=Ada&stage=new"})
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now())
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("Of Ada", "q=Ada&stage=new")
    assert set(mentions("Rings on Monday", "ada@client")) >= {"funnel_note", "funnel_contact"}


def test_a_search_for_a_part_of_the_name_goes_unless_it_finds_somebody_else() -> None:
    api = Api()
    journey = lead(name="Zyx Quoll", email="zyx@client.example")
    lead(name="Ada Example", email="ada@client.example")
    for name, query in (
        ("Quoll", "q=quoll&stage=new"),
        ("Swapped", "q=Quoll+zyx"),
        ("Of clients", "q=client&stage=new"),
        ("Stage", "stage=new"),
    ):
        assert api.post("views/", {"name": name, "query": query}).status_code == 201
    run(journey, "personal_data_erased", {"sure": True}, at=timezone.now())
    assert dict(SavedView.objects.values_list("name", "query")) == {
        "—": "stage=new",
        "Swapped": "",
        "Of clients": "q=client&stage=new",
        "Stage": "stage=new",
    }
