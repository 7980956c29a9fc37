"""Every metric, declared once: what it is called, what it means, how it is counted and how it compares."""

from collections.abc import Iterable, Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from funnel.access import Permission, may
from funnel.models import User
from kpi.measures import RESPONSE_MINUTES, Count, Duration, Given, Lift, Metric, Ratio, Sum, Velocity


def _first(*events: str) -> str:
    return f"{_each(*events)} AND nth = 1"


def _each(*events: str) -> str:
    names = ", ".join(f"'{event}'" for event in events)
    return f"event IN ({names}) AND NOT void"


LEADS: Final = _first("lead_created")
MEETINGS: Final = _first("first_meeting_held")
BRIEFS: Final = _first("brief_filled")
SALS: Final = _first("sal_accepted")
WON: Final = _first("contract_signed")
PAYMENTS: Final = _each("payment_received")
REFUNDS: Final = _each("refund_paid")
FIRST_PAYMENT: Final = _first("payment_received")
NET: Final = Sum("money", PAYMENTS, REFUNDS)
ANSWERED_IN_TIME: Final = f"business_s <= {RESPONSE_MINUTES * 60}"

MARKETING: Final[tuple[Metric, ...]] = (
    Metric(
        "leads_gross", _("Applications, all"), "count", "count", "up",
        _("Applications received, spam and duplicates included."),
        Count("lead", "event = 'lead_created' AND nth = 1"),
    ),
    Metric(
        "leads_valid", _("Applications"), "count", "count", "up",
        _("Applications received, without spam and merged duplicates."),
        Count("lead", LEADS),
    ),
    Metric(
        "leads_per_business_day", _("Applications per business day"), "ratio", "per_business_day", "up",
        _("Valid applications ÷ business days of the period; of a running period, those begun."),
        Ratio(Count("lead", LEADS), Given("business_days")),
    ),
    Metric(
        "response_within_60_business_min", _("Answered within an hour"), "ratio", "percent", "up",
        _("Of the period's valid applications, the share answered within 60 business minutes; unanswered ones count."),
        Ratio(Count("lead", f"{LEADS} AND {ANSWERED_IN_TIME}"), Count("lead", LEADS), window="response"), points=True,
    ),
    Metric(
        "first_response_business_min", _("First response, business minutes"), "duration", "business_minutes", "down",
        _("From application to first response in business minutes, by the application's date. The median that counts"
          " is the Kaplan–Meier one, which does not forget the unanswered."),
        Duration("lead", f"{LEADS} AND answered", "business_s", waiting=f"{LEADS} AND NOT answered"),
    ),
    Metric(
        "first_meetings_held", _("First meetings held"), "count", "count", "up",
        _("Applications whose first meeting was held."), Count("meeting", MEETINGS),
    ),
    Metric(
        "briefs_filled", _("Briefs filled (MQL)"), "count", "count", "up",
        _("Applications whose first brief was completed."), Count("brief", BRIEFS),
    ),
    Metric(
        "meeting_to_brief_cohort_14d", _("Meeting to brief, 14 days"), "ratio", "percent", "up",
        _("Of the period's first meetings, the share with a brief within 14 days (or the organisation's own window)."),
        Ratio(Count("meeting", f"{MEETINGS} AND next_at BETWEEN at AND at + %(meeting_to_brief)s"), Count("meeting", MEETINGS),
              window="meeting_to_brief"),
        points=True,
    ),
    Metric(
        "meeting_to_brief_period", _("Briefs ÷ meetings of the period"), "ratio", "percent", "up",
        _("Briefs of the period ÷ first meetings of the period: two different crowds, so a second opinion only."),
        Ratio(Count("brief", BRIEFS), Count("meeting", MEETINGS)), points=True, secondary=True,
    ),
    Metric(
        "meeting_to_brief_cohort_to_date", _("Meeting to brief, to date"), "ratio", "percent", "up",
        _("Of the period's first meetings, the share with a brief by now, however late."),
        Ratio(Count("meeting", f"{MEETINGS} AND next_at >= at"), Count("meeting", MEETINGS)), points=True, secondary=True,
    ),
    Metric(
        "partner_handoffs", _("Referred to partners"), "count", "count", "down",
        _("Referrals to partners, each."), Count("referral", _each("partner_handoff")),
    ),
    Metric(
        "lost_leads", _("Lost leads"), "count", "count", "down",
        _("Losses before sales accepted, each."), Count("closing", _each("lead_lost")),
    ),
)  # fmt: skip

