"""Answering and meeting: what the first-touch acts write, and what undoes them."""

import pytest

from funnel import acts
from funnel.annulment import annul, last_act
from funnel.machine import Locked, Refused, lock
from funnel.models import Activity, Event, Journey
from funnel.stages import Role, Stage
from leads.domain import meet_on_arrival
from tests.factories import START, journey_at, later, lead, people, run

pytestmark = pytest.mark.django_db


def test_a_first_response_rests_on_the_logged_call_in_the_same_act() -> None:
    journey = run(lead(), "respond", {"kind": "call", "summary": "Budget is open."}, at=later(minutes=7))
    logged, taken, answered = Event.objects.filter(journey=journey, seq__gt=1).order_by("seq")
    assert [e.event for e in (logged, taken, answered)] == [
        "activity_logged",
        "owner_changed",
        "first_response",
    ]
    assert answered.inputs == {"rests_on": [logged.pk], "activity": "call"}
    assert logged.act == answered.act
    assert logged.occurred_at == answered.occurred_at == later(minutes=7)
    assert (journey.stage, journey.stage_since) == (Stage.CONTACTED, later(minutes=7))
    activity = Activity.objects.get(event=logged)
    assert (activity.kind, activity.direction, activity.summary) == ("call", "outbound", "Budget is open.")


def test_the_summary_of_a_call_stays_out_of_the_ledger() -> None:
    journey = run(lead(), "respond", {"kind": "call", "summary": "Her private number"})
    assert "private" not in str(list(Event.objects.filter(journey=journey).values()))


def test_answering_many_rests_each_response_on_its_own_activity() -> None:
    journeys = [lead() for _ in range(3)]
    acts.run(
        name="respond",
        journeys=[journey.pk for journey in journeys],
        actor=people(Role.FIRST_TOUCH),
        inputs={"kind": "message"},
        at=later(minutes=1),
    )
    for event in Event.objects.filter(event="first_response"):
        assert Event.objects.get(pk=event.inputs["rests_on"][0]).journey_id == event.journey_id


@pytest.mark.parametrize("inputs", [{}, {"kind": "pigeon"}, {"kind": "call", "direction": "up"}, {"kind": 1}])
def test_a_response_needs_to_know_how_it_was_made(inputs: dict[str, object]) -> None:
    journey = lead()
    with pytest.raises(acts.BadInput):
        run(journey, "respond", inputs)
    assert Event.objects.filter(journey=journey).count() == 1
    assert not Activity.objects.exists()


def test_a_response_before_the_application_arrived_is_refused() -> None:
    journey = lead(at=later(hours=1))
    with pytest.raises(Refused) as caught:
        run(journey, "respond", at=START)
    assert caught.value.refusals[journey.pk].missing == ("occurred_at",)
    assert not Activity.objects.exists()


def test_undo_takes_the_response_and_its_activity_back_together() -> None:
    journey = run(lead(), "respond")
    annul(events=[e.pk for e in last_act(journey)], actor=people(Role.MANAGER), at=later(hours=1))
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW
    assert [e.event for e in Event.objects.live().filter(journey=journey)] == ["lead_created"]


def test_a_first_meeting_says_how_it_was_held() -> None:
    journey = run(journey_at(Stage.CONTACTED), "hold_first_meeting", {"how": "client", "comment": "On site"})
    event = Event.objects.get(journey=journey, event="first_meeting_held")
    assert (journey.stage, event.inputs, event.value) == (Stage.MET, {"how": "client"}, "client")
    assert journey.notes.get().text == "On site"


def test_a_meeting_on_a_new_application_answers_it_too() -> None:
    journey = lead()
    meet_on_arrival(
        journeys=lock([journey.pk]), actor=people(Role.FIRST_TOUCH), at=later(minutes=5), how="event"
    )
    journey.refresh_from_db()
    events = Event.objects.filter(journey=journey, seq__gt=1).order_by("seq")
    assert [e.event for e in events] == [
        "activity_logged",
        "owner_changed",
        "first_response",
        "first_meeting_held",
    ]
    assert len({e.act for e in events}) == 1
    assert journey.stage == Stage.MET
    annul(events=[e.pk for e in last_act(journey)], actor=people(Role.MANAGER), at=later(hours=1))
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW


