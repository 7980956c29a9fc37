"""How deals look to programs."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from briefs.models import BriefVersion
from deals.models import (
    Contract,
    ContractVersion,
    Handoff,
    Instalment,
    LegalIssue,
    Line,
    Meeting,
    Payment,
    Proposal,
    ProposalVersion,
)
from deals.models.papers import Linked
from funnel import access
from funnel.access import Permission
from funnel.api.serializers import KeyField, OriginalSerializer
from funnel.models import Contact, Organisation

Model = serializers.ModelSerializer
LARGEST_KEY = 2**63 - 1


LINKED = (
    "public_url",
    "link_state",
    "link_expires_at",
    "answer",
    "answered_version",
    "answered_at",
    "answer_text",
)
ANSWERED = ("answer", "answered_at", "answer_text", "answered_by", "answered_as")


def username() -> KeyField:
    return KeyField("username", read_only=True, allow_null=True)


class FrozenBriefSerializer(Model[BriefVersion]):
    class Meta:
        model = BriefVersion
        fields = ("id", "version", "rows", "verdict", "comment", "filled_at")


class OfferedContactSerializer(Model[Contact]):
    class Meta:
        model = Contact
        fields = ("name", "phone", "email")
        read_only_fields = fields


class HandoffSerializer(Model[Handoff]):
    """An offer to sales, with the brief as it stood."""

    words = serializers.CharField(read_only=True, help_text="The note to sales")
    age_business_min = serializers.SerializerMethodField(
        help_text="Business minutes that it waits, or waited until it was decided"
    )
    contact = OfferedContactSerializer(source="journey.contact", read_only=True)
    message = serializers.CharField(read_only=True, help_text="What the client wrote in the application")

    offered_by = username()
    offered_to = username()
    decided_by = username()
    brief = FrozenBriefSerializer(source="brief_version", read_only=True, allow_null=True)

    class Meta:
        model = Handoff
        fields = (
            "id",
            "journey",
            "offered_by",
            "offered_to",
            "offered_at",
            "due_at",
            "age_business_min",
            "words",
            "contact",
            "message",
            "decision",
            "decided_at",
            "decided_by",
            "reason",
            "comment",
            "brief",
        )
        read_only_fields = fields

    def get_age_business_min(self, offer: Handoff) -> int:
        now = self.context.setdefault("now", timezone.now())
        clock = self.context.get("clock") or self.context.setdefault("clock", Organisation.current().clock)
        return offer.age(clock, now)


class MeetingSerializer(Model[Meeting]):
    specialist = username()
    organiser = username()
    ends_at = serializers.DateTimeField(read_only=True)
    link = serializers.CharField(read_only=True, help_text="Empty where they meet at a place.")

    class Meta:
        model = Meeting
        fields = (
            "id",
            "journey",
            "starts_at",
            "ends_at",
            "minutes",
            "place",
            "link",
            "attendees",
            "specialist",
            "organiser",
            "state",
            "outcome",
        )
        read_only_fields = fields


class LineSerializer(Model[Line]):
    class Meta:
        model = Line
        fields = (
            "position",
            "description",
            "unit",
            "quantity",
            "unit_price",
            "discount",
            "tax",
            "net",
        )


class TaxSerializer(serializers.Serializer[Any]):
    """The tax of one rate, in per cent: on what, and how much."""

    rate = serializers.DecimalField(5, 2)
    net = serializers.DecimalField(14, 2)
    tax = serializers.DecimalField(14, 2)


class ProposalVersionSerializer(Model[ProposalVersion]):
    """A version. `taxes` add up to `net` and `tax`, these to `total`; amounts have the digits of the currency."""

    lines = LineSerializer(many=True, read_only=True)
    taxes = TaxSerializer(many=True, read_only=True)

    class Meta:
        model = ProposalVersion
        fields = (
            "id",
            "number",
            "state",
            "revision",
            "valid_until",
            "note",
            "currency",
            "discount",
            "net",
            "taxes",
            "tax",
            "total",
            "sent_at",
            "delivery",
            *ANSWERED,
            "lines",
        )

    def to_representation(self, instance: ProposalVersion) -> dict[str, Any]:
        answer = super().to_representation(instance)
        for record, names in (
            (answer, ("net", "tax", "total")),
            *((one, ("net", "tax")) for one in answer["taxes"]),
            *((line, ("unit_price", "net")) for line in answer["lines"]),
        ):
            for name in names:
                record[name] = in_digits(record[name], instance.digits)
        return answer


def in_digits(amount: str, digits: int) -> str:
    """Return a decimal with so many digits after the point, or as many as it needs: "97.50" for 97.5000."""
    whole, _point, rest = amount.partition(".")
    rest = rest.rstrip("0").ljust(digits, "0")
    return f"{whole}.{rest}" if rest else whole


class LinkedSerializer(Model[Any]):
    """A paper that the client opens by a link, and the latest answer to it."""

    public_url = serializers.SerializerMethodField()
    link_state = serializers.SerializerMethodField(help_text="Whether the client's link works.")
    link_expires_at = serializers.DateTimeField(
        source="sent.link_expires_at", default=None, read_only=True, allow_null=True
    )
    answer = serializers.CharField(
        source="answered.answer",
        default="",
        read_only=True,
        help_text="The latest one: accepted, changes, declined; empty so far.",
    )
    answered_version = serializers.IntegerField(
        source="answered.number", default=None, read_only=True, allow_null=True
    )
    answered_at = serializers.DateTimeField(
        source="answered.answered_at", default=None, read_only=True, allow_null=True
    )
    answer_text = serializers.CharField(source="answered.answer_text", default="", read_only=True)

    @extend_schema_field({"type": "string", "format": "uri-reference"})
    def get_public_url(self, paper: Linked) -> str:
        return reverse("deals:public-proposal", args=[paper.token])

    @extend_schema_field({"type": "string", "enum": Linked.Link.values})
    def get_link_state(self, paper: Linked) -> str:
        return str(paper.link_state(timezone.now()))


class ProposalSerializer(LinkedSerializer):
    """A proposal with all its versions, and what the client answered."""

    versions = ProposalVersionSerializer(many=True, read_only=True)

    class Meta:
        model = Proposal
        fields = ("id", "journey", *LINKED, "created_at", "versions")
        read_only_fields = fields


class LineInput(serializers.Serializer[Any]):
    description = serializers.CharField(max_length=500)
    unit = serializers.CharField(max_length=30, required=False, allow_blank=True)
    quantity = serializers.DecimalField(10, 3)
    unit_price = serializers.DecimalField(16, 4)
    discount = serializers.DecimalField(5, 2, required=False, min_value=0, max_value=100)
    tax = serializers.DecimalField(5, 2, required=False, min_value=0, max_value=100)


class ProposalPatch(serializers.Serializer[Any]):
    """What may change in a draft; `revision`, the one that was read, refuses what somebody saved in between."""

    lines = LineInput(many=True, required=False)
    discount = serializers.DecimalField(5, 2, required=False, min_value=0, max_value=100)
    valid_until = serializers.DateField(required=False, allow_null=True)
    note = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    revision = serializers.IntegerField(required=False, min_value=0)


class ProposalInput(ProposalPatch):
    journey = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)


class ContractVersionSerializer(Model[ContractVersion]):
    """A version of a contract; `lines` are those of the proposal that it follows."""

    lines = LineSerializer(source="offer.lines", many=True, read_only=True, default=[])

    class Meta:
        model = ContractVersion
        fields = (
            "id",
            "number",
            "state",
            "revision",
            "terms",
            "amount",
            "file_name",
            "sent_at",
            "delivery",
            *ANSWERED,
            "lines",
        )


class InstalmentSerializer(Model[Instalment]):
    paid = serializers.DecimalField(14, 2, read_only=True)
    left = serializers.DecimalField(14, 2, read_only=True)

    class Meta:
        model = Instalment
        fields = ("id", "position", "due_on", "amount", "paid", "left")


class LegalIssueSerializer(Model[LegalIssue]):
    raised_by = username()

    class Meta:
        model = LegalIssue
        fields = ("id", "text", "raised_by", "raised_at", "resolved_at", "resolution")


class ContractSerializer(LinkedSerializer):
    """A contract with its versions, the journey's legal issues, and its schedule once signed."""

    lawyer = username()
    versions = ContractVersionSerializer(many=True, read_only=True)
    instalments = InstalmentSerializer(
        many=True, read_only=True, allow_null=True, help_text="Null to who may not see money."
    )
    legal_issues = LegalIssueSerializer(source="journey.legal_issues", many=True, read_only=True)

    class Meta:
        model = Contract
        fields = (
            "id",
            "journey",
            "lawyer",
            "signed_on",
            "amount",
            *LINKED,
            "created_at",
            "versions",
            "instalments",
            "legal_issues",
        )
        read_only_fields = fields

    def to_representation(self, instance: Contract) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(instance)
        if "instalments" in told and not access.may(self.context["request"].user, Permission.SEE_MONEY):
            told["instalments"] = None
        return told


class ContractPatch(serializers.Serializer[Any]):
    """What may change in a draft, and the lawyer, by username."""

    terms = serializers.CharField(max_length=100_000, required=False, allow_blank=True)
    amount = serializers.DecimalField(14, 2, required=False)
    lawyer = serializers.CharField(required=False, allow_null=True)


class ContractInput(ContractPatch):
    journey = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)


class PaymentSerializer(Model[Payment]):
    """Money in, or back where `kind` is refund, in the organisation's currency."""

    original = OriginalSerializer(
        source="event.inputs.original", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = Payment
        fields = ("id", "journey", "event", "kind", "amount", "original", "paid_on", "instalment", "method")
        read_only_fields = fields


class PaymentInput(serializers.Serializer[Any]):
    journey = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)
    amount = serializers.DecimalField(14, 2)
    currency = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=3,
        help_text="Blank: the organisation's. Another needs a rate.",
    )
    paid_on = serializers.DateField(required=False, allow_null=True)
    instalment = serializers.IntegerField(required=False, allow_null=True)
    method = serializers.ChoiceField(Payment.Method.choices, required=False)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    occurred_at = serializers.DateTimeField(required=False, allow_null=True)
