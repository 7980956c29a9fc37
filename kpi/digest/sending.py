"""Sending digests: each at most once, whatever dies; tried again where it surely did not go out (`funnel.mailing`).

A row of `DigestMail` says that somebody is owed a period's digest; the letter is written when it is sent.
"""

from datetime import datetime
from typing import Final

from django.core.mail import EmailMultiAlternatives

from funnel import mailing
from funnel.models import Organisation, User
from funnel.periods import Period
from kpi.models import DigestMail

from . import choices, letters
from .periods import KINDS, due

MAX_ATTEMPTS: Final = mailing.MAX_ATTEMPTS
BATCH: Final = mailing.BATCH


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

    def write(row: DigestMail) -> EmailMultiAlternatives | None:
        """Return the mail of a row; None where its reader no longer wants it."""
        if row.kind not in choices.wanted(row.user):
            return None
        letter = letters.write(
            user=row.user,
            organisation=Organisation.current(),
            kind=row.kind,
            period=Period.parse(row.period),
            now=now,
        )
        return letters.mail_of(letter, user=row.user, mark=f"digest-{row.kind}-{row.pk}")

    return mailing.send_waiting(DigestMail, write=write, now=now, limit=limit)
