"""What the resources of REST have in common, in every app."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend, NumberFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, ListSerializer
from rest_framework.views import APIView

from funnel import access

from .auth import HasScope
from .idempotency import IdempotentMixin
from .pagination import NO, YES, OrderedBy


class RolePermits(BasePermission):
    """A view names what a role must be permitted: `permission` to come in at all, `change_permission` to write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = [getattr(view, "permission", None)]
        if request.method not in SAFE_METHODS:
            needed.append(getattr(view, "change_permission", None))
        return all(access.may(request.user, permission) for permission in needed if permission)


LARGEST_KEY = 2**63 - 1


@extend_schema_field(OpenApiTypes.INT)
class _KeyFilter(NumberFilter):
    field_class = forms.IntegerField


def by_id(name: str) -> NumberFilter:
    """Return the filter of a record by its number: an unknown one and one out of sight find alike nothing."""
    return _KeyFilter(field_name=f"{name}_id", min_value=1, max_value=LARGEST_KEY)


ALWAYS = frozenset({"format", "lang", "page_size", "cursor", "search", "ordering", "fields", "count"})
"""Query parameters that no door refuses."""


class KnownParameters:
    """Refuses query parameters that the door does not know, and orderings that it does not have, naming them.

    A door knows `ALWAYS`, its `parameters`, and on lists its filters. Those of a filter set's `inside` are known to who
    sees the workspace only: to others they are refused as if there were none.
    """

    parameters: tuple[str, ...] = ()
    ordering_fields: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        given = set(request.query_params)
        if unknown := given - ALWAYS and given - ALWAYS - self.known_parameters(request):
            raise ValidationError({name: [_("There is no such parameter here.")] for name in sorted(unknown)})
        if "ordering" in given:
            OrderedBy().get_ordering(request, None, self)  # type: ignore[arg-type]  # raises where it is none of ours

    def known_parameters(self, request: Request) -> set[str]:
        """Return the names that mean something here to the caller, besides `ALWAYS`."""
        known = set(self.parameters)
        listed = request.method in SAFE_METHODS and not getattr(self, "detail", False)
        if listed and DjangoFilterBackend in getattr(self, "filter_backends", ()):
            filters = DjangoFilterBackend().get_filterset_class(self, self.queryset)  # type: ignore[arg-type,attr-defined]
            if filters is not None:
                known |= set(filters.base_filters)
                if not access.may(request.user, access.Permission.SEE_WORKSPACE):  # type: ignore[arg-type]
                    known -= getattr(filters, "inside", frozenset())
        return known


def chosen(request: Request, known: Iterable[str]) -> set[str] | None:
    """Return the names that `?fields=id,stage` keeps, None for all. Raises ValidationError naming unknown ones."""
    wanted = {name for name in request.query_params.get("fields", "").split(",") if name}
    if unknown := sorted(wanted - set(known)):
        words = _("There is no field “%(name)s”.")
        raise ValidationError({"fields": [words % {"name": name} for name in unknown]})
    return wanted or None


def told(request: Request, name: str, default: bool) -> bool:
    """Return the yes or no of a query parameter. Raises ValidationError."""
    text = request.query_params.get(name, "").lower()
    if text not in YES | NO:
        raise ValidationError({name: [_("Give true or false.")]})
    return text in YES if text else default


class SparseFields:
    """`?fields=id,stage` keeps only the fields named."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        return self.sparse(super().get_serializer(*args, **kwargs))  # type: ignore[misc]

    def sparse(self, serializer: BaseSerializer[Any]) -> BaseSerializer[Any]:
        """Return the serializer with the fields that were asked for."""
        request: Request = self.request  # type: ignore[attr-defined]
        if request.method == "GET" and request.query_params.get("fields"):
            inner = serializer.child if isinstance(serializer, ListSerializer) else serializer
            fields = inner.fields  # type: ignore[attr-defined]
            if (kept := chosen(request, fields)) is not None:
                for name in set(fields) - kept:
                    fields.pop(name)
        return serializer


class ResourceMixin(IdempotentMixin, KnownParameters, SparseFields):
    """Scopes, roles, filters, ordering and sparse fields, alike on every resource."""

    permission_classes: Iterable[Any] = (HasScope, RolePermits)
    filter_backends: Iterable[Any] = (DjangoFilterBackend, OrderedBy)
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
