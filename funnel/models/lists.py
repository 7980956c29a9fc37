"""What people arrange for themselves and each other round lists: saved views, and acts on many journeys as jobs."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .people import Team, User


class SavedView(models.Model):
    """Filters, order and columns under a name: a tab above the list or the board, and an entry of the left bar.

    `query` is the address behind the question mark, without places on pages. `columns` are keys of
    `funnel.lists.columns`, empty for the usual ones. `version` grows with every change, so that a stale save is seen.
    """

    class Place(models.TextChoices):
        LIST = "list", _("Journeys")
        BOARD = "board", _("Pipeline")

    class Shared(models.TextChoices):
        NOBODY = "nobody", _("Only me")
        TEAM = "team", _("My team")
        EVERYONE = "everyone", _("Everyone")

    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_views", verbose_name=_("owner"))
    name = models.CharField(pgettext_lazy("of a view", "name"), max_length=60)
    place = models.CharField(_("shown above"), max_length=5, choices=Place.choices, default=Place.LIST)
    query = models.TextField(_("filters"), blank=True, validators=[MaxLengthValidator(2000)])
    columns = ArrayField(models.CharField(max_length=30), verbose_name=_("columns"), default=list, blank=True)
    shared = models.CharField(_("shared with"), max_length=8, choices=Shared.choices, default=Shared.NOBODY)
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Deleted, but for an undo.")

    if TYPE_CHECKING:
        owner_id: int
        team_id: int | None

    class Meta:
        ordering = ["pk"]
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [
            models.CheckConstraint(
                condition=(Q(shared="team") & Q(team__isnull=False)) | (~Q(shared="team") & Q(team=None)),
                name="savedview_team_when_shared_with_it",
            ),
            models.CheckConstraint(
                condition=Q(shared__in=["nobody", "team", "everyone"]), name="savedview_shared_known"
            ),
            models.CheckConstraint(condition=Q(place__in=["list", "board"]), name="savedview_place_known"),
        ]

    def __str__(self) -> str:
        return self.name


class BulkJob(models.Model):
    """One act on more journeys than a page can wait for: a worker does it in portions, each a transaction of its own.

    `journeys` are the keys chosen, in key order; those before `reached` are through. `refused` maps a key to why.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    act = models.CharField(max_length=40)
    inputs = models.TextField(blank=True, help_text="What the act's form was given, as it is sent.")
    occurred_at = models.DateTimeField(null=True)
    journeys = ArrayField(models.BigIntegerField())
    reached = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=dict)
    acts = ArrayField(models.UUIDField(), default=list, help_text="The acts done, to be undone together.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    error = models.TextField(blank=True)
    back = models.CharField(max_length=2000, blank=True, help_text="The list it was started from.")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(help_text="When a worker was last asked for.")
    finished_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        created_by_id: int

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reached__gte=models.F("changed")), name="bulkjob_changed_among_reached"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} × {len(self.journeys)}"

    @property
    def total(self) -> int:
        return len(self.journeys)

    @property
    def is_busy(self) -> bool:
        return self.state in {self.State.QUEUED, self.State.RUNNING, self.State.UNDOING}
