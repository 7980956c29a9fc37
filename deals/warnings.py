"""Warning people before an offer runs out, and telling them of money that did not come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat

from deals.models import Handoff, Instalment
from funnel import notify
from funnel.models import Notification, Organisation, User
from funnel.stages import LEADERS, VOID_STAGES, Role
from funnel.warnings import warn_at

LATEST: Final = timedelta(days=30)
"""What fell due longer ago is no news: it stands in the list of payments, and nobody is told of it."""

Kind = Notification.Kind


def warn_of_handoffs(*, at: datetime, limit: int = 500) -> int:
    """Warn of the offers that run out soon undecided; return of how many. Each is told once.

    The salesperson offered is told, or all who take handoffs where anyone may take it.
    """
    organisation = Organisation.current()
    if not organisation.handoff_hours:
        return 0
    told = Notification.objects.filter(event=OuterRef("event"), kind=Kind.SLA)
    waiting = (
        Handoff.objects.waiting()
        .filter(~Exists(told), due_at__gt=at)
        .select_related("event__journey__contact", "event__journey__company", "event__actor")
        .order_by("due_at", "pk")
    )
    warned = 0
    takers: list[int] | None = None
    for offer in waiting[:limit]:
        if offer.due_at is None:
            continue
        minutes = organisation.clock.business_minutes(offer.offered_at, offer.due_at)
        if warn_at(organisation.clock, offer.offered_at, minutes) > at:
            continue
        if offer.offered_to_id is None and takers is None:
            takers = _takers()
        notify.tell([offer.offered_to_id] if offer.offered_to_id else takers or [], Kind.SLA, offer.event)
        warned += 1
    return warned


def _takers() -> list[int]:
    people = User.objects.filter(is_active=True, role=Role.SALESPERSON, takes_handoffs=True)
    return list(people.values_list("pk", flat=True))


def tell_of_overdue(*, at: datetime, limit: int = 500) -> int:
    """Tell of the instalments whose day is over and that are not paid in full; return of how many.

    The owner is told, managers where there is none; once for each day that an instalment was due on.
    """
    today = at.astimezone(Organisation.current().zone).date()
    key = Concat(
        Value("instalment-"),
        Cast(OuterRef("pk"), CharField()),
        Value("-"),
        Cast(OuterRef("due_on"), CharField()),
    )
    told = Notification.objects.filter(kind=Kind.OVERDUE, event=OuterRef("contract__signed_event"), key=key)
    overdue = (
        Instalment.objects.with_paid()
        .filter(
            ~Exists(told),
            left__gt=0,
            due_on__lt=today,
            due_on__gte=today - LATEST,
            contract__signed_event__isnull=False,
            contract__journey__annulled_at=None,
        )
        .exclude(contract__journey__stage__in=VOID_STAGES)
        .select_related(
            "contract__signed_event__journey__contact",
            "contract__signed_event__journey__company",
            "contract__signed_event__actor",
        )
        .order_by("due_on", "pk")
    )
    count = 0
    for instalment in overdue[:limit]:
        event = instalment.contract.signed_event
        owner = event.journey.owner_id
        people = [owner] if owner else list(_leaders())
        notify.tell(people, Kind.OVERDUE, event, key=f"instalment-{instalment.pk}-{instalment.due_on}")
        count += 1
    return count


def _leaders() -> list[int]:
    people = User.objects.filter(is_active=True, role__in=LEADERS)
    return list(people.values_list("pk", flat=True))
