"""The organisation's time: its zone, its opening hours, its business days.

A window is what the wall clock says ("Monday to Friday, 09:00 to 18:00"). It is turned into instants day by day, so
that an hour stays an hour on the days when the clocks change. Nothing here reads the database or the time of day.
Instants go in with any time zone and come out in UTC; ranges are half-open.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from funnel.periods import DAY, FIRST_YEAR, LAST_YEAR, Period

MIDNIGHT = time(0)
FARTHEST_DEADLINE = 65536  # days: a power of two beyond a century, for the search doubles


@dataclass(frozen=True, slots=True)
class BusinessClock:
    """Counts open time. `days` are ISO weekdays (1 = Monday); `closes` at 00:00 means the end of the day.

    Raises ValueError where the hours are empty or cross midnight, or a day is not 1 to 7.
    A wall-clock time that the clocks skip is the moment they jump; one that comes twice opens at its first
    coming and closes at its second.
    """

    zone: ZoneInfo
    opens: time
    closes: time
    days: frozenset[int]
    holidays: frozenset[date] = frozenset()
    _off: tuple[date, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("Business hours are wall-clock times: they carry no time zone of their own.")
        if self.closes != MIDNIGHT and self.closes <= self.opens:
            raise ValueError(
                f"Business hours {self.opens:%H:%M} to {self.closes:%H:%M} are empty or cross midnight:"
                " the closing time must be later than the opening time on the same day."
            )
        if not self.days or not self.days <= frozenset(range(1, 8)):
            raise ValueError("Business days are one or more numbers from 1 (Monday) to 7 (Sunday).")
        off = tuple(sorted(day for day in self.holidays if day.isoweekday() in self.days))
        object.__setattr__(self, "_off", off)

    # Open time

    def business_seconds(self, start: datetime, end: datetime) -> float:
        """Open seconds in [start, end); 0 where the end is not after the start."""
        start, end = _utc(start), _utc(end)
        if end <= start:
            return 0.0
        # A day's window may reach past its neighbours' midnight where the clocks change there, so the two days on
        # either side of each edge are measured; every day between them lies wholly inside.
        first, last = self._local_day(start), self._local_day(end)
        inner_first, inner_until = first + 2 * DAY, last - DAY
        edges = [
            *_days(first - DAY, min(inner_first, last + 2 * DAY)),
            *_days(max(inner_first, inner_until), last + 2 * DAY),
        ]
        total = sum(self._overlap(day, start, end) for day in edges)
        return total + self._whole_days(inner_first, inner_until)

    def business_minutes(self, start: datetime, end: datetime) -> float:
        """Open minutes in [start, end)."""
        return self.business_seconds(start, end) / 60

    def business_hours(self, start: datetime, end: datetime) -> float:
        """Open hours in [start, end)."""
        return self.business_seconds(start, end) / 3600

    def add_business(self, start: datetime, *, minutes: float) -> datetime:
        """The first instant by which so many open minutes have passed since `start`: when a deadline falls.

        Raises ValueError for a negative number, or one that lies more than a century ahead.
        """
        if not 0 <= minutes < float("inf"):
            raise ValueError("A deadline lies zero or more business minutes ahead.")
        start, need = _utc(start), minutes * 60
        if not need:
            return start
        today = self._local_day(start)

        def passed(days: int) -> float:
            if days > FARTHEST_DEADLINE:
                raise ValueError("The deadline lies more than a century ahead.")
            return self.business_seconds(start, self.window(today + days * DAY)[1])

        days = 1
        while passed(days) < need:
            days *= 2
        day = today + DAY * bisect_left(range(-1, days), need, key=passed) - DAY
        opens = max(self.window(day)[0], start)
        return opens + timedelta(seconds=need - self.business_seconds(start, opens))

    def is_open(self, at: datetime) -> bool:
        """Whether the instant lies in opening hours (at closing time it no longer does)."""
        at = _utc(at)
        today = self._local_day(at)
        return any(opens <= at < closes for _, opens, closes in self.windows(today - DAY, today + 2 * DAY))

    def window(self, day: date) -> tuple[datetime, datetime]:
        """When that day's opening hours begin and end, whether or not it is a business day."""
        opens = local_instant(self.zone, datetime.combine(day, self.opens))
        if self.closes == MIDNIGHT:
            return opens, self.start_of(day + DAY)
        return opens, max(opens, local_instant(self.zone, datetime.combine(day, self.closes), last=True))

    def windows(self, first: date, until: date) -> Iterator[tuple[date, datetime, datetime]]:
        """The business days in [first, until) with the instants at which they open and close."""
        for day in _days(first, until):
            if self.is_business_day(day):
                yield day, *self.window(day)

    # Business days

    def is_business_day(self, day: date) -> bool:
        return day.isoweekday() in self.days and day not in self.holidays

    def business_days(self, first: date, until: date) -> int:
        """How many business days lie in [first, until)."""
        if until <= first:
            return 0
        weeks, rest = divmod((until - first).days, 7)
        extra = sum((first + DAY * n).isoweekday() in self.days for n in range(rest))
        return (
            weeks * len(self.days) + extra - (bisect_left(self._off, until) - bisect_left(self._off, first))
        )

    def nth_business_day(self, first: date, number: int) -> date:
        """The business day that is the number-th (from 1) on or after `first`."""
        if number < 1:
            raise ValueError("Business days are counted from 1.")
        span = number * 7 // len(self.days) + len(self._off) * 7 + 7
        return first + DAY * bisect_left(
            range(span), number, key=lambda n: self.business_days(first, first + DAY * (n + 1))
        )

    # Periods

    def start_of(self, day: date) -> datetime:
        """The instant at which the local day begins."""
        return local_instant(self.zone, datetime.combine(day, MIDNIGHT))

    def period_bounds(self, period: Period | str) -> tuple[datetime, datetime]:
        """The half-open range of instants of a period, or of its name (ValueError where it is not one)."""
        found = Period.parse(period) if isinstance(period, str) else period
        return self.start_of(found.first), self.start_of(found.until)

    def month_bounds(self, month: str) -> tuple[datetime, datetime]:
        """The half-open range of instants of a month written as `2026-03`."""
        return self.period_bounds(Period.month(month))

    def month_at(self, at: datetime) -> Period:
        """The month that an instant falls in here."""
        return Period.month_of(self._local_day(_utc(at)))

    def days_begun(self, period: Period, at: datetime) -> int:
        """Business days of the period that have begun by `at`; all of them once it is over."""
        today = self._local_day(_utc(at))
        begun = today + DAY if _utc(at) > self.start_of(today) else today
        return self.business_days(period.first, min(begun, period.until))

    def like_for_like(self, period: Period, at: datetime, earlier: Period) -> datetime:
        """Where to cut an earlier period so that it compares with `period` as it stands at `at`.

        A period that is over compares with the whole. A running one compares with as many business days: after the
        same number of whole ones, and on a business day in progress at the same time of day on the next.
        """
        at = _utc(at)
        end = self.start_of(earlier.until)
        if at >= self.start_of(period.until):
            return end
        if at <= self.start_of(period.first):
            return self.start_of(earlier.first)
        today = self._local_day(at)
        whole = self.business_days(period.first, today)
        if self.is_business_day(today) and at > self.start_of(today):
            day = self.nth_business_day(earlier.first, whole + 1)
            wall = at.astimezone(self.zone).replace(tzinfo=None)
            return min(end, local_instant(self.zone, datetime.combine(day, wall.time())))
        if not whole:
            return self.start_of(earlier.first)
        return min(end, self.start_of(self.nth_business_day(earlier.first, whole) + DAY))

    # Inside

    def _local_day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _overlap(self, day: date, start: datetime, end: datetime) -> float:
        if not self.is_business_day(day):
            return 0.0
        opens, closes = self.window(day)
        return max(0.0, (min(closes, end) - max(opens, start)).total_seconds())

    def _whole_days(self, first: date, until: date) -> float:
        """Open seconds of whole days: their number times the usual length, mended where the clocks change."""
        if until <= first:
            return 0.0
        closes = DAY if self.closes == MIDNIGHT else _since_midnight(self.closes)
        usual = (closes - _since_midnight(self.opens)).total_seconds()
        total = self.business_days(first, until) * usual
        for year in range(first.year, until.year + 1):
            for day in _days_of_change(self.zone, year):
                if first <= day < until and self.is_business_day(day):
                    opens, ends = self.window(day)
                    total += (ends - opens).total_seconds() - usual
        return total


