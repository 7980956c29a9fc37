"""Answers to faults that are nobody's input: a page, a dialog for htmx, a problem document for programs."""

from __future__ import annotations

import sys
from contextlib import suppress

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.defaults import bad_request, page_not_found, server_error

from funnel.faults import RETRY_AWAY, is_unavailable
from funnel.frame import API

PROBLEM = "application/problem+json"


def fault(request: HttpRequest) -> HttpResponse:
    """Answer an error that nothing else has answered: 503 where the database or the disk fails, else 500."""
    if is_unavailable(sys.exc_info()[1]):
        return unavailable(request)
    if request.path.startswith(API):
        return _problem(500, "server-error", _("Something broke on our side. Nothing was saved."))
    return server_error(request)


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that is broken before any view sees it: its host, its size, its shape."""
    if request.path.startswith(API):
        return _problem(400, "invalid", _("The input is not valid."), errors=[])
    return bad_request(request, exception)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer where there is nothing at an address."""
    if request.path.startswith(API):
        return no_door(request)
    return page_not_found(request, exception)


@csrf_exempt
def no_door(request: HttpRequest) -> HttpResponse:
    """Answer programs at an address that is no door; who reads and forgot the last slash is led there."""
    path = request.path_info
    if request.method in {"GET", "HEAD"} and not path.endswith("/"):
        with suppress(Resolver404):
            if resolve(f"{path}/").func is not no_door:
                return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
    return _problem(404, "not-found", _("There is no such thing, or not for you."))


def _problem(status: int, kind: str, title: str, **members: object) -> HttpResponse:
    body = {"type": f"/problems/{kind}", "title": title, "status": status, **members}
    return JsonResponse(body, status=status, content_type=PROBLEM)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Say that nothing can be read or written now, and when to try again. Asks the database nothing."""
    if request.path.startswith(API):
        response = _problem(503, "unavailable", unavailable_title())
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AWAY)
    response["Cache-Control"] = "no-store"
    return response


def unavailable_title() -> str:
    """Return one sentence for people and programs."""
    return _("The database does not answer, or there is no room to write. Nothing was saved.")
