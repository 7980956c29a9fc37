"""What is to be done: the next steps of journeys, a person's day, and the journeys that nobody has a step for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from . import registry
from .access import Permission, may
from .models import Journey, Task, User
from .queries import JourneyQuerySet
from .stages import VOID_STAGES, Role

DONE_SHOWN: Final = 20
DONE_LAST: Final = 5
"""So many done tasks a journey's page shows beside the open ones."""
FORGOTTEN_SHOWN: Final = 10
BADGE: Final = 100


@dataclass(frozen=True, slots=True)
class Step:
    """The next step of a journey: a task or a meeting, what it is called and when it is due."""

    title: str
    due_at: datetime

    def __str__(self) -> str:
        return self.title


def next_steps(journeys: Iterable[int]) -> dict[int, Step]:
    """Return the next step of each of these journeys (ids) that has one: one statement.

    The next step is the open task or the meeting that is due first. A journey that is not in the answer has none.
    """
    keys = list(journeys)
    tasks = (
        Task.objects.open()
        .filter(journey__in=keys)
        .order_by("journey_id", "due_at", "pk")
        .distinct("journey_id")
        .values_list("journey_id", "title", "due_at")
    )
    rows = tasks.union(*_meetings(keys), all=True) if registry.appointments else tasks
    steps: dict[int, Step] = {}
    for pk, title, due_at in rows:
        if pk not in steps or due_at < steps[pk].due_at:
            steps[pk] = Step(title, due_at)
    return steps


def next_meeting(journey: Journey) -> Step | None:
    """Return the meeting of the journey that is scheduled and not over: one statement, none where it was read along."""
    names = [f"meetings_{place}" for place in range(len(registry.appointments))]
    if all(name in journey.__dict__ for name in names):
        rows = [row for name in names for row in journey.__dict__[name]]
        found = [Step(row["called"], datetime.fromisoformat(row["due"])) for row in rows]
    else:
        found = [Step(*row[1:]) for meetings in _meetings([journey.pk]) for row in meetings]
    return min(found, key=lambda step: step.due_at, default=None)


def _meetings(journeys: list[int]) -> list[QuerySet[Any]]:
    return [
        find().order_by().filter(journey__in=journeys).values_list("journey_id", "called", "due")
        for find in registry.appointments
    ]


def of_journey(journey: Journey) -> tuple[list[Task], list[Task]]:
    """Return the journey's open tasks, the first due first, and those done last, the latest first: one statement."""
    tasks = Task.objects.filter(journey=journey.pk)
    done = tasks.filter(state=Task.State.DONE).order_by("-closed_at", "-pk").values("pk")[:DONE_LAST]
    found = list(
        tasks.filter(Q(state=Task.State.OPEN) | Q(pk__in=done))
        .select_related("assignee")
        .order_by("due_at", "pk")
    )
    finished = [task for task in found if task.closed_at is not None]
    finished.sort(key=lambda task: (task.closed_at, task.pk), reverse=True)
    return [task for task in found if task.is_open], finished


# a person's day ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Days:
    """Where today and tomorrow begin and end, in a zone, as seen at `now`."""

    now: datetime
    today: datetime
    tomorrow: datetime
    after: datetime

    @classmethod
    def at(cls, now: datetime, zone: tzinfo) -> Days:
        here = now.astimezone(zone).date()
        first, second, third = (
            datetime.combine(here + timedelta(days=days), time(), tzinfo=zone) for days in (0, 1, 2)
        )
        return cls(now, first, second, third)

    def key_of(self, due_at: datetime) -> str:
        """Return the part of the day's list that something due then belongs to."""
        if due_at < self.now:
            return "overdue"
        if due_at < self.tomorrow:
            return "today"
        return "tomorrow" if due_at < self.after else "later"


PARTS: Final = {
    "overdue": _("Overdue"),
    "today": _("Today"),
    "tomorrow": _("Tomorrow"),
    "later": _("Later"),
}


def tasks_of(user: User) -> QuerySet[Task]:
    """Return the open tasks of a person, wherever they are, with what a list of them shows."""
    return Task.objects.open().valid().filter(assignee=user).with_people()


def counts(user: User, days: Days) -> dict[str, int]:
    """Return how many open tasks a person has in each part of the list: one statement."""
    found: dict[str, int] = (
        Task.objects.open()
        .valid()
        .filter(assignee=user)
        .aggregate(
            overdue=Count("pk", filter=Q(due_at__lt=days.now)),
            today=Count("pk", filter=Q(due_at__gte=days.now, due_at__lt=days.tomorrow)),
            tomorrow=Count("pk", filter=Q(due_at__gte=days.tomorrow, due_at__lt=days.after)),
            later=Count("pk", filter=Q(due_at__gte=days.after)),
        )
    )
    return found


def done_today(user: User, days: Days) -> list[Task]:
    """Return what the person got done today, the latest first, at most `DONE_SHOWN`: one statement."""
    return list(
        Task.objects.valid()
        .filter(assignee=user, state=Task.State.DONE, closed_at__gte=days.today)
        .with_people()
        .order_by("-closed_at", "-pk")[:DONE_SHOWN]
    )


def forgotten(user: User | None) -> JourneyQuerySet:
    """Return the open journeys of a person, or for None of everybody, that have no next step, the oldest ones first."""
    journeys = Journey.objects.without_next_step()
    return (journeys.owned_by(user) if user else journeys).order_by("stage_since", "pk")


def is_own(user: User, task: Task) -> bool:
    """Tell whether a task on no journey is for somebody to see: its two people, and who leads."""
    return user.leads_everyone or user.pk in (task.assignee_id, task.created_by_id)


def may_plan(user: User, journey: Journey) -> bool:
    """Tell whether somebody may plan a step on a journey that they see; void ones need none."""
    return may(user, Permission.SEE_WORKSPACE) and journey.stage not in VOID_STAGES


def colleagues() -> QuerySet[User]:
    """Return those who may be given a task, by name."""
    return (
        User.objects.filter(is_active=True)
        .exclude(role__in=(Role.PARTNER, Role.SERVICE))
        .order_by("name", "username")
    )


def due_before(user: User, until: datetime) -> QuerySet[Any]:
    """Return the tasks of a person that are due before `until`, for the left bar, which counts no more than `BADGE`."""
    return Task.objects.open().filter(assignee=user, due_at__lt=until).order_by().values("pk")[:BADGE]
