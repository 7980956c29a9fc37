"""Files that people attach to a journey. Their contents lie under MEDIA_ROOT and are served by a view only."""

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .journey import Event, Journey
from .people import User


def attachment_path(attachment: "Attachment", filename: str) -> str:
    """Return where the contents lie: nothing of the name that somebody gave them becomes a path."""
    return f"attachments/{attachment.journey_id}/{uuid.uuid4().hex}"


class Attachment(models.Model):
    """A file on a journey; with `event`, one that came with a note, a call or an e-mail.

    Removed, it is out of sight, and its contents go after the days in which that may be undone.
    """

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="attachments", db_index=False)
    event = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="attachments")
    file = models.FileField(_("file"), upload_to=attachment_path, max_length=200)
    name = models.CharField(_("file name"), max_length=200)
    size = models.PositiveIntegerField(_("size"), help_text="In bytes.")
    kind = models.CharField(max_length=100, help_text="The content type that its ending stands for.")
    uploaded_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(_("when"), default=timezone.now)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    if TYPE_CHECKING:
        journey_id: int
        event_id: int | None
        uploaded_by_id: int | None

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes = [
            models.Index(fields=["journey", "-at", "-id"], name="attachment_of_journey"),
            models.Index(
                fields=["removed_at"], condition=Q(removed_at__isnull=False), name="attachment_removed"
            ),
        ]

    def __str__(self) -> str:
        return self.name
