"""Making the demo: all stories at once, act by act in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from random import Random
from typing import Final

from django.db import transaction
from django.db.models import Sum

from funnel import outbox
from funnel.models import Event, OutboxRow
from funnel.stages import Happening, Stage
from kpi import plans

from .arranging import arrange
from .clock import StoppedClock, stopped
from .errands import plan_steps
from .knowing import know
from .people import Cast, gather
from .season import MONTHS, YEARS, arrivals, working
from .spending import spend
from .stories import WAYS, Story, Teller

SHOWN_SHARE: Final = 9
"""One journey in so many shows a stage as it stands today, so that no column of the board is empty."""
OLD_NEWS: Final = timedelta(days=3)
"""Nobody is told today of what is older than that."""
NEWS: Final = ("notify", "partners")
"""The consumers of the outbox that only tell people."""

GROWN: Final = 4
"""By so many per cent of the usual a month's plan lies above the one before."""
MONEY: Final = ("payments_net", "contract_value_won")

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made."""

    journeys: int
    events: int
    plans: int


@transaction.atomic
def make(
    *,
    seed: int,
    journeys: int,
    until: datetime,
    tell: Tell = lambda done, count: None,
    sign_in: bool = True,
) -> Made:
    """Make so many journeys of the years up to `until`; `tell` hears how many have arrived, of how many.

    The demo's colleagues get its known password only where they are to `sign_in`.
    """
    rng = Random(f"{seed}")  # noqa: S311  nothing here is a secret
    clock = StoppedClock(until - timedelta(days=366 * YEARS))
    before = Event.objects.count()
    with stopped(clock), outbox.asleep():
        cast = gather(sign_in=sign_in)
        _live(_stories(cast, rng, seed=seed, count=journeys, until=until), clock, until, tell, journeys)
        clock.at = until
        planned = _plan(rng, until)
        spend(rng, until)
        plan_steps(cast, rng, until)
        arrange(rng, until)
        know(cast, rng, until)
        OutboxRow.objects.filter(
            consumer__in=NEWS, state=OutboxRow.State.WAITING, event__occurred_at__lt=until - OLD_NEWS
        ).update(state=OutboxRow.State.DONE, done_at=until)
        # tasks are planned once all is over, so nothing of the past ends any
        OutboxRow.objects.filter(consumer="tasks", state=OutboxRow.State.WAITING).update(
            state=OutboxRow.State.DONE, done_at=until
        )
    return Made(journeys, Event.objects.count() - before, planned)


def _live(stories: Iterator[Story], clock: StoppedClock, until: datetime, tell: Tell, count: int) -> None:
    """Go through time from act to act. A story that goes on beyond `until` stays where it is then."""
    waiting = [(next(story), number, story) for number, story in enumerate(stories)]
    heapq.heapify(waiting)
    begun: set[int] = set()
    while waiting and waiting[0][0] <= until:
        clock.at, number, story = heapq.heappop(waiting)
        if number not in begun:
            begun.add(number)
            tell(len(begun), count)
        following = next(story, None)
        if following is not None:
            heapq.heappush(waiting, (following, number, story))


def _stories(cast: Cast, rng: Random, *, seed: int, count: int, until: datetime) -> Iterator[Story]:
    """Yield the stories: first those of chance, then those that show each stage."""
    shown = min(count, max(len(Stage), count // SHOWN_SHARE))
    clock = cast.organisation.clock
    for number, at in enumerate(arrivals(rng, count=count - shown, until=until, clock=clock)):
        yield _teller(cast, seed, number).natural(at)
    for number, stage in enumerate(islice(cycle(Stage), shown), start=count - shown):
        teller = _teller(cast, seed, number)
        yield teller.shown(stage, _moments(teller, stage, until))


def _teller(cast: Cast, seed: int, number: int) -> Teller:
    return Teller(cast, Random(f"{seed}:{number}"), number=number)  # noqa: S311


def _moments(teller: Teller, stage: Stage, until: datetime) -> list[datetime]:
    """Return when a journey that shows a stage arrives and moves: over the last weeks, in opening hours."""
    rng, steps = teller.rng, len(WAYS[stage])
    if not steps:
        return [until - timedelta(minutes=rng.randrange(5, 480))]
    # an offer that waited for longer would go back to marketing at once
    last = until - timedelta(minutes=rng.randrange(120, 240 if stage == Stage.HANDED_OFF else 15_000))
    first = last - timedelta(days=1 + 1.5 * steps)
    drawn = sorted(first + (last - first) * rng.random() for _step in range(steps + 1))
    moments: list[datetime] = []
    for moment in drawn:
        open_then = working(rng, teller.clock, moment)
        moments.append(max(open_then, moments[-1] + timedelta(minutes=7)) if moments else open_then)
    return moments


def _plan(rng: Random, until: datetime) -> int:
    """Plan the last twelve months and the next three, about as good as the last year was."""
    paid, signed = (
        Event.objects.filter(event=event, occurred_at__gt=until - timedelta(days=365)).aggregate(
            total=Sum("amount")
        )["total"]
        for event in (Happening.PAYMENT_RECEIVED, Happening.CONTRACT_SIGNED)
    )
    monthly = {
        ("payments_net", "all"): (paid or Decimal(0)) / 12,
        ("payments_net", "owner:sales"): (paid or Decimal(0)) / 24,
        ("payments_net", "owner:sales2"): (paid or Decimal(0)) / 24,
        ("contract_value_won", "all"): (signed or Decimal(0)) / 12,
    }
    for metric, event in (
        ("leads_valid", Happening.LEAD_CREATED),
        ("briefs_filled", Happening.BRIEF_FILLED),
        ("first_meetings_held", Happening.FIRST_MEETING_HELD),
        ("sal_accepted", Happening.SAL_ACCEPTED),
        ("proposals_first_sent", Happening.PROPOSAL_SENT),
        ("deals_won", Happening.CONTRACT_SIGNED),
    ):
        count = Event.objects.filter(event=event, occurred_at__gt=until - timedelta(days=365)).count()
        monthly[metric, "all"] = Decimal(count) / 12
    rows = []
    for ahead in range(-12, 4):
        year, month = divmod(until.year * 12 + until.month - 1 + ahead, 12)
        for (metric, scope), usual in monthly.items():
            usual_then = usual * Decimal(100 + GROWN * (ahead + 6)) / 100
            wanted = usual_then * Decimal(str(MONTHS[month])) * Decimal(rng.randrange(95, 116)) / 100
            value = wanted.quantize(Decimal(100) if metric in MONEY else Decimal(1))
            rows.append(
                {"month": f"{year}-{month + 1:02}", "metric": metric, "scope": scope, "value": f"{value:f}"}
            )
    return plans.take(enumerate(rows, start=1)).set
