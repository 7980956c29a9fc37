"""The same figures counted a second way: journey by journey in plain Python, to hold against the SQL of `queries`.

Nothing here is derived from the declarations: each metric is written out from its definition, void and open journeys
come from the kernel's replay, business time from its clock. Slow on purpose; memory grows with buckets and samples,
not with events.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from funnel.clock import BusinessClock
from funnel.models import Event
from funnel.replay import Replay, Step, replay
from funnel.stages import OPEN_STAGES, VOID_STAGES
from kpi.recount_beside import costs, instalments_due

NAMES = {
    "source": "source__key",
    "campaign": "campaign__key",
    "service": "service__key",
    "owner": "owner__username",
    "team": "team__name",
}
CUTS = ("", *NAMES)


class Key(NamedTuple):
    """Where a number belongs: metric, month, and the value of the cut (None for the total)."""

    metric: str
    month: str
    cut: str | None


@dataclass(slots=True)
class Counted:
    """Numbers by one cut ("" for totals alone): sums, and samples of durations."""

    by: str
    sums: dict[Key, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    samples: dict[Key, list[Fraction]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[Key, list[Fraction]] = field(default_factory=lambda: defaultdict(list))

    @property
    def cuts(self) -> dict[str, set[str]]:
        """The values of the cut that something fell into, by month."""
        found: dict[str, set[str]] = defaultdict(set)
        for numbers in (self.sums, self.samples, self.waiting):
            for key in numbers:
                if key.cut is not None:
                    found[key.month].add(key.cut)
        return found


@dataclass(slots=True)
class _Payment:
    client: str
    event: Event
    cuts: dict[str, str]


@dataclass(slots=True)
class Recount:
    """Counts all months at once, as known at `as_of`."""

    clock: BusinessClock
    as_of: datetime
    windows: dict[str, timedelta]
    counted: dict[str, Counted] = field(default_factory=lambda: {by: Counted(by) for by in CUTS})
    money: list[_Payment] = field(default_factory=list)
    counting: set[int] = field(default_factory=set)
    """The journeys that are neither void nor undone."""

    def run(self) -> None:
        """Read the live ledger once, then schedules and costs, and count."""
        events = (
            Event.objects.live(as_of=self.as_of)
            .select_related("journey", "journey__contact", "source", "campaign", "service", "owner", "team")
            .order_by("journey_id", "occurred_at", "seq")
            .iterator(chunk_size=2000)
        )
        for _, taken in groupby(events, key=attrgetter("journey_id")):
            self._journey(list(taken))
        self._clients()
        self._beside()

    # One journey

    def _journey(self, events: Sequence[Event]) -> None:
        _hold(events)
        first: dict[str, Event] = {}
        for event in events:
            first.setdefault(event.event, event)
        created = first.get("lead_created")
        if created is None:
            return
        self._add("leads_gross", created)
        self._stages(events)
        state = replay(_step(event) for event in events)
        if state.stage in VOID_STAGES:
            return
        self.counting.add(created.journey_id)
        self._marketing(created, first)
        self._handoff(events, first, is_open=state.stage in OPEN_STAGES)
        self._sales(events, first)
        self._payments(events, first, created)
        for event in events:
            for kind, metric in (
                ("demo_held", "demos_held"), ("deal_lost", "lost_deals"), ("lead_lost", "lost_leads"),
                ("partner_handoff", "partner_handoffs"), ("reopened", "reopened"),
            ):  # fmt: skip
                if event.event == kind:
                    self._add(metric, event)

    def _stages(self, events: Sequence[Event]) -> None:
        state, visits = Replay(), list[tuple[str, Event]]()
        for event in events:
            before, after = state.apply(_step(event))
            if before != after:
                visits.append((after, event))
        for number, (stage, event) in enumerate(visits):
            if stage not in OPEN_STAGES:
                continue
            went_to, left = visits[number + 1] if number + 1 < len(visits) else ("", None)
            end = left.occurred_at if left else self.as_of
            self._add(f"stage_flow/{stage}/{_exit(went_to)}", event)
            days = Fraction((end - event.occurred_at) // timedelta(microseconds=1), 86400 * 10**6)
            self._sample(f"stage_flow/{stage}", event, days)

    def _marketing(self, created: Event, first: dict[str, Event]) -> None:
        answered = first.get("first_response")
        minutes = self._business(created, answered, 60) if answered else None
        fast = minutes is not None and minutes <= 60
        self._add("leads_valid", created)
        self._add("leads_per_business_day/of", created)
        self._ratio("response_within_60_business_min", created, fast)
        self._lift("response_lift", created, fast, won=_after(created, first.get("sal_accepted")))
        if minutes is not None:
            self._sample("first_response_business_min", created, minutes)
        else:
            running = Fraction(self.clock.business_seconds(created.occurred_at, self.as_of)) / 60
            for counted, key in self._keys("first_response_business_min", created):
                counted.waiting[key].append(running)
        met, brief, accepted = (
            first.get(name) for name in ("first_meeting_held", "brief_filled", "sal_accepted")
        )
        if met:
            self._add("first_meetings_held", met)
            self._add("meeting_to_brief_period/of", met)
            self._ratio(
                "meeting_to_brief_cohort_14d", met, _within(met, brief, self.windows["meeting_to_brief"])
            )
            self._ratio("meeting_to_brief_cohort_to_date", met, _after(met, brief))
        if brief:
            self._add("briefs_filled", brief)
            self._add("meeting_to_brief_period", brief)
            self._add("sal_quality_period/of", brief)
            self._ratio("sal_quality_cohort_7d", brief, _within(brief, accepted, self.windows["sal_quality"]))

    def _handoff(self, events: Sequence[Event], first: dict[str, Event], *, is_open: bool) -> None:
        decisions = [
            e
            for e in events
            if e.event == "sal_rejected" or (e.event == "sal_accepted" and not _further_purchase(e, first))
        ]
        for decision in decisions:
            self._ratio("rejection_rate", decision, decision.event == "sal_rejected")
        if decisions and "handed_off" in first:
            self._sample(
                "handoff_decision_business_h",
                decisions[0],
                self._business(first["handed_off"], decisions[0], 3600),
            )
        if rejected := first.get("sal_rejected"):
            self._add("sal_rejected", rejected)
        if accepted := first.get("sal_accepted"):
            won = _after(accepted, first.get("contract_signed"))
            self._add("sal_accepted", accepted)
            self._add("sal_quality_period", accepted)
            self._ratio("win_rate_sal_cohort_to_date", accepted, won)
            self._add("sal_cohort_in_flight", accepted, int(is_open))
            self._lift("meeting_lift", accepted, "demo_held" in first, won=won)

    def _sales(self, events: Sequence[Event], first: dict[str, Event]) -> None:
        if qualified := first.get("sql_qualified"):
            self._add("sql_qualified", qualified)
        for name, sent, counted in (
            ("proposal", "proposal_sent", "proposals_first_sent"),
            ("contract", "contract_sent", "contracts_sent"),
        ):
            asked = None
            for event in events:
                if event.event == sent and event is first[sent]:
                    self._add(counted, event)
                    if start := first.get(f"{name}_requested"):
                        self._sample(f"{name}_prep_business_h", event, self._business(start, event, 3600))
                elif event.event == sent:
                    if name == "proposal":
                        self._add("proposal_revisions", event)
                    if asked:
                        self._sample(
                            f"{name}_revision_prep_business_h", event, self._business(asked, event, 3600)
                        )
                elif event.event in {f"{name}_requested", "objection_raised", "reopened"}:
                    asked = event
        signed = first.get("contract_signed")
        for event in events:
            if event is signed:
                self._add("deals_won", event)
                self._add("contract_value_won", event, event.amount or 0)
                self._add("average_deal_size", event, event.amount or 0)
                self._add("average_deal_size/of", event)
                self._ratio("win_rate_close_date", event, True)
                reopened = first.get("reopened")
                self._add("won_back", event, int(reopened is not None and _place(reopened) < _place(event)))
                if accepted := first.get("sal_accepted"):
                    self._sample("sales_cycle_days", event, _elapsed(accepted, event, 86400))
            elif event.event == "deal_lost":
                self._ratio("win_rate_close_date", event, False)

    def _payments(self, events: Sequence[Event], first: dict[str, Event], created: Event) -> None:
        journey = created.journey
        external = journey.contact.external_id
        client = (
            f"company:{journey.company_id}"
            if journey.company_id
            else external or f"contact:{journey.contact_id}"
        )
        for event in events:
            if event.event not in {"payment_received", "refund_paid", "direct_cost"}:
                continue
            self.money.append(_Payment(client, event, {by: _cut(event, by) or "" for by in NAMES}))
            amount = event.amount or Decimal(0)
            net = {"payment_received": amount, "refund_paid": -amount}.get(event.event)
            if net is None:
                continue
            for metric in ("payments_net", "average_payment_net", "quota_attainment"):
                self._add(metric, event, net)
            if event.event == "refund_paid":
                self._add("refunds", event, amount)
            else:
                self._add("payments_count", event)
                self._add("payments_gross", event, amount)
                self._add("average_payment_net/of", event)
        if paid := first.get("payment_received"):
            whole = _elapsed(created, paid, 86400)
            self._sample("lead_time_days", paid, whole)
            if whole is not None:
                self._sample("lead_time_active_days", paid, whole - _away(events, paid))

    # Clients

    def _clients(self) -> None:
        self.money.sort(key=lambda payment: (payment.event.occurred_at, payment.event.pk))
        first: dict[str, datetime] = {}
        for payment in self.money:
            if payment.event.event == "payment_received":
                first.setdefault(payment.client, payment.event.occurred_at)
        seen: set[tuple[str, str]] = set()
        for payment in self.money:
            month = self._month(payment.event.occurred_at)
            if payment.event.event == "payment_received" and (payment.client, month) not in seen:
                seen.add((payment.client, month))
                fresh = self._month(first[payment.client]) == month
                self._add("new_clients" if fresh else "returning_clients_paying", payment.event)

    def _beside(self) -> None:
        for signed, month, in_time in instalments_due(self.as_of, self.clock.zone, self.counting):
            for counted, key in self._keys("instalments_due", signed, month):
                counted.sums[key] += 1
                counted.sums[key._replace(metric="instalments_paid_on_time/of")] += 1
                counted.sums[key._replace(metric="instalments_paid_on_time")] += int(in_time)
        for cost in costs():
            for by, counted in self.counted.items():
                for cut in {None, cost.campaign.key} if by == "campaign" else {None}:
                    counted.sums[Key("campaign_cost", cost.month, cut)] += Fraction(cost.amount)

    def lifetime(
        self, ends: datetime, by: str
    ) -> dict[str | None, tuple[Fraction, int, dict[str, Fraction]]]:
        """Worth, number of paying clients and worth by client at a moment, of all and by value of the cut."""
        paying = {
            p.client for p in self.money if p.event.event == "payment_received" and p.event.occurred_at < ends
        }
        worth: dict[str | None, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        payers: dict[str | None, set[str]] = defaultdict(set)
        for payment in self.money:
            if payment.event.occurred_at >= ends or payment.client not in paying:
                continue
            amount = Fraction(payment.event.amount or 0)
            sign = 1 if payment.event.event == "payment_received" else -1
            for cut in {None, payment.cuts[by]} if by else {None}:
                worth[cut][payment.client] += sign * amount
                if sign == 1:
                    payers[cut].add(payment.client)
        return {
            cut: (sum(each.values(), Fraction()), len(payers[cut]), dict(each)) for cut, each in worth.items()
        }

    # Adding up

    def _month(self, at: datetime) -> str:
        return f"{at.astimezone(self.clock.zone):%Y-%m}"

    def _keys(self, metric: str, event: Event, month: str = "") -> Iterator[tuple[Counted, Key]]:
        month = month or self._month(event.occurred_at)
        for by, counted in self.counted.items():
            yield counted, Key(metric, month, None)
            if by:
                yield counted, Key(metric, month, _cut(event, by) or "")

    def _add(self, metric: str, event: Event, number: int | Decimal = 1) -> None:
        for counted, key in self._keys(metric, event):
            counted.sums[key] += Fraction(number)

    def _ratio(self, metric: str, event: Event, met: bool) -> None:
        self._add(metric, event, int(met))
        self._add(f"{metric}/of", event)

    def _lift(self, metric: str, event: Event, among: bool, *, won: bool) -> None:
        self._ratio(f"{metric}/{'among' if among else 'others'}", event, won)

    def _sample(self, metric: str, event: Event, value: Fraction | None) -> None:
        if value is not None:
            for counted, key in self._keys(metric, event):
                counted.samples[key].append(value)

    def _business(self, start: Event, end: Event, unit: int) -> Fraction | None:
        if end.occurred_at < start.occurred_at:
            return None
        return Fraction(self.clock.business_seconds(start.occurred_at, end.occurred_at)) / unit


def business_days(clock: BusinessClock, first: date, until: date) -> int:
    """Business days counted one by one."""
    days = (first + timedelta(days=number) for number in range((until - first).days))
    return sum(day.isoweekday() in clock.days and day not in clock.holidays for day in days)


def percentile(values: Iterable[Fraction], share: Fraction) -> Fraction | None:
    """The continuous percentile: between the two values that it falls between."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def survival_median(answered: Iterable[Fraction], waiting: Iterable[Fraction]) -> Fraction | None:
    """The Kaplan–Meier median by its textbook product, term by term."""
    times, censored = sorted(answered), list(waiting)
    survival = Fraction(1)
    for time in sorted(set(times)):
        at_risk = sum(other >= time for other in times) + sum(other >= time for other in censored)
        survival *= 1 - Fraction(times.count(time), at_risk)
        if survival <= Fraction(1, 2):
            return time
    return None


