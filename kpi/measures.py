"""What a metric may be: numbers counted from facts, and what is made of them.

A *fact* is a live event that figures rest on, with what is known of its journey beside it. Facts are kept (`models.Fact`)
or built from the ledger as known at a moment (`sql.fact`): one relation, the same columns, the same conditions.

- event, nth (1 for the first such event of the journey), at (when it happened), day (the organisation's), amount, reason
- void (the journey is spam or merged; only its application is a fact then), is_open (its stage is open)
- answered (on an application: there was a response), demo (one was held at some time), reopened_before (a reopening
  stands before the event), of_handoff (a decision about a handoff, not the owner's own acceptance of a client's
  further purchase), first_decision (the first acceptance or rejection of a handoff of the journey)
- next_at: when the journey first got to what the event may lead to: an application and a brief to acceptance, a first
  meeting to a brief, an acceptance to a signature
- business_s, elapsed_s, active_s: the seconds on the clock that ends with this event (on an application: with its
  response), null where the clock has no start or has not ended
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

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

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "lead": ("lead_created",),
    "meeting": ("first_meeting_held",),
    "brief": ("brief_filled",),
    "handoff": ("handed_off",),
    "decision": ("sal_accepted", "sal_rejected"),
    "demo": ("demo_held",),
    "qualification": ("sql_qualified",),
    "proposal": ("proposal_sent",),
    "objection": ("objection_raised",),
    "contract": ("contract_sent",),
    "closing": ("contract_signed", "deal_lost", "lead_lost"),
    "referral": ("partner_handoff",),
    "reopening": ("reopened",),
    "money": ("payment_received", "refund_paid", "direct_cost"),
}
"""Family → its events. What one number counts lies in one family, so that a new event touches few numbers."""
COUNTED: Final = [event for events in FAMILIES.values() for event in events]
"""The events that become facts; the others only bear on what becomes of a journey."""
FAMILY_OF: Final = {event: family for family, events in FAMILIES.items() for event in events}


class Column(NamedTuple):
    """An aggregate over the facts of a family, and how it is put together from the parts of a period.

    `merge` is "add", "max", or "" where the parts do not tell the whole.
    """

    family: str
    sql: str
    merge: Literal["add", "max", ""]


@dataclass(frozen=True, slots=True)
class Count:
    """How many facts of the family meet the condition."""

    family: str
    where: str

    @property
    def column(self) -> Column:
        return Column(self.family, f"count(*) FILTER (WHERE {self.where})", "add")


@dataclass(frozen=True, slots=True)
class Sum:
    """The money of the facts that meet the condition; those of `less` are taken off."""

    family: str
    where: str
    less: str = ""

    @property
    def column(self) -> Column:
        total = f"coalesce(sum(amount) FILTER (WHERE {self.where}), 0)"
        if self.less:
            total += f" - coalesce(sum(amount) FILTER (WHERE {self.less}), 0)"
        return Column(self.family, total, "add")


@dataclass(frozen=True, slots=True)
class Given:
    """A number that comes from beside the facts (business days, a plan) or from what clients paid over all time."""

    name: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """One number ÷ another. `window` names the time that each member of the denominator gets: while one has not yet
    had it, the ratio is maturing."""

    numerator: Count | Sum | Given
    denominator: Count | Sum | Given
    window: Literal["", "meeting_to_brief", "sal_quality", "response"] = ""

    @property
    def latest(self) -> Column | None:
        """When the last member of the denominator came in, as seconds since 1970; None without a window."""
        whole = self.denominator
        if not self.window or not isinstance(whole, Count):
            return None
        return Column(whole.family, f"extract(epoch FROM max(at) FILTER (WHERE {whole.where}))", "max")


@dataclass(frozen=True, slots=True)
class Duration:
    """Mean, median, p90 and n of `seconds` over the facts that meet the condition and have a start.

    `waiting` are the facts whose clock still runs: with them come the medians that the unanswered are part of.
    """

    family: str
    where: str
    seconds: Literal["business_s", "elapsed_s", "active_s"]
    waiting: str = ""

    @property
    def total(self) -> Column:
        return Column(self.family, f"sum({self.seconds}) FILTER (WHERE {self.where})", "add")

    @property
    def n(self) -> Column:
        return Column(self.family, f"count({self.seconds}) FILTER (WHERE {self.where})", "add")

    def percentile(self, share: str, unit: int) -> Column:
        """A percentile in the unit given in seconds: `share` is 0.5 or 0.9."""
        ordered = f"WITHIN GROUP (ORDER BY ({self.seconds} / {unit}.0)::float8)"
        return Column(self.family, f"percentile_cont({share}) {ordered} FILTER (WHERE {self.where})", "")

    @property
    def longest(self) -> Column:
        return Column(self.family, f"max({self.seconds}) FILTER (WHERE {self.where})", "max")

    @property
    def samples(self) -> tuple[Column, Column]:
        """The seconds of the answered, and when each of the unanswered came in."""
        return (
            Column(
                self.family,
                f"array_agg({self.seconds}) FILTER (WHERE {self.where} AND {self.seconds} IS NOT NULL)",
                "",
            ),
            Column(self.family, f"array_agg(at) FILTER (WHERE {self.waiting})", ""),
        )

    @property
    def unanswered(self) -> Column:
        return Column(self.family, f"count(*) FILTER (WHERE {self.waiting})", "add")

    @property
    def last_unanswered(self) -> Column:
        """When the youngest of those still waiting came in, as seconds since 1970."""
        return Column(self.family, f"extract(epoch FROM max(at) FILTER (WHERE {self.waiting}))", "max")

    @property
    def patient_median(self) -> Column:
        """The median in seconds if all that wait have waited longer than it; infinite where half or more wait."""
        told = f"({self.where} AND {self.seconds} IS NOT NULL) OR ({self.waiting})"
        ordered = f"WITHIN GROUP (ORDER BY coalesce({self.seconds}, 'Infinity'))"
        return Column(self.family, f"percentile_disc(0.5) {ordered} FILTER (WHERE {told})", "")


@dataclass(frozen=True, slots=True)
class Lift:
    """The rate among some ÷ the rate among the others."""

    family: str
    won: str
    among: str
    others: str

    @property
    def sides(self) -> tuple[tuple[Count, Count], ...]:
        """Numerator and denominator among the some, then among the others."""
        return tuple(
            (Count(self.family, f"{self.won} AND ({side})"), Count(self.family, side))
            for side in (self.among, self.others)
        )


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

    `money` is true where seeing the figure takes the permission to see money or, where it is a `cost`, the one to see
    costs; `secondary` labels a rate that mixes cohorts and stands beside the one to trust.
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
    cost: bool = False

    @property
    def parts(self) -> tuple[Query, ...]:
        """What the metric is made of: numerator and denominator, or the query itself."""
        query = self.query
        return (query.numerator, query.denominator) if isinstance(query, Ratio) else (query,)

    @property
    def given(self) -> frozenset[str]:
        """The numbers from beside the facts that the metric needs."""
        return frozenset(part.name for part in self.parts if isinstance(part, Given))

    def columns(self) -> Iterator[Column]:
        """The aggregates over facts that the metric is read off."""
        query = self.query
        if isinstance(query, Lift):
            for won, whole in query.sides:
                yield from (won.column, whole.column)
        elif isinstance(query, Duration):
            yield from (query.total, query.n)
            yield from (query.percentile(share, SECONDS[self.unit]) for share in ("0.5", "0.9"))
            if query.waiting:
                yield from (query.unanswered, query.last_unanswered, query.patient_median, query.longest)
        else:
            yield from (part.column for part in self.parts if isinstance(part, Count | Sum))
            if isinstance(query, Ratio) and query.latest:
                yield query.latest
