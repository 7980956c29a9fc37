"""What each dashboard shows: its cards, what its trend may follow, and the panels further down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from funnel.models import User
from funnel.stages import Role
from kpi.measures import Metric
from kpi.metrics import BY_KEY, STEPS

EVERY: Final[Mapping[str, Metric]] = {**BY_KEY, **{metric.key: metric for metric in STEPS}}
"""Metrics by key, the steps of the funnel among them."""

FUNNEL: Final = (
    ("leads_valid", _("Lead"), "application"),
    ("briefs_filled", _("Brief"), "brief"),
    ("handed_off", _("Handoff"), "handoff"),
    ("first_demos_held", _("Demo"), "demo"),
    ("proposals_first_sent", _("Proposal"), "proposal"),
    ("contracts_sent", _("Contract"), "contract"),
    ("deals_won", _("Won"), "won"),
)
"""The steps of the funnel: metric, label and colour."""


@dataclass(frozen=True, slots=True)
class View:
    """A dashboard. Cards and trends that the reader may not see are left out."""

    key: str
    title: str | Promise
    url_name: str
    cards: tuple[str, ...]
    trends: tuple[str, ...]
    by: str = "source"
    panels: tuple[str, ...] = ()


MANAGEMENT: Final = View(
    "management",
    _("Management"),
    "kpi:dashboard",
    cards=(
        "contract_value_won", "payments_net", "leads_valid", "sal_accepted", "proposals_first_sent", "deals_won",
        "win_rate_close_date", "sales_cycle_days", "first_response_business_min",
    ),
    trends=("contract_value_won", "payments_net", "leads_valid", "sal_accepted", "proposals_first_sent", "deals_won"),
    panels=(
        "conversions", "cohorts", "stage-flow", "payments", "ltv", "lost-reasons", "proposal-turnaround",
        "contract-turnaround", "seasonality", "lifts",
    ),
)  # fmt: skip
MARKETING: Final = View(
    "marketing",
    _("Marketing"),
    "kpi:dashboard-marketing",
    cards=(
        "leads_valid", "response_within_60_business_min", "first_response_business_min", "first_meetings_held",
        "briefs_filled", "meeting_to_brief_cohort_14d", "handed_off", "sal_quality_cohort_7d", "cost_per_lead",
    ),
    trends=("leads_valid", "first_meetings_held", "briefs_filled", "handed_off", "sal_accepted"),
    by="campaign",
    panels=("conversions", "cohorts", "response", "rejections", "lost-reasons", "stage-flow", "seasonality", "lifts"),
)  # fmt: skip
SALES: Final = View(
    "sales",
    _("Sales"),
    "kpi:dashboard-sales",
    cards=(
        "contract_value_won", "payments_net", "sal_accepted", "demos_held", "proposals_first_sent", "deals_won",
        "win_rate_close_date", "average_deal_size", "sales_cycle_days",
    ),
    trends=("contract_value_won", "payments_net", "sal_accepted", "demos_held", "proposals_first_sent", "deals_won"),
    by="owner",
    panels=(
        "conversions", "cohorts", "stage-flow", "proposal-turnaround", "contract-turnaround", "objections",
        "lost-reasons", "payments", "ltv", "lifts",
    ),
)  # fmt: skip

VIEWS: Final = (MANAGEMENT, MARKETING, SALES)
HOME: Final[Mapping[str, View]] = {
    Role.MARKETER: MARKETING,
    Role.FIRST_TOUCH: MARKETING,
    Role.SALESPERSON: SALES,
}


def home(user: User) -> View:
    """Return the dashboard that somebody of this role looks at first."""
    return HOME.get(user.role, MANAGEMENT)
