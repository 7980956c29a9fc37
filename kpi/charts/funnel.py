"""The funnel: how many came through each stage, and where most were lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
    cut,
    num,
    room,
    spoken,
    text_width,
    tip,
)
from .units import Unit

COUNT = Unit()


@dataclass(frozen=True)
class FunnelStage:
    """A stage: its count, the count of last year's same days, and the colour of its column (`stage_colour`)."""

    label: str
    value: int | None
    before: int | None = None
    href: str = ""
    colour: str = "application"


@dataclass(frozen=True)
class Funnel:
    """Stages in order."""

    stages: Sequence[FunnelStage]
    label: str = ""


def funnel(chart: Funnel, *, width: float = 560) -> Drawn:
    """Draw the funnel; its insight names the weakest step."""
    label = chart.label or _("Funnel")
    if not any(stage.value or stage.before for stage in chart.stages):
        return Drawn(label, empty=_("Nobody came through the funnel in this period."))
    weakest = weakest_step(chart.stages)
    insight = ""
    if weakest is not None:
        rate = rates(chart.stages)[weakest]
        insight = _("Weakest step: %(stage)s, %(rate)s of the stage before.") % {
            "stage": chart.stages[weakest].label,
            "rate": formats.percent(rate),
        }
    has_before = any(stage.before is not None for stage in chart.stages)
    return Drawn(
        label,
        large=funnel_drawing(chart, width, row=62, bar=34),
        small=funnel_drawing(chart, 340, row=52, bar=26),
        table=_table(chart, has_before=has_before),
        legend=(Key("then", _("same days last year")),) if has_before else (),
        insight=insight,
    )


def rates(stages: Sequence[FunnelStage]) -> list[float | None]:
    """Return each stage's share of the stage before; None for the first and after an empty one."""
    found: list[float | None] = [None]
    for upper, lower in pairwise(stages):
        found.append(lower.value / upper.value if upper.value and lower.value is not None else None)
    return found[: len(stages)]


def weakest_step(stages: Sequence[FunnelStage]) -> int | None:
    """Return the index of the stage with the lowest share of the stage before; None where nobody was lost."""
    known = [(rate, index) for index, rate in enumerate(rates(stages)) if rate is not None and rate < 1]
    return min(known)[1] if known else None


def funnel_drawing(chart: Funnel, width: float, *, row: float, bar: float) -> Drawing:
    """Return the geometry of one size."""
    stages, shares, weakest = chart.stages, rates(chart.stages), weakest_step(chart.stages)
    left = min(room((stage.label for stage in stages), 13), width * 0.36)
    values = max(text_width(COUNT.text(stage.value), 13.5) for stage in stages)
    rate_room = 52
    full = width - left - values - rate_room - 12
    top = max(max(stage.value or 0, stage.before or 0) for stage in stages) or 1
    widths = [max(3.0, full * stage.value / top) if stage.value else 0.0 for stage in stages]
    hits, words = [], []
    for index, stage in enumerate(stages):
        y, middle = index * row + 6, index * row + 6 + bar / 2 + 4.5
        shapes: list[Shape] = []
        if index + 1 < len(stages) and widths[index]:
            shapes.append(
                Path(
                    f"M{num(left)},{num(y + bar)}H{num(left + widths[index])}"
                    f"L{num(left + widths[index + 1])},{num(y + row)}H{num(left)}Z",
                    "slope",
                )
            )
        shapes.append(Rect(at(left), y, at(widths[index]), bar, "bar", 4))
        if stage.before is not None:
            shapes.append(
                Path(f"M{num(left + full * stage.before / top)},{num(y - 3)}v{num(bar + 6)}", "then")
            )
        hits.append(_hit(stage, shares[index], y, width, bar, tuple(shapes)))
        words += [
            Words(at(left - 10), middle, cut(stage.label, left - 10, 13), "label", "end"),
            Words(at(width - rate_room), middle, COUNT.text(stage.value), "value", "end"),
        ]
        if shares[index] is not None:
            css = "rate weak" if index == weakest else "rate"
            words.append(Words(width - 2, middle, formats.percent(shares[index]), css, "end"))
    return Drawing(width, row * len(stages) - (row - bar) + 12, "funnel", (), tuple(hits), tuple(words))


def _hit(
    stage: FunnelStage, share: float | None, y: float, width: float, bar: float, shapes: tuple[Shape, ...]
) -> Hit:
    rows = [(_("This period"), COUNT.text(stage.value), "bar")]
    if share is not None:
        rows.append((_("Of the stage before"), formats.percent(share, 1), ""))
    if stage.before is not None:
        rows.append((_("Same days last year"), COUNT.text(stage.before), ""))
    return Hit(
        0,
        y - 4,
        width,
        bar + 8,
        spoken(stage.label, rows),
        stage.href,
        tip(stage.label, rows),
        f"s-{stage.colour}",
        shapes,
    )


def _table(chart: Funnel, *, has_before: bool) -> Table:
    head = [_("Stage"), _("This period"), _("Of the stage before")]
    head += [_("Same days last year")] if has_before else []
    rows = []
    for stage, share in zip(chart.stages, rates(chart.stages), strict=True):
        cells = [COUNT.text(stage.value), formats.percent(share, 1)]
        cells += [COUNT.text(stage.before)] if has_before else []
        rows.append(TableRow(stage.label, tuple(cells), stage.href))
    return Table(tuple(head), tuple(rows))
