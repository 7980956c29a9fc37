"""Which period a digest is about, and when it goes out: in the organisation's zone."""

from datetime import date, datetime, timedelta
from typing import Final

from funnel.clock import BusinessClock
from funnel.periods import DAY, Period

WEEKLY: Final = "weekly"
MONTHLY: Final = "monthly"
KINDS: Final = (WEEKLY, MONTHLY)
MORNING: Final = timedelta(hours=7)
LATEST: Final = timedelta(days=3)
"""What could not be sent in time is sent so much later at most: older news is in the dashboard."""


def period_of(kind: str, day: date) -> Period:
    """The last week (Monday to Sunday) or month that was over before the day."""
    if kind == MONTHLY:
        return Period.month_of(day).previous()
    monday = day - DAY * day.weekday()
    return Period.parse(f"{monday - 7 * DAY}..{monday - DAY}")


def due_at(kind: str, clock: BusinessClock, day: date) -> datetime:
    """When the digest of `period_of(kind, day)` goes out: on Monday, or the month's first business day, at seven."""
    monday = day - DAY * day.weekday()
    on = clock.nth_business_day(day.replace(day=1), 1) if kind == MONTHLY else monday
    return clock.start_of(on) + MORNING


def due(kind: str, clock: BusinessClock, now: datetime) -> Period | None:
    """The period whose digest is to be sent now; None at other times."""
    today = now.astimezone(clock.zone).date()
    at = due_at(kind, clock, today)
    return period_of(kind, today) if at <= now < at + LATEST else None
