"""Campaigns' costs over REST."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from rest_framework import mixins, serializers

from funnel.access import Permission
from funnel.api.serializers import KeyField
from funnel.api.views import WholeResource
from funnel.models import Campaign
from leads import costs
from leads.models import CampaignCost


class CampaignCostSerializer(serializers.ModelSerializer[CampaignCost]):
    """What a campaign cost in a month ("2026-03"), in the organisation's currency."""

    campaign = KeyField(queryset=Campaign.objects.all())
    set_by = KeyField("username", read_only=True, allow_null=True)

    class Meta:
        model = CampaignCost
        fields = ("id", "campaign", "month", "amount", "currency", "set_by", "set_at")
        read_only_fields = ("currency", "set_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None:
            for fixed in ("campaign", "month"):
                if attrs.get(fixed, getattr(self.instance, fixed)) != getattr(self.instance, fixed):
                    raise serializers.ValidationError(
                        {fixed: _("A cost stays with its campaign and month; make another.")}
                    )
        return attrs

    def create(self, validated_data: dict[str, Any]) -> CampaignCost:
        return self._set(validated_data["campaign"], validated_data["month"], validated_data["amount"])

    def update(self, instance: CampaignCost, validated_data: dict[str, Any]) -> CampaignCost:
        return self._set(instance.campaign, instance.month, validated_data.get("amount", instance.amount))

    def _set(self, campaign: Campaign, month: str, amount: Any) -> CampaignCost:
        costs.set_costs(
            costs={(campaign.pk, month): amount}, actor=self.context["request"].user, at=timezone.now()
        )
        return CampaignCost.objects.select_related("campaign", "set_by").get(campaign=campaign, month=month)


class CampaignCostFilter(filters.FilterSet):
    """`?month=2026-03&campaign=KEY`."""

    campaign = filters.CharFilter(field_name="campaign__key")

    class Meta:
        model = CampaignCost
        fields = ("month",)


class CampaignCostViewSet(mixins.DestroyModelMixin, WholeResource):
    """What campaigns cost by month, for those who may see costs; one of a campaign and month."""

    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    permission = Permission.SEE_COSTS
    change_permission = Permission.MANAGE_CATALOGUE
    serializer_class = CampaignCostSerializer
    queryset = CampaignCost.objects.select_related("campaign", "set_by")
    filterset_class = CampaignCostFilter