def _hold(events: Sequence[Event]) -> None:
    """Give each event, in memory, whoever held the journey at it as known: the last change of owner before it says."""
    holder: Event | None = None
    for event in events:
        if event.event in {"lead_created", "owner_changed"}:
            holder = event
        elif holder is not None and event.owner_id != holder.owner_id:
            event.owner, event.team = holder.owner, holder.team


def _step(event: Event) -> Step:
    return Step(event.event, event.occurred_at, event.seq, event.value, event.owner_id)


def _exit(stage: str) -> str:
    named = {
        "": "still_here",
        "lost": "lost",
        "returned": "returned",
        "referred": "referred",
        "spam": "voided",
        "merged": "voided",
    }
    return named.get(stage, "advanced")


def _place(event: Event) -> tuple[datetime, int]:
    return event.occurred_at, event.seq


def _cut(event: Event, by: str) -> str | None:
    if by == "owner":
        return event.owner.username if event.owner else None
    if by == "team":
        return event.team.name if event.team else None
    keyed = getattr(event, by)
    return keyed.key if keyed else None


def _further_purchase(accepted: Event, first: Mapping[str, Event]) -> bool:
    """Whether the owner took up a client's further purchase at once: an acceptance without a handoff."""
    answered, offered = first.get("first_response"), first.get("handed_off")
    if answered is None or answered.occurred_at != accepted.occurred_at:
        return False
    return offered is None or _place(offered) > _place(accepted)


def _after(start: Event, end: Event | None) -> bool:
    return end is not None and end.occurred_at >= start.occurred_at


def _within(start: Event, end: Event | None, window: timedelta) -> bool:
    return end is not None and timedelta(0) <= end.occurred_at - start.occurred_at <= window


def _elapsed(start: Event, end: Event, unit: int) -> Fraction | None:
    if end.occurred_at < start.occurred_at:
        return None
    return Fraction((end.occurred_at - start.occurred_at) // timedelta(microseconds=1), 10**6 * unit)


def _away(events: Sequence[Event], paid: Event) -> Fraction:
    """Days from each loss to the next reopening, both before the first payment; overlaps count once."""
    total, lost = Fraction(), None
    for event in events:
        if event is paid:
            break
        if event.event in {"lead_lost", "deal_lost"} and lost is None:
            lost = event
        elif event.event == "reopened" and lost is not None:
            total += _elapsed(lost, event, 86400) or 0
            lost = None
    return total
