"""Referring journeys to partners, and what partners say of them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from funnel import machine
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, Journey, Organisation, Reason, User
from funnel.stages import Happening, Role

from . import algorithm
from .models import DECLINES, Capability, Partner, PartnerMember, Referral

ANSWERS: Final = (
    Happening.PARTNER_ACCEPTED,
    Happening.PARTNER_DECLINED,
    Happening.PARTNER_OUTCOME,
    Happening.REFERRAL_RETURNED,
)
"""What leads a referral on."""
OPEN: Final = (Referral.State.OFFERED, Referral.State.ACCEPTED)
"""Where it can still be taken or given back by the partner."""


def refer(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    partner: Partner | None = None,
    reason: Reason,
    comment: str = "",
) -> list[Event]:
    """Pass journeys to a partner, or each to the one that the algorithm proposes.

    Raises Refused with “partner” missing for those that no partner fits.
    """
    chosen = {journey.pk: partner for journey in journeys} if partner else algorithm.assign(journeys, at=at)
    words = _(
        "No active partner fits the service, region and language with capacity left this month; name one."
    )
    unfit = {
        journey.pk: Refusal("data", ("partner",), words) for journey in journeys if journey.pk not in chosen
    }
    if unfit:
        raise Refused(unfit)
    events = machine.move(
        journeys=journeys,
        name="refer",
        actor=actor,
        at=at,
        reason=reason.key,
        comment=comment,
        own={pk: {"value": one.key, "inputs": {"partner": one.pk}} for pk, one in chosen.items()},
    )
    organisation = Organisation.current()
    hours = organisation.referral_hours
    due = organisation.clock.add_business(at, minutes=hours * 60) if hours else None
    Referral.objects.bulk_create(
        Referral(
            journey_id=event.journey_id,
            partner=chosen[event.journey_id],
            event=event,
            reason=reason,
            referred_at=at,
            due_at=due,
        )
        for event in events
    )
    return events


def take(*, journeys: Locked, actor: User | None, at: datetime, comment: str = "") -> list[Event]:
    """Record that the partner takes the journey referred to it."""
    referral = _answerable(journeys, actor, at, Referral.State.OFFERED)
    events = _answer(Happening.PARTNER_ACCEPTED, journeys, referral, actor=actor, at=at, comment=comment)
    referral.state, referral.decided_at = Referral.State.ACCEPTED, at
    referral.save(update_fields=["state", "decided_at"])
    return events


def decline(
    *, journeys: Locked, actor: User | None, at: datetime, reason: str, comment: str = ""
) -> list[Event]:
    """Record that the partner declines the journey referred to it, which goes back to marketing."""
    _answerable(journeys, actor, at, Referral.State.OFFERED, Referral.State.ACCEPTED)
    return return_referral(journeys=journeys, actor=actor, at=at, reason=reason, comment=comment)


@transaction.atomic
def return_referral(
    *, journeys: Locked, actor: User | None, at: datetime, reason: str, comment: str = ""
) -> list[Event]:
    """Give journeys that were referred back to marketing; the partner no longer sees them.

    Where the partner itself returns one, or a leader for a reason of the partner's, the partner has declined it: that
    is recorded first, in the same act. Raises Refused where a partner returns what is not with it any more.
    """
    latest = Referral.objects.latest().filter(journey__in=journeys).select_for_update(of=("self",))
    referrals = {referral.journey_id: referral for referral in latest}
    if actor is not None and actor.role == Role.PARTNER:
        for journey in journeys:
            _answerable(Locked([journey]), actor, at, Referral.State.OFFERED, Referral.State.ACCEPTED)
    act, declined = uuid.uuid4(), {}
    for journey in journeys:
        referral = referrals.get(journey.pk)
        if referral and referral.state in OPEN and _speaks_for_partner(actor, reason):
            declined[journey.pk] = _answer(
                Happening.PARTNER_DECLINED,
                Locked([journey]),
                referral,
                value=reason,
                actor=actor,
                at=at,
                act=act,
            )
    events = machine.move(
        journeys=journeys,
        name="return_referral",
        actor=actor,
        at=at,
        value=reason,
        reason=reason,
        comment=comment,
        own={
            pk: {
                "inputs": {
                    "referral": referral.pk,
                    "partner": referral.partner_id,
                    "declined": pk in declined,
                    "rests_on": [event.pk for event in declined.get(pk, ())],
                }
            }
            for pk, referral in referrals.items()
        },
        act=act,
    )
    answered = [referral for referral in referrals.values() if referral.state in OPEN]
    for referral in answered:
        referral.state = (
            Referral.State.DECLINED if referral.journey_id in declined else Referral.State.RETURNED
        )
        referral.decided_at, referral.decline_reason = at, reason
    Referral.objects.bulk_update(answered, ["state", "decided_at", "decline_reason"])
    return [event for told in declined.values() for event in told] + events


def _speaks_for_partner(actor: User | None, reason: str) -> bool:
    if actor is None:
        return False
    return actor.role == Role.PARTNER or (actor.leads_everyone and reason in DECLINES)


def return_overdue(*, at: datetime, limit: int = 500) -> int:
    """Return the referrals that partners left unanswered beyond their time, oldest first; say how many."""
    with transaction.atomic():
        due = Referral.objects.overdue(at=at).order_by("due_at", "pk").values_list("journey_id", flat=True)
        locked = machine.lock(list(due[:limit]))
        # Under the lock once more: the partner may have answered in between.
        still = set(
            Referral.objects.overdue(at=at).filter(journey__in=locked).values_list("journey_id", flat=True)
        )
        journeys = Locked(journey for journey in locked if journey.pk in still)
        if journeys:
            return_referral(
                journeys=journeys, actor=None, at=at, reason=Referral.ReturnReason.NO_ANSWER.value
            )
    return len(journeys)


def report_outcome(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    outcome: str,
    amount: Decimal | None = None,
    comment: str = "",
) -> list[Event]:
    """Record what became of a referral that the partner took; a later report corrects an earlier one.

    `amount` is in the organisation's currency.
    """
    referral = _answerable(journeys, actor, at, Referral.State.ACCEPTED, Referral.State.DONE)
    events = _answer(
        Happening.PARTNER_OUTCOME,
        journeys,
        referral,
        actor=actor,
        at=at,
        value=outcome,
        amount=amount,
        comment=comment,
    )
    referral.state, referral.outcome, referral.amount, referral.done_at = "done", outcome, amount, at
    referral.save(update_fields=["state", "outcome", "amount", "done_at"])
    return events


def _answerable(journeys: Locked, actor: User | None, at: datetime, *states: str) -> Referral:
    """Return the journey's referral where the actor may answer it now; raise Refused where not."""
    (journey,) = journeys
    referral = Referral.objects.latest().filter(journey=journey).select_for_update(of=("self",)).first()
    if referral is None:
        raise _refused(journey, "data", _("No referral of this journey is known here."), "referral")
    if (
        actor is not None
        and not actor.leads_everyone
        and not PartnerMember.objects.filter(user=actor, partner=referral.partner_id).exists()
    ):
        raise _refused(journey, "role", _("Only the partner to whom it was referred, or a manager, answers."))
    if referral.state not in states:
        words = _("The referral is “%(state)s” already.") % {"state": referral.get_state_display()}
        if referral.state == Referral.State.OFFERED:
            words = _("Take the referral first.")
        raise _refused(journey, "data", words, "referral.state")
    if at < referral.referred_at:
        raise _refused(journey, "data", _("It cannot precede the referral."), "occurred_at")
    return referral


