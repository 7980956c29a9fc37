"""What happens to a page when somebody else holds the rows it needs, or the database is away."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .faults import RETRY_BUSY, is_busy, is_unavailable
from .frame import API
from .views.faults import unavailable


class FaultMiddleware:
    """Answers lock timeouts and deadlocks, and a database that is away, with a page that says so: nothing was saved."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if is_unavailable(exception):
            return unavailable(request)
        if not is_busy(exception) or request.path.startswith(API):
            return None
        response = render(request, "funnel/busy.html", status=409)
        response["Retry-After"] = str(RETRY_BUSY)
        if getattr(request, "htmx", False):
            response["HX-Retarget"] = "#dialog"
            response["HX-Reswap"] = "innerHTML"
        return response
