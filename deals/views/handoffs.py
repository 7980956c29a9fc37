"""The queue of offers: who should decide what, and by when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from briefs.queries import shown_rows
from deals.models import Handoff
from funnel import access, formats, journey_page
from funnel.access import Permission
from funnel.choices import act_url
from funnel.models import Journey, Organisation, Reason, User
from funnel.paging import keyset
from funnel.stages import BOTH, Role
from funnel.views.base import person, signed_in
from leads.queries import earlier_of

from .shared import chosen, tabs

LIMIT = 200
KEYS = (
    ("j  k", gettext_lazy("Next, previous")),
    ("Enter", gettext_lazy("Open the journey")),
    ("a", gettext_lazy("Accept")),
    ("d", gettext_lazy("Accept and schedule a demo")),
    ("r", gettext_lazy("Reject")),
    ("z", gettext_lazy("Undo")),
    ("?", gettext_lazy("This help")),
)


@signed_in
@require_GET
def handoff_list(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision, most urgent first, with one offer whole, or what was decided."""
    user = person(request)
    if user.role not in BOTH:
        raise PermissionDenied
    choices = [("waiting", _("Waiting")), ("decided", _("Decided"))]
    if user.role == Role.SALESPERSON:
        choices.insert(0, ("mine", _("For me")))
    state = chosen(request, "state", choices)
    offers = (
        Handoff.objects.visible_to(user)
        .with_words()
        .select_related(
            "journey__company",
            "journey__source",
            "journey__campaign",
            "journey__service",
            "offered_to",
            "offered_by",
            "decided_by",
            "brief_version",
        )
    )
    context: dict[str, Any] = {"tabs": tabs(request, "state", choices, state), "state": state}
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
    organisation, now = Organisation.current(), timezone.now()
    clock = organisation.clock
    rows = [
        {
            "offer": offer,
            "left": journey_page.minutes_left(offer.journey, organisation, clock, now),
            "age": formats.span(offer.age(clock, now)),
            "url": _address(request, offer),
        }
        for offer in found[:LIMIT]
    ]
    context |= {"more": len(found) > LIMIT, "rows": rows, "keys": KEYS}
    if rows:
        wanted = request.GET.get("offer", "")
        named = next((place for place, row in enumerate(rows) if str(row["offer"].pk) == wanted), None)
        context |= {"selected": rows[named or 0], "chosen": named is not None}
        following = rows[(named or 0) + 1 :] + rows[: named or 0]
        afterwards = following[0]["url"] if following else _address(request, None)
        context |= _whole(rows[named or 0]["offer"], user, organisation, afterwards, now)
    return render(request, "deals/handoff_list.html", context)


def _address(request: HttpRequest, offer: Handoff | None) -> str:
    """Return the address of this page with an offer shown."""
    query = request.GET.copy()
    query.pop("offer", None)
    if offer is not None:
        query["offer"] = str(offer.pk)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _whole(
    offer: Handoff, user: User, organisation: Organisation, afterwards: str, now: datetime
) -> dict[str, Any]:
    """Return all that a salesperson decides on: facts, the brief as offered, the same client, and what may be done."""
    journey: Journey = offer.journey
    version = offer.brief_version
    may_decide = access.may_move(
        user, "accept", journey.stage, kind=journey.kind, offered_to_id=offer.offered_to_id
    )
    onward = f"?{urlencode({'next': afterwards})}"
    return {
        "facts": _facts(offer, user, organisation),
        "answers": [row for row in shown_rows(version) if row["shown"]] if version else [],
        "asked": len(version.rows) if version else 0,
        "earlier": earlier_of(journey, user),
        "may_decide": may_decide,
        "afterwards": afterwards,
        "schedule_url": act_url("schedule_demo", journey.pk)[0],
        "reject_url": act_url("reject", journey.pk)[0] + onward,
        "withdraw_url": act_url("withdraw_handoff", journey.pk)[0] + onward
        if access.may_move(user, "withdraw_handoff", journey.stage)
        else "",
    }


def _facts(offer: Handoff, user: User, organisation: Organisation) -> list[tuple[str, Any]]:
    journey = offer.journey
    rows: list[tuple[str, Any]] = [(_("Offered to"), offer.offered_to or _("Anyone in sales"))]
    if journey.amount is not None and access.may(user, Permission.SEE_MONEY):
        rows.append((_("Expected amount"), formats.money(journey.amount, organisation.currency)))
    if journey.expected_on:
        rows.append((_("Expected on"), formats.full_day(journey.expected_on)))
    if offer.due_at:
        rows.append((_("Decide by"), formats.day_time(offer.due_at)))
    if offer.brief_version:
        rows.append((_("Verdict"), offer.brief_version.get_verdict_display()))
    rows.append((_("Source"), journey.source))
    if journey.campaign:
        rows.append((_("Campaign"), journey.campaign))
    rows.append((_("Received"), formats.day_time(journey.created_at)))
    return rows
