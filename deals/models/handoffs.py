"""The handoff as an object: offered, decided, with a clock and a frozen copy of the brief."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.aggregates import StringAgg
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from briefs.models import BriefVersion
from funnel.clock import BusinessClock
from funnel.models import Event, Journey, Note, User
from funnel.stages import Stage

if TYPE_CHECKING:
    _Base = models.QuerySet["Handoff"]
else:
    _Base = models.QuerySet


class HandoffQuerySet(_Base):
    def waiting(self) -> Self:
        """Keep the offers that somebody still has to decide."""
        return self.filter(decision="", journey__stage=Stage.HANDED_OFF, journey__annulled_at=None)

    def overdue(self, *, at: datetime) -> Self:
        return self.waiting().filter(due_at__lte=at)

    def with_words(self) -> Self:
        """Fetch along the note to sales of each offer, as `words`, and what the client wrote."""
        notes = Note.objects.filter(event=OuterRef("event")).order_by().values("event")
        words = Subquery(notes.annotate(all=StringAgg("text", Value("\n"), order_by="pk")).values("all"))
        return self.select_related("journey__contact", "journey__application").annotate(
            words=Coalesce(words, Value(""), output_field=models.TextField())
        )

    def visible_to(self, user: User) -> Self:
        return self.filter(journey__in=Journey.objects.visible_to(user))


class Handoff(models.Model):
    """One offer of a journey to sales. At most one offer of a journey is undecided at a time."""

    class Decision(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="handoffs", verbose_name=_("journey"))
    event = models.OneToOneField(Event, models.CASCADE, related_name="handoff")
    offered_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("offered by")
    )
    offered_to = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="handoffs",
        verbose_name=_("offered to"),
        help_text=_("Empty where anyone in sales may take it."),
    )
    offered_at = models.DateTimeField(_("offered at"))
    due_at = models.DateTimeField(
        _("to be decided by"), null=True, help_text=_("By the business clock; empty without a limit.")
    )
    decision = models.CharField(_("decision"), max_length=10, choices=Decision.choices, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decision_event = models.ForeignKey(Event, models.CASCADE, null=True, related_name="decided_handoffs")
    reason = models.CharField(_("reason"), max_length=100, blank=True)
    comment = models.TextField(_("comment"), blank=True)
    brief_version = models.ForeignKey(
        BriefVersion,
        models.SET_NULL,
        null=True,
        related_name="handoffs",
        verbose_name=_("brief as offered"),
        help_text=_("The filled brief, frozen, that sales decides on."),
    )

    objects = HandoffQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int
        offered_to_id: int | None

    class Meta:
        ordering = ["-offered_at", "-pk"]
        verbose_name = _("handoff")
        verbose_name_plural = _("handoffs")
        constraints = [
            models.UniqueConstraint(
                fields=["journey"], condition=Q(decision=""), name="handoff_one_undecided"
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None, decision_event=None)
                | (~Q(decision="") & Q(decided_at__isnull=False, decision_event__isnull=False)),
                name="handoff_decided_with_when",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(decision=""), name="handoff_due")]

    def __str__(self) -> str:
        return f"{self.journey_id}: {self.get_decision_display() or _('waiting')}"

    @property
    def message(self) -> str:
        """What the client wrote, read with `with_words`; "" where nothing did."""
        application = getattr(self.journey, "application", None)
        return application.message if application else ""

    def age(self, clock: BusinessClock, now: datetime) -> int:
        """Return the whole business minutes that the offer waits, or waited until it was decided."""
        return int(clock.business_minutes(self.offered_at, self.decided_at or now))