HANDOFF: Final[tuple[Metric, ...]] = (
    Metric(
        "sal_accepted", _("Accepted by sales (SAL)"), "count", "count", "up",
        _("Leads that sales accepted for the first time."), Count("decision", SALS),
    ),
    Metric(
        "sal_rejected", _("Rejected by sales"), "count", "count", "down",
        _("Leads that sales rejected for the first time."), Count("decision", _first("sal_rejected")),
    ),
    Metric(
        "sal_quality_cohort_7d", _("Brief accepted by sales, 7 days"), "ratio", "percent", "up",
        _("Of the period's briefs, the share that sales accepted within 7 days (or the organisation's own window)."),
        Ratio(Count("brief", f"{BRIEFS} AND next_at BETWEEN at AND at + %(sal_quality)s"), Count("brief", BRIEFS),
              window="sal_quality"),
        points=True,
    ),
    Metric(
        "sal_quality_period", _("SAL ÷ briefs of the period"), "ratio", "percent", "up",
        _("Leads accepted in the period ÷ briefs of the period: two different crowds, so a second opinion only."),
        Ratio(Count("decision", SALS), Count("brief", BRIEFS)), points=True, secondary=True,
    ),
    Metric(
        "rejection_rate", _("Handoffs rejected"), "ratio", "percent", "down",
        _("Rejected ÷ decided handoffs, each decision of the period."),
        Ratio(
            Count("decision", _each("sal_rejected")),
            Count("decision", f"{_each('sal_accepted', 'sal_rejected')} AND of_handoff"),
        ),
        points=True,
    ),
    Metric(
        "handoff_decision_business_h", _("Handoff decision, business hours"), "duration", "business_hours", "down",
        _("From the first handoff to the first decision of sales, in business hours, by the decision's date."),
        Duration("decision", f"{_each('sal_accepted', 'sal_rejected')} AND first_decision", "business_s"),
    ),
)  # fmt: skip

SALES: Final[tuple[Metric, ...]] = (
    Metric(
        "demos_held", _("Demos held"), "count", "count", "up",
        _("Demo meetings held, each; missed ones do not count."), Count("demo", _each("demo_held")),
    ),
    Metric(
        "sql_qualified", _("Qualified (SQL)"), "count", "count", "up",
        _("Deals qualified for the first time."), Count("qualification", _first("sql_qualified")),
    ),
    Metric(
        "proposals_first_sent", _("Proposals sent"), "count", "count", "up",
        _("Deals to which the first proposal went out."), Count("proposal", _first("proposal_sent")),
    ),
    Metric(
        "proposal_revisions", _("Proposal revisions"), "count", "count", "down",
        _("Proposals sent again after the first."), Count("proposal", f"{_each('proposal_sent')} AND nth > 1"),
    ),
    Metric(
        "proposal_prep_business_h", _("Proposal preparation, business hours"), "duration", "business_hours", "down",
        _("From the first request to the first proposal sent, in business hours, by the sending date."),
        Duration("proposal", _first("proposal_sent"), "business_s"),
    ),
    Metric(
        "proposal_revision_prep_business_h", _("Proposal revision, business hours"), "duration", "business_hours",
        "down",
        _("From the latest request, objection or reopening to each later proposal, in business hours."),
        Duration("proposal", f"{_each('proposal_sent')} AND nth > 1", "business_s"),
    ),
    Metric(
        "contracts_sent", _("Contracts sent"), "count", "count", "up",
        _("Deals to which the first contract went out."), Count("contract", _first("contract_sent")),
    ),
    Metric(
        "contract_prep_business_h", _("Contract preparation, business hours"), "duration", "business_hours", "down",
        _("From the first request to the first contract sent, in business hours, by the sending date."),
        Duration("contract", _first("contract_sent"), "business_s"),
    ),
    Metric(
        "contract_revision_prep_business_h", _("Contract revision, business hours"), "duration", "business_hours",
        "down",
        _("From the latest request, objection or reopening to each later contract, in business hours."),
        Duration("contract", f"{_each('contract_sent')} AND nth > 1", "business_s"),
    ),
    Metric(
        "deals_won", _("Deals won"), "count", "count", "up",
        _("Contracts signed, the first of each deal."), Count("closing", WON),
    ),
    Metric(
        "contract_value_won", _("Contract value won"), "money", "money", "up",
        _("The amount of the first contract signed of each deal."), Sum("closing", WON), money=True,
    ),
    Metric(
        "average_deal_size", _("Average deal"), "ratio", "money", "up",
        _("Contract value won ÷ deals won."), Ratio(Sum("closing", WON), Count("closing", WON)), money=True,
    ),
    Metric(
        "won_back", _("Won back"), "count", "count", "up",
        _("Deals won after they had been reopened."), Count("closing", f"{WON} AND reopened_before"),
    ),
    Metric(
        "reopened", _("Reopened"), "count", "count", "up",
        _("Journeys taken up again after a loss, return, referral or spam, each time."), Count("reopening", _each("reopened")),
    ),
    Metric(
        "lost_deals", _("Lost deals"), "count", "count", "down",
        _("Losses after sales accepted, each."), Count("closing", _each("deal_lost")),
    ),
    Metric(
        "win_rate_close_date", _("Win rate"), "ratio", "percent", "up",
        _("Deals won ÷ (won + lost deals) of the period."),
        Ratio(Count("closing", WON), Count("closing", f"({WON}) OR ({_each('deal_lost')})")), points=True,
    ),
    Metric(
        "win_rate_sal_cohort_to_date", _("SAL won, to date"), "ratio", "percent", "up",
        _("Of the leads accepted in the period, the share won by now."),
        Ratio(Count("decision", f"{SALS} AND next_at >= at"), Count("decision", SALS)), points=True,
    ),
    Metric(
        "sal_cohort_in_flight", _("SAL still open"), "count", "count", "up",
        _("Of the leads accepted in the period, those neither won, lost nor referred yet."),
        Count("decision", f"{SALS} AND is_open"),
    ),
    Metric(
        "sales_cycle_days", _("Sales cycle, days"), "duration", "days", "down",
        _("From acceptance by sales to signature, in days, by the signing date."), Duration("closing", WON, "elapsed_s"),
    ),
    Metric(
        "sales_velocity_per_day", _("Sales velocity per day"), "rate", "per_day", "up",
        _("SAL × win rate × average deal ÷ mean sales cycle: the contract value that a day brings."),
        Velocity("sal_accepted", "win_rate_close_date", "average_deal_size", "sales_cycle_days"), money=True,
    ),
    Metric(
        "meeting_lift", _("Demo and winning"), "ratio", "times", "up",
        _("How much more often the period's SALs with a demo were won than those without: an association, no proof"
          " of cause."),
        Lift("decision", f"{SALS} AND next_at >= at", f"{SALS} AND demo", f"{SALS} AND NOT demo"),
    ),
    Metric(
        "response_lift", _("Fast response and acceptance"), "ratio", "times", "up",
        _("How much more often applications answered within 60 business minutes became SALs than the rest: an"
          " association, no proof of cause."),
        Lift("lead", f"{LEADS} AND next_at >= at", f"{LEADS} AND {ANSWERED_IN_TIME}",
             f"{LEADS} AND ({ANSWERED_IN_TIME}) IS NOT TRUE"),
    ),
)  # fmt: skip

