"""The REST door to figures and plans."""

from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from funnel import access
from funnel.access import Permission
from funnel.api.auth import HasScope
from funnel.api.errors import form_faults, invalid
from funnel.api.serializers import Problem
from funnel.api.views import KnownParameters, RolePermits, WholeResource, chosen
from funnel.models import Organisation, User
from kpi import plans, report
from kpi.forms import CUTS, ReportForm
from kpi.metrics import METRICS, seen_by
from kpi.models import Plan


class ReportAnswer(serializers.Serializer[Any]):
    """A period's metrics with their comparisons and, where a cut is asked for, each metric by its values."""

    month = serializers.CharField(help_text="The period, as it was asked for")
    timezone = serializers.CharField()
    currency = serializers.CharField()
    as_of = serializers.DateTimeField()
    metrics = serializers.DictField(child=serializers.DictField(), help_text="By key of the metric")
    cuts = serializers.DictField(child=serializers.DictField(), help_text="By value of the cut, then by key")


class ReportView(KnownParameters, APIView):
    """Every KPI that the caller may see: money takes the permission to see money."""

    permission_classes = (HasScope, RolePermits)
    permission = Permission.SEE_REPORTS
    parameters = tuple(ReportForm.base_fields)

    @extend_schema(
        operation_id="kpi_report",
        parameters=[
            OpenApiParameter("month", str, description="2026-03; by default the month of as_of"),
            OpenApiParameter("period", str, description="2026-Q1, 2026 or 2026-03-01..2026-03-15"),
            OpenApiParameter("as_of", str, description="A moment with its offset; by default now"),
            OpenApiParameter("by", str, enum=list(CUTS), description="Cut every figure"),
            *(
                OpenApiParameter(cut, str, many=True, description=f"Only this {cut}; may be given again")
                for cut in CUTS
            ),
        ],
        responses={200: ReportAnswer, 400: Problem, 403: Problem},
    )
    def get(self, request: Request) -> Response:
        organisation = Organisation.current()
        form = ReportForm(request.query_params, organisation=organisation)
        if not form.is_valid():
            return invalid(form_faults(form))
        seen = seen_by(cast(User, request.user))
        found = report.build(organisation=organisation, metrics=seen, **form.asked)
        answer = found.json()
        kept = chosen(request, answer)
        return Response({name: part for name, part in answer.items() if kept is None or name in kept})


class PlanSerializer(serializers.ModelSerializer[Plan]):
    """What is wanted of a metric in a month, of all, `team:NAME` or `owner:USERNAME`."""

    updated_by = serializers.CharField(
        source="updated_by.username",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="Who changed it last; null where the command line did",
    )

    class Meta:
        model = Plan
        fields = ("id", "month", "metric", "scope", "value", "updated_at", "updated_by")
        read_only_fields = ("updated_at",)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wanted = {
            name: attrs.get(name, getattr(self.instance, name, None)) for name in ("month", "metric", "scope")
        }
        faults = dict(
            plans.faults(
                month=wanted["month"] or "",
                metric=wanted["metric"] or "",
                scope=wanted["scope"] or "all",
                names=plans.known_names(),
            )
        )
        if faults:
            raise serializers.ValidationError(faults)
        return attrs


class PlanViewSet(WholeResource):
    """Plans by month, metric and scope; those of money only for those who may see money."""

    permission = Permission.SEE_REPORTS
    change_permission = Permission.PLAN
    serializer_class = PlanSerializer
    queryset = Plan.objects.all()
    filterset_fields = ("month", "metric", "scope")

    def get_queryset(self) -> QuerySet[Plan]:
        found = super().get_queryset().select_related("updated_by")
        if access.may(self.request.user, Permission.SEE_MONEY):  # type: ignore[arg-type]  # anybody else is refused
            return found
        return found.exclude(metric__in=[metric.key for metric in METRICS if metric.money])

    def perform_create(self, serializer: BaseSerializer[Plan]) -> None:
        self._save(serializer)

    def perform_update(self, serializer: BaseSerializer[Plan]) -> None:
        self._save(serializer)

    def _save(self, serializer: BaseSerializer[Plan]) -> None:
        serializer.save(updated_by=self.request.user, updated_at=timezone.now())
