"""What the demo's campaigns cost, month by month: roughly a price for each application that they usually bring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Final

from funnel.models import Campaign, Event
from funnel.stages import Happening
from leads.costs import Sum, set_costs

from .season import MONTHS, YEARS

PRICES: Final[Mapping[str, int]] = {"ads": 900, "event": 2100, "webinar": 500, "mailing": 120, "tender": 300}
"""Source → what an application of its campaigns costs, about."""


def spend(rng: Random, until: datetime) -> int:
    """Set the costs of all campaigns in the months up to `until`; return how many."""
    brought = Event.objects.filter(event=Happening.LEAD_CREATED, campaign__isnull=False)
    months = 12 * YEARS
    costs: dict[tuple[int, str], Sum | None] = {}
    for campaign in Campaign.objects.filter(source__key__in=PRICES).select_related("source").order_by("key"):
        price = PRICES[campaign.source.key] if campaign.source else 0
        usual = Decimal(price * brought.filter(campaign=campaign).count()) / months
        for back in range(months):
            year, month = divmod(until.year * 12 + until.month - 1 - back, 12)
            amount = usual * Decimal(str(MONTHS[month])) * Decimal(rng.randrange(80, 126)) / 100
            costs[campaign.pk, f"{year}-{month + 1:02}"] = Sum(Decimal(round(amount, -1)))
    return set_costs(costs=costs, actor=None, at=until)