MONEY: Final[tuple[Metric, ...]] = (
    Metric(
        "payments_count", _("Payments"), "count", "count", "up",
        _("Payments received, each."), Count("money", PAYMENTS),
    ),
    Metric(
        "payments_gross", _("Payments received"), "money", "money", "up",
        _("The sum of payments received."), Sum("money", PAYMENTS), money=True,
    ),
    Metric(
        "refunds", _("Refunds"), "money", "money", "down",
        _("The sum of refunds paid."), Sum("money", REFUNDS), money=True,
    ),
    Metric(
        "payments_net", _("Net payments"), "money", "money", "up",
        _("Payments received less refunds."), NET, money=True,
    ),
    Metric(
        "average_payment_net", _("Average payment"), "ratio", "money", "up",
        _("Net payments ÷ number of payments."),
        Ratio(NET, Count("money", PAYMENTS)), money=True,
    ),
    Metric(
        "quota_attainment", _("Payment plan fulfilled"), "ratio", "percent", "up",
        _("Net payments ÷ the plan of net payments; more than 100 % is shown as such."),
        Ratio(NET, Given("plan")), points=True, money=True,
    ),
    Metric(
        "lead_time_days", _("Lead time (LT), days"), "duration", "days", "down",
        _("From application to first payment, in days, by the payment's date."), Duration("money", FIRST_PAYMENT, "elapsed_s"),
    ),
    Metric(
        "lead_time_active_days", _("Active lead time, days"), "duration", "days", "down",
        _("Lead time without the stretches from a loss to the next reopening."), Duration("money", FIRST_PAYMENT, "active_s"),
    ),
    Metric(
        "instalments_due", _("Instalments due"), "count", "count", "up",
        _("Instalments of signed contracts by the day that they are due; of a running period, those due by now."),
        Given("instalments_due"),
    ),
    Metric(
        "instalments_paid_on_time", _("Instalments paid on time"), "ratio", "percent", "up",
        _("Of the period's instalments due, the share paid in full by the end of their day."),
        Ratio(Given("instalments_in_time"), Given("instalments_due")), points=True,
    ),
)  # fmt: skip

