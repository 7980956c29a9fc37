"""Rates of exchange over REST."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from rest_framework import mixins, serializers

from funnel.access import Permission
from funnel.models import Organisation
from funnel.models.organisation import Rate
from funnel.rates import CODE
from funnel.subjects import RATE

from .serializers import StrictDecimalField
from .watched import WatchedResource


class RateSerializer(serializers.ModelSerializer[Rate]):
    """What one unit of `currency` is worth in `into`, the organisation's, from `day` on until a later day has its own."""

    rate = StrictDecimalField(max_digits=20, decimal_places=10, min_value=0)
    into = serializers.CharField(read_only=True)

    class Meta:
        model = Rate
        fields = ("id", "currency", "into", "day", "rate")

    def validate_currency(self, currency: str) -> str:
        if not CODE.fullmatch(currency.upper()):
            raise serializers.ValidationError(_("A currency has three capital letters, such as EUR."))
        if currency.upper() == Organisation.current().currency:
            raise serializers.ValidationError(_("It is the organisation's own currency."))
        return currency.upper()

    def validate_rate(self, rate: Any) -> Any:
        if not rate:
            raise serializers.ValidationError(_("A rate is above zero."))
        return rate

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None:
            for fixed in ("currency", "day"):
                if attrs.get(fixed, getattr(self.instance, fixed)) != getattr(self.instance, fixed):
                    words = _("A rate stays with its currency and day; make another.")
                    raise serializers.ValidationError({fixed: words})
            return attrs
        attrs["into"] = Organisation.current().currency
        if Rate.objects.filter(currency=attrs["currency"], into=attrs["into"], day=attrs["day"]).exists():
            raise serializers.ValidationError({"day": _("That day has a rate already; change it.")})
        return attrs


class RateFilter(filters.FilterSet):
    """`?currency=USD&day_from=2026-01-01&day_to=2026-03-31`."""

    currency = filters.CharFilter(lookup_expr="iexact")
    day_from = filters.DateFilter(field_name="day", lookup_expr="gte")
    day_to = filters.DateFilter(field_name="day", lookup_expr="lte")

    class Meta:
        model = Rate
        fields = ("into", "day")


class RateViewSet(WatchedResource, mixins.DestroyModelMixin):
    """Rates of exchange. What was written at a rate keeps it, whatever is changed here afterwards."""

    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    permission = Permission.SEE_MONEY
    change_permission = Permission.MANAGE_RATES
    subject = RATE
    serializer_class = RateSerializer
    queryset = Rate.objects.all()
    filterset_class = RateFilter
    ordering_fields = ("id", "day")
