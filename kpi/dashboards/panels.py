"""What stands above the fold as panels: the same pictures and tables, to open alone and to download."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from kpi import charts
from kpi.charts import Drawn
from kpi.choices import choices
from kpi.forms import CUTS
from kpi.measures import Metric
from kpi.metrics import BY_KEY
from kpi.panels.frame import Asked, Cell, Panel, PanelView, Picture, Table
from kpi.values import Number

from . import sections
from .estimated import plans_and_estimates
from .figures import MONTHS, Figures, Plans, Scope, count, count_by
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
    plans, estimated = plans_and_estimates(figures, [metric])
    chart = sections.trend_of(figures, metric, plans, estimated)
    note = estimated.note(figures, metric)
    picture = Picture("trend", str(metric.name), charts.trend(chart, width=1080), "wide", note, tabs=[
        ("trend", key, str(EVERY[key].name), key == metric.key) for key in offered
    ])  # fmt: skip
    return PanelView([picture], _trend_table(figures, metric, plans, chart))


def _trend_table(figures: Figures, metric: Metric, plans: Plans, chart: charts.Trend) -> Table:
    """The trend's numbers: what is counted unrounded and in the report's unit, estimates in columns of their own."""
    head = [
        _("Month"), _("This year"), _("Last year"), _("Plan"), _("Without the season, estimate"),
        _("Estimate"), _("Estimate, from"), _("Estimate, to"), _("Unusual, by estimate"),
    ]  # fmt: skip
    text, rows = chart.unit.text, []
    months = zip(figures.months[-MONTHS:], figures.months[-2 * MONTHS :], chart.points, strict=False)
    for month, before, point in months:
        end = point.estimate
        guesses = (point.adjusted, *((end.middle, end.low, end.high) if end else (None, None, None)))
        rows.append([
            Cell(month.name, point.title, point.href),
            Cell(figures.of(month, metric).figure, text(point.value)),
            Cell(figures.of(before, metric).figure, text(point.before)),
            Cell(plans.of(metric, month), text(point.planned)),
            *(Cell(guess, text(guess)) for guess in guesses),
            Cell(point.note or None, point.note),
        ])  # fmt: skip
    kept = [at for at in range(len(head)) if at < 2 or any(row[at].value is not None for row in rows)]
    return Table([str(head[at]) for at in kept], [[row[at] for at in kept] for row in rows])


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
