"""Money: what came in, what went back, what serving the client cost, and moving a day that something is due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from deals.models import DirectCost, Instalment, Payment, Reschedule
from funnel import machine, rates
from funnel.clock import local_instant
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, Journey, Organisation, User
from funnel.stages import Happening
from funnel.sums import PAID, signed_amount

from . import schedule


def paid_so_far(journey_id: int, *, without: Iterable[int] = ()) -> Decimal:
    """Return what a journey has paid less what it got back, by its live ledger, leaving out some events."""
    events = Event.objects.live().filter(journey=journey_id, event__in=PAID).exclude(pk__in=list(without))
    return events.aggregate(sum=Sum(signed_amount(PAID)))["sum"] or Decimal(0)


def moment_of(day: date | None, *, at: datetime, journey: Journey) -> tuple[date, datetime]:
    """Return the organisation's day of an event and its moment: `at`, or noon of an earlier day that was named.

    Raises Refused where the day named is later than that of `at`.
    """
    zone = Organisation.current().zone
    today = at.astimezone(zone).date()
    if day is None or day == today:
        return today, at
    if day > today:
        words = _("The day paid lies after the moment given for it.")
        raise Refused({journey.pk: Refusal("data", ("paid_on",), words)})
    noon = local_instant(zone, datetime.combine(day, time(12)))
    arrived = journey.created_at
    return day, max(noon, arrived) if arrived.astimezone(zone).date() == day else noon


def receive_payment(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    amount: Decimal,
    currency: str = "",
    instalment: Instalment | None = None,
    paid_on: date | None = None,
    method: str = Payment.Method.TRANSFER,
    comment: str = "",
) -> list[Event]:
    """Record money that came in; it pays the instalment named, then those unpaid from the oldest on.

    With `paid_on` on another day than `at`, the event is dated to noon of that day. An amount in another currency is
    frozen in the organisation's at the rate of the day; raises Refused where none is known.
    """
    (journey,) = journeys
    day, moment = moment_of(paid_on, at=at, journey=journey)
    frozen = rates.freeze_for(journey, amount, currency, day=day)
    amount = frozen.amount
    events = machine.record(
        journeys=journeys,
        event=Happening.PAYMENT_RECEIVED,
        actor=actor,
        at=moment,
        value=f"{amount:f}",
        amount=amount,
        inputs={"instalment": instalment.pk if instalment else None, "method": method, **frozen.inputs},
        comment=comment,
    )
    Payment.objects.create(
        journey=journey, event=events[0], instalment=instalment, amount=amount, paid_on=day, method=method
    )
    schedule.allocate([journey.pk])
    return events


def pay_refund(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    amount: Decimal,
    currency: str = "",
    paid_on: date | None = None,
    method: str = Payment.Method.TRANSFER,
    comment: str = "",
) -> list[Event]:
    """Record money that went back to the client: their credit goes first, then instalments are owed again.

    An amount in another currency is frozen as a payment is. Raises Refused where it is more than they have paid.
    """
    (journey,) = journeys
    day, moment = moment_of(paid_on, at=at, journey=journey)
    frozen = rates.freeze_for(journey, amount, currency, day=day)
    amount = frozen.amount
    paid = paid_so_far(journey.pk)
    if amount > paid:
        words = _("No more can go back than was paid: %(paid)s.") % {"paid": f"{paid:f}"}
        raise Refused({journey.pk: Refusal("data", ("payments",), words)})
    events = machine.record(
        journeys=journeys,
        event=Happening.REFUND_PAID,
        actor=actor,
        at=moment,
        value=f"{amount:f}",
        amount=amount,
        inputs={"method": method, **frozen.inputs},
        comment=comment,
    )
    Payment.objects.create(
        journey=journey,
        event=events[0],
        kind=Payment.Kind.REFUND,
        amount=amount,
        paid_on=day,
        method=method,
    )
    schedule.allocate([journey.pk])
    return events


def record_cost(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    amount: Decimal,
    currency: str = "",
    kind: str = DirectCost.Kind.OTHER,
    comment: str = "",
) -> list[Event]:
    """Record what serving each of the journeys' clients cost outside; another currency is frozen as in a payment."""
    if not journeys:
        return []
    day = at.astimezone(Organisation.current().zone).date()
    frozen = rates.freeze_for(journeys[0], amount, currency, day=day)
    amount = frozen.amount
    events = machine.record(
        journeys=journeys,
        event=Happening.DIRECT_COST,
        actor=actor,
        at=at,
        value=f"{amount:f}",
        amount=amount,
        inputs={"kind": kind, **frozen.inputs},
        comment=comment,
    )
    DirectCost.objects.bulk_create(
        DirectCost(journey_id=event.journey_id, event=event, kind=kind, amount=amount, spent_on=day)
        for event in events
    )
    return events


@transaction.atomic
def reschedule(*, instalment_id: int, due_on: date, actor: User, at: datetime, why: str = "") -> Instalment:
    """Move the day that an instalment is due, keeping who did it and why; the timeline says so.

    Raises Refused where the instalment is paid already; Instalment.DoesNotExist where there is none.
    """
    journey_id = Instalment.objects.values_list("contract__journey_id", flat=True).get(pk=instalment_id)
    journeys = machine.lock([journey_id])
    instalment: Instalment = Instalment.objects.with_paid().get(pk=instalment_id)
    if instalment.left <= 0:
        words = _("The instalment is paid; its day cannot be moved any more.")
        raise Refused({journey_id: Refusal("data", ("instalment",), words)})
    if instalment.due_on == due_on:
        return instalment
    before, instalment.due_on = instalment.due_on, due_on
    instalment.save(update_fields=["due_on"])
    Reschedule.objects.create(
        instalment=instalment, due_before=before, due_after=due_on, why=why, actor=actor, at=at
    )
    words = _("Instalment %(number)s moved from %(before)s to %(after)s.") % {
        "number": instalment.position,
        "before": before.isoformat(),
        "after": due_on.isoformat(),
    }
    machine.record(
        journeys=journeys,
        event=Happening.NOTE_LOGGED,
        actor=actor,
        at=at,
        inputs={"instalment": instalment.pk},
        comment=f"{words} {why}".strip(),
    )
    return instalment


# undo ----------------------------------------------------------------------------------------------------------------


def payments_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw payments and refunds: what they paid is owed again, and money left over elsewhere moves up."""
    Payment.objects.filter(event__in=events).delete()
    schedule.allocate({event.journey_id for event in events})


def costs_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw direct costs."""
    DirectCost.objects.filter(event__in=events).delete()


def payment_guard(events: Sequence[Event], going: Iterable[int]) -> str:
    """Tell where a refund that stays would exceed the payments that stay."""
    gone = set(going)
    if any(paid_so_far(pk, without=gone) < 0 for pk in {event.journey_id for event in events}):
        return _("A refund rests on this payment; annul the refund as well.")
    return ""


def signature_guard(events: Sequence[Event], going: Iterable[int]) -> str:
    """Tell where money that came in or went back since rests on a signature."""
    gone = set(going)
    for event in events:
        later = (
            Event.objects.live()
            .filter(
                journey=event.journey_id,
                seq__gt=event.seq,
                event__in=(Happening.PAYMENT_RECEIVED, Happening.REFUND_PAID),
            )
            .exclude(pk__in=gone)
        )
        if later.exists():
            return _("Payments rest on this signature; annul them as well.")
    return ""
