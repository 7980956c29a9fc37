"""What people did and wrote along a journey; the ledger keeps the fact, these keep the words."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .journey import Event, Journey
from .people import User
from .tasks import Task


class Activity(models.Model):
    """A call, message, e-mail or meeting with the client; one that reached the person stops the first-response clock.

    `outcome` is blank on what was logged before outcomes were asked for, which counted as reaching the person, and on a
    letter that has not left.
    """

    class Kind(models.TextChoices):
        CALL = "call", _("Call")
        MESSAGE = "message", _("Message")
        EMAIL = "email", _("E-mail")
        MEETING = "meeting", _("Meeting")

    class Direction(models.TextChoices):
        OUTBOUND = "outbound", _("We reached out")
        INBOUND = "inbound", _("They reached out")

    class Outcome(models.TextChoices):
        REACHED = "reached", _("Reached")
        NO_ANSWER = "no_answer", _("No answer")
        LEFT_MESSAGE = "left_message", _("Left a message")
        CALL_BACK = "call_back", _("Asked to call back")
        WRONG_NUMBER = "wrong_number", _("Wrong number")
        NOT_INTERESTED = "not_interested", _("Not interested")
        SENT = "sent", _("Sent")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="activities")
    event = models.OneToOneField(Event, models.CASCADE, related_name="activity")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    direction = models.CharField(
        _("direction"), max_length=10, choices=Direction.choices, default=Direction.OUTBOUND
    )
    outcome = models.CharField(_("outcome"), max_length=14, choices=Outcome.choices, blank=True)
    next_task = models.OneToOneField(
        Task, models.SET_NULL, null=True, related_name="made_by", help_text="When it is to be tried again."
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
    """Word to one person that an event or a task concerns them; at most one an event, kind, key and person.

    `kind` is what it is about, and what people choose by which of it they want to hear. `key` tells apart several
    things that one event stands for, such as the instalments of a signature. `event` and `task` lead to the journey.
    Of a task: that it was assigned to them, or is due; the latest word of each kind replaces the one before.
    """

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", pgettext_lazy("notification", "A journey becomes yours")
        MENTIONED = "mentioned", pgettext_lazy("notification", "Somebody mentions you")
        SLA = "sla", pgettext_lazy("notification", "An answer is almost due")
        OFFERED = "offered", pgettext_lazy("notification", "A lead is offered to you")
        DECIDED = "decided", pgettext_lazy("notification", "Your handoff is decided")
        INVITED = "invited", pgettext_lazy("notification", "You are invited to a demo or a contract")
        VIEWED = "viewed", pgettext_lazy("notification", "A client opens your proposal")
        ANSWERED = "answered", pgettext_lazy("notification", "A client answers your proposal")
        OVERDUE = "overdue", pgettext_lazy("notification", "A payment is overdue")
        PARTNER = "partner", pgettext_lazy("notification", "A referral to or from a partner")
        TASK = "task", pgettext_lazy("notification", "A task is yours, or due")
        JOB = "job", pgettext_lazy("notification", "What you started for many journeys is done")

    class About(models.TextChoices):
        EVENT = "", _("Event")
        ASSIGNED = "assigned", _("Task for you")
        DUE = "due", _("Task due")

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.ASSIGNED)
    event = models.ForeignKey(Event, models.CASCADE, null=True, blank=True, related_name="notifications")
    task = models.ForeignKey(Task, models.CASCADE, null=True, blank=True, related_name="notifications")
    about = models.CharField(max_length=10, blank=True, choices=About.choices)
    key = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        user_id: int
        event_id: int | None
        task_id: int | None

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "event", "kind", "key"], name="notification_once"),
            models.UniqueConstraint(fields=["user", "task", "about"], name="notification_once_of_a_task"),
            models.CheckConstraint(
                condition=Q(event__isnull=False, task=None) | Q(event=None, task__isnull=False),
                name="notification_of_an_event_or_a_task",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="notification_newest"),
            models.Index(fields=["user", "-id"], condition=Q(read_at=None), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return str(self.event or self.task)
