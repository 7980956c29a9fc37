"""Every rate of a cohort side by side, for each value of a cut."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _

from kpi import charts
from kpi.choices import choices
from kpi.forms import CUTS
from kpi.metrics import BY_KEY
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, count, metric_name, name, rate_of, share
from kpi.queries import Answer, Bucket, answer
from kpi.values import Rate, Value

SIZE: Final = "leads_valid"
RATES: Final = (
    "response_within_60_business_min", "meeting_to_brief_cohort_14d", "meeting_to_brief_cohort_to_date",
    "sal_quality_cohort_7d", "rejection_rate", "win_rate_sal_cohort_to_date", "win_rate_close_date",
)  # fmt: skip
DRAWN: Final = "win_rate_sal_cohort_to_date"
MOST: Final = 50
"""So many values are shown; a file has them all."""


def conversions(asked: Asked) -> PanelView:
    """The cohort rates of the period by source, campaign, service, owner or team (`?by=`), each with its n."""
    by = asked.chosen("by", list(CUTS))
    metrics = [BY_KEY[key] for key in (SIZE, *RATES)]
    found = answer(asked.question([asked.span], by), metrics)
    whole = found.values[Bucket(asked.period.name)]
    labels = {value: choice.label for value, choice in choices()[by].items()}
    values = [
        bucket.cut for bucket in found.values if bucket.cut is not None and _is_told(found.values[bucket])
    ]
    values.sort(key=lambda value: (-_size(found, asked, value), labels.get(value, value)))
    rows = [_row(asked, found, None, _("All"), "")] if values else []
    rows += [_row(asked, found, value, labels.get(value, value) or _("None"), by) for value in values]
    bars = []
    for value in values[:MOST]:
        rate = found.of(asked.period.name, DRAWN, value)
        if isinstance(rate, Rate) and rate.figure is not None:
            bars.append(_bar(asked, labels.get(value, value) or _("None"), rate, whole[DRAWN], {by: value}))
    drawn = charts.bars(
        charts.Bars(
            bars,
            charts.Unit("share"),
            metric_name(DRAWN),
            metric_name(DRAWN),
            _("All"),
            _("Sales accepted nothing in this period."),
        ),
        width=1080,
    )
    return PanelView(
        [
            Picture(
                "conversions",
                metric_name(DRAWN),
                drawn,
                "wide",
                tabs=[("by", cut, str(label), cut == by) for cut, label in CUTS.items()],
            )
        ],
        Table([str(CUTS[by]), metric_name(SIZE), *map(metric_name, RATES)], rows),
        shows_table=bool(rows),
    )


def _is_told(values: Mapping[str, Value]) -> bool:
    """Whether anything at all fell into the bucket that one of the columns counts."""
    return bool(values[SIZE].figure) or any(
        isinstance(rate := values[key], Rate) and rate.denominator for key in RATES
    )


def _size(found: Answer, asked: Asked, value: str) -> float:
    return float(found.of(asked.period.name, SIZE, value).figure or 0)


def _row(asked: Asked, found: Answer, value: str | None, words: str, by: str) -> list[Cell]:
    cut = {} if value is None else {by: value}
    values = found.values[Bucket(asked.period.name, value)]
    size = values[SIZE].figure or 0
    cells = [name(words), count(size, asked.records(SIZE, **cut))]
    for key in RATES:
        rate = rate_of(values[key])
        href = asked.records(key, part="denominator", **cut) if rate.denominator else ""
        cell = share(rate, href)
        if key in found.maturing[Bucket(asked.period.name, value)]:
            cell = Cell(cell.value, cell.text, cell.href, f"{cell.note}, {_('maturing')}")
        cells.append(cell)
    return cells


def _bar(asked: Asked, words: str, rate: Rate, whole: Value, cut: dict[str, str]) -> charts.Bar:
    extra = [("n", count(rate.denominator).text)]
    other = None if whole.figure is None else float(whole.figure)
    href = asked.records(DRAWN, part="denominator", **cut)
    label = f"{words} · {extra[0][1]}"
    return charts.Bar(label, float(rate.figure or 0), other, href, extra=extra)
