"""Demos in the calendar, missed, held and undone; and what qualifies a deal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from deals.models import Meeting, Qualification
from funnel.models import Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run
from tests.factories.deals import soon

from .helpers import event, faults, undo

pytestmark = pytest.mark.django_db


def test_a_demo_stands_in_the_calendar_with_place_people_and_specialist() -> None:
    specialist = people(Role.SPECIALIST)
    inputs = {
        "starts_at": "2026-03-20T10:00:00+01:00",
        "minutes": 45,
        "link": "https://meet.example/a",
        "attendees": "Chief engineer",
        "specialist": specialist.username,
    }
    journey = run(journey_at(Stage.ACCEPTED), "schedule_demo", inputs)
    meeting = Meeting.objects.get(journey=journey)
    assert (meeting.state, meeting.specialist, meeting.minutes) == ("scheduled", specialist, 45)
    assert meeting.starts_at.isoformat() == "2026-03-20T09:00:00+00:00"
    assert meeting.ends_at.isoformat() == "2026-03-20T09:45:00+00:00"
    assert event(journey, "demo_scheduled").inputs["specialist"] == specialist.pk


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"place": "Here"}, "starts_at"),
        ({"starts_at": soon()}, "place"),
        ({"starts_at": "tomorrow", "place": "Here"}, "starts_at"),
        ({"starts_at": "2226-03-20T10:00:00Z", "place": "Here"}, "starts_at"),
        ({"starts_at": soon(), "link": "javascript:alert(1)"}, "link"),
        ({"starts_at": soon(), "place": "Here", "minutes": 0}, "minutes"),
        ({"starts_at": soon(), "place": "Here", "specialist": "nobody"}, "specialist"),
    ],
)
def test_a_demo_needs_a_time_and_a_place_or_a_link(inputs: dict[str, Any], field: str) -> None:
    assert faults(journey_at(Stage.ACCEPTED), "schedule_demo", inputs) == {field}


def test_a_second_time_reschedules_the_first_and_undo_restores_it() -> None:
    journey = run(journey_at(Stage.DEMO_SCHEDULED), "schedule_demo")
    assert list(Meeting.objects.filter(journey=journey).order_by("pk").values_list("state", flat=True)) == [
        "rescheduled",
        "scheduled",
    ]
    last = event(journey, "demo_scheduled")
    from django.utils import timezone

    from funnel.annulment import annul

    annul(events=[last.pk], actor=people(), at=timezone.now())
    assert [meeting.state for meeting in Meeting.objects.filter(journey=journey)] == ["scheduled"]


def test_a_missed_demo_goes_back_to_accepted_and_undo_puts_it_back_into_the_calendar() -> None:
    journey = run(journey_at(Stage.DEMO_SCHEDULED), "miss_demo")
    assert (journey.stage, Meeting.objects.get(journey=journey).state) == (Stage.ACCEPTED, "missed")
    assert undo(journey, "demo_no_show").stage == Stage.DEMO_SCHEDULED
    assert Meeting.objects.get(journey=journey).state == "scheduled"


def test_holding_closes_the_scheduled_demo_with_its_outcome_and_undo_reopens_it() -> None:
    journey = run(journey_at(Stage.DEMO_SCHEDULED), "hold_demo", {"outcome": "proposal"})
    meeting = Meeting.objects.get(journey=journey)
    assert (meeting.state, meeting.outcome) == ("held", "proposal")
    undo(journey, "demo_held")
    meeting.refresh_from_db()
    assert (meeting.state, meeting.outcome, meeting.closing_event) == ("scheduled", "", None)


def test_a_demo_nobody_had_scheduled_is_kept_too_and_undo_removes_it() -> None:
    journey = run(journey_at(Stage.ACCEPTED), "hold_demo")
    assert Meeting.objects.get(journey=journey).state == "held"
    undo(journey, "demo_held")
    assert not Meeting.objects.filter(journey=journey).exists()


@pytest.mark.parametrize("inputs", [{}, {"outcome": "splendid"}, {"outcome": ["interested"]}])
def test_holding_needs_an_outcome_of_the_list(inputs: dict[str, Any]) -> None:
    assert faults(journey_at(Stage.DEMO_SCHEDULED), "hold_demo", inputs) == {"outcome"}


def test_qualifying_keeps_the_words_out_of_the_ledger_and_undo_removes_them() -> None:
    journey = journey_at(Stage.QUALIFIED)
    found = Qualification.objects.get(journey=journey)
    assert (found.budget, found.need) == (Decimal("25000.00"), "Pressure on line 2")
    assert event(journey, "sql_qualified").inputs == {}
    assert undo(journey, "sql_qualified").stage == Stage.DEMO_HELD
    assert not Qualification.objects.filter(journey=journey).exists()


@pytest.mark.parametrize("gone", ["need", "budget", "authority", "timing"])
def test_qualifying_needs_all_four(gone: str) -> None:
    inputs = {"need": "a", "budget": 1, "authority": "b", "timing": "c"}
    del inputs[gone]
    assert faults(journey_at(Stage.DEMO_HELD), "qualify", inputs) == {gone}


def test_a_specialist_sees_the_journeys_they_are_invited_to_and_no_other() -> None:
    specialist, other = people(Role.SPECIALIST), people(Role.SPECIALIST, "other")
    inputs = {"starts_at": soon(), "place": "Here", "specialist": specialist.username}
    journey = run(journey_at(Stage.ACCEPTED), "schedule_demo", inputs)
    journey_at(Stage.ACCEPTED)
    assert list(Journey.objects.visible_to(specialist)) == [journey]
    assert not Journey.objects.visible_to(other).exists()
    assert list(Meeting.objects.visible_to(specialist)) == list(Meeting.objects.filter(journey=journey))
