"""What somebody promised to do next, mostly on a journey: beside the ledger, with a history of its own."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from funnel.queries import TaskQuerySet

from .journey import Event, Journey
from .people import User


class Task(models.Model):
    """A task of one person. The open one that is due first is its journey's next step.

    `due_at` is the moment from which it is late; of a task for a whole day that is the day's last minute where its
    assignee lives. `planned_at` is what `due_at` was before it was put off: what a repeated task is counted on from.
    """

    class Kind(models.TextChoices):
        TODO = "todo", _("To do")
        CALL = "call", _("Call")
        EMAIL = "email", _("E-mail")
        MEETING = "meeting", _("Meeting")

    class Repeat(models.TextChoices):
        NEVER = "", pgettext_lazy("repeat", "Does not repeat")
        DAILY = "daily", pgettext_lazy("repeat", "Daily")
        WEEKLY = "weekly", pgettext_lazy("repeat", "Weekly")
        MONTHLY = "monthly", pgettext_lazy("repeat", "Monthly")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("task", "Open")
        DONE = "done", pgettext_lazy("task", "Done")
        CANCELLED = "cancelled", pgettext_lazy("task", "Cancelled")

    journey = models.ForeignKey(
        Journey, models.CASCADE, null=True, blank=True, related_name="tasks", db_index=False
    )
    title = models.CharField(
        _("what to do"), max_length=200, blank=True, help_text="Blank only once personal data is erased."
    )
    details = models.TextField(_("details"), max_length=2000, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.TODO)
    assignee = models.ForeignKey(
        User, models.PROTECT, related_name="tasks", verbose_name=_("assigned to"), db_index=False
    )
    due_at = models.DateTimeField(_("due"))
    all_day = models.BooleanField(_("any time of the day"), default=True)
    planned_at = models.DateTimeField()
    repeat = models.CharField(_("repeats"), max_length=10, blank=True, choices=Repeat.choices)
    repeat_day = models.PositiveSmallIntegerField(
        default=1, help_text="The day of the month a monthly task is meant for: 31 stays 31 after February."
    )
    follows = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="followed_by",
        help_text="The occurrence whose completion made this one.",
    )
    remind_at = models.DateTimeField(null=True, blank=True, help_text="Empty once reminded.")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    cancelled_by_event = models.ForeignKey(
        Event,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What ended the journey, and so the task; annulled, it brings the task back.",
    )
    carried_by = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        help_text="The mergers that carried it from journey to journey, the latest last.",
    )
    put_off = models.PositiveSmallIntegerField(default=0, help_text="How often.")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    objects = TaskQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int | None
        assignee_id: int
        created_by_id: int | None

    class Meta:
        ordering = ["due_at", "pk"]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("todo", "call", "email", "meeting")), name="task_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(repeat__in=("", "daily", "weekly", "monthly")), name="task_repeat_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None, closed_by=None)
                | Q(state__in=("done", "cancelled"), closed_at__isnull=False),
                name="task_closed_when_not_open",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_by_event=None) | Q(state="cancelled"),
                name="task_cancelled_by_event_when_cancelled",
            ),
            models.CheckConstraint(condition=Q(repeat_day__range=(1, 31)), name="task_repeat_day_of_month"),
        ]
        indexes = [
            models.Index(
                fields=["journey", "due_at", "id"], condition=Q(state="open"), name="task_open_of_journey"
            ),
            models.Index(
                fields=["assignee", "due_at", "id"], condition=Q(state="open"), name="task_open_of_assignee"
            ),
            models.Index(
                fields=["remind_at"],
                condition=Q(state="open", remind_at__isnull=False),
                name="task_to_remind_of",
            ),
            models.Index(fields=["assignee", "-closed_at", "-id"], name="task_closed_of_assignee"),
            models.Index(fields=["journey", "-created_at"], name="task_of_journey"),
            models.Index(fields=["due_at", "-id"], name="task_by_due"),
            GinIndex(fields=["carried_by"], name="task_carried"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display())

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class TaskChange(models.Model):
    """One change of a task: who, when, and what it replaced. The latest can be undone."""

    class Act(models.TextChoices):
        CREATED = "created", pgettext_lazy("task", "Created")
        CHANGED = "changed", pgettext_lazy("task", "Changed")
        ASSIGNED = "assigned", pgettext_lazy("task", "Assigned")
        PUT_OFF = "put_off", pgettext_lazy("task", "Put off")
        COMPLETED = "completed", pgettext_lazy("task", "Completed")
        CANCELLED = "cancelled", pgettext_lazy("task", "Cancelled")
        REOPENED = "reopened", pgettext_lazy("task", "Reopened")
        CARRIED = "carried", pgettext_lazy("task", "Moved to another journey")
        UNDONE = "undone", pgettext_lazy("task", "Undone")

    task = models.ForeignKey(Task, models.CASCADE, related_name="changes")
    act = models.CharField(max_length=10, choices=Act.choices)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    before = models.JSONField(default=dict, help_text="Field → what it was.")
    version = models.PositiveIntegerField(help_text="The task's version after it.")

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("change of a task")
        verbose_name_plural = _("changes of tasks")

    def __str__(self) -> str:
        return str(self.get_act_display())
