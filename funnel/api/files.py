"""Files of journeys over REST: listed, attached, downloaded, removed and brought back."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import files
from funnel.access import Permission
from funnel.composer import may_write
from funnel.models import Attachment, Journey
from funnel.views.files import handed_out

from .serializers import KeyField, Model, Problem
from .views import ResourceMixin, by_id


class AttachmentSerializer(Model[Attachment]):
    """A file on a journey; `event` is the note, call or letter that it came with."""

    uploaded_by = KeyField("username", read_only=True, allow_null=True)

    class Meta:
        model = Attachment
        fields = ("id", "journey", "event", "name", "size", "kind", "at", "uploaded_by", "removed_at")
        read_only_fields = fields


class AttachRequest(serializers.Serializer[Any]):
    """One file for a journey that the caller sees."""

    journey = serializers.PrimaryKeyRelatedField[Journey](queryset=Journey.objects.none())
    file = serializers.FileField(allow_empty_file=True, max_length=255)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request = self.context.get("request")
        if request is not None and request.user.is_authenticated:
            self.fields["journey"].queryset = Journey.objects.visible_to(request.user)

    def validate_file(self, file: Any) -> Any:
        try:
            files.check(file)
        except ValidationError as fault:
            raise serializers.ValidationError(fault.messages) from fault
        return file


class AttachmentFilter(filters.FilterSet):
    """`?journey=41`; `removed=true` are those that may still be brought back."""

    journey = by_id("journey")
    removed = filters.BooleanFilter(field_name="removed_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Attachment
        fields: tuple[str, ...] = ()


class AttachmentViewSet(ResourceMixin, viewsets.ReadOnlyModelViewSet[Attachment]):
    """Files of the journeys that the caller sees, newest first."""

    http_method_names = ("get", "post", "delete", "head", "options")
    permission = Permission.SEE_WORKSPACE
    parser_classes = (MultiPartParser,)
    serializer_class = AttachmentSerializer
    filterset_class = AttachmentFilter
    ordering = ("-id",)
    queryset = Attachment.objects.all()

    def get_queryset(self) -> QuerySet[Attachment]:
        if getattr(self, "swagger_fake_view", False):
            return Attachment.objects.none()
        seen = Journey.objects.visible_to(self.request.user).order_by().values("pk")
        return Attachment.objects.filter(journey__in=seen).select_related("uploaded_by")

    @extend_schema(
        request={"multipart/form-data": AttachRequest},
        responses={201: AttachmentSerializer, 400: Problem, 403: Problem},
    )
    def create(self, request: Request) -> Response:
        """Attach one file."""
        asked = AttachRequest(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        if not may_write(given["journey"], request.user):
            raise PermissionDenied
        try:
            with transaction.atomic():
                (kept,) = files.attach(
                    journey=given["journey"], files=[given["file"]], actor=request.user, at=timezone.now()
                )
        except ValidationError as fault:
            raise serializers.ValidationError({"file": fault.messages}) from fault
        return Response(self.get_serializer(kept).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None, 403: Problem, 404: Problem})
    def destroy(self, request: Request, pk: str = "") -> Response:
        """Take a file out of sight; for thirty days it can be brought back."""
        files.remove(attachment=self._mine(), actor=request.user, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={200: AttachmentSerializer, 403: Problem, 404: Problem})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str = "") -> Response:
        """Bring a removed file back."""
        files.restore(attachment=self._mine())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 404: Problem})
    @action(detail=True, methods=["get"])
    def contents(self, request: Request, pk: str = "") -> HttpResponseBase:
        """Download the contents."""
        return handed_out(self.get_object())

    def _mine(self) -> Attachment:
        found: Attachment = self.get_object()
        if not files.may_remove(self.request.user, found):  # type: ignore[arg-type]  # who comes in is a user
            raise PermissionDenied
        return found
