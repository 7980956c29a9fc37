"""What a metric may be: numbers counted from the ledger, and what is made of them.

Conditions speak of the relation `fact` that `queries` builds from the ledger: one row for each live event of a
period, with what is known of its journey beside it. Its columns, as the conditions name them:

- event, nth (1 for the first such event of the journey), amount, at (when it happened), void (the journey is spam or
  merged as known), is_open (its stage as known is open), reopened_before (a reopening stands before the event),
  first_decision (the first acceptance or rejection of the journey)
- responded_at, briefed_at, accepted_at, signed_at: when the journey first got there; demo: one was held at some time
- business_s, elapsed_s, active_s: the seconds on the clock that ends with this event, null where it has no start
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from django.utils.functional import Promise

Kind = Literal["count", "money", "ratio", "duration", "rate", "map", "table"]
Unit = Literal[
    "count",
    "money",
    "percent",
    "per_business_day",
    "business_minutes",
    "business_hours",
    "days",
    "times",
    "per_day",
]
SECONDS: Final[Mapping[str, int]] = {"business_minutes": 60, "business_hours": 3600, "days": 86400}
RESPONSE_MINUTES: Final = 60
"""The time in which an application counts as answered fast."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many facts meet the condition."""

    where: str


@dataclass(frozen=True, slots=True)
class Sum:
    """The money of the facts that meet the condition; those of `less` are taken off."""

    where: str
    less: str = "FALSE"


@dataclass(frozen=True, slots=True)
class Given:
    """A number that comes from beside the ledger (business days, a plan) or from what clients paid over all time."""

    name: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """One number ÷ another. `window` names the time that each member of the denominator gets: while one has not yet
    had it, the ratio is maturing."""

    numerator: Count | Sum | Given
    denominator: Count | Sum | Given
    window: Literal["", "meeting_to_brief", "sal_quality", "response"] = ""


@dataclass(frozen=True, slots=True)
class Duration:
    """Mean, median, p90 and n of `seconds` over the facts that meet the condition and have a start.

    `waiting` are the facts whose clock still runs: with them come the medians that the unanswered are part of.
    """

    where: str
    seconds: Literal["business_s", "elapsed_s", "active_s"]
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Lift:
    """The rate among some ÷ the rate among the others."""

    won: str
    among: str
    others: str


@dataclass(frozen=True, slots=True)
class Velocity:
    """What a day of the sales cycle brings: the product of three other metrics over the mean of a fourth."""

    count: str
    rate: str
    size: str
    cycle: str


Query = Count | Sum | Given | Ratio | Duration | Lift | Velocity


@dataclass(frozen=True, slots=True)
class Metric:
    """`good` is the direction that the company wants; `points` compares in percentage points, otherwise per cent.

    `money` is true where seeing the figure takes the permission to see money; `secondary` labels a rate that mixes
    cohorts and stands beside the one to trust.
    """

    key: str
    name: Promise
    kind: Kind
    unit: Unit
    good: Literal["up", "down"]
    definition: Promise
    query: Query
    points: bool = False
    money: bool = False
    secondary: bool = False
