"""Offering a journey to sales, and deciding on the offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from deals.models import Handoff
from funnel import machine
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, Organisation, Reason, User
from funnel.stages import Stage
from leads.assignment import pick_salespeople

from .frozen import frozen_briefs


def hand_off(
    *, journeys: Locked, actor: User | None, at: datetime, salesperson: User | None = None, comment: str = ""
) -> list[Event]:
    """Offer journeys to a salesperson, or to whom the assignment rule picks; earlier offers of theirs lapse.

    Where the rule picks nobody, anyone in sales may take the offer. The clock runs in business hours.
    Raises Refused where a journey is offered to that salesperson already.
    """
    picked: Mapping[int, User | None] = (
        {journey.pk: salesperson for journey in journeys} if salesperson else pick_salespeople(journeys)
    )
    _refuse_same(journeys, picked)
    organisation = Organisation.current()
    due = (
        organisation.clock.add_business(at, minutes=organisation.handoff_hours * 60)
        if organisation.handoff_hours
        else None
    )
    before = {journey.pk: journey.stage for journey in journeys}
    events = machine.move(
        journeys=journeys,
        name="hand_off",
        actor=actor,
        at=at,
        inputs={"decide_by": due.isoformat() if due else None},
        comment=comment,
        offered_to=picked,
        decide_by=due,
        own={
            pk: {
                "value": person.username if person else "",
                "inputs": {"salesperson": person.pk if person else None},
            }
            for pk, person in picked.items()
        },
    )
    if Stage.HANDED_OFF in before.values():
        _decide(events, Handoff.Decision.WITHDRAWN, actor=actor, at=at)
    briefs = frozen_briefs(journeys)
    Handoff.objects.bulk_create(
        Handoff(
            journey_id=event.journey_id,
            event=event,
            offered_by=actor,
            offered_to=picked[event.journey_id],
            offered_at=at,
            due_at=due,
            brief_version_id=briefs.get(event.journey_id),
        )
        for event in events
    )
    return events


def _refuse_same(journeys: Locked, picked: Mapping[int, User | None]) -> None:
    refusals = {}
    for journey in journeys:
        person = picked[journey.pk]
        if journey.stage == Stage.HANDED_OFF and journey.offered_to_id == (person.pk if person else None):
            words = _("It is offered to %(who)s already.") % {"who": person or _("anyone in sales")}
            refusals[journey.pk] = Refusal("data", ("salesperson",), words)
    if refusals:
        raise Refused(refusals)


def withdraw_handoff(*, journeys: Locked, actor: User | None, at: datetime, comment: str = "") -> list[Event]:
    """Take offers back to marketing; the clock does so by itself with those that nobody decided in time."""
    offered = {
        journey.pk: {"inputs": {"salesperson": journey.offered_to_id}} for journey in journeys
    }  # whom to tell: the move clears it from the journey
    events = machine.move(
        journeys=journeys, name="withdraw_handoff", actor=actor, at=at, comment=comment, own=offered
    )
    _decide(events, Handoff.Decision.WITHDRAWN, actor=actor, at=at, comment=comment)
    return events


def withdraw_overdue(*, at: datetime, limit: int = 500) -> int:
    """Withdraw the offers whose time ran out by `at`, oldest first; return how many."""
    with transaction.atomic():
        due = Handoff.objects.overdue(at=at).order_by("due_at", "pk").values_list("journey_id", flat=True)
        locked = machine.lock(list(due[:limit]))
        # Under the lock once more: somebody may have decided, or offered it anew, in between.
        still = set(
            Handoff.objects.overdue(at=at).filter(journey__in=locked).values_list("journey_id", flat=True)
        )
        journeys = Locked(journey for journey in locked if journey.pk in still)
        if journeys:
            withdraw_handoff(journeys=journeys, actor=None, at=at)
    return len(journeys)


def accept(*, journeys: Locked, actor: User | None, at: datetime, comment: str = "") -> list[Event]:
    """Take journeys as one's own: from here on the deals are open."""
    events = machine.move(journeys=journeys, name="accept", actor=actor, at=at, comment=comment)
    _decide(events, Handoff.Decision.ACCEPTED, actor=actor, at=at, comment=comment)
    return events


def reject(
    *, journeys: Locked, actor: User | None, at: datetime, reason: Reason, comment: str
) -> list[Event]:
    """Send journeys back to marketing, saying why."""
    events = machine.move(
        journeys=journeys,
        name="reject",
        actor=actor,
        at=at,
        value=reason.key,
        reason=reason.key,
        comment=comment,
    )
    _decide(events, Handoff.Decision.REJECTED, actor=actor, at=at, reason=reason.key, comment=comment)
    return events


def _decide(
    events: Iterable[Event],
    decision: str,
    *,
    actor: User | None,
    at: datetime,
    reason: str = "",
    comment: str = "",
) -> None:
    """Close the undecided offers of the events' journeys; a journey of an imported past may have none."""
    by_journey = {event.journey_id: event for event in events}
    offers = list(Handoff.objects.filter(journey__in=by_journey, decision=""))
    for offer in offers:
        offer.decision, offer.decided_at, offer.decided_by = decision, at, actor
        offer.decision_event = by_journey[offer.journey_id]
        offer.reason, offer.comment = reason, comment
    Handoff.objects.bulk_update(
        offers, ["decision", "decided_at", "decided_by", "decision_event", "reason", "comment"]
    )


def offers_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw the offers that the events made; those that lapsed for them wait again."""
    Handoff.objects.filter(event__in=events).delete()
    decisions_annulled(events, at)


def decisions_annulled(events: Sequence[Event], at: datetime) -> None:
    """Let the offers that the events decided wait again."""
    Handoff.objects.filter(decision_event__in=events).update(
        decision="", decided_at=None, decided_by=None, decision_event=None, reason="", comment=""
    )