def local_instant(zone: ZoneInfo, wall: datetime, *, last: bool = False) -> datetime:
    """The UTC instant at which a zone's wall clock shows `wall` (naive).

    Of two such instants the first, or with `last` the second; where the clocks skip it, the moment they jump.
    """
    before = _offset(zone, wall)
    after = _offset(zone, wall.replace(fold=1))
    if after <= before:  # the same, or the hour that comes twice
        return (wall - (after if last else before)).replace(tzinfo=UTC)
    earliest, latest = (wall - after).replace(tzinfo=UTC), (wall - before).replace(tzinfo=UTC)
    span = range(int((latest - earliest).total_seconds()) + 1)

    def jumped(second: int) -> bool:
        return (earliest + timedelta(seconds=second)).astimezone(zone).utcoffset() == after

    return earliest + timedelta(seconds=bisect_left(span, True, key=jumped))


@lru_cache(maxsize=4096)
def _days_of_change(zone: ZoneInfo, year: int) -> tuple[date, ...]:
    """The local days of a year on, or next to, which the zone's offset changes."""
    found: set[date] = set()
    for day in _days(date(year, 1, 1) - 2 * DAY, date(year, 12, 31) + 3 * DAY):
        if _offset(zone, datetime.combine(day, MIDNIGHT)) != _offset(
            zone, datetime.combine(day + DAY, MIDNIGHT)
        ):
            found.update(_days(day - DAY, day + 2 * DAY))
    return tuple(sorted(day for day in found if day.year == year))


def _offset(zone: ZoneInfo, wall: datetime) -> timedelta:
    return zone.utcoffset(wall) or timedelta(0)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("An instant needs a time zone.")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"The year {at.year} is outside {FIRST_YEAR} to {LAST_YEAR}.")
    return at.astimezone(UTC)


def _days(first: date, until: date) -> Iterator[date]:
    return (first + DAY * number for number in range((until - first).days))


def _since_midnight(wall: time) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
