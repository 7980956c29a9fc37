"""What the people of the demo have to do: a next step on most open journeys, and what comes again every week."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Final

from funnel import todo_acts
from funnel.models import Journey, Task, User
from funnel.recurrence import due, zone_of
from funnel.stages import DEAL_STAGES

from .people import Cast
from .words import OWN_TASKS, REVIEWS, STEPS

PLANNED: Final = 0.82
"""So many open journeys have a next step; the others are there to be found."""
SHARES: Final = ((0.16, -3, -1), (0.36, 0, 0), (0.58, 1, 1), (1.0, 2, 9))
"""(up to this share, from so many days after today, to so many): when next steps are due."""
FRESH: Final = timedelta(hours=6)
"""People are reminded today of what fell due within so long."""


def plan_steps(cast: Cast, rng: Random, until: datetime) -> int:
    """Give the people tasks as they stand at `until`; return how many."""
    journeys = Journey.objects.open().exclude(owner=None).select_related("owner").order_by("pk")
    made = 0
    for journey in journeys:
        if journey.owner is None or rng.random() > PLANNED:
            continue
        title, kind = rng.choice(STEPS[str(journey.stage)])
        _plan(cast, rng, until, journey.owner, actor=journey.owner, journey=journey, title=title, kind=kind)
        made += 1
    made += _reviews(cast, rng, until) + _own(cast, until)
    _done_today(rng, until)
    Task.objects.open().filter(remind_at__lte=until - FRESH).update(remind_at=None)
    return made


def _plan(cast: Cast, rng: Random, until: datetime, assignee: User, *, actor: User, **given: Any) -> Task:
    share = rng.random()
    first, last = next((first, last) for top, first, last in SHARES if share <= top)
    at = time(rng.randrange(9, 18), rng.choice((0, 30))) if rng.random() < 0.3 else None
    zone = zone_of(assignee, cast.organisation)
    day = until.astimezone(zone).date() + timedelta(days=rng.randint(first, last))
    return todo_acts.create(
        actor=actor,
        at=until - timedelta(days=4, minutes=rng.randrange(600)),
        assignee=assignee,
        due_at=due(day, at, zone),
        all_day=at is None,
        **given,
    )


def _reviews(cast: Cast, rng: Random, until: datetime) -> int:
    """The manager is asked to look at some deals."""
    deals = Journey.objects.open().filter(stage__in=DEAL_STAGES).exclude(owner=None).select_related("owner")
    chosen = list(deals.order_by("-stage_since", "pk")[: len(REVIEWS)])
    for journey, (title, kind) in zip(chosen, REVIEWS, strict=False):
        _plan(cast, rng, until, cast.users["manager"], actor=journey.owner or cast.users["sales"],
              journey=journey, title=title, kind=kind)  # fmt: skip
    return len(chosen)


def _own(cast: Cast, until: datetime) -> int:
    """What comes again, on no journey."""
    for username, title, repeat, ahead, at in OWN_TASKS:
        user = cast.users[username]
        zone = zone_of(user, cast.organisation)
        day = until.astimezone(zone).date() + timedelta(days=ahead)
        todo_acts.create(
            actor=user,
            at=until - timedelta(days=9),
            assignee=user,
            title=title,
            due_at=due(day, at, zone),
            all_day=at is None,
            repeat=repeat,
        )
    return len(OWN_TASKS)


def _done_today(rng: Random, until: datetime) -> None:
    """Everybody has got something done already."""
    for user in User.objects.filter(tasks__state=Task.State.OPEN).distinct().order_by("pk"):
        for task in Task.objects.open().filter(assignee=user, repeat="").order_by("-due_at", "pk")[:2]:
            todo_acts.complete(task=task.pk, actor=user, at=until - timedelta(minutes=rng.randrange(5, 90)))
