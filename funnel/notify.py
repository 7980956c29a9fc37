"""Telling people that something concerns them: on the page, by e-mail, or not at all, as each of them chooses.

Whoever has something to tell calls `tell` once or as often as they like: the same word reaches a person once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from . import notice_words
from .models import Event, Mail, Notification, User
from .stages import Role

Kind = Notification.Kind

APP, MAIL = "app", "mail"
WAYS: Final = (APP, MAIL)
USUAL: Final = (APP,)
"""The ways that a kind comes until somebody chooses otherwise."""

OF_PARTNERS: Final = frozenset({Kind.PARTNER})
"""What people of partners hear of; the other kinds are for those who work here."""


def kinds_for(user: User) -> list[Notification.Kind]:
    """Return the kinds of notification that a person's role may ever hear of."""
    outside = user.role == Role.PARTNER
    return [kind for kind in Kind if not outside or kind in OF_PARTNERS]


def ways_of(user: User, kind: str) -> frozenset[str]:
    """Return how a person hears of a kind; by e-mail only where there is an address."""
    chosen = user.notices.get(kind, USUAL) if isinstance(user.notices, dict) else USUAL
    return frozenset(way for way in chosen if way in WAYS and (way != MAIL or user.email))


def choose(*, user: User, wanted: Mapping[str, Iterable[str]]) -> None:
    """Let somebody hear of each kind in these ways from now on: one statement."""
    user.notices = {
        kind: sorted(ways) for kind, ways in wanted.items() if sorted(ways) != sorted(USUAL) and kind in Kind
    }
    user.save(update_fields=["notices"])


def tell(
    users: Iterable[int | None],
    kind: str,
    event: Event | None = None,
    *,
    key: str = "",
    **more: Any,
) -> list[Notification]:
    """Tell people of an event; who was told already, or does not work here any more, is not told again.

    `key` tells apart several things that one event stands for; `more` are further columns, such as a task. Returns
    what was meant for the page.
    """
    people = sorted({pk for pk in users if pk is not None})
    return hand_out(Notification(user_id=pk, kind=kind, event=event, key=key, **more) for pk in people)


def hand_out(rows: Iterable[Notification]) -> list[Notification]:
    """Bring new notifications to their people in the ways that each chose; return those meant for the page.

    Two statements and one for mails, however many there are.
    """
    rows = list(rows)
    people = User.objects.filter(is_active=True).in_bulk({row.user_id for row in rows})
    rows = [row for row in rows if row.user_id in people]
    for row in rows:
        row.user = people[row.user_id]
    shown = [row for row in rows if APP in ways_of(row.user, row.kind)]
    Notification.objects.bulk_create(shown, ignore_conflicts=True)
    mails = [_mail(row) for row in rows if MAIL in ways_of(row.user, row.kind)]
    if mails:
        Mail.objects.bulk_create(mails, ignore_conflicts=True)
        transaction.on_commit(wake, robust=True)
    return shown


def wake() -> None:
    """Ask a worker to send what waits; where the broker is away the sweep will."""
    from .tasks import send_mails

    send_mails.delay()


def _mail(row: Notification) -> Mail:
    journey = notice_words.journey_of(row)
    about = f"event-{row.event_id}" if row.event_id else f"task-{row.task_id}-{row.about}"
    with translation.override(row.user.language or settings.LANGUAGE_CODE):
        title, words = notice_words.title(row), notice_words.excerpt(row)
    return Mail(
        key=f"notice-{row.user_id}-{row.kind}-{about}-{row.key}"[:120],
        journey=journey,
        to=row.user.email,
        subject=title[:250],
        text=words,
        url=notice_words.address(row) if journey else reverse("funnel:notifications"),
        language=row.user.language,
        run_at=timezone.now(),
    )
