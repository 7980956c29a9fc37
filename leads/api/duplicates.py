"""Suggested duplicates over REST: pairs over the whole stock, merged or told apart."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel.access import Permission
from funnel.api.errors import problem
from funnel.api.serializers import Problem, RefusalProblem
from funnel.api.views import ReadResource
from funnel.merging import CannotMerge
from leads import pairing
from leads.likeness import LEVELS, WHY
from leads.models import CompanyPair, ContactPair
from leads.pair_models import Pair

REFUSALS = {400: Problem, 403: Problem, 404: Problem, 409: RefusalProblem}


class SideSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField(source="__str__")


class PairSerializer(serializers.Serializer[Any]):
    """Two records that may be one; `first` is the older."""

    id = serializers.IntegerField(source="pk")
    first = SideSerializer()
    second = SideSerializer()
    sure = serializers.IntegerField(min_value=1, max_value=99, help_text="How sure it is, in per cent")
    level = serializers.ChoiceField(choices=sorted(LEVELS), source="likeness.level")
    why = serializers.ListField(child=serializers.ChoiceField(choices=sorted(WHY)))
    reasons = serializers.ListField(
        child=serializers.CharField(), source="likeness.reasons", help_text="What speaks for it, in words"
    )
    against = serializers.ListField(
        child=serializers.CharField(), source="likeness.against", help_text="What speaks against it, in words"
    )


class JoinRequest(serializers.Serializer[Any]):
    survivor = serializers.IntegerField(
        min_value=1, max_value=2**62, required=False, help_text="The record that stays; the older by default"
    )


class PairFilter(filters.FilterSet):
    sure = filters.NumberFilter(
        field_name="sure", lookup_expr="gte", min_value=0, max_value=100, decimal_places=0
    )


class _PairViewSet(ReadResource):
    """Pairs of records that may be one, as far as the caller sees both; the surest first."""

    permission = Permission.MERGE_PARTIES
    http_method_names = ("get", "post", "head", "options")
    serializer_class = PairSerializer
    filterset_class = PairFilter
    ordering_fields = ("sure", "id")
    ordering = ("-sure",)
    kind: str

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return pairing.PAIRS[self.kind].objects.none()
        if self.action == "list":
            pairing.catch_up(self.kind)
        found: QuerySet[Any] = pairing.suggested(self.kind, self.request.user)  # type: ignore[arg-type]
        return found

    @extend_schema(request=JoinRequest, responses={200: SideSerializer, **REFUSALS})
    @action(detail=True, methods=["post"], pagination_class=None)
    def merge(self, request: Request, pk: str) -> Response:
        """Merge the two; the survivor is answered. The merge is taken back by the other's `unmerge`."""
        pair: Pair = self.get_object()
        given = JoinRequest(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            done = pairing.join(
                pair=pair,
                survivor=given.validated_data.get("survivor", pair.first_id),
                actor=request.user,  # type: ignore[arg-type]
                at=timezone.now(),
            )
        except CannotMerge as why:
            return problem(
                status.HTTP_409_CONFLICT,
                "refused",
                str(why),
                reason="data",
                missing=[],
                detail=str(why),
                current=None,
            )
        except pairing.NotOfThem as error:
            raise serializers.ValidationError({"survivor": [_("It is neither of the two.")]}) from error
        return Response(SideSerializer(done.survivor).data)

    @extend_schema(request=None, responses={204: None, **REFUSALS})
    @action(detail=True, methods=["post"], pagination_class=None)
    def apart(self, request: Request, pk: str) -> Response:
        """Remember that the two are not the same: they are not suggested again."""
        pairing.tell_apart(pair=self.get_object(), actor=request.user, at=timezone.now())  # type: ignore[arg-type]
        return Response(status=status.HTTP_204_NO_CONTENT)


class ContactPairViewSet(_PairViewSet):
    __doc__ = _PairViewSet.__doc__
    queryset = ContactPair.objects.all()
    kind = "contact"


class CompanyPairViewSet(_PairViewSet):
    __doc__ = _PairViewSet.__doc__
    queryset = CompanyPair.objects.all()
    kind = "company"
