"""Keyset pages: as fast at the millionth row as at the first, and whole while rows come and go."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as Unreadable
from django.db.models import Field, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from funnel.paging import Column, beyond, order_of

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module by its settings

BACKWARDS, ONWARDS = "p", "n"
YES, NO = frozenset({"1", "true"}), frozenset({"", "0", "false"})
LONGEST = 2000
"""A cursor is no longer than so many characters."""


class KeysetPagination(BasePagination):
    """`{"results", "next", "previous"}`, ordered by `ordering` of the request or the view, the key last.

    A cursor is the place of a row: its value in every column of the order, its key included, so that the next page
    begins behind that row whatever comes and goes meanwhile. `page_size` is at most 200; `count=true` adds an exact
    count, which costs a query.
    """

    page_size = 50
    max_page_size = 200
    key = "pk"

    def names_of(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> Sequence[str]:
        """Return what the rows are ordered by, as `order_by` takes it."""
        chosen = any(issubclass(backend, OrderedBy) for backend in view.filter_backends)  # type: ignore[attr-defined]
        return OrderedBy().get_ordering(request, queryset, view) or () if chosen else ()

    def columns_of(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> tuple[Column, ...]:
        """Return the columns of the order, the key last."""
        columns: dict[str, Column] = {}
        for name in self.names_of(request, queryset, view):
            field = _field(queryset, bare := name.lstrip("-"))
            columns.setdefault(bare, Column(bare, not name.startswith("-"), field.null))
            if field.primary_key:
                return tuple(columns.values())
        rising = bool(columns) and next(iter(columns.values())).rising
        return (*columns.values(), Column(self.key, rising))

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        self.request, self.model = request, queryset.model
        self.columns = self.columns_of(request, queryset, view)
        self.total = queryset.count() if self._counted(request) else None
        size = self.size_of(request)
        place, backwards = self._place(request.query_params.get("cursor", ""), queryset)
        if place is not None:
            queryset = queryset.filter(beyond(self.columns, place, backwards=backwards))
        found = list(queryset.order_by(*order_of(self.columns, backwards=backwards))[: size + 1])
        more, rows = len(found) > size, found[:size]
        if backwards:
            rows.reverse()
        self.older = rows[-1] if rows and (more or backwards) else None
        self.newer = rows[0] if rows and (more if backwards else place is not None) else None
        return rows

    def size_of(self, request: Request) -> int:
        """Return how many rows a page has. Raises ValidationError."""
        text = request.query_params.get("page_size", "")
        if not text:
            return self.page_size
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
            raise ValidationError({"page_size": [_("Give a number from 1 to 200.")]})
        return min(int(text), self.max_page_size)

    def _counted(self, request: Request) -> bool:
        text = request.query_params.get("count", "")
        if text not in YES | NO:
            raise ValidationError({"count": [_("Give true or false.")]})
        return text in YES

    def _place(self, text: str, queryset: QuerySet[Any]) -> tuple[list[Any] | None, bool]:
        """Read what `_cursor` wrote for the same order. Raises ValidationError."""
        if not text:
            return None, False
        wrong = ValidationError(
            {"cursor": [_("This is no place in this list: take it from “next” or “previous”.")]}
        )
        try:
            padded = text.encode() + b"=" * (-len(text) % 4)
            way, names, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            fits = way in (BACKWARDS, ONWARDS) and names == self._names() and len(values) == len(self.columns)
            if not fits or len(text) > LONGEST:
                raise wrong
            fields = [_field(queryset, column.name) for column in self.columns]
            return [
                _read(field, value) for field, value in zip(fields, values, strict=True)
            ], way == BACKWARDS
        except (Unreadable, ValueError, TypeError, RecursionError, OverflowError) as error:
            raise wrong from error

    def _names(self) -> str:
        return ",".join(column.name if column.rising else f"-{column.name}" for column in self.columns)

    def _cursor(self, row: Any, way: str) -> str:
        fields = [self.model._meta.pk if column.name == "pk" else column.name for column in self.columns]
        values = [getattr(row, getattr(field, "attname", field)) for field in fields]  # type: ignore[arg-type]
        told = [value if value is None or isinstance(value, int) else _text(value) for value in values]
        text = json.dumps([way, self._names(), *told], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _link(self, row: Any, way: str) -> str | None:
        if row is None:
            return None
        return replace_query_param(self.request.build_absolute_uri(), "cursor", self._cursor(row, way))

    def get_paginated_response(self, data: Any) -> Response:
        body = {
            "results": data,
            "next": self._link(self.older, ONWARDS),
            "previous": self._link(self.newer, BACKWARDS),
        }
        if self.total is not None:
            body["count"] = self.total
        return Response(body)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link, "count": {"type": "integer"}},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "default": self.page_size}
        told = (
            ("cursor", "A place in the list, from `next` or `previous`", {"type": "string"}),
            ("page_size", f"Rows at once, {self.max_page_size} at most", size),
            ("count", "Add an exact count of all rows", {"type": "boolean"}),
        )
        return [
            {"name": name, "in": "query", "required": False, "description": words, "schema": shape}
            for name, words, shape in told
        ]


class OrderedBy(OrderingFilter):
    """`?ordering=-created_at,id`; a name that does not order this list is refused."""

    def remove_invalid_fields(self, queryset: Any, fields: Any, view: Any, request: Request) -> list[str]:
        known = view.ordering_fields
        for name in fields:
            if name.removeprefix("-") not in known:
                words = _("“%(name)s” does not order this list: %(known)s.")
                raise ValidationError(
                    {"ordering": [words % {"name": name, "known": ", ".join(known) or "—"}]}
                )
        return list(fields)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        (told,) = super().get_schema_operation_parameters(view)
        return [told | {"description": f"{', '.join(view.ordering_fields)}; falling with “-” before"}]


def _field(queryset: QuerySet[Any], name: str) -> "Field[Any, Any]":
    options = queryset.model._meta
    return options.pk if name == "pk" else options.get_field(name)  # type: ignore[return-value]


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _read(field: "Field[Any, Any]", told: Any) -> Any:
    """Return the value of a place as the column has it. Raises ValueError, and ValidationError of Django's kind."""
    if told is None and field.null:
        return None
    if isinstance(told, bool) or not isinstance(told, str | int) or "\0" in str(told):
        raise ValueError("no place")
    value = field.to_python(told)
    if value is None or (isinstance(value, datetime) and value.tzinfo is None):
        raise ValueError("no place")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("no place")
    return value
