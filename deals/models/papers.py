"""What proposals and contracts share: the client's link, and what the client answers to a version sent."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Event, Journey, Mail, User
from funnel.stages import Answer, Stage

CLOSES_LINKS = frozenset({Stage.LOST, Stage.REFERRED, Stage.SPAM, Stage.MERGED})
"""The stages at which a client's link leads nowhere."""


def new_token() -> str:
    return secrets.token_urlsafe(24)


class Linked(models.Model):
    """A paper that the client opens by a link; the link runs out, and can be revoked or replaced."""

    class Link(models.TextChoices):
        OPEN = "open", _("Open")
        REVOKED = "revoked", _("Revoked")
        EXPIRED = "expired", _("Expired")
        CLOSED = "closed", _("Closed with the deal")

    journey: models.OneToOneField[Any, Any]
    token = models.CharField(max_length=64, unique=True, default=new_token)
    link_revoked_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def link_state(self, at: datetime, sent: Any = None) -> Linked.Link:
        """Tell whether the client's link works, and if not, why; `sent` is the last version sent, where it is known."""
        if self.link_revoked_at is not None:
            return self.Link.REVOKED
        if self.journey.stage in CLOSES_LINKS or self.journey.annulled_at is not None:
            return self.Link.CLOSED
        sent = sent or self.sent
        if sent is not None and sent.link_expires_at is not None and sent.link_expires_at <= at:
            return self.Link.EXPIRED
        return self.Link.OPEN

    @property
    def sent(self) -> Any:
        """Return the last version sent, None where there is none; versions are loaded."""
        return self._last(lambda version: not version.is_draft)

    @property
    def answered(self) -> Any:
        """Return the last version that the client answered, None where there is none; versions are loaded."""
        return self._last(lambda version: bool(version.answer))

    def _last(self, wanted: Callable[[Any], bool]) -> Any:
        versions: Any = getattr(self, "newest_first", None) or self.versions.all()  # type: ignore[attr-defined]
        return max(filter(wanted, versions), key=lambda version: version.number, default=None)


class Delivery(models.TextChoices):
    """How a version reaches the client."""

    LETTER = "letter", _("By e-mail")
    HANDED_OVER = "handed_over", _("I handed it over myself")


class Answered(models.Model):
    """A version that is sent to the client, who answers it once."""

    Answer = Answer

    link_expires_at = models.DateTimeField(
        null=True, help_text="Until when the link shows it; empty: it does not expire."
    )
    delivery = models.CharField(_("delivery"), max_length=12, choices=Delivery.choices, blank=True)
    letter = models.OneToOneField(Mail, models.SET_NULL, null=True, related_name="sent_%(class)s")
    answer = models.CharField(_("client's answer"), max_length=10, choices=Answer.choices, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True)
    answer_text = models.TextField(_("what the client wrote"), blank=True)
    answered_by = models.CharField(_("answered by"), max_length=200, blank=True)
    answered_as = models.CharField(_("position"), max_length=200, blank=True)
    answered_event = models.OneToOneField(
        Event, models.SET_NULL, null=True, related_name="answered_%(class)s"
    )

    class Meta:
        abstract = True

    def unsend(self) -> None:
        """Make it a draft again, unsaved, as if it had not gone to the client."""
        self.state, self.sent_at, self.sent_event, self.link_expires_at = "draft", None, None, None
        self.delivery, self.letter = "", None
        self.forget_answer()

    def forget_answer(self) -> None:
        """Let it be as if nobody had answered, unsaved."""
        self.answer, self.answered_at, self.answered_event = "", None, None
        self.answer_text = self.answered_by = self.answered_as = ""

    ANSWERED = ("answer", "answered_at", "answer_text", "answered_by", "answered_as", "answered_event")


def answered_whole(name: str) -> models.CheckConstraint:
    """Return the constraint that an answer has its moment, and that only what was sent has one."""
    return models.CheckConstraint(
        condition=Q(answer="", answered_at=None) | Q(answered_at__isnull=False, state="sent", answer__gt=""),
        name=name,
    )


class FormerLink(models.Model):
    """A link that was replaced: whoever opens it is told so."""

    token = models.CharField(max_length=64, unique=True)
    journey = models.ForeignKey(Journey, models.CASCADE, related_name="former_links")
    replaced_at = models.DateTimeField()
    replaced_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.journey_id} {self.replaced_at}"
