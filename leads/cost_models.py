"""What campaigns cost, month by month."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Campaign, User

MONTH = re.compile(r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])")


class CampaignCost(models.Model):
    """What a campaign cost in a month, in the currency that the organisation had when the sum was given."""

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="costs", verbose_name=_("campaign"), db_index=False
    )
    month = models.CharField(
        _("month"),
        max_length=7,
        validators=[RegexValidator(rf"^{MONTH.pattern}\Z", _("Write it as 2026-03."))],
    )
    amount = models.DecimalField(
        _("amount"), max_digits=14, decimal_places=2, validators=[MinValueValidator(Decimal(0))]
    )
    currency = models.CharField(_("currency"), max_length=3)
    original = models.JSONField(
        default=dict, help_text="Amount, currency and rate where the sum was given in another currency."
    )
    set_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField()

    if TYPE_CHECKING:
        campaign_id: int

    class Meta:
        ordering = ["month", "campaign"]
        verbose_name = _("campaign cost")
        verbose_name_plural = _("campaign costs")
        constraints = [
            models.UniqueConstraint(fields=["month", "campaign"], name="campaign_cost_once_a_month"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="campaign_cost_not_negative"),
            models.CheckConstraint(
                condition=Q(month__regex=rf"^{MONTH.pattern}$"), name="campaign_cost_month_written_right"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.campaign_id}: {self.amount}"
