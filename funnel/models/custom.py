"""Fields that the organisation adds to contacts, companies and journeys."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class CustomField(models.Model):
    """A field of its own on every record of a kind; the values stand on the records, in `custom`, by its key.

    Text and choices are kept as text, numbers as the text of a decimal, dates as 2026-12-25, yes and no as a boolean.
    """

    class On(models.TextChoices):
        CONTACT = "contact", _("Contacts")
        COMPANY = "company", _("Companies")
        JOURNEY = "journey", _("Journeys")

    class Type(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        CHOICE = "choice", _("One of several")
        BOOLEAN = "boolean", _("Yes or no")

    on = models.CharField(_("on"), max_length=10, choices=On.choices)
    key = models.SlugField(_("key"), max_length=40, help_text=_("What programs call it; it never changes."))
    label = models.CharField(_("label"), max_length=80)
    type = models.CharField(_("type"), max_length=10, choices=Type.choices, default=Type.TEXT)
    choices = ArrayField(
        models.CharField(max_length=100), verbose_name=_("to choose from"), default=list, blank=True
    )
    listed = models.BooleanField(_("shown in the list"), default=False)
    position = models.PositiveSmallIntegerField(_("place"), default=100)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["on", "position", "pk"]
        verbose_name = _("custom field")
        verbose_name_plural = _("custom fields")
        constraints = [
            models.UniqueConstraint(fields=["on", "key"], name="custom_field_key_once"),
            models.CheckConstraint(
                condition=Q(key__regex=r"^[a-z][a-z0-9_]*$"), name="custom_field_key_written_right"
            ),
            models.CheckConstraint(
                condition=~Q(type="choice") | ~Q(choices=[]), name="custom_field_choices_when_choice"
            ),
        ]

    def __str__(self) -> str:
        return self.label
