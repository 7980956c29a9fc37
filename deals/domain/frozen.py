"""The brief as it stood when a journey was offered: no later edit of the brief changes it."""

from __future__ import annotations

from collections.abc import Sequence

from briefs.models import BriefVersion
from funnel.models import Journey


def frozen_briefs(journeys: Sequence[Journey]) -> dict[int, int]:
    """Return the latest filled version of each journey's brief, by the journey's id, for those that have one."""
    return dict(
        BriefVersion.objects.filter(brief__journey__in=journeys, withdrawn_at=None)
        .order_by("brief_id", "-version")
        .distinct("brief_id")
        .values_list("brief__journey_id", "pk")
    )
