"""What people did and wrote along a journey; the ledger keeps the fact, these keep the words."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .journey import Event, Journey
from .people import User
from .tasks import Task


class Activity(models.Model):
    """A call, message, e-mail or meeting with the client: the evidence that stops the first-response clock."""

    class Kind(models.TextChoices):
        CALL = "call", _("Call")
        MESSAGE = "message", _("Message")
        EMAIL = "email", _("E-mail")
        MEETING = "meeting", _("Meeting")

    class Direction(models.TextChoices):
        OUTBOUND = "outbound", _("We reached out")
        INBOUND = "inbound", _("They reached out")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="activities")
    event = models.OneToOneField(Event, models.CASCADE, related_name="activity")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    direction = models.CharField(
        _("direction"), max_length=10, choices=Direction.choices, default=Direction.OUTBOUND
    )
    summary = models.TextField(_("summary"), blank=True)
    at = models.DateTimeField(_("when"))
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("activity")
        verbose_name_plural = _("activities")

    def __str__(self) -> str:
        return self.get_kind_display()


class Note(models.Model):
    """Words of ours about a journey, on their own or as the comment on an event."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="notes")
    event = models.ForeignKey(Event, models.CASCADE, related_name="notes")
    text = models.TextField(_("text"))
    author = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("when"))

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return self.text[:80]


class Notification(models.Model):
    """Word to one person that an event or a task concerns them; at most one an event and person.

    Of a task: that it was assigned to them, or is due; the latest word of each kind replaces the one before.
    """

    class About(models.TextChoices):
        EVENT = "", _("Event")
        ASSIGNED = "assigned", _("Task for you")
        DUE = "due", _("Task due")

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    event = models.ForeignKey(Event, models.CASCADE, null=True, blank=True, related_name="notifications")
    task = models.ForeignKey(Task, models.CASCADE, null=True, blank=True, related_name="notifications")
    about = models.CharField(max_length=10, blank=True, choices=About.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "event"], name="notification_once"),
            models.UniqueConstraint(fields=["user", "task", "about"], name="notification_once_of_a_task"),
            models.CheckConstraint(
                condition=Q(event__isnull=False, task=None) | Q(event=None, task__isnull=False),
                name="notification_of_an_event_or_a_task",
            ),
        ]

    def __str__(self) -> str:
        return str(self.event or self.task)
