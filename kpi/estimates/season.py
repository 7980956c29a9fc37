"""Months without their season, and months and days that lie outside what was to be expected."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Final

from funnel.clock import BusinessClock
from funnel.periods import DAY, Period

from .forecast import Daily

NEEDED: Final = 24
"""Complete months without which no season can be told."""
NEEDED_FOR_MARKS: Final = 12
NEEDED_FOR_SEASONAL_MARKS: Final = 36
"""With fewer a season fits its two years too closely to say what is odd."""
BAND: Final = 3.5
SEASONAL_BAND: Final = 6.0
"""Wider, for a season learns from the months that it judges: so that of plain months about one in a hundred is marked."""
SEASON_TAKES: Final = 18
"""So many months' worth of freedom season and trend take up: what is left over looks calmer by as much than it is."""
MAD_TO_SIGMA: Final = 1.4826
AROUND: Final = 3
"""So many months on either side tell what a month should have been, where no season can be told."""
WEEKS: Final = 12
LONGEST_S: Final = 120
WITHOUT_LIBRARY: Final = 3
"""How the program ends where statsmodels is not installed."""
PROGRAM: Final = Path(__file__).with_name("stl.py")


class SeasonError(Exception):
    """Season and trend could not be told apart. `lacks` names what is not installed, if that is why."""

    def __init__(self, words: str, lacks: str = "") -> None:
        super().__init__(words)
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class Parts:
    """A series taken apart: it is the sum of the three."""

    season: Sequence[float]
    trend: Sequence[float]
    rest: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A month (named) or day that lies outside its band; `size` is in usual deviations, below zero where too little."""

    name: str
    value: float
    expected: float
    low: float
    high: float
    size: float


def take_apart(series: Mapping[str, Sequence[float]]) -> dict[str, Parts]:
    """Take monthly series of at least `NEEDED` numbers apart, in a process that is gone afterwards.

    Raises SeasonError where that fails, with what it said last.
    """
    if not series:
        return {}
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(PROGRAM)],
            input=json.dumps({key: [float(number) for number in numbers] for key, numbers in series.items()}),
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SeasonError(str(error)) from error
    if done.returncode == WITHOUT_LIBRARY:
        raise SeasonError("statsmodels is not installed", lacks="statsmodels")
    if done.returncode:
        raise SeasonError(done.stderr.strip()[-500:])
    return {key: Parts(**parts) for key, parts in json.loads(done.stdout).items()}


def odd_months(
    names: Sequence[str], numbers: Sequence[float], parts: Parts | None, *, counted: bool
) -> list[Mark]:
    """Return the months outside the band: around season and trend, or without `parts` around the months about them."""
    if len(numbers) < NEEDED_FOR_MARKS:
        return []
    if parts is not None:
        expected = [season + trend for season, trend in zip(parts.season, parts.trend, strict=True)]
        calmer = sqrt(len(numbers) / max(1, len(numbers) - SEASON_TAKES))
        return _outside(names, numbers, expected, counted=counted, calmer=calmer, band=SEASONAL_BAND)
    expected = [
        median([*numbers[max(0, at - AROUND) : at], *numbers[at + 1 : at + 1 + AROUND]])
        for at in range(len(numbers))
    ]
    return _outside(names, numbers, expected, counted=counted, calmer=1.0, band=BAND)


def odd_days(clock: BusinessClock, daily: Daily, month: Period, today: date) -> list[Mark]:
    """Return the business days of a month before `today` outside the band around the same weekdays of twelve weeks."""
    found = []
    for day in (month.first + DAY * n for n in range((min(today, month.until) - month.first).days)):
        before = [day - 7 * DAY * week for week in range(1, WEEKS + 1)]
        usual = [daily.get(one, 0.0) for one in before if clock.is_business_day(one)]
        if clock.is_business_day(day) and len(usual) >= WEEKS // 2:
            expected = median(usual)
            scale = _scale([number - expected for number in usual], expected, counted=True)
            found += _mark(day.isoformat(), daily.get(day, 0.0), expected, scale, BAND)
    return found


def _outside(
    names: Sequence[str],
    numbers: Sequence[float],
    expected: Sequence[float],
    *,
    counted: bool,
    calmer: float,
    band: float,
) -> list[Mark]:
    rests = [number - wanted for number, wanted in zip(numbers, expected, strict=True)]
    middle = median(rests)
    scale = _scale([rest * calmer for rest in rests], median(expected), counted=counted)
    return [
        mark
        for name, number, wanted in zip(names, numbers, expected, strict=True)
        for mark in _mark(name, number, wanted + middle, scale, band)
    ]


def _scale(rests: Sequence[float], level: float, *, counted: bool) -> float:
    """The usual deviation: by the median one, but never below what chance alone makes of counts, or 5 % of a sum."""
    middle = median(rests)
    usual = MAD_TO_SIGMA * median(abs(rest - middle) for rest in rests)
    return max(usual, sqrt(max(level, 1.0)) if counted else abs(level) / 20, 1e-9)


def _mark(name: str, value: float, expected: float, scale: float, band: float) -> list[Mark]:
    size = (value - expected) / scale
    if abs(size) <= band:
        return []
    return [Mark(name, value, expected, expected - band * scale, expected + band * scale, size)]
