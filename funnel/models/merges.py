"""Two records that turned out to be one: what was moved and written over, so that it can be taken back exactly."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from funnel.party_queries import FormerCompanyQuerySet, FormerContactQuerySet
from funnel.words import company_terms, contact_terms

from .parties import Company, Contact
from .people import User


class Merge(models.Model):
    """One record folded into another: ids of what moved, and the survivor's fields before and after.

    `kept` and `written` hold only the fields that the merge wrote, by name. An erasure empties them for good.
    """

    journeys = ArrayField(models.BigIntegerField(), default=list)
    absorbed = ArrayField(
        models.BigIntegerField(), default=list, help_text="What had been merged into the loser before."
    )
    kept = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    written = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("merged by"))
    at = models.DateTimeField(_("merged at"))
    undone_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        survivor_id: int
        loser_id: int
        by_id: int

    class Meta:
        abstract = True
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(survivor=F("loser")), name="%(class)s_of_two"),
            models.CheckConstraint(
                condition=Q(undone_at=None, undone_by=None)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
                name="%(class)s_undone_at_by",
            ),
            models.UniqueConstraint(
                fields=["loser"], condition=Q(undone_at=None), name="%(class)s_once_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loser_id} → {self.survivor_id}"


class ContactMerge(Merge):
    """Two contacts that were one person."""

    survivor = models.ForeignKey(Contact, models.CASCADE, related_name="merges")
    loser = models.ForeignKey(Contact, models.CASCADE, related_name="+")

    class Meta(Merge.Meta):
        verbose_name = _("merge of contacts")
        verbose_name_plural = _("merges of contacts")


class CompanyMerge(Merge):
    """Two companies that were one."""

    survivor = models.ForeignKey(Company, models.CASCADE, related_name="merges")
    loser = models.ForeignKey(Company, models.CASCADE, related_name="+")
    contacts = ArrayField(models.BigIntegerField(), default=list)

    class Meta(Merge.Meta):
        verbose_name = _("merge of companies")
        verbose_name_plural = _("merges of companies")


class FormerContact(models.Model):
    """What a merge wrote over on the card of the contact that stayed: it still leads to that contact.

    Of the one merged away its own card says it. An erasure removes it.
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="former")
    merge = models.ForeignKey(ContactMerge, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=64, blank=True)

    objects = FormerContactQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(Lower("email"), name="former_contact_email"),
            models.Index(fields=["phone"], name="former_contact_phone"),
            GinIndex(contact_terms(), name="former_contact_terms"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone


class FormerCompany(models.Model):
    """What a merge wrote over on the card of the company that stayed: it still leads to that company."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="former")
    merge = models.ForeignKey(CompanyMerge, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=200, blank=True)
    domain = models.CharField(_("domain"), max_length=253, blank=True)

    objects = FormerCompanyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["domain"], name="former_company_domain"),
            GinIndex(company_terms(), name="former_company_terms"),
        ]

    def __str__(self) -> str:
        return self.name or self.domain
