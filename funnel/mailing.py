"""Sending mails that wait in a table: each at most once, whatever dies; again where it surely did not go out.

A row says that somebody is to get a mail. It is claimed for a moment, the mail is written, and the connection to the
mail server is opened; all that may fail and is tried again. Then the row is marked as being sent, and the mail handed
over. A refusal is tried again too. Should the process or the line break off in between, nobody knows whether the server
took it: the row stays `unsure`, and it is not sent a second time.
"""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
BATCH: Final = 50
CLAIM: Final = timedelta(minutes=15)
"""How long a process that has taken up a mail is left alone with it: longer than a task may run."""
REFUSED: Final = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)
"""After these the server has told that it did not take the mail."""

Write = Callable[[Any], EmailMultiAlternatives | None]
"""Write the mail of a row; None where nobody wants it any more."""


def send_waiting(
    model: Any,
    *,
    write: Write,
    now: datetime,
    limit: int = BATCH,
    left: Callable[[Any], None] = lambda row: None,
) -> int:
    """Send the mails whose time has come, each in one process only; return how many were sent.

    `left` hears of each that went out, after that is written down.

    `model` has the columns state (with the states of `Mail.State`), attempts, run_at, sent_at and error.
    """
    model.objects.filter(state="sending", run_at__lte=now).update(state="unsure")
    model.objects.filter(state="waiting", attempts__gte=MAX_ATTEMPTS, run_at__lte=now).update(state="dead")
    sent = 0
    for _turn in range(limit):
        row = _claim(model, now)
        if row is None:
            break
        if _send(row, write):
            sent += 1
            _tell(row, left)
    return sent


def _claim(model: Any, now: datetime) -> Any:
    """Take up a mail and count the attempt, committed before anything can go wrong."""
    with transaction.atomic():
        row = (
            model.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state="waiting", attempts__lt=MAX_ATTEMPTS, run_at__lte=now)
            .order_by("run_at", "pk")
            .first()
        )
        if row is not None:
            row.attempts += 1
            row.run_at = now + CLAIM * row.attempts
            row.save(update_fields=["attempts", "run_at"])
    return row


def _tell(row: Any, left: Callable[[Any], None]) -> None:
    row.refresh_from_db()
    try:
        left(row)
    except Exception:
        log.exception("mail %s went out, but what follows from it failed", row.pk)


def _send(row: Any, write: Write) -> bool:
    try:
        mail = write(row)
        if mail is None:
            _update(row, "waiting", state="dropped")
            return False
        mail.connection = connection = get_connection()
        connection.open()
    except Exception as error:  # nothing has gone out: there is another attempt
        log.warning("mail %s not sent, attempt %s", row.pk, row.attempts, exc_info=True)
        _fail(row, "waiting", error)
        return False
    try:
        return _hand_over(row, mail)
    finally:
        _close(connection)


def _hand_over(row: Any, mail: EmailMultiAlternatives) -> bool:
    if not _update(row, "waiting", state="sending"):
        return False  # withdrawn meanwhile, or somebody else has it by now
    try:
        mail.send()
    except REFUSED as error:
        log.warning("mail %s refused, attempt %s", row.pk, row.attempts, exc_info=True)
        _fail(row, "sending", error)
        return False
    except Exception as error:
        log.exception("mail %s broke off; it may have gone out and is not sent again", row.pk)
        _update(row, "sending", state="unsure", error=_words(error))
        return False
    return _update(row, "sending", state="sent", sent_at=timezone.now(), error="")


def _fail(row: Any, state: str, error: Exception) -> None:
    dead = row.attempts >= MAX_ATTEMPTS
    _update(row, state, state="dead" if dead else "waiting", error=_words(error))


def _update(row: Any, before: str, **values: object) -> bool:
    """Change a row that is still this process's: one statement; return whether it was."""
    mine = type(row).objects.filter(pk=row.pk, state=before, attempts=row.attempts)
    return bool(mine.update(**values))


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except OSError:
        log.info("the mail server had hung up already")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]
