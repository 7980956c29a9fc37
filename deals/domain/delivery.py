"""How a version reaches the client: by a letter that we send with its link, or handed over by somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from deals.models.papers import Delivery
from funnel import domain, letters
from funnel.machine import Locked
from funnel.models import Activity, Event, Journey, Mail, Organisation, User


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to the client; the link is put under the message."""

    to: Sequence[str]
    copy: Sequence[str]
    subject: str
    body: str


def proposed(journey: Journey, actor: User | None, *, paper: str, number: int) -> Letter:
    """Return the letter that goes with a version unless somebody writes another, in the client's language."""
    contact = journey.contact
    with translation.override(contact.language or settings.LANGUAGE_CODE):
        words = {"number": number, "who": Organisation.current().name}
        if paper == "contract":
            subject = _("Contract, version %(number)s: %(who)s") % words
            news = _(
                "The contract is ready. Please read it and tell us on the same page whether you accept it."
            )
        else:
            subject = _("Proposal, version %(number)s: %(who)s") % words
            news = _("Our proposal is ready. Please read it and tell us on the same page what you think.")
        greeting = _("Dear %(name)s,") % {"name": contact.name} if contact.name else _("Good day,")
        end = _("Kind regards")
    sender = (actor.get_full_name() or actor.username) if actor else Organisation.current().name
    body = f"{greeting}\n\n{news}\n\n{end}\n{sender}"
    return Letter([contact.email] if contact.email else [], [], subject[:250], body)


def link_to(paper: Any) -> str:
    """Return the address that the client opens."""
    return f"{settings.PUBLIC_URL}{reverse('deals:public-proposal', args=[paper.token])}"


def post(
    *, journeys: Locked, actor: User | None, at: datetime, sent: Event, paper: Any, letter: Letter
) -> tuple[Mail, list[Event]]:
    """Log the letter beside the event of sending, and let it go out with the link in a moment."""
    link = link_to(paper)
    with translation.override(journeys[0].contact.language or settings.LANGUAGE_CODE):
        opens = _("Open it here: %(link)s") % {"link": link}
    words = letter.body if link in letter.body else f"{letter.body}\n\n{opens}"
    events = domain.log_activity(
        journeys=journeys,
        actor=actor,
        at=at,
        kind=Activity.Kind.EMAIL,
        direction=Activity.Direction.OUTBOUND,
        summary=words,
        outcome="",  # until it has left
        act=sent.act,
    )
    activity = Activity.objects.get(event=events[0])
    mail = letters.queue(journeys[0], activity, actor, to=letter.to, copy=letter.copy, subject=letter.subject)
    return mail, events


__all__ = ["Delivery", "Letter", "link_to", "post", "proposed"]
