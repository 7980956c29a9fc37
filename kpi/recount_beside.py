"""What the second way of counting reads beside the ledger: schedules of payments and costs of campaigns."""

from collections.abc import Collection, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from deals.models import Instalment
from funnel.models import Event
from leads.models import CampaignCost


def instalments_due(
    as_of: datetime, zone: ZoneInfo, journeys: Collection[int]
) -> Iterator[tuple[Event, str, bool]]:
    """Yield (signature, month due, whether paid in full by its day) of each instalment that these journeys owe."""
    schedules = (
        Instalment.objects.filter(contract__signed_event__recorded_at__lte=as_of)
        .select_related(
            *(
                f"contract__signed_event__{name}"
                for name in ("source", "campaign", "service", "owner", "team")
            )
        )
        .prefetch_related("reschedules", "shares__payment__event")
    )
    today = as_of.astimezone(zone).date()
    for instalment in schedules.iterator(chunk_size=2000):
        signed = instalment.contract.signed_event
        moves = sorted(instalment.reschedules.all(), key=lambda move: (move.at, move.pk))
        later = [move.due_before for move in moves if move.at > as_of]
        due_on = later[0] if later else instalment.due_on
        if signed is None or signed.journey_id not in journeys or due_on > today:
            continue
        paid = sum(
            share.amount
            for share in instalment.shares.all()
            if share.payment.paid_on <= due_on and share.payment.event.recorded_at <= as_of
        )
        yield signed, f"{due_on:%Y-%m}", paid >= instalment.amount


def costs() -> list[CampaignCost]:
    """Every cost with its campaign."""
    return list(CampaignCost.objects.select_related("campaign"))
