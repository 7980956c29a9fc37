"""Whom we deal with. Personal data lives here, never in the ledger, so that it can be erased."""

from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel import phones
from funnel.party_queries import CompanyQuerySet, ContactQuerySet, contact_order
from funnel.words import company_terms, contact_terms


def own_fields() -> models.JSONField:
    """Return the column of a record's custom fields: values by key, see `CustomField`."""
    return models.JSONField(_("custom fields"), default=dict, db_default={}, blank=True)


class Company(models.Model):
    """An organisation on the other side."""

    name = models.CharField(_("name"), max_length=200)
    domain = models.CharField(_("domain"), max_length=253, blank=True, db_index=True)
    tax_id = models.CharField(_("tax number"), max_length=50, blank=True)
    region = models.CharField(_("region"), max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="absorbed",
        db_index=False,
        verbose_name=_("merged into"),
    )

    custom = own_fields()

    objects = CompanyQuerySet.as_manager()

    if TYPE_CHECKING:
        merged_into_id: int | None

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        indexes = [
            models.Index(models.functions.Lower("name"), name="company_name_lower"),
            GinIndex(company_terms(), name="company_terms"),
            models.Index(fields=["tax_id"], name="company_tax", condition=~Q(tax_id="")),
            models.Index(fields=["-created_at", "-id"], name="company_created"),
            models.Index(fields=["merged_into"], name="company_merged", condition=~Q(merged_into=None)),
        ]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person on the other side; one who has many journeys has them all here."""

    external_id = models.CharField(
        _("external id"),
        max_length=200,
        null=True,
        blank=True,
        unique=True,
        help_text=_("The key of an import."),
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=64, blank=True, help_text=_("In international notation."))
    company = models.ForeignKey(Company, models.PROTECT, null=True, blank=True, related_name="contacts")
    language = models.CharField(_("language"), max_length=8, blank=True)
    region = models.CharField(_("region"), max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="absorbed",
        db_index=False,
        verbose_name=_("merged into"),
    )

    custom = own_fields()

    objects = ContactQuerySet.as_manager()

    if TYPE_CHECKING:
        company_id: int | None
        merged_into_id: int | None

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(models.functions.Lower("email"), name="contact_email_lower"),
            models.Index(fields=["phone"], name="contact_phone"),
            GinIndex(contact_terms(), name="contact_terms"),
            models.Index(fields=["-created_at", "-id"], name="contact_created"),
            models.Index(contact_order(), "id", name="contact_by_name"),
            models.Index(fields=["merged_into"], name="contact_merged", condition=~Q(merged_into=None)),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone or self.external_id or f"#{self.pk}"

    @property
    def phone_url(self) -> str:
        """Return the address that dials the phone, "" where there is none to dial."""
        return phones.link(self.phone)
