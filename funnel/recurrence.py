"""When tasks are due: days and times in somebody's zone, the next of a repeated one, and when to remind."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .clock import local_instant
from .models import Organisation, Task, User

END_OF_DAY: Final = time(23, 59)
NOTICE: Final = timedelta(minutes=10)
"""So long before its time somebody is reminded of a task."""
YEARS: Final = (2000, 2100)
"""A task is due after the first of these years and before the last."""


def zone_of(user: User, organisation: Organisation) -> ZoneInfo:
    """Return the zone that a person lives in: their own, else the organisation's."""
    try:
        return ZoneInfo(user.time_zone) if user.time_zone else organisation.zone
    except (ZoneInfoNotFoundError, ValueError):
        return organisation.zone


def due(day: date, at: time | None, zone: ZoneInfo) -> datetime:
    """Return the instant from which something is late: the time of the day, or without one the day's last minute."""
    return local_instant(zone, datetime.combine(day, at or END_OF_DAY))


def following(
    planned: datetime, *, repeat: str, repeat_day: int, zone: ZoneInfo, after: datetime
) -> datetime:
    """Return the next time of a repeated task that lies after both `planned` and `after`.

    The wall clock of `zone` counts, so that nine o'clock stays nine o'clock when the clocks change; a month without
    the day `repeat_day` has its last one. What lies between is left out, not made up for.
    """
    wall = planned.astimezone(zone).replace(tzinfo=None)
    coming = planned
    while coming <= max(planned, after):
        wall = _step(wall, repeat, repeat_day)
        coming = local_instant(zone, wall)
    return coming


def _step(wall: datetime, repeat: str, repeat_day: int) -> datetime:
    match repeat:
        case Task.Repeat.DAILY:
            return wall + timedelta(days=1)
        case Task.Repeat.WEEKLY:
            return wall + timedelta(days=7)
        case Task.Repeat.MONTHLY:
            first = wall.replace(day=1) + timedelta(days=31)
            last = calendar.monthrange(first.year, first.month)[1]
            return first.replace(day=min(repeat_day, last))
    raise ValueError(f"{repeat!r} is no way to repeat a task")


def reminder(
    due_at: datetime, *, all_day: bool, zone: ZoneInfo, organisation: Organisation, now: datetime
) -> datetime | None:
    """Return when to remind of a task: shortly before its time, or as its day opens; None where that is past.

    A task that begins within the notice is reminded of at its time.
    """
    if all_day:
        day = due_at.astimezone(zone).date()
        morning = local_instant(zone, datetime.combine(day, organisation.opens))
        return morning if morning > now else None
    if due_at <= now:
        return None
    return due_at - NOTICE if due_at - NOTICE > now else due_at
