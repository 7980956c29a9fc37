"""Charts, drawn on the server: data in, geometry out; templates write it as SVG and CSS gives it colour.

A chart is a frozen dataclass of numbers and of labels already in the reader's language. Its function returns a
`Drawn`: a drawing for the desk and one for the phone, the same numbers as a table, a legend, an insight, and in place
of all that a sentence where there is nothing to draw. `Unit` says what the numbers are:

    from kpi import charts

    drawn = charts.trend(charts.Trend(
        points=[charts.TrendPoint("May", "May 2026", 602_100, before=592_000, planned=681_000, href="/deals/?…")],
        unit=charts.Unit("money", "USD"), is_partial=True, label=_("Trend, last 12 months"),
    ), width=1080)

A page shows it in a panel:

    {% include "_components/chart_panel.html" with name="trend" title=title chart=drawn css="wide" %}

whose further values are all optional: `definition` (words, one click away), `period` (text of the PNG and beside the
title), `csv_url`, `xlsx_url`, `note` (below), `tabs` (list of {label, url, is_current}). `name` is unique in the page and
names the PNG file. Give `css="wide"` and `width=1080` to what takes the whole row, else 560. The page loads
`static/js/charts.js` deferred, for tooltips, arrow keys and PNG; reading, links and the table work without it.

    Sparkline     sparkline()     {% include "_components/charts/sparkline.html" with spark=… %}
    PlanBar       plan_bar()      {% include "_components/charts/plan.html" with plan=… %}   (None: no plan, draws nothing)
    Trend         trend()         points of TrendPoint; Estimate draws the fan, is_odd the mark of the unusual
    Funnel        funnel()        stages of FunnelStage; the insight names the weakest step
    Bars          bars()          lying Bar each with a tick for `other`
    Columns       columns()       standing Column groups, side by side or stacked; `line_at` for an index
    Distribution  distribution()  histogram of Bucket
    Heat          heat()          cells[weekday][hour] of Cell
    CohortGrid    cohort_grid()   cohorts of Cohort with cells of Cell; `is_maturing` hatches
    Spread        spread()        a Spell per month: median, mean, p90, n

Values are int, float, Decimal or None (a gap). Every point takes an `href` to its rows. Stage and verdict colours are
the classes `s-…` of the stylesheet: pass `funnel.look.stage_colour(stage)`, or good, bad, warn, info.
"""

from .bars import Bar, Bars, Bucket, Column, Columns, Distribution, bars, columns, distribution
from .funnel import Funnel, FunnelStage, funnel
from .heat import Cell, Cohort, CohortGrid, Heat, cohort_grid, heat
from .line import Estimate, Trend, TrendPoint, trend
from .shapes import Drawn
from .spark import PlanBar, Sparkline, plan_bar, sparkline
from .spread import Spell, Spread, spread
from .units import Unit

__all__ = [
    "Bar",
    "Bars",
    "Bucket",
    "Cell",
    "Cohort",
    "CohortGrid",
    "Column",
    "Columns",
    "Distribution",
    "Drawn",
    "Estimate",
    "Funnel",
    "FunnelStage",
    "Heat",
    "PlanBar",
    "Sparkline",
    "Spell",
    "Spread",
    "Trend",
    "TrendPoint",
    "Unit",
    "bars",
    "cohort_grid",
    "columns",
    "distribution",
    "funnel",
    "heat",
    "plan_bar",
    "sparkline",
    "spread",
    "trend",
]
