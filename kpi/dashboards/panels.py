"""What stands above the fold as panels: the same pictures and tables, to open alone and to download."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from kpi.charts import Drawn
from kpi.choices import choices
from kpi.forms import CUTS
from kpi.metrics import BY_KEY
from kpi.panels.frame import Asked, Cell, Panel, PanelView, Picture, Table
from kpi.values import Number

from . import sections
from .figures import MONTHS, Figures, Scope, count, count_by, plans_of
from .forms import ORDERS
from .pages import EVERY, FUNNEL, VIEWS


def scope_of(asked: Asked) -> Scope:
    """Return what a panel is asked for as the figures take it."""
    return Scope(asked.organisation, asked.period, asked.as_of, asked.filters, asked.lag)


def trend(asked: Asked) -> PanelView:
    """The trend of `?trend=`, by default of what came first in."""
    offered = [
        key
        for key in dict.fromkeys(key for view in VIEWS for key in view.trends)
        if asked.money or not EVERY[key].money
    ]
    metric = EVERY[asked.chosen("trend", offered)]
    figures = count(scope_of(asked), [metric])
    plans = plans_of(figures.scope, [metric], figures.months)
    drawn = sections.trend(figures, metric, plans)
    shown = list(zip(figures.months[-MONTHS:], figures.months[-2 * MONTHS :], drawn.table.rows, strict=False))
    rows = [
        [
            Cell(month.name, row.label, row.href),
            *(
                Cell(number, text)
                for number, text in zip(
                    (figures.of(month, metric).figure, figures.of(before, metric).figure, plans.of(metric, month)),
                    row.cells,
                    strict=False,
                )
            ),
        ]
        for month, before, row in shown
    ]  # fmt: skip
    picture = Picture("trend", str(metric.name), drawn, "wide", tabs=[
        ("trend", key, str(EVERY[key].name), key == metric.key) for key in offered
    ])  # fmt: skip
    return PanelView([picture], Table(drawn.table.head, rows))


def funnel(asked: Asked) -> PanelView:
    """The funnel of the period."""
    figures = count(scope_of(asked), [EVERY[key] for key, *_rest in FUNNEL], with_months=False)
    drawn = sections.funnel(figures)
    return PanelView(
        [Picture("funnel", drawn.label, drawn)], Table(drawn.table.head, _funnel_rows(figures, drawn))
    )


def _funnel_rows(figures: Figures, drawn: Drawn) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    above: Number | None = None
    for (key, *_rest), row in zip(FUNNEL, drawn.table.rows, strict=False):
        line = figures.line(EVERY[key])
        now = line.current.figure
        share = float(now or 0) / float(above) if above else None
        numbers = (now, share, line.previous_year.figure)
        cells = [Cell(number, text) for number, text in zip(numbers, row.cells, strict=False)]
        rows.append([Cell(row.label, row.label, row.href), *cells])
        above = now
    return rows


def conversions(asked: Asked) -> PanelView:
    """Leads, wins, win rate and contract value by the cut of `?by=`, in the order of `?sort=`."""
    by = asked.chosen("by", list(CUTS))
    scope = scope_of(asked)
    orders = ["-contract_value_won" if asked.money else "-leads_valid"]
    orders += [f"{sign}{key}" for key in ORDERS for sign in ("", "-") if asked.money or not _is_money(key)]
    shares = count_by(scope, by, sections.by_metrics(money=asked.money))
    return sections.conversions(
        scope, by, shares, choices()[by], order=asked.chosen("sort", orders), money=asked.money
    )


def _is_money(key: str) -> bool:
    return key in BY_KEY and BY_KEY[key].money


OWN: Final = (
    Panel(
        "trend", _("Trend"),
        _("A figure by month: the last twelve, the twelve before, and the plan. A month that still runs is dashed."),
        trend,
    ),
    Panel(
        "funnel", _("Funnel"),
        _("How many journeys entered each step in the period for the first time; per cent are of the step before."),
        funnel,
    ),
    Panel(
        "results", _("Applications and wins"),
        _("Applications, wins, win rate and contract value of the period by source, campaign, service, owner or team,"
          " each event counted where it belonged when it happened. The change is against the same days a year before."),
        conversions,
        template="kpi/panels/results.html",
    ),
)  # fmt: skip
"""The panels of the dashboards themselves."""
