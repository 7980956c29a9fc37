"""Keyset pages: as fast at the millionth row as at the first, and whole while rows come and go."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
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
        self.total = queryset.count() if request.query_params.get("count") in {"1", "true"} else None
        return super().paginate_queryset(queryset, request, view)

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
