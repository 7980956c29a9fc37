"""Campaigns' costs over REST."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from rest_framework import mixins, serializers

from funnel.access import Permission
from funnel.api.serializers import KeyField, StrictDecimalField
from funnel.api.views import WholeResource
from funnel.forms import refuse_fraction
from funnel.models import Campaign
from funnel.rates import CODE, NoRate
from leads import costs
from leads.models import CampaignCost


class CampaignCostSerializer(serializers.ModelSerializer[CampaignCost]):
    """What a campaign cost in a month ("2026-03"), in the organisation's currency.

    An amount written in another `currency` counts at the rate of the month's last day; `original` keeps what it was.
    """

    amount = StrictDecimalField(14, 2, min_value=0)
    currency = serializers.CharField(
        required=False, max_length=3, help_text="Blank or left out: the organisation's", allow_blank=True
    )
    original = serializers.JSONField(read_only=True)
    campaign = KeyField(queryset=Campaign.objects.all())
    set_by = KeyField("username", read_only=True, allow_null=True)

    class Meta:
        model = CampaignCost
        fields = ("id", "campaign", "month", "amount", "currency", "original", "set_by", "set_at")
        read_only_fields = ("set_at",)

    def validate_currency(self, currency: str) -> str:
        if currency and not CODE.fullmatch(currency.upper()):
            raise serializers.ValidationError(_("A currency has three capital letters, such as EUR."))
        return currency.upper()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "amount" in attrs:
            try:
                refuse_fraction(attrs["amount"], attrs.get("currency", ""))
            except ValidationError as fault:
                raise serializers.ValidationError({"amount": fault.messages}) from None
        if self.instance is not None:
            for fixed in ("campaign", "month"):
                if attrs.get(fixed, getattr(self.instance, fixed)) != getattr(self.instance, fixed):
                    raise serializers.ValidationError(
                        {fixed: _("A cost stays with its campaign and month; make another.")}
                    )
        return attrs

    def create(self, validated_data: dict[str, Any]) -> CampaignCost:
        return self._set(validated_data["campaign"], validated_data["month"], validated_data)

    def update(self, instance: CampaignCost, validated_data: dict[str, Any]) -> CampaignCost:
        if "amount" not in validated_data:
            return instance
        return self._set(instance.campaign, instance.month, validated_data)

    def _set(self, campaign: Campaign, month: str, given: dict[str, Any]) -> CampaignCost:
        at = timezone.now()
        try:
            amount = costs.frozen(given["amount"], given.get("currency", ""), month=month, at=at)
        except NoRate as unknown:
            raise serializers.ValidationError({"currency": str(unknown)}) from None
        costs.set_costs(costs={(campaign.pk, month): amount}, actor=self.context["request"].user, at=at)
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
