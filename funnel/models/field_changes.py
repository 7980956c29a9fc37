"""What was changed by hand of what is known about people, companies and journeys: who, when, from what, to what.

It may be personal, so it stands beside the parties rather than in the ledger, and goes with them at an erasure.
"""

import uuid
from typing import TYPE_CHECKING

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .journey import Journey
from .parties import Company, Contact
from .people import User


class FieldChange(models.Model):
    """One field of one record, before and after. `act` is shared by what was saved together."""

    contact = models.ForeignKey(Contact, models.CASCADE, null=True, related_name="changes", db_index=False)
    company = models.ForeignKey(Company, models.CASCADE, null=True, related_name="changes", db_index=False)
    journey = models.ForeignKey(Journey, models.CASCADE, null=True, related_name="changes", db_index=False)
    field = models.CharField(max_length=60)
    old = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    new = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    act = models.UUIDField(default=uuid.uuid4)
    at = models.DateTimeField(default=timezone.now)

    if TYPE_CHECKING:
        contact_id: int | None
        company_id: int | None
        journey_id: int | None
        actor_id: int | None

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, company=None, journey=None)
                | Q(contact=None, company__isnull=False, journey=None)
                | Q(contact=None, company=None, journey__isnull=False),
                name="change_of_one_record",
            )
        ]
        indexes = [
            models.Index(fields=["contact", "-at"], name="change_of_contact", condition=~Q(contact=None)),
            models.Index(fields=["company", "-at"], name="change_of_company", condition=~Q(company=None)),
            models.Index(fields=["journey", "-at"], name="change_of_journey", condition=~Q(journey=None)),
        ]

    def __str__(self) -> str:
        return f"{self.field} {self.at:%Y-%m-%d}"
