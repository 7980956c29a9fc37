"""Proposals: versions with line items, what the client did with them, and the objections they met."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from deals.totals import LineTotals, Tax, Totals, rounded, rows_of, totals_with
from funnel import currencies
from funnel.models import Event, Journey, Reason, User

from .papers import Answered, Linked, answered_whole

if TYPE_CHECKING:
    _Base = models.QuerySet["Proposal"]
else:
    _Base = models.QuerySet


class ProposalQuerySet(_Base):
    def visible_to(self, user: User) -> Self:
        return self.filter(journey__in=Journey.objects.visible_to(user))


class Proposal(Linked):
    """The proposal of a journey; its versions carry the substance. The token opens its public page."""

    journey = models.OneToOneField(
        Journey, models.CASCADE, related_name="proposal", verbose_name=_("journey")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProposalQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")

    def __str__(self) -> str:
        return str(_("Proposal %(number)s") % {"number": self.pk})


class ProposalVersion(Answered):
    """One version: a draft may be edited, a sent one never again. Totals are computed when lines are saved."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SENT = "sent", _("Sent")

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=5, choices=State.choices, default=State.DRAFT)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    note = models.TextField(_("words to the client"), blank=True)
    request_event = models.ForeignKey(
        Event, models.SET_NULL, null=True, related_name="+", help_text="The request that this draft answers."
    )
    sent_event = models.OneToOneField(Event, models.SET_NULL, null=True, related_name="sent_proposal")
    sent_at = models.DateTimeField(_("sent at"), null=True)
    amount_before = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        help_text="What the journey expected before this was sent.",
    )
    currency = models.CharField(_("currency"), max_length=3)
    discount = models.DecimalField(
        _("discount on the whole, %"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=2, default=Decimal(0))
    taxes = models.JSONField(
        _("taxes"), default=list, help_text="For each rate: rate, net, tax, as decimals in text."
    )
    tax = models.DecimalField(_("tax"), max_digits=14, decimal_places=2, default=Decimal(0))
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2, default=Decimal(0))
    edited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    edited_at = models.DateTimeField(null=True, help_text="Empty while it is an untouched copy.")
    revision = models.PositiveIntegerField(default=1, help_text="Raised by every edit, against stale saves.")

    if TYPE_CHECKING:
        proposal_id: int

    class Meta:
        ordering = ["number"]
        verbose_name = _("proposal version")
        verbose_name_plural = _("proposal versions")
        constraints = [
            models.UniqueConstraint(fields=["proposal", "number"], name="proposal_version_number_once"),
            models.UniqueConstraint(
                fields=["proposal"], condition=Q(state="draft"), name="proposal_one_draft"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", sent_at=None) | Q(state="sent", sent_at__isnull=False),
                name="proposal_version_sent_with_when",
            ),
            models.CheckConstraint(
                condition=Q(total=F("net") + F("tax"), net__gte=0, tax__gte=0),
                name="proposal_version_adds_up",
            ),
            answered_whole("proposal_version_answered_whole"),
            models.CheckConstraint(
                condition=Q(discount__range=(0, 100)), name="proposal_version_discount_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    def is_over(self, today: date) -> bool:
        """Tell whether it can no longer be accepted."""
        return self.valid_until is not None and self.valid_until < today

    @property
    def digits(self) -> int:
        """Return how many digits after the point its amounts have."""
        return currencies.digits(self.currency)

    @property
    def totals(self) -> Totals:
        """Return what it comes to as saved: what a sent version said never changes."""
        taxes = [Tax(*(Decimal(row[name]) for name in ("rate", "net", "tax"))) for row in self.taxes]
        return totals_with([line.totals(self.digits) for line in self.lines.all()], taxes)

    @property
    def sums(self) -> list[tuple[str, Decimal]]:
        """Return the rows that stand below its lines, as label and amount; the last is the total."""
        return rows_of(self.totals, self.discount, self.currency)


class Line(models.Model):
    """A line item. Discount and tax are per cent."""

    version = models.ForeignKey(ProposalVersion, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField(_("position"))
    description = models.CharField(_("description"), max_length=500)
    unit = models.CharField(_("unit"), max_length=30, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3)
    unit_price = models.DecimalField(_("unit price"), max_digits=16, decimal_places=4)
    discount = models.DecimalField(
        _("discount, %"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    tax = models.DecimalField(
        _("tax, %"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=2)

    class Meta:
        ordering = ["position"]
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="line_position_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, unit_price__gte=0, discount__range=(0, 100), tax__range=(0, 100)),
                name="line_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.description

    def totals(self, digits: int) -> LineTotals:
        """Return what it comes to as saved, in a currency of so many digits."""
        gross = rounded(self.quantity * self.unit_price, digits) if self.discount else self.net
        return LineTotals(gross, self.net, self.tax)


class ProposalView(models.Model):
    """The client opened the public page of a proposal; counted once a visitor and day."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="views")
    version = models.PositiveSmallIntegerField()
    day = models.DateField()
    visitor = models.CharField(max_length=64, help_text="A keyed hash, not an address.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-last_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "version", "day", "visitor"], name="proposal_view_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.proposal_id} v{self.version} {self.day}"


class Objection(models.Model):
    """What the client holds against the offer, and how it was met."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="objections")
    event = models.OneToOneField(Event, models.CASCADE, related_name="objection")
    reason = models.ForeignKey(Reason, models.PROTECT, related_name="+", verbose_name=_("objection"))
    said = models.TextField(_("what was said"))
    raised_at = models.DateTimeField(_("raised at"))
    resolved_event = models.OneToOneField(
        Event, models.SET_NULL, null=True, related_name="resolved_objection"
    )
    resolved_at = models.DateTimeField(_("resolved at"), null=True)
    resolution = models.TextField(_("how it was met"), blank=True)

    class Meta:
        ordering = ["-raised_at", "-pk"]
        verbose_name = _("objection")
        verbose_name_plural = _("objections")

    def __str__(self) -> str:
        return str(self.reason)


__all__ = [
    "Line",
    "LineTotals",
    "Objection",
    "Proposal",
    "ProposalVersion",
    "ProposalView",
    "Totals",
]
