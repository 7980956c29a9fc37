"""What needs somebody now: live counts over the journeys that the reader sees, each leading to its list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from deals.models import Instalment
from funnel.clock import BusinessClock
from funnel.limits import limits, stale
from funnel.models import Journey, Organisation, User
from funnel.queries import JourneyQuerySet
from funnel.stages import Stage
from funnel.views.base import address

PATHS: Final[Mapping[str, str]] = {
    "source": "source__key",
    "campaign": "campaign__key",
    "service": "service__key",
    "owner": "owner__username",
    "team": "owner__team__name",
}


@dataclass(frozen=True, slots=True)
class Item:
    """`count` journeys (or instalments) that wait, what they sum up to (None: not for this reader) and where they are."""

    icon: str
    tone: str
    title: str
    why: str
    count: int
    amount: Decimal | None
    url: str


def attention(
    user: User,
    organisation: Organisation,
    filters: Mapping[str, Sequence[str]],
    *,
    money: bool,
    now: datetime,
) -> list[Item]:
    """Return what waits for somebody, the most pressing first; what there is none of is left out. Five queries."""
    journeys = Journey.objects.visible_to(user).open().filter(_kept(filters, ""))
    late = answer_by(organisation.clock, now, organisation.first_response_minutes)
    undecided = Q(stage=Stage.HANDED_OFF, decide_by__lt=now)
    kinds = (
        ("late", "alarm-clock", "bad", _("Leads past their reply time"), _("the first answer is late"),
         Q(stage=Stage.NEW, created_at__lt=late), {"stage": Stage.NEW, "clock": "over", "order": "oldest"}),
        ("handoffs", "inbox", "bad", _("Handoffs undecided"), _("sales has not said yes or no"),
         undecided, {"stage": Stage.HANDED_OFF, "clock": "over", "order": "waiting"}),
        ("stale", "flame", "bad", _("Stale leads and deals"), _("longer in a stage than agreed"),
         stale(limits(), now), {"stale": "yes"}),
        ("objections", "message-circle-warning", "warn", _("Open objections"), _("the client objects and waits"),
         Q(stage=Stage.OBJECTION), {"stage": Stage.OBJECTION, "order": "waiting"}),
        ("proposals", "clock", "warn", _("Proposals unanswered"), _("with the client"),
         Q(stage=Stage.PROPOSAL_SENT), {"stage": Stage.PROPOSAL_SENT, "order": "waiting"}),
    )  # fmt: skip
    sums = _sums(journeys, {kind: condition for kind, *_rest, condition, _query in kinds})
    items = [
        Item(
            icon, tone, title, why, sums[f"{kind}_n"],
            (sums[f"{kind}_sum"] or Decimal(0)) if money else None,
            _listed(**query),
        )
        for kind, icon, tone, title, why, _condition, query in kinds
    ]  # fmt: skip
    if money:
        items.insert(3, _overdue(user, organisation, filters, now))
    items += [
        _of_steps(
            journeys.with_next_step(due_before=now), "clock-alert", _("Overdue next steps"),
            _("promised, not done"), "late", money=money,
        ),
        _of_steps(
            journeys.without_next_step(), "circle-alert", _("No next step"),
            _("nobody plans to act"), "none", money=money,
        ),
    ]  # fmt: skip
    return [item for item in items if item.count]


def _listed(**query: str) -> str:
    return f"{address('funnel:journey-list')}?{urlencode(query)}"


def _of_steps(
    journeys: JourneyQuerySet, icon: str, title: str, why: str, wanted: str, *, money: bool
) -> Item:
    found = journeys.order_by().aggregate(n=Count("pk"), sum=Sum("amount"))
    amount = found["sum"] or Decimal(0)
    return Item(icon, "warn", title, why, found["n"], amount if money else None, _listed(next=wanted))


def _sums(journeys: JourneyQuerySet, conditions: Mapping[str, Q]) -> dict[str, Any]:
    """Count the journeys of each kind and sum what they are expected to bring: one query."""
    asked: dict[str, Any] = {}
    for kind, condition in conditions.items():
        asked[f"{kind}_n"] = Count("pk", filter=condition)
        asked[f"{kind}_sum"] = Sum("amount", filter=condition)
    return journeys.order_by().aggregate(**asked)


def _overdue(
    user: User, organisation: Organisation, filters: Mapping[str, Sequence[str]], now: datetime
) -> Item:
    today = now.astimezone(organisation.zone).date()
    found = (
        Instalment.objects.visible_to(user)
        .with_paid()
        .filter(_kept(filters, "contract__journey__"), left__gt=0, due_on__lt=today)
        .order_by()
        .aggregate(n=Count("pk"), sum=Sum("left"))
    )
    url = f"{address('deals:payment-list')}?{urlencode({'status': 'overdue'})}"
    return Item(
        "calendar-clock",
        "bad",
        _("Instalments overdue"),
        _("promised, not paid"),
        found["n"],
        found["sum"] or Decimal(0),
        url,
    )


def _kept(filters: Mapping[str, Sequence[str]], before: str) -> Q:
    """Return the condition that a journey carries one of the values of each cut."""
    condition = Q()
    for cut, values in filters.items():
        path = before + PATHS[cut]
        one = Q(**{f"{path}__in": [value for value in values if value]})
        condition &= one | Q(**{f"{path}__isnull": True}) if "" in values else one
    return condition


def answer_by(clock: BusinessClock, now: datetime, minutes: float) -> datetime:
    """Return the latest moment since which more than so many business minutes have passed by now."""
    low, high = now - timedelta(days=1), now
    while clock.business_minutes(low, now) <= minutes and now - low < timedelta(days=3650):
        low -= 2 * (now - low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if clock.business_minutes(middle, now) > minutes:
            low = middle
        else:
            high = middle
    return low
