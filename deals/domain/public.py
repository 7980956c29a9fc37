"""What clients do on the public page of a proposal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from deals.models import Proposal, ProposalVersion, ProposalView
from funnel import domain, machine, notify
from funnel.machine import Locked
from funnel.models import Activity, Notification, Organisation
from funnel.stages import DEAL_STAGES

ANSWERS_A_DAY: Final = 10


class CannotAnswer(Exception):
    """The answer was not taken, for the reason given; nothing was written."""


def standing(token: str) -> ProposalVersion | None:
    """Return the last version sent of the proposal that the token opens, with its lines; None where there is none."""
    return (
        ProposalVersion.objects.filter(
            proposal__token=token,
            state=ProposalVersion.State.SENT,
            proposal__journey__annulled_at=None,
            proposal__journey__contact__erased_at=None,
        )
        .select_related("proposal__journey__contact", "proposal__journey__company", "sent_event")
        .prefetch_related("lines")
        .order_by("-number")
        .first()
    )


@transaction.atomic
def log_view(*, version: ProposalVersion, visitor: str, at: datetime) -> None:
    """Note that a visitor, told apart by a keyed hash, opened a version: one row a visitor and day.

    The owner is told of the first time that anybody opens it.
    """
    day = at.astimezone(Organisation.current().zone).date()
    row, created = ProposalView.objects.get_or_create(
        proposal_id=version.proposal_id,
        version=version.number,
        day=day,
        visitor=visitor,
        defaults={"first_at": at, "last_at": at},
    )
    if not created:
        ProposalView.objects.filter(pk=row.pk).update(last_at=at, times=F("times") + 1)
    elif version.sent_event is not None:
        notify.tell([version.proposal.journey.owner_id], Notification.Kind.VIEWED, version.sent_event)


def may_answer(version: ProposalVersion) -> bool:
    """Tell whether the deal still waits for the client's word."""
    return version.proposal.journey.stage in DEAL_STAGES


@transaction.atomic
def answer(*, version: ProposalVersion, answer: str, text: str, at: datetime) -> Proposal:
    """Keep what the client makes of a version, log it on the journey and tell its owner.

    Raises CannotAnswer where the deal is closed, a newer version was sent, it has run out, or after too many answers.
    """
    journey = machine.lock([version.proposal.journey_id])[0]
    if journey.stage not in DEAL_STAGES:
        raise CannotAnswer(_("This proposal is closed."))
    newest = standing(version.proposal.token)
    if newest is None or newest.number != version.number:
        raise CannotAnswer(_("A newer version of this proposal has been sent; please look at that one."))
    today = at.astimezone(Organisation.current().zone).date()
    if answer == Proposal.Answer.ACCEPTED and version.valid_until and version.valid_until < today:
        raise CannotAnswer(_("This proposal has run out; ask us to renew it."))
    proposal = Proposal.objects.select_for_update().get(pk=version.proposal_id)
    same = (proposal.answer, proposal.answered_version, proposal.answer_text)
    if same == (answer, version.number, text):
        return proposal  # the same form sent twice
    recent = Activity.objects.filter(journey=journey, actor=None, at__gte=at - timedelta(days=1))
    if recent.count() >= ANSWERS_A_DAY:
        raise CannotAnswer(_("That was answered too often in a day; please write to us instead."))
    proposal.answer, proposal.answered_version = answer, version.number
    proposal.answered_at, proposal.answer_text = at, text
    proposal.save(update_fields=["answer", "answered_version", "answered_at", "answer_text"])
    label = Proposal.Answer(answer).label
    words = _("Proposal v%(number)s, by its link: %(answer)s.") % {"number": version.number, "answer": label}
    events = domain.log_activity(
        journeys=Locked([journey]),
        actor=None,
        at=at,
        kind=Activity.Kind.MESSAGE,
        direction=Activity.Direction.INBOUND,
        summary=f"{words} {text}".strip(),
    )
    notify.tell([journey.owner_id], Notification.Kind.ANSWERED, events[0])
    return proposal
