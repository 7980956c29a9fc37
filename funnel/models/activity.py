"""What people did and wrote along a journey; the ledger keeps the fact, these keep the words."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .journey import Event, Journey
from .people import User


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
    """Word to one person that an event concerns them; at most one an event and person."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    event = models.ForeignKey(Event, models.CASCADE, related_name="notifications")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "event"], name="notification_once")]

    def __str__(self) -> str:
        return str(self.event)
