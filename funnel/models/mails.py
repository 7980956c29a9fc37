"""E-mails that wait to be sent: what people write to clients, and notices to colleagues."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .activity import Activity
from .journey import Journey


class Mail(models.Model):
    """One e-mail. `key` names it for good: what is promised twice is sent once.

    With `activity` it is a letter to a client, shown on the timeline; without, a notice. `thread` is the message id of
    the first letter of a conversation, `refers` the ids that this one answers, oldest first.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("mail", "waiting to be sent")
        SENDING = "sending", pgettext_lazy("mail", "being sent")
        SENT = "sent", pgettext_lazy("mail", "sent")
        UNSURE = "unsure", pgettext_lazy("mail", "perhaps sent")
        DEAD = "dead", pgettext_lazy("mail", "not sent")
        DROPPED = "dropped", pgettext_lazy("mail", "withdrawn")

    key = models.CharField(max_length=120, unique=True)
    journey = models.ForeignKey(Journey, models.CASCADE, null=True, related_name="mails")
    activity = models.OneToOneField(Activity, models.CASCADE, null=True, related_name="mail")
    to = models.CharField(_("to"), max_length=2000, help_text="Addresses, set apart by commas.")
    copy = models.CharField(_("copy"), max_length=2000, blank=True)
    sender = models.CharField(max_length=200, blank=True, help_text="The name beside the sending address.")
    reply_to = models.EmailField(blank=True)
    subject = models.CharField(_("subject"), max_length=250)
    text = models.TextField(_("text"))
    url = models.CharField(max_length=300, blank=True, help_text="Where a notice leads.")
    language = models.CharField(max_length=8, blank=True)
    message_id = models.CharField(max_length=200, blank=True)
    thread = models.CharField(max_length=200, blank=True)
    refers = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField(default=timezone.now, help_text="Not before; pushed back after a failure.")
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        journey_id: int | None
        activity_id: int | None

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=("waiting", "sending", "sent", "unsure", "dead", "dropped")),
                name="mail_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run_at", "id"],
                condition=models.Q(state__in=("waiting", "sending")),
                name="mail_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.subject
