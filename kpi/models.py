"""What the KPI app stores: plans. Figures are counted from the ledger."""

import re

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Plan(models.Model):
    """What is wanted of a metric in a month: of everybody, of a team or of a person."""

    month = models.CharField(
        _("month"),
        max_length=7,
        validators=[RegexValidator(rf"^{MONTH.pattern}\Z", _("Write it as 2026-03."))],
    )
    metric = models.CharField(_("metric"), max_length=60)
    scope = models.CharField(
        _("scope"), max_length=200, default="all", help_text=_("all, team:NAME or owner:USERNAME")
    )
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=4)

    class Meta:
        ordering = ["month", "metric", "scope"]
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [
            models.UniqueConstraint(fields=["metric", "scope", "month"], name="plan_once"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="plan_not_negative"),
            models.CheckConstraint(
                condition=models.Q(month__regex=rf"^{MONTH.pattern}$"), name="plan_month_written_right"
            ),
            models.CheckConstraint(
                condition=models.Q(scope="all")
                | models.Q(scope__startswith="team:")
                | models.Q(scope__startswith="owner:"),
                name="plan_scope_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.metric} {self.scope}"
