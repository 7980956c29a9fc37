"""Partners and referrals over REST. Referring and answering are acts of the journey."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import access
from funnel.access import Permission
from funnel.api.serializers import Problem
from funnel.api.views import ReadResource, WholeResource, by_id
from funnel.models import Journey, Reason
from funnel.stages import Role
from partners import algorithm
from partners.models import Partner, Referral

from .serializers import PartnerCandidateSerializer, PartnerSerializer, ReferralSerializer


class PartnerViewSet(WholeResource):
    """Partners. Marketing changes them; partners themselves see none of this."""

    serializer_class = PartnerSerializer
    permission = Permission.EDIT_JOURNEYS
    change_permission = Permission.MANAGE_PARTNERS
    filterset_fields = ("key", "active")
    ordering = ("key",)
    ordering_fields = ("key", "id")
    queryset = Partner.objects.prefetch_related("capabilities__service", "members__user")

    @extend_schema(
        responses={200: PartnerCandidateSerializer(many=True), 400: Problem, 404: Problem},
        parameters=[OpenApiParameter("journey", int, required=True, description="Whom the partner is for")],
        filters=False,
    )
    @action(
        detail=False,
        methods=["get"],
        pagination_class=None,
        filterset_fields=(),
        ordering_fields=(),
        parameters=("journey",),
        serializer_class=PartnerCandidateSerializer,
    )
    def proposed(self, request: Request) -> Response:
        """Return the partners that fit a journey, ranked, each with why."""
        key = request.query_params.get("journey", "")
        if not (key.isascii() and key.isdigit() and len(key) < 19):
            raise Http404
        journey = Journey.objects.visible_to(request.user).filter(pk=int(key)).first()
        if journey is None:
            raise Http404
        found = algorithm.propose([journey], at=timezone.now())[journey.pk]
        return Response(self.get_serializer(found, many=True).data)


class ReferralFilter(filters.FilterSet):
    inside = frozenset({"partner", "reason"})

    partner = filters.ModelChoiceFilter(queryset=Partner.objects.all(), to_field_name="key")
    reason = filters.ModelChoiceFilter(
        queryset=Reason.objects.filter(kind=Reason.Kind.REFERRED), to_field_name="key"
    )
    state = filters.MultipleChoiceFilter(choices=Referral.State.choices)
    journey = by_id("journey")

    class Meta:
        model = Referral
        fields = ("outcome",)


class ReferralViewSet(ReadResource):
    """Referrals of the journeys that the caller sees; a partner's people see those passed to them."""

    serializer_class = ReferralSerializer
    filterset_class = ReferralFilter
    ordering = ("-referred_at", "-id")
    ordering_fields = ("referred_at", "decided_at", "id")
    queryset = Referral.objects.none()

    def get_queryset(self) -> QuerySet[Referral]:
        if getattr(self, "swagger_fake_view", False):
            return Referral.objects.none()
        user: Any = self.request.user
        referrals = Referral.objects.standing().select_related("partner", "reason", "journey__service")
        referrals = referrals.annotate(current=Exists(Referral.objects.current().filter(pk=OuterRef("pk"))))
        if user.role == Role.PARTNER:
            return referrals.of(user) if user.is_active else referrals.none()
        if access.may(user, Permission.SEE_ALL_JOURNEYS):
            return referrals
        return referrals.filter(journey__in=Journey.objects.visible_to(user).values("pk"))
