"""What campaigns cost in a period, as a number from beside the ledger.

A cost belongs to a campaign and a whole month. It is told as it stands now, whatever moment the figures around it are
known at, and a month that still runs counts it in full.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from funnel.periods import Period
from kpi.queries import Beside, Bucket
from leads.models import CampaignCost


def campaign_cost(periods: Mapping[str, Period], by: str, filters: Mapping[str, Sequence[str]]) -> Beside:
    """Answer with the cost of each period under the names of `periods`: one query.

    None where no cost is set, where the period is not made of whole months, and for any cut or filter but by campaign:
    a campaign's money is not shared out among owners, services or sources.
    """
    months = {name: [month.name for month in period.months()] for name, period in periods.items()}
    costs: dict[str, dict[str, Decimal]] = {}
    rows = CampaignCost.objects.filter(month__in={month for listed in months.values() for month in listed})
    for campaign, month, amount in rows.values_list("campaign__key", "month", "amount"):
        costs.setdefault(month, {})[campaign] = amount
    whole = {name for name, period in periods.items() if period.first.day == 1 and period.until.day == 1}
    only = filters.get("campaign")
    divisible = filters.keys() <= {"campaign"}
    totals: dict[Bucket, Decimal] = {}
    for name in whole if divisible else ():
        for month in months[name]:
            for campaign, amount in costs.get(month, {}).items():
                if only is None or campaign in only:
                    for cut in (None, campaign) if by == "campaign" else (None,):
                        totals[Bucket(name, cut)] = totals.get(Bucket(name, cut), Decimal(0)) + amount
    return Beside({"campaign_cost": totals.get}, frozenset(totals))
