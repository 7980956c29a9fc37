"""Leads over REST: capture, and the applications of marketing's half."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import access
from funnel.access import Permission
from funnel.acts import BadInput
from funnel.api.auth import HasScope
from funnel.api.journeys import JourneyFilter
from funnel.api.serializers import Problem
from funnel.api.views import ReadResource
from funnel.models import ApiToken, Journey
from funnel.models.programs import Scope
from funnel.stages import MARKETING_STAGES, Role
from leads.act_forms import CaptureForm
from leads.domain import capture
from leads.matching import Candidate

from .serializers import CapturedJourney, CaptureRequest, CaptureResponse, CaptureWarning, LeadSerializer


class LeadViewSet(ReadResource):
    """Applications: the list has those in marketing's half, the single one may have gone on."""

    http_method_names = ("get", "post", "head", "options")
    write_scopes = frozenset({Scope.CAPTURE, Scope.WRITE})
    permission_classes = (HasScope,)
    serializer_class = LeadSerializer
    filterset_class = JourneyFilter
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at", "stage_since", "id")
    queryset = Journey.objects.all()

    def get_queryset(self) -> QuerySet[Journey]:
        if getattr(self, "swagger_fake_view", False):
            return Journey.objects.none()
        if self.request.user.role == Role.PARTNER:  # outsiders have the referral; the application is ours
            return Journey.objects.none()
        leads = (
            Journey.objects.visible_to(self.request.user).with_parties().with_sums("credit").with_attempts()
        )
        leads = leads.select_related("application", "application__form")
        return leads if self.detail else leads.filter(stage__in=MARKETING_STAGES)

    @extend_schema(
        request=CaptureRequest,
        responses={
            201: CaptureResponse,
            200: CaptureResponse,
            400: Problem,
            401: Problem,
            403: Problem,
            409: Problem,
            422: Problem,
        },
    )
    def create(self, request: Request) -> Response:
        """Let an application in. One that has arrived before, by its `external_id`, answers 200 with its journey."""
        form = CaptureForm.from_json(request.data, journey=None, actor=request.user)
        if not form.is_valid():
            raise BadInput(form)
        result = capture(actor=request.user, **form.arguments())
        return Response(
            {
                "journey": CapturedJourney(result.journey).data,
                "kind": str(result.kind),
                "created": result.created,
                "duplicates": _told(result.duplicates, request),
                "warnings": CaptureWarning(result.warnings, many=True).data,
            },
            status=status.HTTP_201_CREATED if result.created else status.HTTP_200_OK,
        )


def _told(candidates: Sequence[Candidate], request: Request) -> list[dict[str, Any]]:
    """Say which journeys an application may repeat; of people only to those who may see them, to partners nothing."""
    if getattr(request.user, "role", "") == Role.PARTNER:
        return []
    seen = _seen([candidate.journey.pk for candidate in candidates], request)
    told = []
    for candidate in candidates:
        journey = candidate.journey
        item: dict[str, Any] = {
            "journey": journey.pk,
            "why": list(candidate.why),
            "reasons": candidate.reasons,
            "sure": candidate.sure,
            "level": candidate.level,
        }
        if journey.pk in seen:
            item |= {
                "stage": journey.stage,
                "created_at": journey.created_at,
                "contact": str(journey.contact),
                "company": journey.company.name if journey.company else None,
            }
        told.append(item)
    return told


def _seen(ids: list[int], request: Request) -> set[int]:
    token = request.auth
    if not ids or (isinstance(token, ApiToken) and Scope.READ not in token.scopes):
        return set()
    if access.may(request.user, Permission.SEE_ALL_JOURNEYS):
        return set(ids)
    return set(Journey.objects.visible_to(request.user).filter(pk__in=ids).values_list("pk", flat=True))
