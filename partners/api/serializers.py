"""How partners and referrals look to programs."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from rest_framework import serializers

from funnel.api.serializers import KeyField
from funnel.models import Service, User
from funnel.stages import Role
from partners import domain
from partners.models import Capability, Partner, Referral


class CapabilitySerializer(serializers.ModelSerializer[Capability]):
    """What a partner takes: null and "" fit anything."""

    service = KeyField(queryset=Service.objects.all(), allow_null=True, required=False, default=None)

    class Meta:
        model = Capability
        fields = ("service", "region", "language")
        extra_kwargs = {"region": {"default": ""}, "language": {"default": ""}}
        validators: Sequence[Any] = ()  # doubles are kept once


class PartnerSerializer(serializers.ModelSerializer[Partner]):
    """A partner with what it takes and who signs in for it, both lists given whole."""

    capabilities = CapabilitySerializer(many=True, required=False)
    members = serializers.SlugRelatedField(
        slug_field="username",
        queryset=User.objects.filter(role=Role.PARTNER),
        many=True,
        required=False,
        source="people",
        help_text="Usernames of people with the role partner",
    )

    class Meta:
        model = Partner
        fields = ("id", "key", "name", "active", "capacity", "weight", "capabilities", "members")

    def to_representation(self, instance: Partner) -> dict[str, Any]:
        instance.people = [member.user for member in instance.members.all()]  # type: ignore[attr-defined]  # its source
        return super().to_representation(instance)

    def create(self, validated_data: dict[str, Any]) -> Partner:
        return self._save(Partner(), validated_data)

    def update(self, instance: Partner, validated_data: dict[str, Any]) -> Partner:
        if validated_data.get("key", instance.key) != instance.key:
            raise serializers.ValidationError({"key": ["A key never changes; rename the partner instead."]})
        return self._save(instance, validated_data)

    def _save(self, partner: Partner, given: dict[str, Any]) -> Partner:
        able = given.pop("capabilities", None)
        if able is None:
            able = partner.capabilities.values("service", "region", "language") if partner.pk else []
            able = [
                {**row, "service": Service(pk=row["service"]) if row["service"] else None} for row in able
            ]
        members = given.pop("people", None)
        if members is None:
            members = [member.user for member in partner.members.all()] if partner.pk else []
        for name, value in given.items():
            setattr(partner, name, value)
        try:
            domain.save_partner(partner=partner, capabilities=able, members=members)
        except Invalid as fault:
            raise serializers.ValidationError(fault.message_dict) from fault
        return Partner.objects.prefetch_related("capabilities__service", "members__user").get(pk=partner.pk)


class ReferralSerializer(serializers.ModelSerializer[Referral]):
    """A referral and what became of it; answered by the facts partner_accepted, partner_declined, partner_outcome."""

    partner = KeyField(read_only=True)
    reason = KeyField(read_only=True)
    service: Any = serializers.SlugRelatedField(
        "key", source="journey.service", read_only=True, allow_null=True
    )
    current = serializers.BooleanField(read_only=True, help_text="The journey is with this partner now")

    class Meta:
        model = Referral
        fields = (
            "id",
            "journey",
            "partner",
            "reason",
            "service",
            "state",
            "current",
            "decline_reason",
            "outcome",
            "amount",
            "referred_at",
            "decided_at",
            "done_at",
        )
        read_only_fields = fields


class PartnerCandidateSerializer(serializers.Serializer[Any]):
    """A partner that fits a journey; the first of the list is proposed."""

    partner = serializers.CharField(source="partner.key")
    name = serializers.CharField(source="partner.name")
    why = serializers.ListField(child=serializers.CharField())
    left = serializers.IntegerField(allow_null=True, help_text="Free places this month; null is no limit")
    recent = serializers.IntegerField(help_text="Referrals in the last 90 days")
