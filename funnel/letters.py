"""Writing to a client from the journey: the letter is logged at once, sent a moment later, and kept in its thread."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from . import acts, files
from .acts import Outcome
from .models import Activity, Attachment, Event, Journey, Mail, User
from .stages import Happening

UNDO_SECONDS: Final = 10
"""How long a letter waits before it goes out, so that it can be taken back."""
ANSWERS: Final = re.compile(r"^\s*(?:re|aw|sv|ответ|на)(?:\[\d+\])?:\s*", re.IGNORECASE)
MOST_REFERRED: Final = 20
NOTICES_KEPT: Final = timedelta(days=60)
"""Longer than anybody tells of the same thing again, so that no notice goes out twice."""


def suggested_subject(journey: Journey) -> str:
    """Return the subject that goes on with the last letter on the journey; "" where there is none: one query."""
    last = _last(journey)
    return f"Re: {ANSWERS.sub('', last.subject)}"[:250] if last else ""


def _last(journey: Journey) -> Mail | None:
    return (
        Mail.objects.filter(journey=journey, activity__isnull=False)
        .exclude(state=Mail.State.DROPPED)
        .order_by("-pk")
        .first()
    )


@transaction.atomic
def compose(
    *,
    journey: Journey,
    actor: User,
    name: str,
    inputs: Mapping[str, Any] | forms.Form,
    at: datetime | None,
    attached: Sequence[UploadedFile] = (),
    subject: str = "",
    to: str = "",
) -> Outcome:
    """Do an act with words on a journey, with files that go with it; with `to`, send the words as a letter too.

    Everything or nothing is written. Raises what `acts.run` and `files.attach` do.
    """
    outcome = acts.run(name=name, journeys=[journey.pk], actor=actor, inputs=inputs, at=at)
    event = _said(outcome.events[-1])
    kept: list[Attachment] = []
    try:
        if attached:
            kept = files.attach(
                journey=journey, files=attached, actor=actor, at=event.occurred_at, event=event
            )
        if to:
            queue(journey, Activity.objects.get(event=event), actor, to=[to], subject=subject)
    except BaseException:
        files.drop_contents(kept)
        raise
    return outcome


def _said(event: Event) -> Event:
    """Return the event that carries the words of an act: a first response rests on an activity."""
    if event.event in {Happening.NOTE_LOGGED, Happening.ACTIVITY_LOGGED}:
        return event
    return Event.objects.get(act=event.act, journey=event.journey_id, event=Happening.ACTIVITY_LOGGED)


def queue(
    journey: Journey,
    activity: Activity,
    actor: User | None,
    *,
    to: Sequence[str],
    subject: str,
    copy: Sequence[str] = (),
) -> Mail:
    """Let what was logged go out as a letter in a moment, in the thread of its subject."""
    before = _last(journey)
    goes_on = before is not None and ANSWERS.sub("", before.subject) == ANSWERS.sub("", subject)
    message_id = f"<{uuid.uuid4().hex}@{_host()}>"
    refers = [*before.refers.split(), before.message_id][-MOST_REFERRED:] if before and goes_on else []
    return Mail.objects.create(
        key=f"letter-{activity.pk}",
        journey=journey,
        activity=activity,
        to=", ".join(to),
        copy=", ".join(copy),
        sender=actor.get_full_name() if actor else "",
        reply_to=actor.email if actor else "",
        subject=subject,
        text=activity.summary,
        language=journey.contact.language,
        message_id=message_id,
        thread=refers[0] if refers else message_id,
        refers=" ".join(refers),
        run_at=timezone.now() + timedelta(seconds=UNDO_SECONDS),
    )


def withdraw(events: Sequence[Event], at: datetime) -> None:
    """Take back the letters that were logged by these events, as far as they have not gone out yet."""
    Mail.objects.filter(activity__event__in=events, state=Mail.State.WAITING).update(state=Mail.State.DROPPED)


def withdraw_mail(key: int | None) -> None:
    """Take back one letter, if it has not gone out yet."""
    Mail.objects.filter(pk=key, state=Mail.State.WAITING).update(state=Mail.State.DROPPED)


def erase(journeys: Sequence[int]) -> None:
    """Forget the mails about journeys, sent or not."""
    Mail.objects.filter(journey__in=journeys).delete()


def forget_notices(*, at: datetime) -> int:
    """Delete the notices that have served; letters stay with their journeys. Return how many."""
    done = (Mail.State.SENT, Mail.State.DROPPED, Mail.State.DEAD, Mail.State.UNSURE)
    served = Mail.objects.filter(activity=None, state__in=done, created_at__lt=at - NOTICES_KEPT)
    return served.delete()[0]


def write(row: Mail) -> EmailMultiAlternatives | None:
    """Return the mail of a row, ready to be sent; None where the application behind it was withdrawn."""
    if row.journey is not None and row.journey.annulled_at is not None:
        return None
    return _letter(row) if row.activity_id else _notice(row)


def _letter(row: Mail) -> EmailMultiAlternatives:
    headers = {"Message-ID": row.message_id}
    if row.refers:
        headers |= {"In-Reply-To": row.refers.split()[-1], "References": row.refers}
    mail = EmailMultiAlternatives(
        subject=_one_line(row.subject),
        body=row.text,
        from_email=formataddr((_one_line(row.sender), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        to=row.to.split(", "),
        cc=row.copy.split(", ") if row.copy else None,
        reply_to=[row.reply_to] if row.reply_to else None,
        headers=headers,
    )
    for file in Attachment.objects.filter(event__activity=row.activity_id, removed_at=None).order_by("pk"):
        with file.file.open("rb") as contents:
            mail.attach(file.name, contents.read(), file.kind)
    return mail


def _notice(row: Mail) -> EmailMultiAlternatives:
    with translation.override(row.language or settings.LANGUAGE_CODE):
        context = {
            "title": row.subject,
            "words": row.text,
            "action_url": f"{settings.PUBLIC_URL}{row.url}",
            "action_label": _("Open it"),
        }
        mail = EmailMultiAlternatives(
            subject=_one_line(row.subject),
            body=render_to_string("emails/notice.txt", context),
            to=[row.to],
            headers={"Message-ID": f"<{row.key}@{_host()}>", "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("emails/notice.html", context), "text/html")
    return mail


def _host() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _one_line(text: str) -> str:
    return " ".join(text.split())
