"""A scheduled demo is a deal's next step until it is over: My day, the list, the board and the journey's page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from deals.models import Meeting
from funnel import todo, todo_acts
from funnel.models import Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run

pytestmark = pytest.mark.django_db


def demo_at(starts_at: datetime) -> Journey:
    """Return an hour's demo that begins then."""
    journey = journey_at(Stage.ACCEPTED, company="Avangard")
    return run(journey, "schedule_demo", {"starts_at": starts_at.isoformat(), "place": "Here"})


@pytest.mark.parametrize(("minutes", "counts"), [(-61, False), (-59, True), (60, True), (2000, True)])
def test_a_demo_counts_until_it_is_over(minutes: int, counts: bool) -> None:
    journey = demo_at(timezone.now() + timedelta(minutes=minutes))
    assert Journey.objects.with_next_step().filter(pk=journey.pk).exists() is counts
    assert Journey.objects.without_next_step().filter(pk=journey.pk).exists() is not counts
    assert (journey in todo.forgotten(journey.owner)) is not counts
    assert (journey.pk in todo.next_steps([journey.pk])) is counts


def test_a_demo_is_never_late_and_is_found_before_the_day_it_is_on() -> None:
    now = timezone.now()
    running, coming = demo_at(now - timedelta(minutes=30)), demo_at(now + timedelta(days=3))
    assert not Journey.objects.with_next_step(due_before=timezone.now()).exists()
    assert set(Journey.objects.with_next_step(due_before=now + timedelta(days=1))) == {running}
    assert set(Journey.objects.with_next_step(due_before=now + timedelta(days=4))) == {running, coming}


def test_a_demo_that_is_off_counts_no_longer() -> None:
    journey = demo_at(timezone.now() + timedelta(days=1))
    run(journey, "cancel_demo", {"reason": "They are ill"})
    assert Journey.objects.without_next_step().filter(pk=journey.pk).exists()


@pytest.mark.parametrize(("days", "title"), [(1, "Send the drawings"), (3, "Demo")])
def test_what_comes_first_is_the_next_step(days: int, title: str) -> None:
    journey = demo_at(timezone.now() + timedelta(days=2))
    assert journey.owner is not None
    todo_acts.create(
        actor=journey.owner,
        journey=journey,
        title="Send the drawings",
        due_at=timezone.now() + timedelta(days=days),
        assignee=journey.owner,
        at=timezone.now(),
    )
    with translation.override("en"):
        assert str(todo.next_steps([journey.pk])[journey.pk]) == title


@pytest.fixture
def manager(client: Client) -> Any:
    user = people(Role.MANAGER)
    client.force_login(user)
    return user


def test_list_board_journey_and_my_day_show_the_demo(client: Client, manager: Any) -> None:
    journey = demo_at(timezone.now() + timedelta(days=2))
    listed = client.get(reverse("funnel:journey-list")).content.decode()
    assert '<span class="step"><span>Demo</span>' in listed
    assert "Avangard" not in client.get(reverse("funnel:journey-list") + "?next=none").content.decode()
    board = client.get(reverse("funnel:board")).content.decode()
    assert "<span>Demo</span></p>" in board
    assert "<span>No next step</span>" not in board
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    assert "task-meeting" in page
    assert "No next step. Plan one" not in page
    assert "Waiting: Hold the demo" in page
    assert "It can be recorded once the demo has begun." in page
    day = client.get(reverse("funnel:my-day"))
    assert journey not in day.context["forgotten"]
    Meeting.objects.update(starts_at=timezone.now() - timedelta(hours=2))
    assert journey in client.get(reverse("funnel:my-day")).context["forgotten"]
