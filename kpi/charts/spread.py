"""How long things took: per month the median, the mean, and how far nine of ten stay."""

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
    Shape,
    Table,
    TableRow,
    Words,
    at,
    axis,
    num,
    spoken,
    thinned,
    tip,
)
from .units import Number, Unit

DAYS = Unit("days")


@dataclass(frozen=True)
class Spell:
    """A period's durations; all None where `n` is 0."""

    label: str
    title: str
    median: Number | None
    mean: Number | None
    p90: Number | None
    n: int
    href: str = ""


@dataclass(frozen=True)
class Spread:
    """Periods in order."""

    spells: Sequence[Spell]
    unit: Unit = DAYS
    label: str = ""


def spread(chart: Spread, *, width: float = 560, height: float = 260) -> Drawn:
    """Draw a dot for the median, a tick for the mean, a whisker up to the 90th percentile, and n below."""
    if not any(spell.median is not None for spell in chart.spells):
        return Drawn(chart.label, empty=_("Nothing was finished in this period."))
    return Drawn(
        chart.label,
        large=spread_drawing(chart, width, height),
        small=spread_drawing(chart, 340, 230),
        table=Table(
            (_("Month"), _("Median"), _("Mean"), _("90th percentile"), _("Count")),
            tuple(
                TableRow(spell.title, tuple(text for _name, text, _css in _rows(chart, spell)), spell.href)
                for spell in chart.spells
            ),
        ),
        legend=(Key("median", _("Median")), Key("mean", _("Mean")), Key("p90", _("90th percentile"))),
    )


def spread_drawing(chart: Spread, width: float, height: float) -> Drawing:
    """Return the geometry of one size."""
    values = [float(v) for s in chart.spells for v in (s.median, s.mean, s.p90) if v is not None]
    scale = axis(values, chart.unit, width=width, height=height, below=46)
    step = (scale.right - scale.left) / max(1, len(chart.spells))
    hits, words = [], list(scale.words)
    for index, spell in enumerate(chart.spells):
        rows = _rows(chart, spell)
        hits.append(
            Hit(
                at(scale.left + index * step),
                scale.top,
                at(step),
                at(scale.base - scale.top),
                spoken(spell.title, rows),
                spell.href,
                tip(spell.title, rows),
                shapes=tuple(_marks(spell, scale, scale.left + (index + 0.5) * step)),
            )
        )
    labels = [max(s.label, _n(s), key=len) for s in chart.spells]
    for index in thinned(labels, step):
        x = at(scale.left + (index + 0.5) * step)
        words.append(Words(x, at(scale.base + 20), chart.spells[index].label, "", "middle"))
        words.append(Words(x, at(scale.base + 37), _n(chart.spells[index]), "count", "middle"))
    return Drawing(width, height, "spread", scale.grid, tuple(hits), tuple(words))


def _n(spell: Spell) -> str:
    return f"n {formats.number(spell.n)}"


def _marks(spell: Spell, scale: Axis, x: float) -> list[Shape]:
    drawn: list[Shape] = []
    if spell.median is None:
        return drawn
    middle = scale.y(float(spell.median))
    if spell.p90 is not None:
        top = scale.y(float(spell.p90))
        drawn.append(Path(f"M{num(x)},{num(middle)}V{num(top)}M{num(x - 6)},{num(top)}h12", "p90"))
    if spell.mean is not None:
        drawn.append(Path(f"M{num(x - 9)},{num(scale.y(float(spell.mean)))}h18", "mean"))
    return [*drawn, Dot(at(x), middle, 5, "median")]


def _rows(chart: Spread, spell: Spell) -> list[tuple[str, str, str]]:
    text = chart.unit.text
    return [
        (_("Median"), text(spell.median), ""),
        (_("Mean"), text(spell.mean), ""),
        (_("90th percentile"), text(spell.p90), ""),
        (_("Count"), formats.number(spell.n), ""),
    ]
