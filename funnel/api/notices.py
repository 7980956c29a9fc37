"""One's own notifications over REST: listed, read, marked as read."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import notice_words
from funnel.models import Notification

from .serializers import Model, Problem
from .views import ResourceMixin


class NotificationSerializer(Model[Notification]):
    """Word that something concerns the caller; `title` is in the caller's language."""

    title = serializers.SerializerMethodField()
    journey = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ("id", "kind", "title", "journey", "event", "task", "created_at", "read_at")
        read_only_fields = fields

    def get_title(self, row: Notification) -> str:
        # the journey may be out of the caller's sight by now, so that no name is told here
        return notice_words.title(row, named=False)

    def get_journey(self, row: Notification) -> int | None:
        journey = notice_words.journey_of(row)
        return journey.pk if journey else None


class NotificationFilter(filters.FilterSet):
    """`?unread=true&kind=mentioned`"""

    unread = filters.BooleanFilter(field_name="read_at", lookup_expr="isnull")

    class Meta:
        model = Notification
        fields = ("kind",)


class ReadAll(serializers.Serializer[Any]):
    """How many were marked."""

    read = serializers.IntegerField()


class NotificationViewSet(ResourceMixin, viewsets.ReadOnlyModelViewSet[Notification]):
    """The caller's own notifications, newest first."""

    http_method_names = ("get", "post", "head", "options")
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    ordering = ("-id",)
    queryset = Notification.objects.all()

    def get_queryset(self) -> QuerySet[Notification]:
        if getattr(self, "swagger_fake_view", False):
            return Notification.objects.none()
        mine = Notification.objects.filter(user=self.request.user)  # type: ignore[misc]  # who comes in is a user
        return mine.select_related("event__journey", "event__actor", "task__journey")

    @extend_schema(request=None, responses={200: NotificationSerializer, 404: Problem})
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str = "") -> Response:
        """Mark one as read."""
        row: Notification = self.get_object()
        Notification.objects.filter(pk=row.pk, read_at=None).update(read_at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={200: ReadAll})
    @action(detail=False, methods=["post"], url_path="read-all")
    def read_all(self, request: Request) -> Response:
        """Mark all as read."""
        mine = Notification.objects.filter(user=request.user, read_at=None)  # type: ignore[misc]  # as above
        return Response({"read": mine.update(read_at=timezone.now())})
