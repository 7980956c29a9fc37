"""Short messages at the edge of the page, with an undo where there is one.

A toast is a Django message, so it survives a redirect and works without scripts. Where htmx swaps a fragment, the
middleware sends the waiting messages along with it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

_UNDO = "undo:"


def toast(request: HttpRequest, text: str, *, level: int = messages.SUCCESS, undo: str = "") -> None:
    """Show `text` on the next page or fragment; `undo` is the address that its Undo button posts to."""
    messages.add_message(request, level, text, extra_tags=f"{_UNDO}{undo}" if undo else "")


def undo_of(message: Message) -> str:
    """Return where the Undo of a message posts to, or ""."""
    tags = message.extra_tags or ""
    return tags.removeprefix(_UNDO) if tags.startswith(_UNDO) else ""


class ToastMiddleware:
    """Adds waiting toasts to the fragments that htmx asked for. Redirects keep theirs for the page they lead to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not _is_fragment(request, response):
            return response
        waiting = messages.get_messages(request)
        if len(waiting):
            words = render_to_string("_components/toasts_oob.html", {"messages": waiting}, request)
            if response.status_code == 204:  # nothing to swap, were it not for the toast
                response.status_code = 200
                response["HX-Reswap"] = "none"
            response.write(words)
            if response.has_header("Content-Length"):
                response["Content-Length"] = str(len(response.content))
        return response


def _is_fragment(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
        and not response.streaming
        and not 300 <= response.status_code < 400
        and not any(response.has_header(name) for name in ("HX-Redirect", "HX-Location", "HX-Refresh"))
        and response.get("Content-Type", "text/html").startswith("text/html")
        and not response.content.lstrip()[:9].lower().startswith(b"<!doctype")
    )
