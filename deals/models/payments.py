"""The schedule of a signed contract, the money that came in on it, went back and was spent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import DecimalField, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from funnel.models import Event, Journey, User

from .contracts import Contract

if TYPE_CHECKING:
    _InstalmentBase = models.QuerySet["Instalment"]
    _PaymentBase = models.QuerySet["Payment"]
else:
    _InstalmentBase = _PaymentBase = models.QuerySet

MONEY = DecimalField(max_digits=14, decimal_places=2)


class InstalmentQuerySet(_InstalmentBase):
    def visible_to(self, user: User) -> Self:
        return self.filter(contract__journey__in=Journey.objects.visible_to(user))

    def with_paid(self) -> Self:
        """Add `paid`, what has come in on each instalment, and `left`, what has not."""
        shares = (
            PaymentShare.objects.filter(instalment=OuterRef("pk"))
            .order_by()
            .values("instalment")
            .annotate(sum=Sum("amount"))
            .values("sum")
        )
        paid = Coalesce(Subquery(shares, output_field=MONEY), Decimal(0), output_field=MONEY)
        return self.annotate(paid=paid).annotate(left=F("amount") - F("paid"))

    def with_paid_in_time(self) -> Self:
        """Add `in_time`, what had come in on each instalment by the day that it was due."""
        shares = (
            PaymentShare.objects.filter(instalment=OuterRef("pk"), payment__paid_on__lte=OuterRef("due_on"))
            .order_by()
            .values("instalment")
            .annotate(sum=Sum("amount"))
            .values("sum")
        )
        in_time = Coalesce(Subquery(shares, output_field=MONEY), Decimal(0), output_field=MONEY)
        return self.annotate(in_time=in_time)


class Instalment(models.Model):
    """A sum that the client owes by a day."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="instalments")
    position = models.PositiveSmallIntegerField(_("number"))
    due_on = models.DateField(_("due on"))
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)

    objects = InstalmentQuerySet.as_manager()

    if TYPE_CHECKING:
        contract_id: int
        paid: Decimal
        left: Decimal

    class Meta:
        ordering = ["contract", "position"]
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        constraints = [
            models.UniqueConstraint(fields=["contract", "position"], name="instalment_position_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="instalment_amount_positive"),
        ]
        indexes = [models.Index(fields=["due_on", "id"], name="instalment_due")]

    def __str__(self) -> str:
        return str(_("Instalment %(number)s") % {"number": self.position})


class Reschedule(models.Model):
    """An instalment was given another day: who did it, when and why."""

    instalment = models.ForeignKey(Instalment, models.CASCADE, related_name="reschedules")
    due_before = models.DateField(_("was due on"))
    due_after = models.DateField(_("now due on"))
    why = models.TextField(_("why"), blank=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("when"))

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.due_before} → {self.due_after}"


class PaymentQuerySet(_PaymentBase):
    def visible_to(self, user: User) -> Self:
        return self.filter(journey__in=Journey.objects.visible_to(user))


class Payment(models.Model):
    """Money that came in, or went back where `kind` is refund. What of it pays which instalment is in its shares."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("Payment")
        REFUND = "refund", _("Refund")

    class Method(models.TextChoices):
        TRANSFER = "transfer", _("Bank transfer")
        CARD = "card", _("Card")
        CASH = "cash", _("Cash")
        OFFSET = "offset", _("Offset")
        OTHER = "other", _("Other")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="payments", verbose_name=_("journey"))
    event = models.OneToOneField(Event, models.CASCADE, related_name="payment")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.PAYMENT)
    instalment = models.ForeignKey(
        Instalment,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="payments",
        verbose_name=_("instalment"),
        help_text=_("The instalment that was named; blank pays the oldest first."),
    )
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    paid_on = models.DateField(_("paid on"))
    method = models.CharField(_("method"), max_length=10, choices=Method.choices, default=Method.TRANSFER)

    objects = PaymentQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int

    class Meta:
        ordering = ["-paid_on", "-pk"]
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive")]
        indexes = [models.Index(fields=["-paid_on", "-id"], name="payment_paid_on")]

    def __str__(self) -> str:
        return f"{self.paid_on}: {self.amount}"


class PaymentShare(models.Model):
    """The part of a payment that goes to one instalment; below zero, what a refund takes off it again."""

    payment = models.ForeignKey(Payment, models.CASCADE, related_name="shares")
    instalment = models.ForeignKey(Instalment, models.CASCADE, related_name="shares")
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "instalment"], name="share_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="share_amount_not_zero"),
        ]

    def __str__(self) -> str:
        return str(self.amount)


class DirectCost(models.Model):
    """What serving a client cost us outside."""

    class Kind(models.TextChoices):
        SUBCONTRACTOR = "subcontractor", _("Subcontractor")
        LICENCE = "licence", _("Licence")
        EQUIPMENT = "equipment", _("Equipment")
        TRAVEL = "travel", _("Travel")
        COMMISSION = "commission", _("Commission")
        OTHER = "other", _("Other")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="direct_costs")
    event = models.OneToOneField(Event, models.CASCADE, related_name="direct_cost")
    kind = models.CharField(_("kind"), max_length=15, choices=Kind.choices)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    spent_on = models.DateField(_("spent on"))

    class Meta:
        ordering = ["-spent_on", "-pk"]
        verbose_name = _("direct cost")
        verbose_name_plural = _("direct costs")
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="cost_amount_positive")]

    def __str__(self) -> str:
        return f"{self.spent_on}: {self.amount}"
