"""The trend: this year against last year and the plan, with an estimate of how the running month may end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from funnel import formats

from .shapes import (
    Axis,
    Dot,
    Drawing,
    Drawn,
    Hit,
    Key,
    Path,
    Point,
    Shape,
    Table,
    TableRow,
    Words,
    at,
    axis,
    num,
    path,
    runs,
    spoken,
    thinned,
    tip,
)
from .units import Number, Unit

COUNT = Unit()


@dataclass(frozen=True)
class Estimate:
    """Where a figure may end: the middle and the interval around it."""

    low: Number
    middle: Number
    high: Number


@dataclass(frozen=True)
class TrendPoint:
    """A month: `label` on the axis ("May"), `title` in full ("May 2026"); values in the trend's unit or None.

    `adjusted` is the value without its season and `estimate` where the month may end; `is_odd` marks an unusual month, of
    which `note` says more. All three are estimates, and named so.
    """

    label: str
    title: str
    value: Number | None
    before: Number | None = None
    planned: Number | None = None
    href: str = ""
    estimate: Estimate | None = None
    is_odd: bool = False
    note: str = ""
    adjusted: Number | None = None


@dataclass(frozen=True)
class Trend:
    """Months in order. `is_partial`: the last value is of a month still running. `good` is up or down."""

    points: Sequence[TrendPoint]
    unit: Unit = COUNT
    label: str = ""
    is_partial: bool = True
    good: str = "up"


def trend(chart: Trend, *, width: float = 1080, height: float = 300) -> Drawn:
    """Draw the trend for the desk (`width` × `height`) and for the phone."""
    label = chart.label or _("Trend")
    if not any(_values(chart)):
        return Drawn(label, empty=_("Nothing was counted in these months."))
    return Drawn(
        label,
        large=trend_drawing(chart, width, height),
        small=trend_drawing(chart, 340, 240),
        table=_table(chart),
        legend=_legend(chart),
    )


def trend_drawing(chart: Trend, width: float, height: float) -> Drawing:
    """Return the geometry of one size."""
    scale = axis(
        [float(value) for value in _values(chart) if value is not None],
        chart.unit,
        width=width,
        height=height,
    )
    places = _places(scale, len(chart.points))
    current = _at(scale, places, [point.value for point in chart.points])
    before = _at(scale, places, [point.before for point in chart.points])
    planned = _at(scale, places, [point.planned for point in chart.points])
    adjusted = _at(scale, places, [point.adjusted for point in chart.points])
    step = places[1] - places[0] if len(places) > 1 else scale.right - scale.left
    shown = thinned([point.label for point in chart.points], step)
    return Drawing(
        width,
        height,
        "line",
        shapes=(
            *scale.grid,
            *_line(before, "prev"),
            *_line(planned, "planned"),
            *_line(adjusted, "adjusted"),
            *_estimates(chart, scale, places, current),
            *_current(current, scale, is_partial=chart.is_partial),
            *(
                Path(_diamond(point), "odd")
                for point, given in zip(current, chart.points, strict=True)
                if point and given.is_odd
            ),
        ),
        hits=tuple(
            _hit(chart, index, scale, places[index], step, current[index], before[index])
            for index in range(len(places))
        ),
        words=scale.words
        + tuple(Words(places[i], at(scale.base + 22), chart.points[i].label, "", "middle") for i in shown),
    )


def _values(chart: Trend) -> list[Number | None]:
    found: list[Number | None] = []
    for point in chart.points:
        found += [point.value, point.before, point.planned, point.adjusted]
        if point.estimate:
            found += [point.estimate.low, point.estimate.high]
    return found


def _places(scale: Axis, count: int) -> list[float]:
    if count == 1:
        return [at((scale.left + scale.right) / 2)]
    return [at(scale.left + (scale.right - scale.left) * index / (count - 1)) for index in range(count)]


def _at(scale: Axis, places: Sequence[float], values: Sequence[Number | None]) -> list[Point | None]:
    return [
        None if value is None else (x, scale.y(float(value))) for x, value in zip(places, values, strict=True)
    ]


def _line(points: Sequence[Point | None], css: str) -> list[Shape]:
    """Join what was measured; a point alone between two gaps is a dot."""
    return [
        Path(path(run), css) if len(run) > 1 else Dot(*run[0], 2.5, f"{css} alone") for run in runs(points)
    ]


def _current(points: Sequence[Point | None], scale: Axis, *, is_partial: bool) -> list[Shape]:
    known = [(index, point) for index, point in enumerate(points) if point]
    if not known:
        return []
    final, last = known[-1]
    is_open = is_partial and final == len(points) - 1
    solid = [None if is_open and index == final else point for index, point in enumerate(points)]
    zero = scale.y(0)
    drawn: list[Shape] = [
        Path(f"{path(run)}L{num(run[-1][0])},{num(zero)}L{num(run[0][0])},{num(zero)}Z", "area")
        for run in runs(solid)
        if len(run) > 1
    ]
    drawn += _line(solid, "cur")
    neighbour = points[final - 1] if final else None
    if is_open and neighbour:
        drawn.append(Path(path([neighbour, last]), "cur tail"))
    return [*drawn, Dot(*last, 4.5, "end" if is_open else "end full")]


def _estimates(
    chart: Trend, scale: Axis, places: Sequence[float], current: Sequence[Point | None]
) -> list[Shape]:
    """Fan out from the last whole month to the interval, and mark its middle."""
    drawn: list[Shape] = []
    for index, point in enumerate(chart.points):
        if not point.estimate:
            continue
        x = places[index]
        low, middle, high = (
            scale.y(float(value))
            for value in (point.estimate.low, point.estimate.middle, point.estimate.high)
        )
        start = current[index - 1] if index else None
        if start:
            drawn.append(Path(path([start, (x, high), (x, low)]) + "Z", "fan"))
        drawn.append(
            Path(
                f"M{num(x)},{num(high)}V{num(low)}M{num(x - 5)},{num(high)}h10M{num(x - 5)},{num(low)}h10",
                "whisker",
            )
        )
        drawn.append(Path(f"M{num(x - 5)},{num(middle)}h10", "whisker middle"))
    return drawn


def _diamond(point: Point) -> str:
    x, y = point
    return f"M{num(x)},{num(y - 8)}l8,8l-8,8l-8,-8Z"


def _rows(chart: Trend, point: TrendPoint) -> list[tuple[str, str, str]]:
    text = chart.unit.text
    rows = [(_("This year"), text(point.value), "cur")]
    if point.before is not None:
        rows.append((_("Last year"), text(point.before), "prev"))
    if point.planned is not None:
        rows.append((_("Plan"), text(point.planned), "planned"))
    if point.adjusted is not None:
        rows.append((_("Without the season, estimate"), text(point.adjusted), "adjusted"))
    if point.estimate:
        rows.append((_("Estimate"), text(point.estimate.middle), "guess"))
        rows.append((_("Likely between"), f"{text(point.estimate.low)} – {text(point.estimate.high)}", ""))
    if point.is_odd:
        rows.append((_("Unusual"), point.note or _("by estimate"), "odd"))
    elif point.note:
        rows.append((point.note, "", ""))
    return rows


def _change(chart: Trend, point: TrendPoint) -> tuple[str, str]:
    """Return the change against last year and whether that is up (good) or down (bad)."""
    if point.value is None or point.before is None or (chart.unit.kind != "share" and point.before <= 0):
        return "", ""
    value, before = float(point.value), float(point.before)
    if chart.unit.kind == "share":
        difference, unit = (value - before) * 100, "pp"
    else:
        difference, unit = (value / before - 1) * 100, "pct"
    tone = "" if not difference else "up" if (difference > 0) == (chart.good == "up") else "down"
    return formats.change(round(difference, 1), unit), tone


def _hit(
    chart: Trend, index: int, scale: Axis, x: float, step: float, now: Point | None, then: Point | None
) -> Hit:
    point = chart.points[index]
    rows = _rows(chart, point)
    change, tone = _change(chart, point)
    left, right = max(scale.left, x - step / 2), min(scale.right, x + step / 2)
    shapes: list[Shape] = [Path(f"M{num(x)},{num(scale.top)}V{num(scale.base)}", "cross")]
    shapes += [Dot(*then, 4, "pp")] if then else []
    shapes += [Dot(*now, 5, "pc")] if now else []
    return Hit(
        at(left),
        scale.top,
        at(right - left),
        at(scale.base - scale.top),
        spoken(point.title, rows, change),
        point.href,
        tip(point.title, rows, change, tone),
        shapes=tuple(shapes),
    )


def _has(chart: Trend, name: str) -> bool:
    return any(getattr(point, name) is not None for point in chart.points)


def _legend(chart: Trend) -> tuple[Key, ...]:
    found = [Key("cur", _("This year"))]
    if chart.is_partial and chart.points[-1].value is not None:
        found.append(Key("tail", _("Month so far")))
    if _has(chart, "before"):
        found.append(Key("before", _("Last year")))
    if _has(chart, "planned"):
        found.append(Key("planned", _("Plan")))
    if _has(chart, "adjusted"):
        found.append(Key("adjusted", _("Without the season, estimate")))
    if _has(chart, "estimate"):
        found.append(Key("guess", _("Estimate")))
    if any(point.is_odd for point in chart.points):
        found.append(Key("odd", _("Unusual, by estimate")))
    return tuple(found)


def _table(chart: Trend) -> Table:
    columns = [(_("This year"), "value")]
    columns += [(_("Last year"), "before")] if _has(chart, "before") else []
    columns += [(_("Plan"), "planned")] if _has(chart, "planned") else []
    columns += [(_("Without the season, estimate"), "adjusted")] if _has(chart, "adjusted") else []
    with_estimate = _has(chart, "estimate")
    text = chart.unit.text
    rows = []
    for point in chart.points:
        cells = [text(getattr(point, name)) for _title, name in columns]
        if with_estimate:
            found = point.estimate
            cells.append(
                f"{text(found.middle)} ({text(found.low)} – {text(found.high)})" if found else formats.DASH
            )
        rows.append(TableRow(point.title, tuple(cells), point.href))
    head = [_("Month"), *(title for title, _name in columns), *([_("Estimate")] if with_estimate else [])]
    return Table(tuple(head), tuple(rows))
