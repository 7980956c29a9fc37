"""When applications arrive: more in spring and autumn, on weekdays, by day; and more each year."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from funnel.clock import BusinessClock, local_instant

YEARS: Final = 3
MONTHS: Final = (0.85, 0.95, 1.2, 1.15, 1.0, 0.85, 0.7, 0.65, 1.15, 1.3, 1.2, 0.8)
_WEEKDAYS: Final = (1.25, 1.2, 1.1, 1.05, 0.9, 0.3, 0.25)
_HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 8, 14, 20, 22, 20, 14, 18, 20, 18, 14, 10, 8, 7, 6, 4, 3, 2)
_GROWTH: Final = 3.0  # the last day brings that much more than the first
_LATELY: Final = 30
_LATELY_SHARE: Final = 0.3
"""Of the last days only so much is left to chance: the journeys that show each stage arrive then too."""


def arrivals(rng: Random, *, count: int, until: datetime, clock: BusinessClock) -> list[datetime]:
    """Return when `count` applications arrive in the years up to `until`, in order."""
    last = until.astimezone(clock.zone).date()
    span = 365 * YEARS
    days = [last - timedelta(days=span - number) for number in range(span)]
    weights = accumulate(
        MONTHS[day.month - 1]
        * _WEEKDAYS[day.weekday()]
        * (1 + _GROWTH * number / span)
        * (_LATELY_SHARE if number >= span - _LATELY else 1)
        for number, day in enumerate(days)
    )
    chosen = rng.choices(days, cum_weights=list(weights), k=count)
    moments = []
    for day in chosen:
        hour = rng.choices(range(24), weights=_HOURS)[0]
        wall = datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)))
        moments.append(local_instant(clock.zone, wall))
    return sorted(moments)


def working(rng: Random, clock: BusinessClock, at: datetime) -> datetime:
    """Return the moment itself where we are open then, else one shortly before we closed."""
    day = at.astimezone(clock.zone).date()
    while not clock.is_open(at):
        _opens, closes = clock.window(day)
        if clock.is_business_day(day) and closes <= at:
            at = closes - timedelta(minutes=rng.randrange(5, 240))
            break
        day -= timedelta(days=1)
    return at
