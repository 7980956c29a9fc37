"""Search and jump: what the palette asks for, and a page where there are no scripts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from funnel.frame import frame
from funnel.models import Journey, User

from .base import is_fragment, person, signed_in

FOUND = 8
LONGEST = 200


@signed_in
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Find journeys by people, company, phone or number, and pages by their names."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    groups = [
        {"label": _("Journeys"), "items": _journeys(person(request), words)},
        {"label": _("Pages"), "items": _pages(request, words)},
    ]
    context = {"groups": [group for group in groups if group["items"]], "words": words}
    template = "_components/palette_results.html" if is_fragment(request) else "funnel/search.html"
    return render(request, template, context)


def _journeys(user: User, words: str) -> list[dict[str, Any]]:
    """Return the newest journeys that fit; without words those that changed last."""
    journeys = Journey.objects.visible_to(user).search(words).select_related("contact", "company", "owner")
    order = ("-created_at", "-pk") if words else ("-stage_since", "-pk")
    return [
        {
            "url": reverse("funnel:journey", args=[journey.pk]),
            "label": str(journey),
            "sub": f"{journey.contact} · #{journey.pk}" if journey.company else f"#{journey.pk}",
            "extra": journey.get_stage_display(),
            "person": journey.owner,
            "icon": "user-round",
        }
        for journey in journeys.order_by(*order)[:FOUND]
    ]


def _pages(request: HttpRequest, words: str) -> list[dict[str, Any]]:
    context = frame(request)
    entries = [*context["nav"], *context["user_menu"]]
    return [
        {"url": entry["url"], "label": entry["label"], "icon": entry["icon"]}
        for entry in entries
        if words.casefold() in str(entry["label"]).casefold()
    ]
