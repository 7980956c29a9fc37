"""Records that may be one: pairs over the whole stock, how sure they are, and what somebody said of them."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Company, Contact, User

from .likeness import Likeness


class Uncompared(models.Model):
    """A person or company that is new or was changed, and waits to be compared; triggers of the database add it."""

    kind = models.CharField(max_length=10)
    party = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["kind", "id"], name="uncompared_by_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.party}"


class Pair(models.Model):
    """Two records that may be one; `apart_at` is when somebody said that they are not."""

    sure = models.PositiveSmallIntegerField(_("sure"), help_text=_("In per cent."))
    why = ArrayField(models.CharField(max_length=20), default=list)
    apart_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    apart_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        first_id: int
        second_id: int

    class Meta:
        abstract = True
        ordering = ["-sure", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="%(class)s_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="%(class)s_in_order"),
        ]
        indexes = [
            models.Index(fields=["-sure", "-id"], name="%(class)s_open", condition=Q(apart_at=None)),
            models.Index(fields=["second"], name="%(class)s_second"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} = {self.second_id}?"

    @property
    def likeness(self) -> Likeness:
        return Likeness(self.sure, tuple(self.why))


# The database does not tie pairs to their records: an undone import removes people by the thousand, without looking here.


class ContactPair(Pair):
    """Two people that may be one; the older comes first."""

    first = models.ForeignKey(Contact, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    second = models.ForeignKey(Contact, models.CASCADE, related_name="+", db_constraint=False, db_index=False)

    class Meta(Pair.Meta):
        verbose_name = _("pair of contacts")
        verbose_name_plural = _("pairs of contacts")


class CompanyPair(Pair):
    """Two companies that may be one; the older comes first."""

    first = models.ForeignKey(Company, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    second = models.ForeignKey(Company, models.CASCADE, related_name="+", db_constraint=False, db_index=False)

    class Meta(Pair.Meta):
        verbose_name = _("pair of companies")
        verbose_name_plural = _("pairs of companies")
