"""The REST door to the rows behind the figures."""

from typing import Any, cast
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from funnel.access import Permission, may
from funnel.api.auth import HasScope
from funnel.api.errors import form_faults, invalid
from funnel.api.serializers import OriginalSerializer, Problem
from funnel.api.views import KnownParameters, RolePermits, chosen
from funnel.models import Organisation, User
from kpi.forms import CUTS
from kpi.metrics import BY_KEY
from kpi.records.forms import MOST, RecordsForm, cursor_of, factors_of
from kpi.records.narrowing import DUE, REACHED, RESOLVED
from kpi.records.parts import FLOW
from kpi.records.queries import Found, find
from kpi.records.rows import rows_of
from kpi.values import plain

PARTS = (
    "Of a ratio numerator or denominator; of the first response answered or unanswered; of a lift among, among_won,"
    f" others or others_won; of stage_flow {', '.join(FLOW)}. By default the first that has records"
)


class RecordDuration(serializers.Serializer[Any]):
    value = serializers.FloatField()
    unit = serializers.CharField(help_text="business_minutes, business_hours or days")
    waiting = serializers.BooleanField(help_text="It still runs, and is measured to as_of")


class RecordVisit(serializers.Serializer[Any]):
    stage = serializers.CharField()
    left_at = serializers.DateTimeField(allow_null=True)
    went_to = serializers.CharField(allow_null=True)


class RecordRow(serializers.Serializer[Any]):
    """A row behind a number. Of a journey that the caller may not see it tells no name: `visible` is false."""

    id = serializers.IntegerField(help_text="Of the event or instalment; tells the visits of a list apart")
    journey = serializers.IntegerField()
    visible = serializers.BooleanField()
    name = serializers.CharField(allow_null=True)
    event = serializers.CharField(allow_null=True, help_text="Null for visits and instalments")
    at = serializers.DateTimeField(help_text="When it happened, began or is due")
    amount = serializers.FloatField(
        allow_null=True, help_text="As the number counts it: a refund is negative in payments_net"
    )
    currency = serializers.CharField(allow_null=True)
    original = OriginalSerializer(allow_null=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # a field of that name
    campaign = serializers.CharField(allow_blank=True)
    service = serializers.CharField(allow_blank=True)
    owner = serializers.CharField(allow_blank=True)
    team = serializers.CharField(allow_blank=True)
    stage = serializers.CharField(allow_null=True, help_text="Where the journey stands now")
    reason = serializers.CharField(allow_blank=True)
    duration = RecordDuration(allow_null=True)
    visit = RecordVisit(allow_null=True)


class RecordsAnswer(serializers.Serializer[Any]):
    """A page of the rows behind a number, newest first; `count` and `sum` are of all of them."""

    metric = serializers.CharField()
    part = serializers.CharField(allow_blank=True)
    month = serializers.CharField(help_text="The period, as it was asked for")
    as_of = serializers.DateTimeField()
    count = serializers.IntegerField(
        help_text="Equals a count, the n of a duration, a part of a ratio of counts"
    )
    sum = serializers.FloatField(
        allow_null=True, help_text="Equals money; null where no row carries any or the caller may not see it"
    )
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RecordRow(many=True)


class RecordsView(KnownParameters, APIView):
    """The journeys or payments behind a number of the report."""

    permission_classes = (HasScope, RolePermits)
    permission = Permission.SEE_REPORTS
    parameters = tuple(RecordsForm.base_fields)

    @extend_schema(
        operation_id="kpi_records",
        parameters=[
            OpenApiParameter("metric", str, required=True, description="The key of a metric of the report"),
            OpenApiParameter("part", str, description=PARTS),
            OpenApiParameter("month", str, description="2026-03; by default the month of as_of"),
            OpenApiParameter("period", str, description="2026-Q1, 2026 or 2026-03-01..2026-03-15"),
            OpenApiParameter("as_of", str, description="A moment with its offset; by default now"),
            *(
                OpenApiParameter(cut, str, many=True, description=f"Only this {cut}; may be given again")
                for cut in CUTS
            ),
            OpenApiParameter("stage", str, description="Of stage_flow: this stage alone"),
            OpenApiParameter("client", str, description="Of ltv_by_client: this client alone"),
            OpenApiParameter("reason", str, description="Only with this reason, by its key"),
            OpenApiParameter("weekday", int, description="Only on this weekday, 1 is Monday"),
            OpenApiParameter("hour", int, description="Only in this hour of the organisation's day"),
            OpenApiParameter("over", int, description="Only over so many business minutes"),
            OpenApiParameter("up_to", int, description="Only up to so many business minutes"),
            OpenApiParameter("reached", str, enum=list(REACHED), description="Only what came to this later"),
            OpenApiParameter("within", int, description="With reached: by the end of so many months after"),
            OpenApiParameter(
                "resolved", str, enum=list(RESOLVED), description="Of objections: resolved since, or not"
            ),
            OpenApiParameter(
                "first_paid", str, description="Of clients' money: of those who first paid in this period"
            ),
            OpenApiParameter(
                "first_paid_before",
                str,
                description="Of clients' money: of those who first paid before this period",
            ),
            OpenApiParameter(
                "first_source",
                str,
                description="Of clients' money: of those whose first application came from there",
            ),
            OpenApiParameter(
                "due",
                str,
                enum=list(DUE),
                description="Of instalments: also those to come, or what is overdue of them",
            ),
            OpenApiParameter("cursor", str, description="A place in the list, from next or previous"),
            OpenApiParameter("page_size", int, description=f"At most {MOST}"),
        ],
        responses={200: RecordsAnswer, 400: Problem, 403: Problem},
    )
    def get(self, request: Request) -> Response:
        user = cast(User, request.user)
        form = RecordsForm(request.query_params, organisation=Organisation.current(), user=user)
        if not form.is_valid():
            return _refused(request, form)
        metric, sought = form.cleaned_data["metric"], form.sought
        kept = chosen(request, RecordRow().fields)
        found = find(sought, **form.page)
        shown = rows_of(user, metric, sought, found.rows)
        money = may(user, Permission.SEE_MONEY)
        return Response(
            {
                "metric": metric.key,
                "part": form.cleaned_data["part"],
                "month": sought.period.name,
                "as_of": sought.as_of.astimezone(sought.organisation.zone).isoformat(),
                "count": found.count,
                "sum": plain(found.sum) if money else None,
                **_links(request, found),
                "results": [
                    {name: value for name, value in told.items() if kept is None or name in kept}
                    for told in (row.json(sought.organisation.currency) for row in shown)
                ],
            }
        )


def _refused(request: Request, form: RecordsForm) -> Response:
    """Answer 400; where a product of figures was asked for, with the addresses of its factors."""
    answer = invalid(form_faults(form))
    metric = BY_KEY.get(request.query_params.get("metric", ""))
    if factors := factors_of(metric) if metric else {}:
        here = request.build_absolute_uri(request.path)
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        query.pop("part", None)
        answer.data["links"] = {key: _with(here, query | {"metric": [key]}) for key in factors}
    return answer


def _with(address: str, query: dict[str, list[str]]) -> str:
    return f"{address}?{urlencode(query, doseq=True)}"


def _links(request: Request, found: Found) -> dict[str, str | None]:
    here = request.build_absolute_uri()

    def at(cursor: str) -> str:
        return replace_query_param(here, "cursor", cursor)

    return {
        "next": at(cursor_of(found.rows[-1].place)) if found.has_older else None,
        "previous": at(cursor_of(found.rows[0].place, backwards=True)) if found.has_newer else None,
    }