def test_a_meeting_on_arrival_by_sales_writes_nothing() -> None:
    journey = lead()
    with pytest.raises(Refused):
        meet_on_arrival(
            journeys=Locked(lock([journey.pk])),
            actor=people(Role.SALESPERSON),
            at=later(minutes=5),
            how="event",
        )
    assert Event.objects.filter(journey=journey).count() == 1


def test_passing_to_another_product_opens_a_linked_journey_for_the_same_client() -> None:
    parent = journey_at(Stage.MET, service="audit", campaign="spring", company="Acme GmbH")
    run(parent, "passed_to_product", {"service": _service("training"), "comment": "They asked for it"})
    child = Journey.objects.get(parent=parent)
    fact = Event.objects.get(journey=parent, event="passed_to_product")
    assert (fact.value, fact.inputs) == ("training", {"journey": child.pk})
    assert (child.contact_id, child.company_id) == (parent.contact_id, parent.company_id)
    assert (child.source_id, child.campaign_id) == (parent.source_id, parent.campaign_id)
    assert (child.service.key, child.stage, child.seq) == ("training", Stage.NEW, 1)
    assert Event.objects.get(journey=child).event == "lead_created"
    parent.refresh_from_db()
    assert parent.stage == Stage.MET


def test_a_journey_is_not_passed_to_the_product_it_is_about() -> None:
    parent = lead(service="audit")
    with pytest.raises(acts.BadInput):
        run(parent, "passed_to_product", {"service": "audit"})
    assert Journey.objects.count() == 1


def test_undoing_the_passing_takes_the_linked_journey_away() -> None:
    parent = run(lead(service="audit"), "passed_to_product", {"service": _service("training")})
    annul(events=[e.pk for e in last_act(parent)], actor=people(Role.MANAGER), at=later(hours=1))
    assert Journey.objects.get(parent=parent).annulled_at is not None


def test_a_linked_journey_that_has_gone_on_keeps_the_passing_from_being_undone() -> None:
    from funnel.annulment import CannotAnnul

    parent = run(lead(service="audit"), "passed_to_product", {"service": _service("training")})
    child = run(Journey.objects.get(parent=parent), "respond")
    with pytest.raises(CannotAnnul):
        annul(events=[e.pk for e in last_act(parent)], actor=people(Role.MANAGER), at=later(hours=1))
    child.refresh_from_db()
    assert (child.stage, child.annulled_at) == (Stage.CONTACTED, None)


def _service(key: str) -> str:
    from funnel.models import Service

    return Service.objects.get_or_create(key=key)[0].key


def test_annulling_the_response_alone_frees_the_journey_and_keeps_the_call() -> None:
    journey = run(lead(), "respond")
    response = Event.objects.get(journey=journey, event="first_response")
    annul(events=[response.pk], actor=people(), at=later(hours=1))
    journey.refresh_from_db()
    live = Event.objects.live().filter(journey=journey).order_by("seq")
    assert (journey.stage, journey.owner) == ("new", None)
    assert [event.event for event in live] == ["lead_created", "activity_logged"]


def test_annulling_the_meeting_on_arrival_keeps_the_response_and_who_owns_it() -> None:
    journey, mary = lead(), people(Role.MARKETER, "mary")
    meet_on_arrival(journeys=lock([journey.pk]), actor=mary, at=later(minutes=5), how="event")
    meeting = Event.objects.get(journey=journey, event="first_meeting_held")
    annul(events=[meeting.pk], actor=mary, at=later(hours=1))
    journey.refresh_from_db()
    assert (journey.stage, journey.owner) == ("contacted", mary)
