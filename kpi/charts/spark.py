"""The small marks of a stat card: a sparkline, and the share of the plan with a mark of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .shapes import Point, at, path, runs
from .units import Number


@dataclass(frozen=True)
class Sparkline:
    """Values in order, None where nothing is known; `label` says the trend in words."""

    values: Sequence[Number | None]
    label: str = ""


@dataclass(frozen=True)
class SparklineDrawing:
    """`d` is the line, "" where there is none; `x`, `y` are its end point, None without any value."""

    w: float
    h: float
    d: str
    x: float | None
    y: float | None
    label: str = ""


def sparkline(chart: Sparkline, *, width: float = 96, height: float = 28) -> SparklineDrawing:
    """Return a line from the lowest to the highest value; one without change runs through the middle."""
    known = [float(value) for value in chart.values if value is not None]
    if not known:
        return SparklineDrawing(width, height, "", None, None, chart.label)
    low, high = min(known), max(known)
    step = (width - 6) / max(1, len(chart.values) - 1)

    def place(index: int, value: Number) -> Point:
        share = (float(value) - low) / (high - low) if high > low else 0.5
        return at(3 + index * step), at(3 + (height - 6) * (1 - share))

    points = [None if value is None else place(index, value) for index, value in enumerate(chart.values)]
    lines = runs(points)
    x, y = lines[-1][-1]
    return SparklineDrawing(
        width, height, "".join(path(run) for run in lines if len(run) > 1), x, y, chart.label
    )


@dataclass(frozen=True)
class PlanBar:
    """`share` of the plan reached (1 is all of it), `today` is the share of the period gone by or None, `text` says it."""

    share: Number | None
    today: Number | None = None
    text: str = ""


@dataclass(frozen=True)
class PlanDrawing:
    """A bar 100 wide: `fill` of it is reached, `mark` is today, None outside of the period."""

    fill: float
    mark: float | None
    is_behind: bool
    text: str


def plan_bar(chart: PlanBar) -> PlanDrawing | None:
    """Return the bar, None without a plan. It is behind where less is reached than time has passed."""
    if chart.share is None:
        return None
    share = float(chart.share)
    today = None if chart.today is None else min(1.0, max(0.0, float(chart.today)))
    behind = share < (1.0 if today is None else today)
    mark = None if today is None else at(min(99.2, today * 100))
    return PlanDrawing(at(100 * min(1.0, max(0.0, share))), mark, behind, chart.text)
