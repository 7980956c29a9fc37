"""What a metric comes to: numbers, rates, spreads of durations and maps, exact until they are shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from typing import Any

Number = int | Decimal | Fraction


def plain(number: Number | float | None) -> int | float | None:
    """Return the number as JSON takes it: whole where it is whole, unrounded otherwise."""
    if number is None:
        return None
    return int(number) if number == int(number) else float(number)


@dataclass(frozen=True, slots=True)
class Rate:
    """A numerator and a denominator, never an average of averages. Either is None where there is none."""

    numerator: Number | None
    denominator: Number | None

    @property
    def figure(self) -> Fraction | None:
        """Numerator ÷ denominator; None on a zero or missing base."""
        if self.numerator is None or not self.denominator:
            return None
        return Fraction(self.numerator) / Fraction(self.denominator)

    def json(self) -> dict[str, Any]:
        return {
            "numerator": plain(self.numerator),
            "denominator": plain(self.denominator),
            "value": plain(self.figure),
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, median and p90 of `n` durations in the metric's unit; `extra` stands beside them."""

    mean: Number | None
    median: float | None
    p90: float | None
    n: int
    extra: tuple[tuple[str, Number | None], ...] = ()

    @property
    def figure(self) -> Number | None:
        """The mean: what durations compare by."""
        return self.mean

    def json(self) -> dict[str, Any]:
        spread = {"mean": plain(self.mean), "median": plain(self.median), "p90": plain(self.p90), "n": self.n}
        return spread | {name: plain(number) for name, number in self.extra}


@dataclass(frozen=True, slots=True)
class Plain:
    """One number, or None where it cannot be told."""

    figure: Number | None

    def json(self) -> int | float | None:
        return plain(self.figure)


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers by key; None where there is not enough to tell."""

    rows: Mapping[str, Number] | None

    @property
    def figure(self) -> None:
        return None

    def json(self) -> dict[str, Any] | None:
        return None if self.rows is None else {key: plain(number) for key, number in self.rows.items()}


@dataclass(frozen=True, slots=True)
class Visits:
    """The visits to one stage that began in a period, by how they ended, and how long they lasted, in days.

    Those still there are measured to the moment as known.
    """

    entered: int
    advanced: int
    lost: int
    returned: int
    referred: int
    voided: int
    still_here: int
    median_days: Number | float | None
    p90_days: Number | float | None

    def json(self) -> dict[str, Any]:
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Flow:
    """Visits by open stage, in the order of the funnel; a stage that nothing entered has zeros."""

    stages: Mapping[str, Visits]

    @property
    def figure(self) -> None:
        return None

    def json(self) -> dict[str, Any]:
        return {stage: visits.json() for stage, visits in self.stages.items()}


Value = Rate | Spread | Plain | Table | Flow


def change(now: Number | None, before: Number | None, *, points: bool) -> Fraction | None:
    """Return the change in percentage points or in per cent of the base; None where either or the base lacks."""
    if now is None or before is None:
        return None
    if points:
        return (Fraction(now) - Fraction(before)) * 100
    return (Fraction(now) - Fraction(before)) / abs(Fraction(before)) * 100 if before else None


def kaplan_meier_median(answered: Iterable[Number], waiting: Iterable[Number]) -> Number | None:
    """Return the smallest time by which half or fewer are estimated to be still unanswered, or None.

    `waiting` are the times at which the unanswered were last looked at. At ties answers come before them. No
    interpolation: the result is one of the answer times. Exact: fractions, not floats, decide on the half.
    """
    answers, censored = sorted(answered), sorted(waiting)
    at_risk = len(answers) + len(censored)
    survival, since = (
        Fraction(1),
        at_risk,
    )  # between two censorings the product telescopes: at_risk ÷ at_risk before
    gone = index = 0
    while index < len(answers):
        time = answers[index]
        left = sum(1 for _ in _until(censored, gone, time))
        if left:
            survival *= Fraction(at_risk, since)
            gone, at_risk = gone + left, at_risk - left
            since = at_risk
        while index < len(answers) and answers[index] == time:
            index, at_risk = index + 1, at_risk - 1
        if survival * at_risk * 2 <= since:
            return time
    return None


def _until(times: list[Number], first: int, time: Number) -> Iterable[Number]:
    """Those from `first` on that lie before `time`."""
    for position in range(first, len(times)):
        if times[position] >= time:
            return
        yield times[position]
