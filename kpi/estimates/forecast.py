"""The forecast of a month's end: what has come, and what the rest of the month usually brings. Plain arithmetic.

The rest is the mean of what the last months brought on as many last business days, moved by how this month has gone
so far beside theirs. Where two years are known it is moved by the season too: what the same month of earlier years
was to the months before it. The interval comes from doing the same for past months, at the same number of business
days, and looking at how far that was off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, quantiles
from typing import Final

from funnel.clock import BusinessClock
from funnel.periods import DAY, Period

LEVEL_MONTHS: Final = 6
"""So many months before one tell its usual course."""
FEWEST_TESTED: Final = 6
MOST_TESTED: Final = 24
NEEDED: Final = LEVEL_MONTHS + FEWEST_TESTED
"""Complete months without which nothing is forecast."""
SEASON_MONTHS: Final = 24
SEASON_BOUNDS: Final = (0.5, 2.0)
"""A season moves a forecast to the half or the double at most: two years are few to learn more from."""
DECILES: Final = 10

Daily = Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """`value` by the month's end, in 80 of 100 cases between `low` and `high`, of which `so_far` has come.

    `error` is the mean of |actual − forecast| ÷ |actual| over the `tested` months; None where none had anything.
    """

    value: float
    low: float
    high: float
    so_far: float
    error: float | None
    tested: int
    season: float | None


@dataclass(frozen=True, slots=True)
class History:
    """Daily numbers of complete months and of the one that runs; days without anything may be missing."""

    clock: BusinessClock
    daily: Daily
    months: Sequence[Period]
    """The complete months, in order, without gaps."""

    def total(self, month: Period) -> float:
        return self.between(month.first, month.until)

    def between(self, first: date, until: date) -> float:
        return sum(self.daily.get(first + DAY * n, 0.0) for n in range((until - first).days))


def forecast(history: History, month: Period, today: date, *, floor: float | None) -> Forecast | None:
    """Forecast the month as seen at the beginning of `today`; None where the history is too short.

    `floor` is what has been counted up to this moment: no part of the forecast is lower. None sets no floor.
    """
    if len(history.months) < NEEDED:
        return None
    elapsed = history.clock.business_days(month.first, today)
    residuals, errors = _back_test(history, elapsed)
    so_far = history.between(month.first, today)
    level = _level(history, history.months)
    value = so_far + _rest(history, history.months, month, today)
    deciles = quantiles(residuals, n=DECILES, method="exclusive")
    scale = max(level, abs(value))
    low, high = value + deciles[0] * scale, value + deciles[-1] * scale
    if floor is not None:
        value, low, high = max(value, floor), max(low, floor), max(high, floor)
    return Forecast(
        value=value,
        low=min(low, value),
        high=max(high, value),
        so_far=so_far,
        error=fmean(errors) if errors else None,
        tested=len(residuals),
        season=_season(history, history.months, month),
    )


def _back_test(history: History, elapsed: int) -> tuple[list[float], list[float]]:
    """Forecast past months after as many business days: residuals and relative errors.

    Residuals are shares of what was forecast, or of the usual level where that is more: a month that goes far above the
    usual may end as far off its forecast as it is larger.
    """
    residuals, errors = [], []
    first = max(LEVEL_MONTHS, len(history.months) - MOST_TESTED)
    for index in range(first, len(history.months)):
        month, known = history.months[index], history.months[:index]
        cut = day_after(history.clock, month, elapsed)
        guess = history.between(month.first, cut) + _rest(history, known, month, cut)
        actual = history.total(month)
        residuals.append((actual - guess) / (max(_level(history, known), abs(guess)) or 1.0))
        if actual:
            errors.append(abs(actual - guess) / abs(actual))
    return residuals, errors


def day_after(clock: BusinessClock, month: Period, elapsed: int) -> date:
    """The day that begins after so many business days of the month; its end where it has fewer."""
    if elapsed >= clock.business_days(month.first, month.until):
        return month.until
    return clock.nth_business_day(month.first, elapsed) + DAY if elapsed else month.first


def _rest(history: History, known: Sequence[Period], month: Period, today: date) -> float:
    """What the days from `today` on are expected to bring."""
    left = history.clock.business_days(today, month.until)
    late = known[-LEVEL_MONTHS:]
    usual = fmean(_tail(history, earlier, left) for earlier in late)
    season = _season(history, known, month) or 1.0
    whole = fmean(max(0.0, history.total(earlier)) for earlier in late) * season
    return usual * season * _pace(history.between(month.first, today), whole - usual * season, whole)


def _pace(came: float, usual: float, whole: float) -> float:
    """How this month goes beside what is usual by now: as if one more whole month had gone as usual."""
    return max(0.0, came + whole) / (max(0.0, usual) + whole) if whole > 0 else 1.0


def _tail(history: History, month: Period, left: int) -> float:
    """What a month brought on its last business days, and on the days off among and after them."""
    whole = history.clock.business_days(month.first, month.until)
    if left >= whole:
        return history.total(month) * (left / whole if whole else 1.0)
    return history.between(day_after(history.clock, month, whole - left), month.until)


def _level(history: History, known: Sequence[Period]) -> float:
    """The mean month of late."""
    return fmean(abs(history.total(month)) for month in known[-LEVEL_MONTHS:])


def _season(history: History, known: Sequence[Period], month: Period) -> float | None:
    """What the month was, in earlier years, to the mean of the months before it; None under two years.

    Half of what is seen is believed where one year tells it, two thirds where two do, and so on.
    """
    if len(known) < SEASON_MONTHS:
        return None
    ratios = []
    for index, earlier in enumerate(known):
        if index >= LEVEL_MONTHS and earlier.first.month == month.first.month:
            before = fmean(history.total(one) for one in known[index - LEVEL_MONTHS : index])
            if before > 0:
                ratios.append(history.total(earlier) / before)
    if not ratios:
        return None
    believed = len(ratios) / (len(ratios) + 1)
    low, high = SEASON_BOUNDS
    return min(high, max(low, 1 + (fmean(ratios) - 1) * believed))
