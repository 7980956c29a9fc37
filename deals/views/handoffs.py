"""The queue of offers: who should decide what, and by when."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deals.models import Handoff
from funnel import access
from funnel.models import Organisation, Reason
from funnel.paging import keyset
from funnel.stages import BOTH, Role
from funnel.views.base import person, signed_in

from .shared import chosen, tabs

LIMIT = 200


@signed_in
@require_GET
def handoff_list(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision, most urgent first, or what was decided."""
    user = person(request)
    if user.role not in BOTH:
        raise PermissionDenied
    choices = [("waiting", _("Waiting")), ("decided", _("Decided"))]
    if user.role == Role.SALESPERSON:
        choices.insert(0, ("mine", _("For me")))
    state = chosen(request, "state", choices)
    offers = Handoff.objects.visible_to(user).select_related(
        "journey__contact",
        "journey__company",
        "journey__source",
        "journey__service",
        "offered_to",
        "offered_by",
        "decided_by",
        "brief_version",
    )
    context = {"tabs": tabs(request, "state", choices, state), "state": state}
    if state == "decided":
        page = keyset(offers.exclude(decision=""), request.GET, by="offered_at")
        labels = {reason.key: str(reason) for reason in Reason.objects.filter(kind=Reason.Kind.REJECTED)}
        context |= {
            "page": page,
            "rows": [
                {"offer": offer, "reason": labels.get(offer.reason, offer.reason)} for offer in page.rows
            ],
        }
        return render(request, "deals/handoff_decided.html", context)
    waiting = offers.waiting()
    if state == "mine":
        waiting = waiting.filter(Q(offered_to=user) | Q(offered_to=None))
    found = list(waiting.order_by(F("due_at").asc(nulls_last=True), "offered_at", "pk")[: LIMIT + 1])
    clock, now = Organisation.current().clock, timezone.now()
    context |= {
        "more": len(found) > LIMIT,
        "rows": [
            {
                "offer": offer,
                "left": _minutes(clock, now, offer),
                "may_decide": access.may_move(
                    user, "accept", offer.journey.stage, offered_to_id=offer.offered_to_id
                ),
                "may_withdraw": access.may_move(user, "withdraw_handoff", offer.journey.stage),
                "answers": [
                    row
                    for row in (offer.brief_version.rows if offer.brief_version else [])
                    if row.get("answer") not in (None, "")
                ],
            }
            for offer in found[:LIMIT]
        ],
    }
    return render(request, "deals/handoff_list.html", context)


def _minutes(clock, now, offer: Handoff) -> float | None:  # type: ignore[no-untyped-def]
    """Return the business minutes left to decide, negative once they are over; None without a limit."""
    if offer.due_at is None:
        return None
    if offer.due_at >= now:
        return clock.business_minutes(now, offer.due_at)
    return -clock.business_minutes(offer.due_at, now)
