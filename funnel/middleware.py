"""What happens to a page when somebody else holds the rows it needs."""

from __future__ import annotations

from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .frame import API

BUSY = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE of what another transaction caused: serialization, deadlock, lock not available."""


class BusyMiddleware:
    """Answers lock timeouts and deadlocks with a page that says so: nothing was saved, try again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError) or request.path.startswith(API):
            return None
        if getattr(exception.__cause__, "pgcode", None) not in BUSY:
            return None
        response = render(request, "funnel/busy.html", status=409)
        response["Retry-After"] = "1"
        if getattr(request, "htmx", False):
            response["HX-Retarget"] = "#dialog"
            response["HX-Reswap"] = "innerHTML"
        return response
