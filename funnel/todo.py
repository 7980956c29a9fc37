"""What is to be done: the next steps of journeys, a person's day, and the journeys that nobody has a step for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .access import Permission, may
from .models import Journey, Notification, Task, User
from .queries import JourneyQuerySet
from .stages import VOID_STAGES, Role

DONE_SHOWN: Final = 20
FORGOTTEN_SHOWN: Final = 20
BADGE: Final = 100


def next_steps(journeys: Iterable[int]) -> dict[int, Task]:
    """Return the next step of each of these journeys (ids) that has one, with its assignee: one statement.

    The next step is the open task that is due first. A journey that is not in the answer has none.
    """
    first = (
        Task.objects.open()
        .filter(journey__in=list(journeys))
        .select_related("assignee")
        .order_by("journey_id", "due_at", "pk")
        .distinct("journey_id")
    )
    return {task.journey_id: task for task in first if task.journey_id is not None}


def of_journey(journey: Journey) -> list[Task]:
    """Return the journey's open tasks, the first due first: one statement."""
    return list(
        Task.objects.open().filter(journey=journey.pk).select_related("assignee").order_by("due_at", "pk")
    )


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


def unread_and_due(user: User, until: datetime) -> tuple[int, int]:
    """Return how many notifications a person has not read and how many tasks are due before `until`: one statement.

    Both for the left bar of every page, so no more than `BADGE` are counted.
    """
    parts: list[QuerySet[Any]] = [
        Notification.objects.filter(user=user, read_at=None).order_by().values("pk")[:BADGE],
        Task.objects.open().filter(assignee=user, due_at__lt=until).order_by().values("pk")[:BADGE],
    ]
    told = [part.query.sql_with_params() for part in parts]
    counts = [f"(SELECT count(*) FROM ({statement}) AS part)" for statement, _given in told]  # noqa: S608  put together from querysets; values are parameters
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(counts), [value for _, given in told for value in given])
        unread, due = cursor.fetchone()
    return unread, due


# how it stands with many ---------------------------------------------------------------------------------------------


def overdue_of(users: Iterable[int], *, at: datetime | None = None) -> dict[int, tuple[int, datetime]]:
    """Return for each person (id) with overdue tasks how many, and since when the oldest is due: one statement."""
    rows: Iterable[Any] = (
        Task.objects.open()
        .valid()
        .filter(assignee__in=list(users), due_at__lt=at or timezone.now())
        .order_by()
        .values("assignee")
        .annotate(number=Count("pk"), first=Min("due_at"))
        .values_list("assignee", "number", "first")
    )
    return {user: (number, first) for user, number, first in rows}
