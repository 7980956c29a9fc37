"""Following a change of client: people and companies are merged beside the ledger, and facts name their client."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from .measures import FAMILIES
from .models import RollupState

_RENAME = f"""
UPDATE kpi_fact fact SET client = CASE WHEN journey.company_id IS NULL THEN 'contact:' || journey.contact_id
    ELSE 'company:' || journey.company_id END
FROM funnel_journey journey
WHERE journey.id = fact.journey_id AND fact.journey_id = ANY(%s) AND fact.event IN {FAMILIES["money"]}
"""


def follow(journeys: Sequence[int]) -> None:
    """Give the payments of these journeys the client that they have now, in the caller's transaction.

    Whoever follows the ledger meanwhile has read who the client was: either waits for the other.
    """
    if not journeys:
        return
    RollupState.objects.select_for_update().filter(pk=1).first()
    with connection.cursor() as cursor:
        cursor.execute(_RENAME, [list(journeys)])