def _refused(journey: Journey, reason: Literal["role", "data"], words: str, *missing: str) -> Refused:
    return Refused({journey.pk: Refusal(reason, missing, words)})


def _answer(
    event: Happening, journeys: Locked, referral: Referral, *, value: str = "", **options: Any
) -> list[Event]:
    return machine.record(
        journeys=journeys,
        event=event,
        value=value,
        reason=value if event == Happening.PARTNER_DECLINED else "",
        inputs={"referral": referral.pk, "partner": referral.partner_id, "rests_on": [referral.event_id]},
        **options,
    )


# when things are undone ----------------------------------------------------------------------------------------------


def answered(events: Sequence[Event], going: AbstractSet[int]) -> str:
    """Tell why referrals cannot be undone while partners' answers that rest on them stay; "" where they can."""
    ids = {event.pk for event in events}
    answers = Event.objects.live().filter(
        journey__in={event.journey_id for event in events}, event__in=ANSWERS
    )
    if any(answer.pk not in going and ids & {*answer.inputs.get("rests_on", ())} for answer in answers):
        return _("The partner has answered this referral; undo the answer first, or both together.")
    return ""


def withdraw(events: Sequence[Event], at: datetime) -> None:
    """Take back the referrals that annulled events made."""
    Referral.objects.filter(event__in=events, withdrawn_at=None).update(withdrawn_at=at)


