"""Shaded grids: weekday by hour, and cohorts by months since. Every cell says its number, so shade is never alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from funnel import formats

from .shapes import (
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
    num,
    room,
    spoken,
    text_width,
    thinned,
)
from .units import Number, Unit

LEVELS = 5
MINUTES, SHARE = Unit("minutes"), Unit("share")


@dataclass(frozen=True)
class Cell:
    """A number, of how many (`n`), and where its rows are."""

    value: Number | None
    n: int | None = None
    href: str = ""
    is_maturing: bool = False


@dataclass(frozen=True)
class Heat:
    """`cells[row][column]`, None where nothing was; rows are weekdays, columns are hours."""

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Cell | None]]
    unit: Unit = MINUTES
    label: str = ""
    value_name: str = ""


@dataclass(frozen=True)
class Cohort:
    """A month's cohort: its size and a cell for every month since."""

    label: str
    size: int
    cells: Sequence[Cell | None]
    href: str = ""


@dataclass(frozen=True)
class CohortGrid:
    """Cohorts from the oldest to the newest; `columns` are the months since ("0", "1", …)."""

    cohorts: Sequence[Cohort]
    columns: Sequence[str]
    unit: Unit = SHARE
    label: str = ""


def heat(chart: Heat, *, width: float = 1080) -> Drawn:
    """Draw weekday × hour; on the phone hours go down and weekdays across."""
    values = _known(chart.cells)
    if not values:
        return Drawn(chart.label, empty=_("Nothing was counted in this period."))
    turned = Heat(
        chart.columns, chart.rows, [list(row) for row in zip(*chart.cells, strict=True)], chart.unit
    )
    bounds = levels(values)
    table = Table(
        ("", *chart.columns),
        tuple(
            TableRow(
                name,
                tuple(_with_n(chart.unit, cell) for cell in row),
                numbers=tuple(cell.value if cell else None for cell in row),
            )
            for name, row in zip(chart.rows, chart.cells, strict=True)
        ),
    )
    return Drawn(
        chart.label,
        large=_grid(chart.rows, chart.columns, chart.cells, chart.unit, bounds, width, 30, "{row}, {column}"),
        small=_grid(
            turned.rows, turned.columns, turned.cells, chart.unit, bounds, 340, 26, "{column}, {row}"
        ),
        table=table,
        legend=_legend(bounds, chart.unit),
    )


def cohort_grid(chart: CohortGrid, *, width: float = 560) -> Drawn:
    """Draw cohorts; those that still mature are hatched and say so."""
    cells = [[*cohort.cells, *[None] * (len(chart.columns) - len(cohort.cells))] for cohort in chart.cohorts]
    values = _known(cells)
    if not values:
        return Drawn(chart.label, empty=_("No cohort of this period has come far enough to be counted."))
    rows = [f"{cohort.label} · {formats.number(cohort.size)}" for cohort in chart.cohorts]
    bounds = levels(values)
    legend = _legend(bounds, chart.unit)
    if any(cell and cell.is_maturing for row in cells for cell in row):
        legend += (Key("maturing", _("still maturing")),)
    table = Table(
        (_("Month"), _("Size"), *chart.columns),
        tuple(
            TableRow(
                cohort.label,
                (formats.number(cohort.size), *(_with_n(chart.unit, cell) for cell in row)),
                cohort.href,
            )
            for cohort, row in zip(chart.cohorts, cells, strict=True)
        ),
    )
    return Drawn(
        chart.label,
        large=_grid(rows, chart.columns, cells, chart.unit, bounds, width, 30, _("{row}, month {column}")),
        small=_grid(rows, chart.columns, cells, chart.unit, bounds, 340, 28, _("{row}, month {column}")),
        table=table,
        legend=legend,
    )


def levels(values: Sequence[float]) -> tuple[float, ...]:
    """Return the upper bounds of the shades, lightest first: even steps from the lowest to the highest value."""
    low, high = min(values), max(values)
    if low == high:
        return (high,)
    return tuple(low + (high - low) * (index + 1) / LEVELS for index in range(LEVELS))


def level(value: Number, bounds: Sequence[float]) -> int:
    """Return the shade of a value, 0 is the lightest."""
    return next(
        (index for index, bound in enumerate(bounds) if float(value) <= bound + 1e-9), len(bounds) - 1
    )


def _known(cells: Sequence[Sequence[Cell | None]]) -> list[float]:
    return [float(cell.value) for row in cells for cell in row if cell and cell.value is not None]


def _with_n(unit: Unit, cell: Cell | None) -> str:
    if not cell or cell.value is None:
        return formats.DASH
    return unit.text(cell.value) + (f" (n {formats.number(cell.n)})" if cell.n is not None else "")


def _legend(bounds: Sequence[float], unit: Unit) -> tuple[Key, ...]:
    return tuple(
        Key(f"shade l{index}", _("up to %(value)s") % {"value": unit.text(round(bound, 4))})
        for index, bound in enumerate(bounds)
    )


def _grid(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell | None]],
    unit: Unit,
    bounds: Sequence[float],
    width: float,
    tall: float,
    title: str,
) -> Drawing:
    left, top = room(rows), 24.0
    wide = (width - left) / max(1, len(columns))
    hits, words, blanks = [], [], []
    for down, row in enumerate(cells):
        y = top + down * tall
        words.append(Words(at(left - 8), at(y + tall / 2 + 4), rows[down], "", "end"))
        for across, cell in enumerate(row):
            x = left + across * wide
            if not cell or cell.value is None:
                blanks.append(Rect(at(x + 1), at(y + 1), at(wide - 2), at(tall - 2), "blank", 3))
                continue
            name = title.format(row=rows[down], column=columns[across])
            hits.append(_cell(cell, unit, bounds, name, x, y, wide, tall))
            text = unit.short(cell.value)
            if text_width(text, 10) <= wide - 2:
                words.append(Words(at(x + wide / 2), at(y + tall / 2 + 4), text, "in", "middle"))
    words += [
        Words(at(left + (index + 0.5) * wide), 15, columns[index], "", "middle")
        for index in thinned(columns, wide)
    ]
    return Drawing(width, at(top + tall * len(rows)), "heat", tuple(blanks), tuple(hits), tuple(words))


def _cell(
    cell: Cell, unit: Unit, bounds: Sequence[float], name: str, x: float, y: float, wide: float, tall: float
) -> Hit:
    shade = level(cell.value or 0, bounds)
    shapes: list[Shape] = [Rect(at(x + 1), at(y + 1), at(wide - 2), at(tall - 2), f"shade l{shade}", 3)]
    if cell.is_maturing:
        shapes.append(Path(_hatch(x + 2, y + 2, wide - 4, tall - 4), "hatch"))
    rows = [("", unit.text(cell.value), "")]
    rows += [("n", formats.number(cell.n), "")] if cell.n is not None else []
    more = [_("still maturing")] if cell.is_maturing else []
    return Hit(at(x), at(y), at(wide), at(tall), spoken(name, rows, *more), cell.href, shapes=tuple(shapes))


def _hatch(x: float, y: float, wide: float, tall: float, apart: float = 8) -> str:
    """Return slanted lines within a box."""
    lines, start = [], apart
    while start < wide + tall:
        x1, y1 = (x + start, y) if start <= wide else (x + wide, y + start - wide)
        x2, y2 = (x, y + start) if start <= tall else (x + start - tall, y + tall)
        lines.append(f"M{num(x1)},{num(y1)}L{num(x2)},{num(y2)}")
        start += apart
    return "".join(lines)
