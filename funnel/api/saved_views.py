"""Saved views over REST: the caller's own and those shared with them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from funnel.access import Permission
from funnel.lists import saved
from funnel.lists.columns import COLUMNS
from funnel.models import SavedView

from .serializers import KeyField, Model, Problem
from .views import WholeResource


class Stale(APIException):
    """Somebody changed the view after the caller read it."""

    status_code = 409
    default_detail = _("Somebody changed this view meanwhile; nothing was written.")
    default_code = "stale"


class SavedViewSerializer(Model[SavedView]):
    """Filters, order and columns under a name. `query` is the address of the list or board behind its question mark.

    What cannot be read in `query` is left out. With `version` a change is refused (409) where somebody has changed the
    view since.
    """

    owner = KeyField("username", read_only=True)
    team = KeyField("name", read_only=True, allow_null=True)
    query = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    columns = serializers.ListField(
        child=serializers.ChoiceField(choices=[(column.key, column.label) for column in COLUMNS]),
        required=False,
        max_length=len(COLUMNS),
    )
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    url = serializers.SerializerMethodField(help_text="Where the browser shows it.")

    class Meta:
        model = SavedView
        fields = (
            "id", "name", "place", "query", "columns", "shared", "team", "owner", "version", "created_at", "url",
        )  # fmt: skip
        read_only_fields = ("created_at",)

    def get_url(self, view: SavedView) -> str:
        return saved.url_of(view)

    def validate_place(self, place: str) -> str:
        if self.instance is not None and place != self.instance.place:
            raise serializers.ValidationError(_("A view stays where it is; make another."))
        return place

    def create(self, validated_data: dict[str, Any]) -> SavedView:
        validated_data.pop("version", None)
        given = {"place": SavedView.Place.LIST, "query": ""} | validated_data
        return saved.create(actor=self.context["request"].user, **given)

    def update(self, instance: SavedView, validated_data: dict[str, Any]) -> SavedView:
        validated_data.pop("place", None)
        try:
            return saved.change(view=instance, actor=self.context["request"].user, **validated_data)
        except saved.ChangedMeanwhile:
            raise Stale from None


class SavedViewViewSet(mixins.DestroyModelMixin, WholeResource):
    """Saved views that the caller sees. Those of others are changed by leaders only, and deleted ones can be restored."""

    permission = Permission.SEE_WORKSPACE
    serializer_class = SavedViewSerializer
    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    filterset_fields = ("place", "shared")
    ordering_fields = ("id", "name")
    queryset = SavedView.objects.all()

    def get_queryset(self) -> QuerySet[SavedView]:
        if getattr(self, "swagger_fake_view", False):
            return SavedView.objects.none()
        return saved.visible_to(self.request.user).select_related("team")  # type: ignore[arg-type]

    def perform_destroy(self, instance: SavedView) -> None:
        saved.delete(view=instance, actor=self.request.user)  # type: ignore[arg-type]

    @extend_schema(request=None, responses={200: SavedViewSerializer, 403: Problem, 404: Problem})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Bring a deleted view back."""
        view = saved.deleted(int(pk), request.user)  # type: ignore[arg-type]
        saved.restore(view=view, actor=request.user)  # type: ignore[arg-type]
        return Response(self.get_serializer(self.get_queryset().get(pk=view.pk)).data)
