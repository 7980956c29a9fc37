"""What the pages of the sales half share."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.http import content_disposition_header

from deals.models import ContractVersion
from funnel.models import Journey


def tabs(request: HttpRequest, name: str, choices: Iterable[tuple[str, Any]], current: str) -> list[Any]:
    """Return the tabs of a list whose state is the query parameter `name`; the first is the default."""
    found = []
    for number, (value, label) in enumerate(choices):
        query = QueryDict(mutable=True) if number == 0 else QueryDict(f"{name}={value}")
        found.append(
            {
                "label": label,
                "url": f"{request.path}?{query.urlencode()}" if query else request.path,
                "current": value == current,
            }
        )
    return found


def chosen(request: HttpRequest, name: str, choices: Iterable[tuple[str, Any]]) -> str:
    """Return the value of a query parameter that is one of the choices, else the first of them."""
    values = [value for value, _label in choices]
    given = request.GET.get(name, "")
    return given if given in values else values[0]


def crumbs(journey: Journey, *, list_name: str, list_label: str) -> list[dict[str, str]]:
    """Return the way back from a page of one journey."""
    return [
        {"url": reverse(list_name), "label": list_label},
        {"url": reverse("funnel:journey", args=[journey.pk]), "label": str(journey)},
    ]


def download(content: bytes, *, name: str, kind: str, inline: bool = False) -> HttpResponse:
    """Answer with a file under a name of any letters, never to be sniffed or kept by others."""
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(not inline, name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def contract_file_of(version: ContractVersion) -> HttpResponse:
    """Answer with the file of a contract's version, always as a download."""
    with version.file.open("rb") as file:
        content = file.read()
    kind = mimetypes.guess_type(version.file_name)[0] or "application/octet-stream"
    return download(content, name=version.file_name, kind=kind)
