"""What every answer carries, and what happens to a page when its rows are held or the database is away."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .faults import RETRY_BUSY, is_busy, is_unavailable
from .frame import API
from .views.faults import unavailable

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "camera",
        "display-capture",
        "encrypted-media",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
        "xr-spatial-tracking",
    )
)
"""What no page of ours asks a browser for, and none that it shows may."""


class PrivacyMiddleware:
    """Keeps what signed-in people and programs read out of every cache, and turns off what no page needs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        # who it is would cost public pages two queries: whoever has a session or a token may be signed in
        if "Authorization" in request.headers or settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


SAVED = "saved"
"""The cookie that tells scripts which address has just taken a form, so that its draft has served."""


class SavedMiddleware:
    """Tells the page that follows which form was taken: a refused one, or one that never came, keeps its draft."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        user = getattr(request, "_cached_user", None)
        if request.method == "POST" and user is not None and user.is_authenticated and _was_taken(response):
            response.set_cookie(
                SAVED, quote(request.path), max_age=300, samesite="Lax", secure=settings.HTTPS
            )
        return response


def _was_taken(response: HttpResponse) -> bool:
    return response.status_code in {302, 303} or "HX-Redirect" in response.headers


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
