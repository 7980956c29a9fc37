"""The limits of each open stage: those that were set, the usual ones elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from .models import StageLimit
from .stages import Stage

S = Stage


@dataclass(frozen=True, slots=True)
class Limit:
    """`days` until a journey is stale, how many may stand there `at_once` (None for any), and the `chance` in per cent
    that one which stands there is won, by which its amount is weighted."""

    days: int
    chance: int
    at_once: int | None = None


USUAL: Final[Mapping[str, Limit]] = {
    S.NEW: Limit(1, 5),
    S.CONTACTED: Limit(5, 8),
    S.MET: Limit(7, 12),
    S.BRIEFED: Limit(3, 18),
    S.RETURNED: Limit(5, 10),
    S.HANDED_OFF: Limit(2, 22),
    S.ACCEPTED: Limit(5, 30),
    S.DEMO_SCHEDULED: Limit(14, 35),
    S.DEMO_HELD: Limit(7, 42),
    S.QUALIFIED: Limit(7, 50),
    S.PROPOSAL_REQUESTED: Limit(5, 55),
    S.PROPOSAL_SENT: Limit(14, 60),
    S.OBJECTION: Limit(7, 45),
    S.CONTRACT_REQUESTED: Limit(7, 75),
    S.CONTRACT_SENT: Limit(14, 85),
}


def limits() -> dict[str, Limit]:
    """Return the limit of every open stage: one query."""
    found = dict(USUAL)
    for row in StageLimit.objects.all():
        found[Stage(row.stage)] = Limit(row.days, row.chance, row.at_once)
    return found


def stale(found: Mapping[str, Limit], now: datetime) -> Q:
    """Return the condition for journeys that have stood at their stage for longer than agreed."""
    condition = Q(pk__in=())
    for stage, limit in found.items():
        condition |= Q(stage=stage, stage_since__lt=now - timedelta(days=limit.days))
    return condition


@transaction.atomic
def set_limits(*, wanted: Mapping[str, Limit]) -> None:
    """Store the limits that differ from the usual ones; the others are forgotten."""
    changed = {stage: limit for stage, limit in wanted.items() if limit != USUAL[stage]}
    StageLimit.objects.exclude(stage__in=changed).delete()
    StageLimit.objects.bulk_create(_rows(changed), update_conflicts=True, unique_fields=["stage"],
                                   update_fields=["days", "chance", "at_once"])  # fmt: skip


def _rows(wanted: Mapping[str, Limit]) -> Iterable[StageLimit]:
    return [
        StageLimit(stage=stage, days=limit.days, chance=limit.chance, at_once=limit.at_once)
        for stage, limit in wanted.items()
    ]
