"""Demo meetings and what was learnt at them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.utils.translation import gettext_lazy as _

from funnel.models import Event, Journey, User

if TYPE_CHECKING:
    _Base = models.QuerySet["Meeting"]
else:
    _Base = models.QuerySet


LONGEST = timedelta(days=1)


class MeetingQuerySet(_Base):
    def visible_to(self, user: User) -> Self:
        return self.filter(journey__in=Journey.objects.visible_to(user))

    def scheduled(self) -> Self:
        return self.filter(state=Meeting.State.SCHEDULED)

    def during(self, start: datetime, end: datetime) -> Self:
        """Keep the meetings that overlap a span of time, its end left out."""
        return self.ending_after(start).filter(starts_at__lt=end)

    def ending_after(self, moment: datetime) -> Self:
        """Keep the meetings that are not over by then."""
        ends_at = ExpressionWrapper(
            F("starts_at") + F("minutes") * Value(timedelta(minutes=1)), output_field=models.DateTimeField()
        )
        return self.filter(starts_at__gt=moment - LONGEST).alias(over_at=ends_at).filter(over_at__gt=moment)


class Meeting(models.Model):
    """A demo: in the calendar, then held, missed, cancelled or moved to another time."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        HELD = "held", _("Held")
        MISSED = "missed", _("Missed")
        RESCHEDULED = "rescheduled", _("Rescheduled")
        CANCELLED = "cancelled", _("Cancelled")

    class Outcome(models.TextChoices):
        INTERESTED = "interested", _("Interested, go on")
        PROPOSAL = "proposal", _("Asks for a proposal")
        FOLLOW_UP = "follow_up", _("Another meeting needed")
        NOT_NOW = "not_now", _("Not now")
        NOT_INTERESTED = "not_interested", _("Not interested")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="meetings", verbose_name=_("journey"))
    event = models.ForeignKey(Event, models.CASCADE, related_name="meetings")
    closing_event = models.ForeignKey(Event, models.CASCADE, null=True, related_name="closed_meetings")
    starts_at = models.DateTimeField(_("starts at"))
    minutes = models.PositiveSmallIntegerField(
        _("minutes"), default=60, validators=[MinValueValidator(5), MaxValueValidator(1440)]
    )
    place = models.CharField(_("place"), max_length=300, blank=True)
    link = models.URLField(_("link"), max_length=500, blank=True)
    attendees = models.TextField(_("who attends"), blank=True)
    specialist = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="meetings", verbose_name=_("specialist")
    )
    organiser = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("organiser")
    )
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.SCHEDULED)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices, blank=True)

    objects = MeetingQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int
        specialist_id: int | None

    class Meta:
        ordering = ["-starts_at", "-pk"]
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        constraints = [
            models.UniqueConstraint(
                fields=["journey"], condition=Q(state="scheduled"), name="meeting_one_scheduled"
            ),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(state="held"), name="meeting_outcome_when_held"
            ),
            models.CheckConstraint(
                condition=Q(state="scheduled", closing_event=None)
                | (~Q(state="scheduled") & Q(closing_event__isnull=False)),
                name="meeting_closed_by_event",
            ),
        ]
        indexes = [models.Index(fields=["state", "starts_at"], name="meeting_state_start")]

    def __str__(self) -> str:
        return f"{self.journey_id}: {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


class Qualification(models.Model):
    """What makes a deal an SQL: need, budget, authority and timing, in the salesperson's words."""

    journey = models.ForeignKey(
        Journey, models.CASCADE, related_name="qualifications", verbose_name=_("journey")
    )
    event = models.OneToOneField(Event, models.CASCADE, related_name="qualification")
    need = models.TextField(_("need"))
    budget = models.DecimalField(_("budget"), max_digits=14, decimal_places=2)
    authority = models.TextField(_("authority"))
    timing = models.TextField(_("timing"))

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("qualification")
        verbose_name_plural = _("qualifications")
        constraints = [
            models.CheckConstraint(condition=Q(budget__gte=0), name="qualification_budget_not_negative")
        ]

    def __str__(self) -> str:
        return self.need[:50]
