"""The referral on the journey's page, and what apps above add to the referral's own."""

from collections.abc import Callable
from typing import Any

from funnel.models import Journey, User
from funnel.stages import Happening

from .models import Referral

referral_panels: list[tuple[str, Callable[[Journey, User], dict[str, Any] | None]]] = []
"""Template and context builder of each panel that an app adds to a referral in the portal; None hides it."""


def on_journey(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show to whom the journey was referred and what became of it; nothing where it never was: at most one query."""
    if journey.happened is not None and Happening.PARTNER_HANDOFF not in journey.happened:
        return None
    found = list(
        Referral.objects.standing()
        .filter(journey=journey)
        .select_related("partner", "reason")
        .order_by("-referred_at", "-pk")[:5]
    )
    return {"referrals": found, "user": user} if found else None
