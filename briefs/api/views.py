"""Briefs and their templates over REST. Filling a brief is the move fill_brief of its journey."""

from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from briefs import domain, queries
from briefs.links import link_url
from briefs.models import Brief, BriefTemplate, BriefVersion, Verdict
from funnel import access
from funnel.access import Permission
from funnel.api.errors import problem
from funnel.api.serializers import Problem, RefusalProblem
from funnel.api.views import EditResource, WholeResource
from funnel.models import Journey, Service, User
from funnel.stages import Role

from .serializers import BriefSerializer, TemplateSerializer, VersionSerializer


class TemplateFilter(filters.FilterSet):
    service = filters.ModelChoiceFilter(queryset=Service.objects.all(), to_field_name="key")

    class Meta:
        model = BriefTemplate
        fields = ("active", "version")


class TemplateViewSet(WholeResource):
    """What briefs ask. A change of questions makes the next version once a brief was filled with the template."""

    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    change_permission = Permission.MANAGE_CATALOGUE
    queryset = BriefTemplate.objects.select_related("service").prefetch_related("questions")

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if getattr(request.user, "role", None) == Role.PARTNER:
            raise PermissionDenied


class BriefFilter(filters.FilterSet):
    verdict = filters.MultipleChoiceFilter(choices=Verdict.choices)
    updated_after = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    updated_before = filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="lt")

    class Meta:
        model = Brief
        fields: tuple[str, ...] = ()


class LinkSerializer(serializers.Serializer[Any]):
    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class BriefViewSet(EditResource):
    """Briefs by the id of their journey. Listed are those that were begun; any visible journey's may be read."""

    serializer_class = BriefSerializer
    filterset_class = BriefFilter
    change_permission = Permission.FILL_BRIEFS
    lookup_field = "journey"
    http_method_names: Any = ("get", "patch", "post", "delete", "head", "options")
    ordering = ("-updated_at", "-id")
    ordering_fields = ("updated_at", "id")
    queryset = Brief.objects.none()

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if getattr(request.user, "role", None) == Role.PARTNER:
            raise PermissionDenied

    def get_queryset(self) -> QuerySet[Brief]:
        if getattr(self, "swagger_fake_view", False):
            return Brief.objects.none()
        user: Any = self.request.user
        briefs = Brief.objects.select_related("journey__service", "updated_by")
        if access.may(user, Permission.SEE_ALL_JOURNEYS):
            return briefs.filter(journey__annulled_at=None)
        return briefs.filter(journey__in=Journey.objects.visible_to(user).values("pk"))

    def _journey(self) -> Journey:
        user: Any = self.request.user
        return get_object_or_404(
            Journey.objects.visible_to(user).select_related("service"), pk=int(self.kwargs["journey"])
        )

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        sheets = queries.sheets([brief.journey for brief in page])
        shown = [sheets[brief.journey_id] for brief in page]
        return self.get_paginated_response(self.get_serializer(shown, many=True).data)

    @extend_schema(responses={200: BriefSerializer, 404: Problem})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self.get_serializer(queries.sheet_of(self._journey())).data)

    @extend_schema(
        request=BriefSerializer,
        responses={200: BriefSerializer, 400: Problem, 403: Problem, 404: Problem, 409: RefusalProblem},
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Save some answers of the draft: null takes one back, what is not named stays.

        With `revision` a brief that somebody changed since is left alone: 409, with the brief as `current`.
        """
        journey = self._journey()
        sheet = queries.sheet_of(journey)
        given = self.get_serializer(
            data=request.data, partial=True, context={**self.get_serializer_context(), "sheet": sheet}
        )
        given.is_valid(raise_exception=True)
        values = given.validated_data
        try:
            saved = domain.save_draft(
                journey=journey.pk,
                actor=cast(User, request.user),
                at=timezone.now(),
                answers=values.get("answers", {}),
                verdict=values.get("verdict"),
                comment=values.get("comment"),
                revision=values.get("revision"),
            )
        except domain.Stale as stale:
            words = "Somebody saved the brief since you looked at it."
            return problem(
                status.HTTP_409_CONFLICT,
                "refused",
                words,
                reason="stale",
                missing=[],
                detail=words,
                current=self.get_serializer(stale.sheet).data,
            )
        return Response(self.get_serializer(saved).data)

    @extend_schema(responses={200: VersionSerializer(many=True), 404: Problem}, filters=False)
    @action(
        detail=True,
        methods=["get"],
        pagination_class=None,
        filterset_class=None,
        ordering_fields=(),
        serializer_class=VersionSerializer,
    )
    def versions(self, request: Request, journey: str) -> Response:
        """Return the brief as it was each time it was filled, the last first; undone ones are left out."""
        found = BriefVersion.objects.filter(brief__journey=self._journey(), withdrawn_at=None)
        return Response(self.get_serializer(found.select_related("filled_by"), many=True).data)

    @extend_schema(
        request=None, responses={200: LinkSerializer, 403: Problem, 404: Problem, 409: RefusalProblem}
    )
    @action(detail=True, methods=["post", "delete"], filterset_class=None)
    def link(self, request: Request, journey: str) -> Response:
        """Open the brief to the client by a new secret link; DELETE closes it at once."""
        found = self._journey()
        if request.method == "DELETE":
            domain.close_link(journey=found.pk)
            return Response(status=status.HTTP_204_NO_CONTENT)
        brief = domain.open_link(journey=found.pk, actor=cast(User, request.user), at=timezone.now())
        return Response(LinkSerializer({"url": link_url(brief), "expires_at": brief.link_expires_at}).data)
