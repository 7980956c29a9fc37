"""A digest as a mail: a plain and an HTML part, in its reader's language and zone; figures are the organisation's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from funnel.models import Organisation, User
from funnel.periods import Period

from . import choices, content
from .periods import WEEKLY


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str
    stop_url: str


def write(*, user: User, organisation: Organisation, kind: str, period: Period, now: datetime) -> Letter:
    """Write the letter that somebody is to get."""
    with _reading(user, organisation) as zone:
        digest = content.build(user=user, organisation=organisation, kind=kind, period=period, now=now)
        stop_url = settings.PUBLIC_URL + reverse("kpi:digest-stop", args=[choices.token_of(user, kind)])
        context: dict[str, Any] = {
            "digest": digest,
            "organisation": organisation,
            "currency": organisation.currency,
            "user": user,
            "is_weekly": kind == WEEKLY,
            "action_url": digest.url,
            "action_label": _("Open the dashboard"),
            "stop_url": stop_url,
            "choice_url": settings.PUBLIC_URL + reverse("kpi:digest"),
            "made_at": now,
            "zone": zone,
        }
        return Letter(
            subject=" ".join(f"{digest.subject} · {organisation.name}".split()),
            text=render_to_string("emails/digest.txt", context),
            html=render_to_string("emails/digest.html", context),
            stop_url=stop_url,
        )


def mail_of(letter: Letter, *, user: User, mark: str) -> EmailMultiAlternatives:
    """Return the mail; `mark` names it for good, so that programs know two deliveries of it for the same."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    mail = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        to=[user.email],
        headers={
            "Message-ID": f"<{mark}@{host}>",
            "List-Unsubscribe": f"<{letter.stop_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(letter.html, "text/html")
    return mail


def language_of(user: User) -> str:
    """Return the language of somebody's mail: their own, or the installation's."""
    return user.language or settings.LANGUAGE_CODE


@contextmanager
def _reading(user: User, organisation: Organisation) -> Iterator[str]:
    """Turn to the reader's language and zone, and name the zone: the organisation's for who has chosen none."""
    try:
        zone = ZoneInfo(user.time_zone or organisation.timezone)
    except (ZoneInfoNotFoundError, ValueError):  # a zone that this machine does not know
        zone = organisation.zone
    with translation.override(language_of(user)), timezone.override(zone):
        yield str(zone)