CLIENTS: Final[tuple[Metric, ...]] = (
    Metric(
        "new_clients", _("New clients"), "count", "count", "up",
        _("Clients whose first payment ever came in the period."), Given("new_clients"),
    ),
    Metric(
        "returning_clients_paying", _("Returning clients"), "count", "count", "up",
        _("Clients who paid in the period and had first paid before it."), Given("returning_clients"),
    ),
    Metric(
        "ltv_average_at_month_end", _("Average lifetime value (LTV)"), "ratio", "money", "up",
        _("Payments less refunds and direct costs of all clients up to the period's end ÷ clients with a payment by"
          " then."),
        Ratio(Given("ltv"), Given("clients")), money=True,
    ),
    Metric(
        "ltv_by_client", _("Lifetime value by client"), "map", "money", "up",
        _("Payments less refunds and direct costs of each client up to the period's end."), Given("ltv_by_client"),
        money=True,
    ),
    Metric(
        "seasonality_index", _("Seasonality"), "map", "times", "up",
        _("What each calendar month brings of applications against the mean month of its year, averaged over the"
          " complete years (two or more)."),
        Given("seasonality"),
    ),
)  # fmt: skip

COST: Final = Given("campaign_cost")
COSTS: Final[tuple[Metric, ...]] = (
    Metric(
        "cost_per_lead", _("Cost per application"), "ratio", "money", "down",
        _("What campaigns cost in the period's months ÷ valid applications of the period."),
        Ratio(COST, Count("lead", LEADS)), money=True, cost=True,
    ),
    Metric(
        "cost_per_sal", _("Cost per SAL"), "ratio", "money", "down",
        _("What campaigns cost in the period's months ÷ leads that sales accepted in the period."),
        Ratio(COST, Count("decision", SALS)), money=True, cost=True,
    ),
    Metric(
        "cost_per_client", _("Cost per new client"), "ratio", "money", "down",
        _("What campaigns cost in the period's months ÷ new clients of the period."),
        Ratio(COST, Given("new_clients")), money=True, cost=True,
    ),
)  # fmt: skip

STAGES: Final[tuple[Metric, ...]] = (
    Metric(
        "stage_flow", _("Stage flow"), "table", "count", "up",
        _("Visits to each open stage that began in the period: entered = advanced + lost + returned + referred + voided"
          " + still here, with the median and the p90 of the days in the stage. Forward or back, whoever left for"
          " another open stage or won has advanced."),
        Given("stage_flow"),
    ),
)  # fmt: skip

STEPS: Final[tuple[Metric, ...]] = (
    Metric(
        "handed_off", _("Handed to sales"), "count", "count", "up",
        _("Leads that were offered to sales for the first time."), Count("handoff", _first("handed_off")),
    ),
    Metric(
        "first_demos_held", _("Deals with a demo"), "count", "count", "up",
        _("Deals whose first demo was held."), Count("demo", _first("demo_held")),
    ),
)  # fmt: skip
"""Steps of the funnel that are no figures of the report."""

REASONED: Final[tuple[Metric, ...]] = (
    Metric(
        "losses", _("Losses"), "count", "count", "down",
        _("Losses of leads and deals, each."), Count("closing", _each("lead_lost", "deal_lost")),
    ),
    Metric(
        "objections_raised", _("Objections"), "count", "count", "down",
        _("Objections raised, each."), Count("objection", _each("objection_raised")),
    ),
)  # fmt: skip
"""What is told by its reasons besides figures of the report."""

CAMPAIGNS: Final[tuple[Metric, ...]] = (
    Metric(
        "campaign_cost", _("Cost"), "money", "money", "down",
        _("What campaigns cost in the period's months."), COST, money=True, cost=True,
    ),
    Metric(
        "campaign_return", _("Return"), "ratio", "times", "up",
        _("Net payments of the period ÷ what campaigns cost in its months."), Ratio(NET, COST), money=True,
    ),
)  # fmt: skip
"""What stands on the page of campaigns besides figures of the report."""

SECTIONS: Final = (
    (_("Marketing"), MARKETING),
    (_("Handoff to sales"), HANDOFF),
    (_("Sales"), SALES),
    (_("Payments"), MONEY),
    (_("Clients"), CLIENTS),
    (_("Costs"), COSTS),
    (_("Stages"), STAGES),
)
METRICS: Final[tuple[Metric, ...]] = tuple(metric for _title, metrics in SECTIONS for metric in metrics)
BY_KEY: Final[Mapping[str, Metric]] = {metric.key: metric for metric in METRICS}


def seen_by(user: User, metrics: Iterable[Metric] = METRICS) -> list[Metric]:
    """Return the metrics that the user's role may see, of those who may see figures at all."""
    allowed = {
        cost: may(user, Permission.SEE_COSTS if cost else Permission.SEE_MONEY) for cost in (False, True)
    }
    return [metric for metric in metrics if not metric.money or allowed[metric.cost]]
