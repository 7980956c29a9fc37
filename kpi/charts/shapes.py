"""What a drawing consists of. Numbers are plain floats in the drawing's own units; words are in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .units import Number, Unit

Point = tuple[float, float]


@dataclass(frozen=True)
class Path:
    """A line or an area: `d` as SVG writes it."""

    kind: ClassVar[str] = "path"
    d: str
    css: str


@dataclass(frozen=True)
class Rect:
    """A bar or a cell."""

    kind: ClassVar[str] = "rect"
    x: float
    y: float
    w: float
    h: float
    css: str
    rx: float = 0


@dataclass(frozen=True)
class Dot:
    """A point of a line."""

    kind: ClassVar[str] = "dot"
    x: float
    y: float
    r: float
    css: str


@dataclass(frozen=True)
class Words:
    """A label; `anchor` is start, middle or end."""

    kind: ClassVar[str] = "words"
    x: float
    y: float
    text: str
    css: str = ""
    anchor: str = "start"


Shape = Path | Rect | Dot | Words


@dataclass(frozen=True)
class Hit:
    """What can be pointed at, focused and opened: an area, its full text, and the marks it lights up.

    `tip` is JSON for the tooltip: {t: title, d: change, g: "up" | "down" | "", r: [[name, text, css], …]};
    without it the tooltip says what `name` says.
    """

    x: float
    y: float
    w: float
    h: float
    name: str
    href: str = ""
    tip: str = ""
    css: str = ""
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """One picture: `shapes` beneath, `hits` over them, then `over` and `words`, which nobody can touch."""

    w: float
    h: float
    css: str
    shapes: tuple[Shape, ...] = ()
    hits: tuple[Hit, ...] = ()
    words: tuple[Words, ...] = ()
    over: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class TableRow:
    """A row of the same numbers as text; `numbers` are those of the first cells unrounded, for files."""

    label: str
    cells: tuple[str, ...]
    href: str = ""
    numbers: tuple[Number | None, ...] = ()

    @property
    def plain(self) -> list[str | Number | None]:
        """Return the row for a file: numbers where they are known, else their words."""
        return [self.label, *self.numbers, *self.cells[len(self.numbers) :]]


@dataclass(frozen=True)
class Table:
    """The chart as a table."""

    head: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class Key:
    """An entry of the legend; `css` names the mark it explains."""

    css: str
    text: str


@dataclass(frozen=True)
class Drawn:
    """A chart ready for the template: for the desk and for the phone, as a table and in a sentence."""

    label: str
    large: Drawing | None = None
    small: Drawing | None = None
    table: Table = Table((), ())
    legend: tuple[Key, ...] = ()
    insight: str = ""
    empty: str = ""

    @property
    def is_empty(self) -> bool:
        return self.large is None


@dataclass(frozen=True)
class Axis:
    """The vertical scale of a plot: where each value stands, and the grid with its labels."""

    left: float
    right: float
    top: float
    base: float
    ticks: tuple[float, ...]
    texts: tuple[str, ...]

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return at(self.base - (self.base - self.top) * (value - low) / (high - low))

    @property
    def grid(self) -> tuple[Shape, ...]:
        return tuple(
            Path(
                f"M{num(self.left)},{num(self.y(tick))}H{num(self.right)}",
                "gridline zero" if tick == 0 else "gridline",
            )
            for tick in self.ticks
        )

    @property
    def words(self) -> tuple[Words, ...]:
        return tuple(
            Words(at(self.left - 8), at(self.y(tick) + 4), text, "", "end")
            for tick, text in zip(self.ticks, self.texts, strict=True)
        )


def axis(values: Sequence[float], unit: Unit, *, width: float, height: float, below: float = 30) -> Axis:
    """Return the scale that shows `values` and zero, with room for its longest label and `below` for what stands under."""
    ticks = unit.ticks(min(values, default=0), max(values, default=0))
    texts = unit.tick_texts(ticks)
    return Axis(
        left=room(texts), right=width - 16, top=14, base=height - below, ticks=ticks, texts=tuple(texts)
    )


def room(texts: Iterable[str], size: float = 12) -> float:
    """Return how far from the left edge a plot starts, so that the longest label before it fits."""
    return float(round(12 + max((text_width(text, size) for text in texts), default=0)))


def text_width(text: str, size: float = 12) -> float:
    """Estimate, rather too wide than too narrow, how wide a text stands in a proportional font of this size."""
    return size * sum(_em(letter) for letter in text)


def _em(letter: str) -> float:
    if letter in " \xa0\u202f.,:;'|!iljItf()":
        return 0.34
    if letter in "mwMWШЩЮЖФМшщюжфм%—@":
        return 0.9
    return 0.7 if letter.isupper() else 0.61


def cut(text: str, most: float, size: float = 12) -> str:
    """Return the text, or its beginning with an ellipsis where it is wider than `most`."""
    if text_width(text, size) <= most:
        return text
    while text and text_width(text + "…", size) > most:
        text = text[:-1]
    return text.rstrip() + "…"


def thinned(labels: Sequence[str], step: float) -> list[int]:
    """Return which of the labels, `step` apart, stand side by side without touching; the last one always does."""
    widest = max((text_width(label) for label in labels), default=0) + 8
    every = max(1, -int(-widest // step)) if step > 0 else 1
    return [index for index in range(len(labels)) if (len(labels) - 1 - index) % every == 0]


def at(value: float) -> float:
    """Round a coordinate: a tenth of a unit is less than anyone sees."""
    return round(value, 1) + 0.0


def num(value: float) -> str:
    """Write a coordinate for a path."""
    return f"{at(value):g}" if abs(value) < 1e5 else f"{at(value):.1f}"


def path(points: Iterable[Point]) -> str:
    """Join points with straight lines: between two of them nothing was measured."""
    return "M" + "L".join(f"{num(x)},{num(y)}" for x, y in points)


def runs(points: Sequence[Point | None]) -> list[list[Point]]:
    """Split points at the gaps."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def tip(title: str, rows: Iterable[tuple[str, str, str]], change: str = "", tone: str = "") -> str:
    """Return a tooltip's content as JSON; rows are (name, text, css)."""
    return json.dumps(
        {"t": title, "d": change, "g": tone, "r": [list(row) for row in rows]},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def spoken(title: str, rows: Iterable[tuple[str, str, str]], *more: str) -> str:
    """Return what a screen reader says of a point: "May 2026: This year $602,100; Plan $681,000"."""
    parts = [f"{name} {text}".strip() for name, text, _css in rows] + [part for part in more if part]
    return f"{title}: {'; '.join(parts)}" if parts else title
