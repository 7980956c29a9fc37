"""Sending digests: each at most once, whatever dies; tried again where it surely did not go out.

A row of `DigestMail` says that somebody is owed a period's digest. It is claimed for a moment, the letter is written,
and the connection to the mail server is opened; all that may fail and is tried again. Then the row is marked as being
sent, and the letter handed over. A refusal is tried again too. Should the process or the line break off in between,
nobody knows whether the server took the letter: the row stays `unsure`, and it is not sent a second time.
"""

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Final

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from funnel.models import Organisation, User
from funnel.periods import Period
from kpi.models import DigestMail

from . import choices, letters
from .periods import KINDS, due

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
BATCH: Final = 50
CLAIM: Final = timedelta(minutes=15)
"""How long a process that has taken up a mail is left alone with it: longer than a task may run."""
REFUSED: Final = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)
"""After these the server has told that it did not take the letter."""
State = DigestMail.State


def send_due(*, now: datetime) -> int:
    """Note who is owed a digest now, and send what waits; return how many were sent."""
    organisation = Organisation.current()
    for kind in KINDS:
        if (period := due(kind, organisation.clock, now)) is not None:
            owe(kind=kind, period=period, users=choices.readers(kind), now=now)
    return send_waiting(now=now)


def owe(*, kind: str, period: Period, users: list[User], now: datetime) -> None:
    """Note that these people are owed the digest of a period; who is noted already stays so: one statement."""
    DigestMail.objects.bulk_create(
        [DigestMail(user=user, kind=kind, period=period.name, run_at=now) for user in users],
        ignore_conflicts=True,
    )


def send_waiting(*, now: datetime, limit: int = BATCH) -> int:
    """Send the digests whose time has come, each in one process only; return how many were sent."""
    _settle(now)
    sent = 0
    for _turn in range(limit):
        row = _claim(now)
        if row is None:
            break
        sent += send(row, now=now)
    return sent


def _settle(now: datetime) -> None:
    """Close what broke off: while a letter was handed over, or in its last attempt."""
    DigestMail.objects.filter(state=State.SENDING, run_at__lte=now).update(state=State.UNSURE)
    DigestMail.objects.filter(state=State.WAITING, attempts__gte=MAX_ATTEMPTS, run_at__lte=now).update(
        state=State.DEAD
    )


def _claim(now: datetime) -> DigestMail | None:
    """Take up a mail and count the attempt, committed before anything can go wrong."""
    with transaction.atomic():
        row = (
            DigestMail.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("user")
            .filter(state=State.WAITING, attempts__lt=MAX_ATTEMPTS, run_at__lte=now)
            .order_by("run_at", "pk")
            .first()
        )
        if row is not None:
            row.attempts += 1
            row.run_at = now + CLAIM * row.attempts
            row.save(update_fields=["attempts", "run_at"])
    return row


def send(row: DigestMail, *, now: datetime) -> bool:
    """Send a claimed mail; return whether it went out. What its reader no longer wants is dropped."""
    if row.kind not in choices.wanted(row.user):
        _update(row, State.WAITING, state=State.DROPPED)
        return False
    try:
        letter = letters.write(
            user=row.user,
            organisation=Organisation.current(),
            kind=row.kind,
            period=Period.parse(row.period),
            now=now,
        )
        mail = letters.mail_of(letter, user=row.user, mark=f"digest-{row.kind}-{row.pk}")
        mail.connection = connection = get_connection()
        connection.open()
    except Exception as error:  # nothing has gone out: there is another attempt
        log.warning("digest %s not sent, attempt %s", row.pk, row.attempts, exc_info=True)
        _fail(row, State.WAITING, error)
        return False
    try:
        return _hand_over(row, mail)
    finally:
        _close(connection)


def _hand_over(row: DigestMail, mail: letters.EmailMultiAlternatives) -> bool:
    if not _update(row, State.WAITING, state=State.SENDING):
        return False  # somebody else has it by now
    try:
        mail.send()
    except REFUSED as error:
        log.warning("digest %s refused, attempt %s", row.pk, row.attempts, exc_info=True)
        _fail(row, State.SENDING, error)
        return False
    except Exception as error:
        log.exception("digest %s broke off; it may have gone out and is not sent again", row.pk)
        _update(row, State.SENDING, state=State.UNSURE, error=_words(error))
        return False
    return _update(row, State.SENDING, state=State.SENT, sent_at=timezone.now(), error="")


def _fail(row: DigestMail, state: str, error: Exception) -> None:
    dead = row.attempts >= MAX_ATTEMPTS
    _update(row, state, state=State.DEAD if dead else State.WAITING, error=_words(error))


def _update(row: DigestMail, before: str, **values: object) -> bool:
    """Change a row that is still this process's: one statement; return whether it was."""
    mine = DigestMail.objects.filter(pk=row.pk, state=before, attempts=row.attempts)
    return bool(mine.update(**values))


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except OSError:
        log.info("the mail server had hung up already")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]
