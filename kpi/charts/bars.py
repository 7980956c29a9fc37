"""Bars side by side: lying (reasons, sources, objections) and standing (payments by month, seasons, distributions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from funnel import formats

from .shapes import (
    Axis,
    Drawing,
    Drawn,
    Hit,
    Key,
    Path,
    Rect,
    Shape,
    Table,
    TableRow,
    Words,
    at,
    axis,
    cut,
    num,
    room,
    spoken,
    text_width,
    thinned,
    tip,
)
from .units import Number, Unit

COUNT = Unit()


@dataclass(frozen=True)
class Bar:
    """A lying bar; `other` is a tick on it (last year, plan); `extra` is (name, text) shown with it."""

    label: str
    value: Number | None
    other: Number | None = None
    href: str = ""
    colour: str = "info"
    extra: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Bars:
    """Lying bars; `value_name` and `other_name` name the two values in the legend, tooltip and table."""

    bars: Sequence[Bar]
    unit: Unit = COUNT
    label: str = ""
    value_name: str = ""
    other_name: str = ""
    empty: str = ""


def bars(chart: Bars, *, width: float = 560) -> Drawn:
    """Draw lying bars in the order given."""
    if not any(bar.value is not None for bar in chart.bars):
        return Drawn(chart.label, empty=chart.empty or _("Nothing was counted in this period."))
    other = chart.other_name or _("Last year")
    has_other = any(bar.other is not None for bar in chart.bars)
    head = [_("Name"), _value_name(chart), *([other] if has_other else [])]
    head += [name for name, _text in chart.bars[0].extra]
    rows = []
    for bar in chart.bars:
        cells = [chart.unit.text(bar.value), *([chart.unit.text(bar.other)] if has_other else [])]
        numbers = (bar.value, *([bar.other] if has_other else []))
        rows.append(TableRow(bar.label, (*cells, *(text for _name, text in bar.extra)), bar.href, numbers))
    return Drawn(
        chart.label,
        large=bars_drawing(chart, width),
        small=bars_drawing(chart, 340),
        table=Table(tuple(head), tuple(rows)),
        legend=(Key("then", other),) if has_other else (),
    )


def _value_name(chart: Bars) -> str:
    return chart.value_name or _("This period")


def bars_drawing(chart: Bars, width: float, *, row: float = 34, thick: float = 18) -> Drawing:
    """Return the geometry of one size. Negative values go left from zero."""
    left = min(room((bar.label for bar in chart.bars), 13), width * 0.4)
    right = width - 10 - max(text_width(chart.unit.short(bar.value), 13) for bar in chart.bars) - 8
    values = [float(v) for bar in chart.bars for v in (bar.value, bar.other) if v is not None]
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0

    def x(value: Number) -> float:
        return at(left + (right - left) * (float(value) - low) / span)

    zero, hits, words = x(0), [], []
    for index, bar in enumerate(chart.bars):
        y = index * row + 4
        shapes: list[Shape] = []
        if bar.value is not None:
            end = x(bar.value)
            wide = max(2.0, abs(end - zero)) if bar.value else 0.0
            start = zero if bar.value >= 0 else zero - wide
            shapes.append(Rect(at(start), y, at(wide), thick, "bar" if bar.value >= 0 else "bar minus", 3))
        if bar.other is not None:
            shapes.append(Path(f"M{num(x(bar.other))},{num(y - 3)}v{num(thick + 6)}", "then"))
        hits.append(_bar_hit(chart, bar, y, width, row, tuple(shapes)))
        middle = at(y + thick / 2 + 4.5)
        words.append(Words(at(left - 10), middle, cut(bar.label, left - 10, 13), "label", "end"))
        words.append(Words(width - 2, middle, chart.unit.short(bar.value), "value", "end"))
    height = row * len(chart.bars) - (row - thick) + 10
    line = (Path(f"M{num(zero)},0V{num(height)}", "gridline zero"),) if low < 0 else ()
    return Drawing(width, height, "bars", line, tuple(hits), tuple(words))


def _bar_hit(chart: Bars, bar: Bar, y: float, width: float, row: float, shapes: tuple[Shape, ...]) -> Hit:
    rows = [(_value_name(chart), chart.unit.text(bar.value), "bar")]
    if bar.other is not None:
        rows.append((chart.other_name or _("Last year"), chart.unit.text(bar.other), ""))
    rows += [(name, text, "") for name, text in bar.extra]
    return Hit(
        0,
        y - 4,
        width,
        row - 6,
        spoken(bar.label, rows),
        bar.href,
        tip(bar.label, rows),
        f"s-{bar.colour}",
        shapes,
    )


@dataclass(frozen=True)
class Column:
    """A standing group: one value for each series; `note` is added to its text."""

    label: str
    title: str
    values: Sequence[Number | None]
    href: str = ""
    note: str = ""


@dataclass(frozen=True)
class Columns:
    """Standing bars: `series` names the values of each column; they stand side by side or on one another.

    `line_at` draws a marked line (1 for an index). `is_dense` leaves no air between columns: a histogram.
    """

    columns: Sequence[Column]
    series: Sequence[str]
    unit: Unit = COUNT
    label: str = ""
    is_stacked: bool = False
    is_dense: bool = False
    line_at: Number | None = None
    line_name: str = ""
    empty: str = ""
    head: str = ""


def columns(chart: Columns, *, width: float = 560, height: float = 260) -> Drawn:
    """Draw standing bars, at most four series."""
    if not any(value is not None for column in chart.columns for value in column.values):
        return Drawn(chart.label, empty=chart.empty or _("Nothing was counted in this period."))
    legend = (
        [Key(f"c{index}", name) for index, name in enumerate(chart.series)] if len(chart.series) > 1 else []
    )
    if chart.line_at is not None:
        legend.append(Key("line-at", chart.line_name or chart.unit.text(chart.line_at)))
    return Drawn(
        chart.label,
        large=columns_drawing(chart, width, height),
        small=columns_drawing(chart, 340, 220),
        table=Table(
            (chart.head or _("Month"), *chart.series),
            tuple(
                TableRow(
                    column.title,
                    tuple(chart.unit.text(value) for value in column.values),
                    column.href,
                    tuple(column.values),
                )
                for column in chart.columns
            ),
        ),
        legend=tuple(legend),
    )


def columns_drawing(chart: Columns, width: float, height: float) -> Drawing:
    """Return the geometry of one size. Negative values hang below zero; in a stack they hang together."""
    scale = axis(_extent(chart), chart.unit, width=width, height=height)
    step = (scale.right - scale.left) / max(1, len(chart.columns))
    hits = tuple(
        _column_hit(chart, column, scale, scale.left + index * step, step)
        for index, column in enumerate(chart.columns)
    )
    shown = thinned([column.label for column in chart.columns], step)
    words = tuple(
        Words(at(scale.left + (i + 0.5) * step), at(scale.base + 22), chart.columns[i].label, "", "middle")
        for i in shown
    )
    line: tuple[Shape, ...] = ()
    if chart.line_at is not None:
        y = scale.y(float(chart.line_at))
        line = (Path(f"M{num(scale.left)},{num(y)}H{num(scale.right)}", "line-at"),)
    return Drawing(width, height, "columns", scale.grid, (*hits,), scale.words + words, line)


def _extent(chart: Columns) -> list[float]:
    found = [float(chart.line_at)] if chart.line_at is not None else []
    for column in chart.columns:
        known = [float(value) for value in column.values if value is not None]
        if chart.is_stacked:
            found += [sum(v for v in known if v > 0), sum(v for v in known if v < 0)]
        else:
            found += known
    return found


def _column_hit(chart: Columns, column: Column, scale: Axis, x: float, step: float) -> Hit:
    rows = [
        (name, chart.unit.text(value), f"c{index}")
        for index, (name, value) in enumerate(zip(chart.series, column.values, strict=True))
    ]
    shapes = _stack(column, scale, x, step) if chart.is_stacked else _group(chart, column, scale, x, step)
    return Hit(
        at(x),
        scale.top,
        at(step),
        at(scale.base - scale.top),
        spoken(column.title, rows, column.note),
        column.href,
        tip(column.title, [*rows, *([(column.note, "", "")] if column.note else [])]),
        shapes=tuple(shapes),
    )


def _group(chart: Columns, column: Column, scale: Axis, x: float, step: float) -> list[Shape]:
    air = 1.0 if chart.is_dense else step * 0.2
    wide = min(44.0, (step - 2 * air) / len(column.values)) if not chart.is_dense else step - 2
    start = x + (step - wide * len(column.values)) / 2
    gap = min(2.0, wide * 0.1)
    return [
        _standing(scale, start + index * wide, wide - gap, 0.0, float(value), f"bar c{index}")
        for index, value in enumerate(column.values)
        if value is not None
    ]


def _stack(column: Column, scale: Axis, x: float, step: float) -> list[Shape]:
    wide, above, below = min(44.0, step * 0.6), 0.0, 0.0
    drawn: list[Shape] = []
    for index, value in enumerate(column.values):
        if value is None:
            continue
        amount = float(value)
        start = above if amount >= 0 else below
        drawn.append(_standing(scale, x + (step - wide) / 2, wide, start, start + amount, f"bar c{index}"))
        above, below = (start + amount, below) if amount >= 0 else (above, start + amount)
    return drawn


def _standing(scale: Axis, x: float, wide: float, start: float, end: float, css: str) -> Rect:
    upper, lower = scale.y(max(start, end)), scale.y(min(start, end))
    tall = max(1.5, lower - upper) if start != end else 0.0
    return Rect(at(x), upper, at(wide), at(tall), css, 2)


@dataclass(frozen=True)
class Bucket:
    """How many fell between two bounds: `label` on the axis ("0–5"), `title` in full ("up to 5 minutes")."""

    label: str
    title: str
    count: int
    href: str = ""


@dataclass(frozen=True)
class Distribution:
    """Buckets in order."""

    buckets: Sequence[Bucket]
    label: str = ""
    head: str = ""


def distribution(chart: Distribution, *, width: float = 560, height: float = 240) -> Drawn:
    """Draw a histogram; each bucket tells its share of all."""
    total = sum(bucket.count for bucket in chart.buckets)
    if not total:
        return Drawn(chart.label, empty=_("Nothing was counted in this period."))
    return columns(
        Columns(
            [
                Column(
                    bucket.label,
                    bucket.title,
                    [bucket.count],
                    bucket.href,
                    _("%(share)s of %(total)s")
                    % {"share": formats.percent(bucket.count / total, 1), "total": formats.number(total)},
                )
                for bucket in chart.buckets
            ],
            [_("Count")],
            label=chart.label,
            is_dense=True,
            head=chart.head or _("Range"),
        ),
        width=width,
        height=height,
    )
