"""What every page of the workspace stands in: the reader's zone and language, the left bar, the avatar's menu."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from . import registry
from .lists import shown
from .models import Organisation

API = "/api/"


class ReaderMiddleware:
    """Shows times in the reader's zone, or the organisation's, and speaks the language of their profile.

    `request.organisation` is the organisation, read once and only where it is asked for. The API answers in UTC.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organisation = SimpleLazyObject(Organisation.current)
        if request.path.startswith(API) or not request.user.is_authenticated:
            return self.get_response(request)
        user = request.user
        with timezone.override(_zone(user.time_zone) or _zone(request.organisation.timezone)):
            known = dict(settings.LANGUAGES)
            if user.language in known and not request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME):
                translation.activate(user.language)
                request.LANGUAGE_CODE = user.language
            return self.get_response(request)


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: nav, saved_views, user_menu, search_url and org, each worked out only where a template asks for it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    entries = SimpleLazyObject(lambda: _entries(request))
    return {
        "nav": SimpleLazyObject(lambda: [entry for entry in entries if entry["place"] == "bar"]),
        "user_menu": SimpleLazyObject(lambda: [entry for entry in entries if entry["place"] == "account"]),
        "saved_views": SimpleLazyObject(lambda: shown.bar(request)),
        "search_url": SimpleLazyObject(lambda: _address("funnel:search")),
        "org": getattr(request, "organisation", None),
    }


def _entries(request: HttpRequest) -> list[dict[str, Any]]:
    found = [entry for provide in registry.navigation for entry in provide(request.user)]
    found.sort(key=lambda entry: entry.get("weight", 100))
    counts = _counts([entry.get("count") for entry in found])
    entries = [
        {
            "url": url,
            "icon": entry["icon"],
            "label": entry["label"],
            "count": count,
            "live": entry.get("live", ""),
            "place": entry.get("place", "bar"),
            "current": False,
            "holds": [held for name in entry.get("holds", ()) if (held := _address(name))],
        }
        for entry, count in zip(found, counts, strict=True)
        if (url := _address(entry["url_name"]))
    ]
    _mark_current(request.path, entries)
    return entries


def _counts(wanted: Sequence[Any]) -> list[Any]:
    """Count what is to be counted, all of it in one statement; what is no queryset is the count itself."""
    told: dict[int, tuple[str, Sequence[Any]]] = {}
    counts = [0 if isinstance(part, QuerySet) else part for part in wanted]
    for place, part in enumerate(wanted):
        if isinstance(part, QuerySet):
            with suppress(EmptyResultSet):  # a role that sees nothing: there is nothing to ask
                told[place] = part.query.sql_with_params()
    if told:
        parts = [f"(SELECT count(*) FROM ({sql}) AS part)" for sql, _given in told.values()]  # noqa: S608  put together from querysets; values are parameters
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT " + ", ".join(parts), [value for _, given in told.values() for value in given]
            )
            for place, count in zip(told, cursor.fetchone(), strict=True):
                counts[place] = count
    return counts


def _mark_current(path: str, entries: Iterable[dict[str, Any]]) -> None:
    """Mark the entry with the longest address, its own or of a page it `holds`, that the page's begins with."""
    fitting = [
        (len(url), number, entry)
        for number, entry in enumerate(entries)
        for url in (entry["url"], *entry.get("holds", ()))
        if path == url or _below(path, url)
    ]
    if fitting:
        max(fitting, key=lambda found: (found[0], -found[1]))[2]["current"] = True


def _below(path: str, url: str) -> bool:
    return url != "/" and path.startswith(url if url.endswith("/") else f"{url}/")


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
