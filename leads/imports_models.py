"""Imports as jobs: what was uploaded, how far it is, what came of it, and how to take it back."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.models import User


class ImportJob(models.Model):
    """One import. While it runs its progress is in the cache (see `history.jobs`); here stands the outcome."""

    class Kind(models.TextChoices):
        HISTORY = "history", _("History")

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        NEEDS_MAPPING = "needs_mapping", _("Waiting for a choice, nothing written yet")
        CHECKED = "checked", _("Checked, nothing written yet")
        DONE = "done", _("Imported")
        FAILED = "failed", _("Failed, nothing written")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.HISTORY)
    state = models.CharField(_("state"), max_length=15, choices=State.choices, default=State.QUEUED)
    dry_run = models.BooleanField(_("dry run"), default=False)
    strict = models.BooleanField(
        _("strict"), default=False, help_text=_("Import nothing if any row is rejected.")
    )
    encoding = models.CharField(
        _("encoding"), max_length=40, blank=True, help_text=_("Of the files; blank where it was found out.")
    )
    guess = models.JSONField(
        default=dict, blank=True, help_text="How the files look: see history.jobs.guess_of."
    )
    journeys_name = models.CharField(max_length=255, blank=True)
    events_name = models.CharField(max_length=255, blank=True)
    journeys_file = models.FileField(upload_to="imports/%Y/%m/", blank=True)
    events_file = models.FileField(upload_to="imports/%Y/%m/", blank=True)
    rejected_file = models.FileField(upload_to="imports/%Y/%m/", blank=True)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    imported = models.PositiveIntegerField(_("imported"), default=0)
    already_there = models.PositiveIntegerField(_("already there"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    report = models.JSONField(default=dict, help_text="The counts of each file.")
    error = models.TextField(_("what went wrong"), blank=True)
    xact = models.BigIntegerField(
        null=True, help_text="The transaction that wrote the events, by which they are found again."
    )
    last_event = models.BigIntegerField(null=True, help_text="The highest id among those events.")
    created_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("started by")
    )
    created_at = models.DateTimeField(_("started"))
    queued_at = models.DateTimeField(help_text="When a worker was last asked for.")
    finished_at = models.DateTimeField(_("finished"), null=True)
    undone_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        created_by_id: int | None

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["done", "checked"])
                | Q(rows_total=models.F("imported") + models.F("already_there") + models.F("rejected")),
                name="importjob_rows_add_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_busy(self) -> bool:
        return self.state in {self.State.QUEUED, self.State.RUNNING, self.State.UNDOING}

    @property
    def may_land(self) -> bool:
        """Tell whether a dry run is through whose rows may now be imported."""
        checked = self.state in {self.State.CHECKED, self.State.NEEDS_MAPPING}
        return checked and bool(self.journeys_file) and (self.imported > 0 or self.waits_for_encoding)

    @property
    def waits_for_encoding(self) -> bool:
        """Tell whether somebody has to name the encoding before anything lands."""
        return not self.encoding and not self.guess.get("encoding_certain", True)

    @property
    def may_be_undone(self) -> bool:
        return self.state == self.State.DONE and self.xact is not None
