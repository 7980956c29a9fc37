"""Who changed which setting when, from what to what."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .people import User


class SettingChange(models.Model):
    """One save of one setting. Only rows are added: an undo is a change of its own that names what it undid.

    `before` and `after` hold what differs, by field, as JSON; `before` is null where the thing was made, `after` where
    it was taken away.
    """

    subject = models.CharField(max_length=40, help_text="What kind of setting: see funnel.subjects.")
    key = models.CharField(max_length=64, blank=True, help_text="Which one; blank where there is only one.")
    name = models.CharField(max_length=200, help_text="What it was called then.")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("change of a setting")
        verbose_name_plural = _("changes of settings")
        indexes = [models.Index(fields=["subject", "key", "-id"], name="setting_change_of")]

    def __str__(self) -> str:
        return self.name
