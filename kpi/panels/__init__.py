"""The panels of the dashboard, each declared once: what it is called, what it means and who builds it.

A panel is built from what is `Asked` (period, filters, moment, who looks) into a `PanelView`: charts and the table that
is downloaded. `panel_views.panel` serves each as a page, as a fragment for htmx, as CSV and as XLSX.
"""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from kpi.dashboards.panels import OWN
from kpi.panels import cohorts, conversions, money, patterns, reasons, response, stages, turnaround
from kpi.panels.frame import Asked, Cell, Panel, PanelView, Picture, Table, asked_of

ALL: Final[tuple[Panel, ...]] = (
    Panel(
        "cohorts", _("Cohorts"),
        _("Valid applications by the month they came in, and the share whose first brief, acceptance by sales or"
          " signature had come by the end of the same month (0), the next one (1) and so on. Hatched: the month still"
          " runs."),
        cohorts.cohorts,
    ),
    Panel(
        "conversions", _("Conversions"),
        _("The rates of the period's cohorts for each source, campaign, service, owner or team, each with the number it"
          " rests on; by the owner and team of the event that put a journey into the cohort."),
        conversions.conversions,
    ),
    Panel(
        "stage-flow", _("Stage flow"),
        _("Visits to each open stage that began in the period, by what became of them: entered = advanced + lost +"
          " returned + referred + voided + still here. Forward or back, whoever left for another open stage or won has"
          " advanced. Days are counted from entering to leaving or to now."),
        stages.stage_flow,
    ),
    Panel(
        "response", _("First response"),
        _("Valid applications of the period by the business minutes to the first response, unanswered ones apart; and"
          " of those that came at each weekday and hour, the share answered within 60 business minutes."),
        response.response,
    ),
    Panel(
        "proposal-turnaround", _("Proposal turnaround"),
        _("From the first request to the first proposal sent, in business hours, by the month of sending: median, mean"
          " and 90th percentile. Revisions count from the latest request, objection or reopening."),
        turnaround.proposals,
    ),
    Panel(
        "contract-turnaround", _("Contract turnaround"),
        _("From the first request to the first contract sent, in business hours, by the month of sending: median, mean"
          " and 90th percentile. Revisions count from the latest request, objection or reopening."),
        turnaround.contracts,
    ),
    Panel(
        "lost-reasons", _("Reasons of loss"),
        _("Losses of the period by their reason, each loss: leads before sales accepted, deals after."),
        reasons.lost,
    ),
    Panel(
        "objections", _("Objections"),
        _("Objections raised in the period by category. Resolved: a resolution was recorded on the journey afterwards."),
        reasons.objections,
    ),
    Panel(
        "rejections", _("Rejections by sales"),
        _("Decisions of sales in the period, each: rejected ÷ decided handoffs by source and campaign, and the reasons"
          " that were given."),
        reasons.rejections,
    ),
    Panel(
        "lifts", _("Associations"),
        _("How often the period's SALs with a demo held were won, against those without; and how often applications"
          " answered within 60 business minutes were accepted by sales, against the rest; both to date. What goes"
          " together need not be cause and effect."),
        patterns.lifts,
    ),
    Panel(
        "seasonality", _("Seasonality"),
        _("Valid applications of each calendar month ÷ the mean month of its year, averaged over the years complete by"
          " the period's end: two at least."),
        patterns.seasonality,
    ),
    Panel(
        "payments", _("Payments"),
        _("By month: what falls due by the schedules of signed contracts, payments less refunds that came, what of the"
          " due is unpaid though its day is over, and the plan of net payments."),
        money.schedule, money=True,
    ),
    Panel(
        "ltv", _("Lifetime value"),
        _("Payments less refunds and direct costs to the period's end ÷ clients, by the month or quarter of the client's"
          " first payment and by the source of the client's first application; beside it, what campaigns cost in that"
          " time ÷ the clients it brought."),
        money.lifetime_value, money=True,
    ),
)  # fmt: skip
PANELS: Final[Mapping[str, Panel]] = {panel.key: panel for panel in (*OWN, *ALL)}

__all__ = ["PANELS", "Asked", "Cell", "Panel", "PanelView", "Picture", "Table", "asked_of"]