def restate(events: Sequence[Event], at: datetime) -> None:
    """Bring referrals to what the answers that still stand say, after some were annulled: three queries."""
    ids = {event.inputs.get("referral") for event in events} - {None}
    referrals = {found.pk: found for found in Referral.objects.select_for_update().filter(pk__in=ids)}
    for referral in referrals.values():
        referral.state, referral.decided_at, referral.decline_reason = Referral.State.OFFERED, None, ""
        referral.outcome, referral.amount, referral.done_at = "", None, None
    journeys = {referral.journey_id for referral in referrals.values()}
    standing = Event.objects.live().filter(journey__in=journeys, event__in=ANSWERS).in_order()
    for event in standing:
        if about := referrals.get(event.inputs.get("referral", 0)):
            _apply(about, event)
    Referral.objects.bulk_update(
        referrals.values(), ["state", "decided_at", "decline_reason", "outcome", "amount", "done_at"]
    )


def _apply(referral: Referral, event: Event) -> None:
    """Lead a referral on by one answer of its ledger."""
    match event.event:
        case Happening.PARTNER_ACCEPTED:
            referral.state, referral.decided_at = Referral.State.ACCEPTED, event.occurred_at
        case Happening.PARTNER_DECLINED:
            referral.state, referral.decided_at = Referral.State.DECLINED, event.occurred_at
            referral.decline_reason = event.value
        case Happening.PARTNER_OUTCOME:
            referral.state, referral.outcome, referral.amount = Referral.State.DONE, event.value, event.amount
            referral.decided_at = referral.decided_at or event.occurred_at
            referral.done_at = event.occurred_at
        case Happening.REFERRAL_RETURNED if referral.state in OPEN:
            referral.state, referral.decided_at = Referral.State.RETURNED, event.occurred_at
            referral.decline_reason = event.value


# partners themselves -------------------------------------------------------------------------------------------------


def name_partners(keys: Iterable[str]) -> None:
    """Create the partners that an imported history names and that are not here yet: one statement."""
    Partner.objects.bulk_create((Partner(key=key) for key in sorted({*keys} - {""})), ignore_conflicts=True)


@transaction.atomic
def save_partner(
    *, partner: Partner, capabilities: Sequence[Mapping[str, Any]], members: Sequence[User]
) -> Partner:
    """Store a partner with all that it can take and the people who stand for it; both lists replace the old ones.

    A capability is {"service": Service | None, "region": str, "language": str}; doubles are kept once. Raises
    ValidationError where a person has another role than partner, or stands for another partner.
    """
    others = PartnerMember.objects.filter(user__in=members).exclude(partner=partner.pk).select_related("user")
    faults = [
        ValidationError(_("%(user)s already stands for another partner."), params={"user": member.user})
        for member in others
    ] + [
        ValidationError(_("%(user)s does not have the role of a partner."), params={"user": user})
        for user in members
        if user.role != Role.PARTNER
    ]
    if faults:
        raise ValidationError({"members": faults})
    partner.save()
    wanted = {
        (
            able["service"].pk if able.get("service") else None,
            able["region"].strip(),
            able["language"].strip(),
        )
        for able in capabilities
    }
    kept = set()
    for able in partner.capabilities.all():
        key = (able.service_id, able.region, able.language)
        if key in wanted:
            kept.add(key)
        else:
            able.delete()
    Capability.objects.bulk_create(
        Capability(partner=partner, service_id=service, region=region, language=language)
        for service, region, language in sorted(wanted - kept, key=str)
    )
    partner.members.exclude(user__in=members).delete()
    standing = set(partner.members.values_list("user_id", flat=True))
    PartnerMember.objects.bulk_create(
        PartnerMember(partner=partner, user=user) for user in members if user.pk not in standing
    )
    return partner
