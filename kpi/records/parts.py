"""What lies behind each number of a metric, read off its query: never a second definition of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kpi.measures import FAMILIES, SECONDS, Count, Duration, Given, Lift, Metric, Ratio, Sum, Velocity
from kpi.metrics import CAMPAIGNS, LEADS, METRICS, REASONED, STEPS

Relation = Literal["fact", "visit", "payer", "worth", "client", "instalment"]
LISTED: Final[Mapping[str, Metric]] = {
    metric.key: metric for metric in (*METRICS, *STEPS, *REASONED, *CAMPAIGNS)
}
"""Every metric that rows may be asked of, by its key."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A relation and a condition over it. The number is the sum of the rows' money where `sums`, else their count.

    `less` are the rows whose money is taken off, `seconds` the clock that a duration is read off, `waiting` marks those
    whose clock still runs. `whole_years`: the rows are those of the complete years that the period looks back on.
    """

    relation: Relation
    where: str = "TRUE"
    less: str = ""
    events: tuple[str, ...] = ()
    sums: bool = False
    seconds: str = ""
    waiting: bool = False
    whole_years: bool = False


FLOW: Final[Mapping[str, str]] = {
    "entered": "TRUE",
    "advanced": "went_to NOT IN ('', 'lost', 'returned', 'referred', 'spam', 'merged')",
    "lost": "went_to = 'lost'",
    "returned": "went_to = 'returned'",
    "referred": "went_to = 'referred'",
    "voided": "went_to IN ('spam', 'merged')",
    "still_here": "went_to = ''",
}
"""The numbers of a stage's flow, each with the visits that it counts."""

_GIVEN: Final[Mapping[str, Rows]] = {
    "new_clients": Rows("payer", "first_at >= starts"),
    "returning_clients": Rows("payer", "first_at < starts"),
    "ltv": Rows("worth", sums=True),
    "ltv_by_client": Rows("worth", sums=True),
    "clients": Rows("client", "event = 'payment_received'"),
    "instalments_due": Rows("instalment"),
    "instalments_in_time": Rows("instalment", "in_time >= amount"),
    "seasonality": Rows("fact", LEADS, events=FAMILIES["lead"], whole_years=True),
}
NO_ROWS: Final[Mapping[str, Promise]] = {
    "business_days": _("The denominator is the business days of the period: days, not records."),
    "plan": _("The denominator is the plan of the period: a number that was set, not records."),
    "campaign_cost": _(
        "This is what campaigns cost in the period's months: amounts that were set, not records."
    ),
}
"""Numbers that nothing lies behind, and why."""

PART_NAMES: Final[Mapping[str, Promise]] = {
    "numerator": _("Counted"),
    "denominator": _("Out of"),
    "answered": _("Answered"),
    "unanswered": _("Waiting for an answer"),
    "among": _("With it"),
    "among_won": _("With it, converted"),
    "others": _("Without it"),
    "others_won": _("Without it, converted"),
    "entered": _("Entered"),
    "advanced": _("Advanced"),
    "lost": _("Lost"),
    "returned": _("Returned"),
    "referred": _("Referred"),
    "voided": _("Spam or merged"),
    "still_here": _("Still here"),
}


def parts_of(metric: Metric) -> Mapping[str, Rows | Promise]:
    """Return what lies behind each number of the metric by the part's name ("" where there is one number only).

    A number that nothing lies behind has the reason instead; a product of other metrics has no parts at all.
    """
    query = metric.query
    match query:
        case Ratio():
            return {"numerator": _rows(query.numerator), "denominator": _rows(query.denominator)}
        case Duration():
            told = Rows(
                "fact",
                f"({query.where}) AND {query.seconds} IS NOT NULL",
                events=FAMILIES[query.family],
                seconds=query.seconds,
            )
            if not query.waiting:
                return {"": told}
            return {"answered": told, "unanswered": replace(told, where=query.waiting, waiting=True)}
        case Lift():
            (among_won, among), (others_won, others) = query.sides
            sides = {"among": among, "among_won": among_won, "others": others, "others_won": others_won}
            return {name: _rows(count) for name, count in sides.items()}
        case Given("stage_flow"):
            return {name: Rows("visit", where) for name, where in FLOW.items()}
        case Velocity():
            return {}
        case Count() | Sum() | Given():
            return {"": _rows(query)}


def default_part(metric: Metric) -> str:
    """Return the part that is meant where none is named: the first that rows lie behind."""
    parts = parts_of(metric)
    return next((name for name, rows in parts.items() if isinstance(rows, Rows)), next(iter(parts), ""))


def unit_of(metric: Metric, rows: Rows) -> tuple[str, int]:
    """Return the unit of the rows' durations and its seconds; ("", 1) where they have none."""
    if rows.relation == "visit":
        return "days", SECONDS["days"]
    return (metric.unit, SECONDS[metric.unit]) if rows.seconds else ("", 1)


def _rows(query: Count | Sum | Given) -> Rows | Promise:
    match query:
        case Count():
            return Rows("fact", query.where, events=FAMILIES[query.family])
        case Sum():
            where = f"({query.where}) OR ({query.less})" if query.less else query.where
            return Rows("fact", where, query.less, FAMILIES[query.family], sums=True)
        case Given():
            return _GIVEN.get(query.name) or NO_ROWS[query.name]
