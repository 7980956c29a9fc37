"""What clients do on the public page of a proposal or contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from deals.models import ContractVersion, FormerLink, ProposalVersion, ProposalView
from deals.models.papers import Linked
from funnel import formats, machine, notify
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, Journey, Notification, Organisation
from funnel.stages import DEAL_STAGES, Answer, Happening

Version = ProposalVersion | ContractVersion
PAPERS: dict[str, type[Version]] = {"proposal": ProposalVersion, "contract": ContractVersion}


class LinkClosed(Exception):
    """The link leads nowhere any more; `why` is revoked, replaced, expired or closed."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def opened(token: str, *, at: datetime) -> Version | None:
    """Return the last version sent of the paper that the token opens; None where there is none.

    Raises LinkClosed where the link was revoked or replaced, has expired, or has closed with the deal.
    """
    for name in PAPERS:
        version = _sent(name, **{f"{name}__token": token})
        if version is not None:
            state = paper_of(version).link_state(at, version)
            if state != Linked.Link.OPEN:
                raise LinkClosed(state.value)
            return version
    if FormerLink.objects.filter(
        token=token, journey__annulled_at=None, journey__contact__erased_at=None
    ).exists():
        raise LinkClosed("replaced")
    return None


def _sent(name: str, **which: Any) -> Version | None:
    """Return the last version sent of a paper of an application that is neither withdrawn nor erased."""
    open_ones = {f"{name}__journey__annulled_at": None, f"{name}__journey__contact__erased_at": None}
    found: Any = PAPERS[name].objects.filter(state="sent", **open_ones, **which)
    journey = f"{name}__journey"
    found = found.select_related(
        f"{journey}__contact", f"{journey}__company", f"{journey}__owner", "sent_event"
    )
    found = found.prefetch_related("lines" if name == "proposal" else "offer__lines")
    version: Version | None = found.order_by("-number").first()
    return version


def paper_of(version: Version) -> Any:
    """Return the proposal or contract of a version."""
    return version.proposal if isinstance(version, ProposalVersion) else version.contract


def name_of(version: Version) -> str:
    """Return "proposal" or "contract"."""
    return "proposal" if isinstance(version, ProposalVersion) else "contract"


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


def may_answer(version: Version) -> bool:
    """Tell whether the deal still waits for the client's word on a version."""
    return not version.answer and paper_of(version).journey.stage in DEAL_STAGES


def answer(
    *,
    journeys: Locked,
    actor: None,
    at: datetime,
    paper: str,
    version: int,
    answer: str,
    text: str = "",
    name: str = "",
    position: str = "",
) -> list[Event]:
    """Record the client's answer to the last version sent of a proposal or contract, and tell the journey's owner.

    A version is answered once: the same answer again writes nothing. Raises Refused where another answer stands, a
    newer version was sent, or the offer to accept has run out.
    """
    (journey,) = journeys
    held = _sent(paper, **{f"{paper}__journey": journey})
    if held is None or held.number != version:
        words = _("A newer version has been sent; please look at that one.")
        raise _refusal(journey, words if held else _("It is not with the client."))
    if paper_of(held).link_state(at, held) in {Linked.Link.REVOKED, Linked.Link.EXPIRED}:
        raise _refusal(journey, _("This link is closed."))
    if held.answer:
        if held.answer == answer and text in {"", held.answer_text}:
            return []
        raise _refusal(journey, standing_words(held))
    today = at.astimezone(Organisation.current().zone).date()
    if answer == Answer.ACCEPTED and isinstance(held, ProposalVersion) and held.is_over(today):
        raise _refusal(journey, _("This proposal has run out; ask us to renew it."))
    events = machine.record(
        journeys=journeys,
        event=Happening.CLIENT_ANSWERED,
        actor=actor,
        at=at,
        value=answer,
        inputs={"paper": paper, f"{paper}_version": held.pk, "version": held.number},
        comment=_comment(text, name, position),
    )
    held.answer, held.answered_at, held.answer_text = answer, at, text
    held.answered_by, held.answered_as, held.answered_event = name, position, events[0]
    held.save(update_fields=held.ANSWERED)
    who = journey.owner_id or (held.sent_event.actor_id if held.sent_event else None)
    notify.tell([who], Notification.Kind.ANSWERED, events[0])
    return events


def standing_words(version: Version) -> str:
    """Say which answer stands for a version, and since when."""
    return _("It is answered already: %(answer)s, %(when)s.") % {
        "answer": version.get_answer_display(),
        "when": formats.day_time(version.answered_at),
    }


def client_words(journey: Journey) -> str:
    """Return what the client answered at the stage where the journey stands; "" where they accepted or said nothing."""
    found: list[Any] = [
        version
        for model in PAPERS.values()
        for version in model.objects.filter(
            answered_event__journey=journey, answered_at__gte=journey.stage_since
        )
    ]
    latest = max(found, key=lambda version: version.answered_at, default=None)
    if latest is None or latest.answer == Answer.ACCEPTED:
        return ""
    return str(latest.answer_text or f"{latest.get_answer_display()} (v{latest.number})")


def _comment(text: str, name: str, position: str) -> str:
    """Return the client's words, signed with who they are."""
    who = ", ".join(part for part in (name, position) if part)
    return "\n".join(part for part in (text, f"— {who}" if who else "") if part)


def _refusal(journey: Journey, words: str) -> Refused:
    return Refused({journey.pk: Refusal("data", ("answer",), words)})


def answers_annulled(events: Sequence[Event], at: datetime) -> None:
    """Let the versions that these answers were given to be answered again."""
    for model in PAPERS.values():
        for version in model.objects.filter(answered_event__in=events):
            version.forget_answer()
            version.save(update_fields=version.ANSWERED)


def answered_guard(events: Sequence[Event], going: Iterable[int]) -> str:
    """Tell that the client answered what was sent: the answer would hang in the air."""
    sent = {"sent_event__in": events, "answered_event__isnull": False}
    for model in PAPERS.values():
        if model.objects.filter(**sent).exclude(answered_event__in=list(going)).exists():
            return _("The client has answered it since; annul that as well.")
    return ""
