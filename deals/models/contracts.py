"""Contracts: versions, the lawyer who works on them, and the legal issues to be worked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Event, Journey, User

from .papers import Answered, Linked, answered_whole
from .proposals import ProposalVersion

if TYPE_CHECKING:
    _Base = models.QuerySet["Contract"]
else:
    _Base = models.QuerySet


class ContractQuerySet(_Base):
    def visible_to(self, user: User) -> Self:
        return self.filter(journey__in=Journey.objects.visible_to(user))


class Contract(Linked):
    """The contract of a journey; signed once the client's signature is recorded."""

    journey = models.OneToOneField(
        Journey, models.CASCADE, related_name="contract", verbose_name=_("journey")
    )
    lawyer = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="contracts", verbose_name=_("lawyer")
    )
    signed_event = models.OneToOneField(Event, models.SET_NULL, null=True, related_name="signed_contract")
    signed_on = models.DateField(_("signed on"), null=True, blank=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    amount_before = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        help_text="What the journey expected before the signature.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ContractQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int
        lawyer_id: int | None

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        constraints = [
            models.CheckConstraint(
                condition=Q(signed_event=None, signed_on=None, amount=None)
                | Q(signed_event__isnull=False, signed_on__isnull=False, amount__gt=0),
                name="contract_signed_with_when_and_amount",
            )
        ]

    def __str__(self) -> str:
        return str(_("Contract %(number)s") % {"number": self.pk})


def contract_file(version: ContractVersion, filename: str) -> str:
    """Return where a scan is kept: the client's file name never becomes a path."""
    suffix = "".join(c for c in filename.rpartition(".")[2].lower() if c.isascii() and c.isalnum())[:8]
    return f"contracts/{version.contract_id}/v{version.number}.{suffix or 'bin'}"


class ContractVersion(Answered):
    """One version: a draft may be edited, a sent one never again."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SENT = "sent", _("Sent")

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=5, choices=State.choices, default=State.DRAFT)
    terms = models.TextField(_("terms"), blank=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    offer = models.ForeignKey(
        ProposalVersion,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The version of the proposal whose lines it carries.",
    )
    file = models.FileField(_("file"), upload_to=contract_file, max_length=200, blank=True)
    file_name = models.CharField(_("file name"), max_length=200, blank=True)
    request_event = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="+")
    sent_event = models.OneToOneField(Event, models.SET_NULL, null=True, related_name="sent_contract")
    sent_at = models.DateTimeField(_("sent at"), null=True)
    edited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    edited_at = models.DateTimeField(null=True, help_text="Empty while it is an untouched copy.")
    revision = models.PositiveIntegerField(default=1, help_text="Raised by every edit, against stale saves.")

    if TYPE_CHECKING:
        contract_id: int

    class Meta:
        ordering = ["number"]
        verbose_name = _("contract version")
        verbose_name_plural = _("contract versions")
        constraints = [
            models.UniqueConstraint(fields=["contract", "number"], name="contract_version_number_once"),
            models.UniqueConstraint(
                fields=["contract"], condition=Q(state="draft"), name="contract_one_draft"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", sent_at=None) | Q(state="sent", sent_at__isnull=False),
                name="contract_version_sent_with_when",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="contract_version_amount_positive"),
            answered_whole("contract_version_answered_whole"),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def has_file(self) -> bool:
        """Tell whether its file is there to be read."""
        return bool(self.file) and self.file.storage.exists(self.file.name)


class LegalIssue(models.Model):
    """A difficulty in a contract, worked through one by one."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="legal_issues")
    event = models.OneToOneField(Event, models.CASCADE, related_name="legal_issue")
    text = models.TextField(_("issue"))
    raised_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    raised_at = models.DateTimeField(_("raised at"))
    resolved_event = models.OneToOneField(
        Event, models.SET_NULL, null=True, related_name="resolved_legal_issue"
    )
    resolved_at = models.DateTimeField(_("resolved at"), null=True)
    resolution = models.TextField(_("how it was settled"), blank=True)

    if TYPE_CHECKING:
        journey_id: int

    class Meta:
        ordering = ["raised_at", "pk"]
        verbose_name = _("legal issue")
        verbose_name_plural = _("legal issues")

    def __str__(self) -> str:
        return self.text[:80]
