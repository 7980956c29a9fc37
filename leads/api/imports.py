"""Imports over REST: two files in, a job with its progress out, landing and undo."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from funnel.access import Permission
from funnel.api.errors import problem
from funnel.api.parsers import StrictJSONParser
from funnel.api.serializers import Problem, RefusalProblem
from funnel.api.views import ResourceMixin
from leads.history import encodings, jobs
from leads.models import ImportJob


class ProgressSerializer(serializers.Serializer[Any]):
    phase = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class SampleSerializer(serializers.Serializer[Any]):
    encoding = serializers.CharField()
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))


class GuessSerializer(serializers.Serializer[Any]):
    """The likeliest encoding, whether it is certain, and how each that may be meant reads a few rows."""

    encoding = serializers.CharField(required=False)
    encoding_certain = serializers.BooleanField(required=False)
    alternatives = serializers.ListField(child=serializers.CharField(), required=False)
    delimiter = serializers.CharField(required=False, trim_whitespace=False)
    mapping = serializers.DictField(child=serializers.CharField(), required=False)
    file = serializers.ChoiceField(choices=["journeys", "events"], required=False)
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), required=False)
    samples = SampleSerializer(many=True, required=False)

    def to_representation(self, instance: Any) -> Any:
        return instance


class LandRequest(serializers.Serializer[Any]):
    encoding = serializers.CharField(
        required=False, allow_blank=True, max_length=40, help_text="Needed where `encoding_certain` is false"
    )

    def validate_encoding(self, encoding: str) -> str:
        return _known(encoding)


class ImportSerializer(serializers.ModelSerializer[ImportJob]):
    """A job: rows = imported + already_there + rejected once it is through."""

    rows = serializers.IntegerField(source="rows_total")
    guess = GuessSerializer(read_only=True, help_text="How the files look; empty where they are no tables")
    progress = serializers.SerializerMethodField()
    has_rejected_file = serializers.SerializerMethodField()
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = ImportJob
        fields = (
            "id",
            "kind",
            "state",
            "dry_run",
            "strict",
            "encoding",
            "guess",
            "journeys_name",
            "events_name",
            "rows",
            "imported",
            "already_there",
            "rejected",
            "report",
            "error",
            "progress",
            "has_rejected_file",
            "created_by",
            "created_at",
            "finished_at",
            "undone_at",
        )
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: ImportJob) -> dict[str, Any]:
        now = jobs.progress_of(job)
        return {"phase": now.phase, "done": now.done, "total": now.total}

    def get_has_rejected_file(self, job: ImportJob) -> bool:
        return bool(job.rejected_file)


class ImportRequest(serializers.Serializer[Any]):
    """`journeys.csv` and `events.csv`; with `dry_run` they are only checked, with `strict` it is all or nothing."""

    journeys = serializers.FileField(allow_empty_file=True, max_length=255)
    events = serializers.FileField(allow_empty_file=True, max_length=255)
    dry_run = serializers.BooleanField(default=False)
    strict = serializers.BooleanField(default=False)
    encoding = serializers.CharField(
        default="", allow_blank=True, max_length=40, help_text="Blank or left out: it is found out"
    )

    def validate_encoding(self, encoding: str) -> str:
        return _known(encoding)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("journeys", "events"):
            if "\0" in attrs[name].name:
                raise serializers.ValidationError({name: _("The file's name has a NUL character.")})
        if faults := jobs.check_upload(
            journeys=attrs["journeys"], events=attrs["events"], encoding=attrs["encoding"]
        ):
            raise serializers.ValidationError(faults)
        return attrs


class ImportViewSet(ResourceMixin, viewsets.ReadOnlyModelViewSet[ImportJob]):
    """Imports of a company's past, newest first."""

    http_method_names = ("get", "post", "head", "options")
    permission = Permission.IMPORT
    parser_classes = (MultiPartParser,)
    serializer_class = ImportSerializer
    filterset_fields = ("state", "kind")
    ordering = ("-id",)
    queryset = ImportJob.objects.all()

    def get_queryset(self) -> QuerySet[ImportJob]:
        return super().get_queryset().select_related("created_by")

    @extend_schema(
        request={"multipart/form-data": ImportRequest},
        responses={
            201: ImportSerializer,
            400: Problem,
            401: Problem,
            403: Problem,
            409: Problem,
            422: Problem,
        },
    )
    def create(self, request: Request) -> Response:
        """Take two files and import them, or check them only; the answer is the job to follow."""
        given = ImportRequest(data=request.data)
        given.is_valid(raise_exception=True)
        job = jobs.submit(actor=request.user, at=timezone.now(), **given.validated_data)
        return Response(self.get_serializer(job).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=LandRequest, responses={200: ImportSerializer, 400: Problem, 409: RefusalProblem})
    @action(detail=True, methods=["post"], parser_classes=[StrictJSONParser, MultiPartParser])
    def land(self, request: Request, pk: str = "") -> Response:
        """Import what a dry run found good, in the encoding named where it was not certain."""
        given = LandRequest(data=request.data)
        given.is_valid(raise_exception=True)
        return self._asked(lambda job: jobs.land(job=job, at=timezone.now(), **given.validated_data))

    @extend_schema(request=None, responses={200: ImportSerializer, 409: RefusalProblem})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str = "") -> Response:
        """Annul everything that the import brought."""
        return self._asked(lambda job: jobs.take_back(job=job, actor=request.user, at=timezone.now()))

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR, 404: Problem})
    @action(detail=True, methods=["get"])
    def rejected(self, request: Request, pk: str = "") -> HttpResponseBase:
        """Download the rejected rows: file, line, column, value, reason."""
        return rejected_file(self.get_object())

    def _asked(self, ask: Any) -> Response:
        try:
            job = ask(self.get_object())
        except jobs.NotNow as refusal:
            return problem(
                status.HTTP_409_CONFLICT,
                "refused",
                str(refusal),
                reason="stage",
                missing=[],
                detail=str(refusal),
                current=None,
            )
        return Response(self.get_serializer(job).data)


def _known(encoding: str) -> str:
    try:
        return encodings.named(encoding) if encoding else ""
    except LookupError:
        raise serializers.ValidationError(
            _("There is no encoding of this name; utf-8, cp1252 and cp1251 are some.")
        ) from None


def rejected_file(job: ImportJob) -> FileResponse:
    """Answer with the rejected rows of a job. Raises Http404 where it has none, or not any more."""
    try:
        file = job.rejected_file.open("rb") if job.rejected_file else None
    except OSError:
        file = None
    if file is None:
        raise Http404("no rejected rows")
    return FileResponse(
        file, as_attachment=True, filename=f"rejected-{job.pk}.csv", content_type="text/csv; charset=utf-8"
    )
