"""What the resources of REST have in common, in every app."""

from collections.abc import Iterable
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import mixins, viewsets
from rest_framework.filters import OrderingFilter
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, ListSerializer
from rest_framework.views import APIView

from funnel import access

from .auth import HasScope
from .idempotency import IdempotentMixin


class RolePermits(BasePermission):
    """A view names what a role must be permitted: `permission` to come in at all, `change_permission` to write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = [getattr(view, "permission", None)]
        if request.method not in SAFE_METHODS:
            needed.append(getattr(view, "change_permission", None))
        return all(access.may(request.user, permission) for permission in needed if permission)


class SparseFields:
    """`?fields=id,stage` keeps only the fields named; unknown names are ignored."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        serializer: BaseSerializer[Any] = super().get_serializer(*args, **kwargs)  # type: ignore[misc]
        wanted = self.request.query_params.get("fields") if self.request.method == "GET" else None  # type: ignore[attr-defined]
        if wanted:
            keep = set(wanted.split(","))
            inner = serializer.child if isinstance(serializer, ListSerializer) else serializer
            fields = inner.fields  # type: ignore[attr-defined]
            for name in set(fields) - keep:
                fields.pop(name)
        return serializer


class ResourceMixin(IdempotentMixin, SparseFields):
    """Scopes, roles, filters, ordering and sparse fields, alike on every resource."""

    permission_classes: Iterable[Any] = (HasScope, RolePermits)
    filter_backends: Iterable[Any] = (DjangoFilterBackend, OrderingFilter)
    ordering_fields: tuple[str, ...] = ("id",)
    lookup_value_regex = "[0-9]{1,18}"


class ReadResource(ResourceMixin, viewsets.ReadOnlyModelViewSet[Any]):
    """A resource that is listed and read."""


class EditResource(ResourceMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet[Any]):
    """A resource that is listed, read and changed in part."""

    http_method_names = ("get", "patch", "head", "options")


class WholeResource(
    ResourceMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet[Any]
):
    """A resource that is listed, read, created and changed in part; nothing is ever deleted."""

    http_method_names = ("get", "post", "patch", "head", "options")
