"""What journeys are sorted by: sources, campaigns, services, reasons. Keys never change; labels may."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext


class Keyed(models.Model):
    """Something named by a key that programs and imports use verbatim, and a label that people read."""

    key = models.CharField(_("key"), max_length=100, unique=True)
    label = models.CharField(_("label"), max_length=150, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        abstract = True
        ordering = ["key"]

    def __str__(self) -> str:
        # Labels that ship with the product are message ids (config/shipped.py); others pass through unchanged.
        return pgettext("shipped", self.label) if self.label else self.key


class Source(Keyed):
    """Where applications come from: the website, advertising, an event …"""

    class Meta(Keyed.Meta):
        verbose_name = _("source")
        verbose_name_plural = _("sources")


class Campaign(Keyed):
    """A marketing effort that applications are credited to."""

    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, related_name="campaigns")

    class Meta(Keyed.Meta):
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")


class Service(Keyed):
    """What the company sells; each may have a brief of its own."""

    class Meta(Keyed.Meta):
        verbose_name = _("service")
        verbose_name_plural = _("services")


class Reason(models.Model):
    """Why a journey was lost, rejected, objected to or referred: the key is what the ledger keeps."""

    class Kind(models.TextChoices):
        LOST = "lost", _("Lost")
        REJECTED = "rejected", _("Rejected by sales")
        OBJECTION = "objection", _("Objection")
        REFERRED = "referred", _("Referred to a partner")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    key = models.CharField(_("key"), max_length=100)
    label = models.CharField(_("label"), max_length=150, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["kind", "key"]
        verbose_name = _("reason")
        verbose_name_plural = _("reasons")
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="reason_key_once_a_kind")]

    def __str__(self) -> str:
        return pgettext("shipped", self.label) if self.label else self.key
