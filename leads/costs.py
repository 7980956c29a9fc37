"""Campaigns and what they cost: set month by month, by hand, from a file or by a program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from funnel import currencies, numbers
from funnel.models import Campaign, Organisation, User
from funnel.periods import DAY, Period
from funnel.rates import CODE, NoRate, freeze

from .cost_models import MONTH, CampaignCost

COLUMNS: Final = ("campaign", "month", "amount")
OPTIONAL: Final = "currency"
"""A column that may be missing: blank is the organisation's currency."""
LARGEST: Final = Decimal("999999999999.99")


@dataclass(frozen=True, slots=True)
class Sum:
    """An amount in the organisation's currency, and what it was before where it was given in another one."""

    amount: Decimal
    original: dict[str, Any] = field(default_factory=dict)


def frozen(amount: Decimal, currency: str, *, month: str, at: datetime) -> Sum:
    """Give a month's cost in the organisation's currency, at the rate of the month's last day or, before it, of today.

    A blank currency is the organisation's own. Raises `funnel.rates.NoRate` where no rate is known by that day, or
    where the sum would be larger than any that is kept.
    """
    today = at.astimezone(Organisation.current().zone).date()
    found = freeze(amount, currency, day=min(Period.month(month).until - DAY, today))
    if found.amount > LARGEST:
        raise NoRate(_("At the rate of that day it comes to more than %(most)s.") % {"most": f"{LARGEST:f}"})
    return Sum(found.amount, found.inputs.get("original", {}))


@transaction.atomic
def set_costs(*, costs: Mapping[tuple[int, str], Sum | None], actor: User | None, at: datetime) -> int:
    """Set what campaigns cost, by (campaign's id, month "2026-03"); None takes a month's cost away.

    Amounts are in the organisation's currency as it is now (see `frozen`). Returns how many months changed: those that stand already
    are left as they are. Three statements at most, whatever is set.
    """
    months = {month for _campaign, month in costs}
    stand = {
        (cost.campaign_id, cost.month): cost
        for cost in CampaignCost.objects.select_for_update().filter(month__in=months).order_by("pk")
    }
    gone = [stand[place].pk for place, amount in costs.items() if amount is None and place in stand]
    changed = {
        place: amount
        for place, amount in costs.items()
        if amount is not None
        and (place not in stand or Sum(stand[place].amount, stand[place].original) != amount)
    }
    if gone:
        CampaignCost.objects.filter(pk__in=gone).delete()
    if changed:
        currency = Organisation.current().currency
        CampaignCost.objects.bulk_create(
            [
                CampaignCost(
                    campaign_id=campaign,
                    month=month,
                    amount=amount.amount,
                    original=amount.original,
                    currency=currency,
                    set_by=actor,
                    set_at=at,
                )
                for (campaign, month), amount in changed.items()
            ],
            update_conflicts=True,
            unique_fields=["month", "campaign"],
            update_fields=["amount", "original", "currency", "set_by", "set_at"],
            batch_size=1000,
        )
    return len(gone) + len(changed)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken: its line in the file (the head is line 1), the column at fault and why."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """rows = set + unchanged + rejected."""

    rows: int
    set: int
    unchanged: int
    rejected: Sequence[Rejection]


def take(*, rows: Iterable[tuple[int, Mapping[str, str]]], actor: User | None, at: datetime) -> Outcome:
    """Set the costs of numbered rows of text (campaign's key, month, amount, currency), all that can be taken.

    A row that cannot is named with its column and reason; the others land.
    """
    known = dict(Campaign.objects.values_list("key", "pk"))
    wanted: dict[tuple[int, str], Sum | None] = {}
    lines: dict[tuple[int, str], int] = {}
    own = Organisation.current().currency
    rejected, count = [], 0
    for line, row in rows:
        count += 1
        campaign, month, text = ((row.get(column) or "").strip() for column in COLUMNS)
        amount, currency = amount_of(text), (row.get(OPTIONAL) or "").strip().upper()
        place = (known.get(campaign, 0), month)
        if campaign not in known:
            fault = ("campaign", _("There is no campaign “%(text)s”.") % {"text": campaign[:60]})
        elif not MONTH.fullmatch(month):
            words = _("“%(text)s” is not a month: write it as 2026-03.")
            fault = ("month", words % {"text": month[:40]})
        elif amount is None:
            words = _("“%(text)s” is not an amount such as %(example)s.")
            fault = ("amount", words % {"text": text[:40], "example": numbers.typed("1250.50")})
        elif place in lines:
            fault = ("month", _("Line %(line)s already has it.") % {"line": lines[place]})
        elif currency and not CODE.fullmatch(currency):
            fault = (OPTIONAL, _("A currency has three capital letters, such as EUR."))
        elif amount % 1 and not currencies.digits(currency or own):
            words = _("Amounts in %(currency)s have no fraction: give a whole number.")
            fault = ("amount", words % {"currency": currency or own})
        else:
            try:
                wanted[place], lines[place] = frozen(amount, currency, month=month, at=at), line
                continue
            except NoRate as unknown:
                fault = (OPTIONAL, str(unknown))
        rejected.append(Rejection(line, *fault))
    done = set_costs(costs=wanted, actor=actor, at=at)
    return Outcome(count, done, len(wanted) - done, rejected)


def amount_of(text: str) -> Decimal | None:
    """Read an amount as people and spreadsheets of the reader's language write it; None where it is none."""
    try:
        amount = numbers.read(text)
    except numbers.NoNumber:
        return None
    in_cents = int(amount.as_tuple().exponent) >= -2
    return amount if in_cents and 0 <= amount <= LARGEST else None
