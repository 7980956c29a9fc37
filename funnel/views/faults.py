"""Answers to faults that are nobody's input: a page, a dialog for htmx, a problem document for programs."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.defaults import server_error

from funnel.faults import RETRY_AWAY, is_unavailable
from funnel.frame import API

PROBLEM = "application/problem+json"


def fault(request: HttpRequest) -> HttpResponse:
    """Answer an error that nothing else has answered: 503 where the database or the disk fails, else 500."""
    if is_unavailable(sys.exc_info()[1]):
        return unavailable(request)
    if request.path.startswith(API):
        title = _("Something broke on our side. Nothing was saved.")
        body = {"type": "/problems/server-error", "title": title, "status": 500}
        return JsonResponse(body, status=500, content_type=PROBLEM)
    return server_error(request)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Say that nothing can be read or written now, and when to try again. Asks the database nothing."""
    if request.path.startswith(API):
        body = {"type": "/problems/unavailable", "title": unavailable_title(), "status": 503}
        response: HttpResponse = JsonResponse(body, status=503, content_type=PROBLEM)
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AWAY)
    response["Cache-Control"] = "no-store"
    return response


def unavailable_title() -> str:
    """Return one sentence for people and programs."""
    return _("The database does not answer, or there is no room to write. Nothing was saved.")
