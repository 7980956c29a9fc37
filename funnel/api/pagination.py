"""Keyset pages: as fast at the millionth row as at the first, and whole while rows come and go."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module by its settings


class KeysetPagination(CursorPagination):
    """`{"results", "next", "previous"}`, ordered by `ordering` of the request or the view, the key last.

    `page_size` is at most 200; `count=true` adds an exact count, which costs a query.
    """

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "-pk"
    cursor_query_param = "cursor"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> tuple[str, ...]:
        ordering = tuple(super().get_ordering(request, queryset, view))
        names = {name.lstrip("-") for name in ordering}
        return ordering if names & {"pk", "id"} else (*ordering, "-pk")

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: "APIView | None" = None
    ) -> Any:
        self.field = self.get_ordering(request, queryset, view)[0].lstrip("-")  # type: ignore[arg-type]
        self.model = queryset.model
        self.total = queryset.count() if request.query_params.get("count") in {"1", "true"} else None
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            self._check(cursor.position)
        return cursor

    def _check(self, position: str) -> None:
        """Refuse a position that the ordering's field cannot hold, before the database has to."""
        field = self.model._meta.pk if self.field == "pk" else self.model._meta.get_field(self.field)
        try:
            value = field.to_python(position)
        except (ValidationError, ValueError) as error:
            raise NotFound(self.invalid_cursor_message) from error
        naive = isinstance(value, datetime) and value.tzinfo is None
        if naive or "\0" in position:
            raise NotFound(self.invalid_cursor_message)

    def get_paginated_response(self, data: Any) -> Response:
        body = {"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()}
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
