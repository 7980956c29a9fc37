"""Demos in the calendar, missed, held and undone; and what qualifies a deal."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from deals import consumers
from deals.models import Meeting, Qualification
from funnel import notice_words
from funnel.acts import BadInput
from funnel.machine import Refused
from funnel.models import Journey, Note, Notification
from funnel.stages import MOVES, Role, Stage
from funnel.verification import verify
from tests.factories import journey_at, lead, people, run, take
from tests.factories.deals import soon
from tests.factories.journeys import PATHS
from tests.history.files import load_rows

from .helpers import event, faults, undo

pytestmark = pytest.mark.django_db


def proved() -> bool:
    return not [difference for differences in verify() for difference in differences]


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


ROUTES: dict[str, tuple[str, ...]] = {
    Stage.ACCEPTED: (),
    Stage.DEMO_HELD: ("hold_demo",),
    Stage.QUALIFIED: ("hold_demo", "qualify"),
    Stage.PROPOSAL_SENT: ("hold_demo", "qualify", "request_proposal", "send_proposal"),
    Stage.OBJECTION: ("hold_demo", "qualify", "request_proposal", "send_proposal", "object"),
}
"""Each stage that a demo may be scheduled from, and how a deal gets there."""


@pytest.mark.parametrize("stage", ROUTES)
@pytest.mark.parametrize(
    ("move", "happening", "state"),
    [("miss_demo", "demo_no_show", "missed"), ("cancel_demo", "demo_cancelled", "cancelled")],
)
def test_a_demo_that_does_not_take_place_leads_back_to_where_it_was_scheduled_from(
    stage: str, move: str, happening: str, state: str
) -> None:
    journey = take(journey_at(Stage.ACCEPTED), *ROUTES[stage], "schedule_demo", "schedule_demo", move)
    written = event(journey, happening)
    assert (journey.stage, written.stage_to, written.value) == (stage, stage, stage)
    meeting = Meeting.objects.filter(journey=journey).order_by("-pk")[0]
    assert (meeting.state, meeting.closing_event) == (state, written)
    assert proved()
    assert undo(journey, happening).stage == Stage.DEMO_SCHEDULED
    meeting.refresh_from_db()
    assert (meeting.state, meeting.closing_event) == ("scheduled", None)
    assert proved()


def test_the_table_schedules_demos_from_these_stages_alone() -> None:
    assert MOVES["schedule_demo"].sources == {*ROUTES, Stage.DEMO_SCHEDULED}


@pytest.mark.parametrize("move", ["hold_demo", "miss_demo"])
def test_a_demo_is_held_or_missed_only_after_it_began(move: str) -> None:
    journey = journey_at(Stage.ACCEPTED)
    starts = journey.stage_since + timedelta(days=3)
    journey = run(journey, "schedule_demo", {"starts_at": starts.isoformat(), "place": "Here"})
    with pytest.raises(Refused) as refused:
        run(journey, move, at=starts - timedelta(seconds=1))
    refusal = refused.value.refusals[journey.pk]
    assert (refusal.reason, refusal.missing) == ("data", ("demo.begun",))
    assert run(journey, move, at=starts).stage != Stage.DEMO_SCHEDULED


def test_a_demo_is_cancelled_only_before_it_began_and_for_a_reason() -> None:
    journey = journey_at(Stage.ACCEPTED)
    starts = journey.stage_since + timedelta(days=3)
    journey = run(journey, "schedule_demo", {"starts_at": starts.isoformat(), "place": "Here"})
    with pytest.raises(Refused) as refused:
        run(journey, "cancel_demo", {"reason": "They are ill"}, at=starts)
    assert refused.value.refusals[journey.pk].missing == ("demo.ahead",)
    with pytest.raises(BadInput) as bad:
        run(journey, "cancel_demo", {}, at=starts - timedelta(seconds=1))
    assert set(bad.value.form.errors) == {"reason"}
    journey = run(journey, "cancel_demo", {"reason": "They are ill"}, at=starts - timedelta(seconds=1))
    written = event(journey, "demo_cancelled")
    assert Note.objects.get(event=written).text == "They are ill"
    assert "ill" not in str(written.inputs) + written.reason + written.value


def test_the_specialist_is_told_that_the_demo_is_off() -> None:
    specialist = people(Role.SPECIALIST)
    inputs = {"starts_at": soon(), "place": "Here", "specialist": specialist.username}
    journey = run(run(journey_at(Stage.ACCEPTED), "schedule_demo", inputs), "cancel_demo")
    consumers.invite(event(journey, "demo_cancelled"))
    word = Notification.objects.get(user=specialist, event__event="demo_cancelled")
    assert notice_words.title(word) == f"salesperson cancels the demo: {journey}"


@pytest.mark.parametrize("move", ["lose", "refer", "merge"])
def test_any_move_out_closes_the_demo_and_undo_opens_it_again(move: str) -> None:
    journey = run(journey_at(Stage.DEMO_SCHEDULED), move)
    assert Meeting.objects.get(journey=journey).state == "cancelled"
    undo(journey, *MOVES[move].arc(Stage.DEMO_SCHEDULED).event.split())  # type: ignore[union-attr]
    assert Meeting.objects.get(journey=journey).state == "scheduled"


def test_an_imported_past_that_ends_a_demo_takes_it_out_of_the_calendar() -> None:
    lead(external_id="A")
    journey = take(Journey.objects.get(external_id="A"), *PATHS[Stage.DEMO_SCHEDULED])
    stamp = (journey.stage_since + timedelta(days=1)).isoformat()
    load_rows([f"X1,A,deal_lost,{stamp},,budget"], [])
    assert Journey.objects.get(pk=journey.pk).stage == Stage.LOST
    assert Meeting.objects.get(journey=journey).state == "cancelled"


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
