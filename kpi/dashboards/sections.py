"""What stands under the cards: the trend, the funnel and the table of a cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import format_date
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext as _

from funnel import formats
from funnel.periods import Period
from kpi import charts, tables
from kpi.choices import Choice
from kpi.forms import CUTS
from kpi.measures import Metric
from kpi.metrics import BY_KEY
from kpi.panels.frame import Cell, PanelView, Table
from kpi.values import Rate, change

from .estimated import Estimated
from .figures import MONTHS, Figures, Plans, Scope, Share
from .pages import EVERY, FUNNEL
from .shown import plotted, rows_url, unit_of

BY_METRICS: Final = ("leads_valid", "deals_won", "win_rate_close_date", "contract_value_won")
HEADS: Final = {
    "leads_valid": pgettext_lazy("column", "Leads"),
    "deals_won": pgettext_lazy("column", "Won"),
    "win_rate_close_date": pgettext_lazy("column", "Win rate"),
    "contract_value_won": pgettext_lazy("column", "Revenue"),
}
MOST_ROWS: Final = 12


def trend(figures: Figures, metric: Metric, plans: Plans, estimated: Estimated) -> charts.Drawn:
    """Draw what `trend_of` returns."""
    return charts.trend(trend_of(figures, metric, plans, estimated), width=1080)


def trend_of(figures: Figures, metric: Metric, plans: Plans, estimated: Estimated) -> charts.Trend:
    """Lay out twelve months of a metric beside the twelve before, the plan and what is estimated of them."""
    scope = figures.scope
    shown = figures.months[-MONTHS:]
    ends = scope.organisation.clock.start_of(shown[-1].until)
    points = [
        charts.TrendPoint(
            label=short_month(month),
            title=tables.title(month),
            value=plotted(metric, figures.of(month, metric).figure),
            before=plotted(metric, figures.of(before, metric).figure),
            planned=plotted(metric, plans.of(metric, month)),
            href=_rows(scope, metric, month, scope.filters),
            estimate=estimated.end(figures, metric, month),
            is_odd=bool(estimated.odd(metric, month)),
            note=estimated.odd(metric, month),
            adjusted=estimated.adjusted(metric, month),
        )
        for month, before in zip(shown, figures.months[-2 * MONTHS :], strict=False)
    ]
    return charts.Trend(
        points,
        unit=unit_of(metric, scope.organisation.currency),
        is_partial=scope.as_of < ends,
        label=_("%(figure)s: trend, last 12 months") % {"figure": metric.name},
        good=metric.good,
    )


def funnel(figures: Figures) -> charts.Drawn:
    """Draw how many entered each step in the period, beside the same days a year before."""
    scope = figures.scope
    stages = []
    for key, label, colour in FUNNEL:
        line = figures.line(EVERY[key])
        stages.append(
            charts.FunnelStage(
                str(label),
                int(line.current.figure or 0),
                int(line.previous_year.figure or 0),
                rows_url(key, scope.period, scope.filters, as_of=scope.known_at),
                colour,
            )
        )
    return charts.funnel(charts.Funnel(stages, _("Funnel")))


@dataclass(frozen=True, slots=True)
class Conversions(PanelView):
    """The table of a cut. `head_keys` are what its columns are ordered by; `bars` the share of each row's sum in the largest.

    `tabs` are (cut, label, is current); `changes` are in per cent, by row.
    """

    head_keys: Sequence[str] = ()
    bars: Sequence[float] = ()
    changes: Sequence[float | None] = ()
    tabs: Sequence[tuple[str, str, bool]] = ()
    left_out: int = 0

    @property
    def rows(self) -> list[tuple[Sequence[Cell], float, float | None]]:
        """Each row's cells, bar and change, of those shown."""
        return list(zip(self.table.rows, self.bars, self.changes, strict=False))[:MOST_ROWS]

    @property
    def heads(self) -> list[tuple[str, str]]:
        """The key and label of each column that can be ordered by."""
        return list(zip(self.head_keys, self.table.head, strict=False))


def conversions(
    scope: Scope, by: str, shares: Sequence[Share], labels: Mapping[str, Choice], *, order: str, money: bool
) -> Conversions:
    """Lay out the conversions by a cut, in the order asked for: a column's key, "-" before it for the largest first."""
    metrics = by_metrics(money=money)
    size = metrics[-1] if money else BY_KEY["deals_won"]
    ordered = _ordered(shares, order, metrics, labels)
    top = max((share.figure(size.key) for share in ordered), default=0.0)
    changes = [_change(share, size) for share in ordered]
    rows = [
        [
            Cell(share.value, _label(share.value, labels)),
            *(_cell(scope, by, share, metric) for metric in metrics),
            Cell(each, formats.change(each)),
        ]
        for share, each in zip(ordered, changes, strict=True)
    ]
    head = [str(CUTS[by]), *(str(HEADS[metric.key]) for metric in metrics), _("YoY")]
    return Conversions(
        [],
        Table(head, rows),
        head_keys=["name", *(metric.key for metric in metrics)],
        bars=[round(100 * max(0.0, share.figure(size.key)) / top, 1) if top else 0.0 for share in ordered],
        changes=changes,
        tabs=[(cut, str(label), cut == by) for cut, label in CUTS.items()],
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def by_metrics(*, money: bool) -> list[Metric]:
    """Return the columns of the table; without `money` the sums are left out."""
    return [BY_KEY[key] for key in BY_METRICS if money or not BY_KEY[key].money]


def _ordered(
    shares: Sequence[Share], order: str, metrics: Sequence[Metric], labels: Mapping[str, Choice]
) -> list[Share]:
    key = order.removeprefix("-")
    if key == "name":
        found = sorted(shares, key=lambda share: _label(share.value, labels).casefold())
        return found[::-1] if order.startswith("-") else found
    keys = [key, *(metric.key for metric in reversed(metrics))]
    return sorted(
        shares,
        key=lambda share: tuple(share.figure(each) for each in keys),
        reverse=order.startswith("-"),
    )


def _label(value: str, labels: Mapping[str, Choice]) -> str:
    if not value:
        return _("None")
    return labels[value].label if value in labels else value


def _cell(scope: Scope, by: str, share: Share, metric: Metric) -> Cell:
    value = share.now[metric.key]
    text = unit_of(metric, scope.organisation.currency).short(plotted(metric, value.figure))
    note = ""
    if isinstance(value, Rate) and value.denominator:
        note = _("n = %(n)s") % {"n": formats.number(value.denominator)}
    filters = {**scope.filters, by: [share.value]}
    return Cell(value.figure, text, _rows(scope, metric, scope.period, filters), note)


def _change(share: Share, metric: Metric) -> float | None:
    found = change(share.now[metric.key].figure, share.year_ago[metric.key].figure, points=metric.points)
    return None if found is None else float(found)


def _rows(scope: Scope, metric: Metric, period: Period, filters: Mapping[str, Sequence[str]]) -> str:
    return rows_url(metric.key, period, filters, as_of=scope.known_at)


def short_month(month: Period) -> str:
    """Return "Nov", and in January the year too."""
    language = get_language() or "en"
    text: str = format_date(month.first, "LLL", locale=language.replace("-", "_")).rstrip(".")
    text = text[:1].upper() + text[1:]
    return f"{text} {month.first.year}" if month.first.month == 1 else text
