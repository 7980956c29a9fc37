"""Search and jump: what the palette asks for, and a page where there are no scripts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from funnel.frame import frame
from funnel.lists import saved, shown
from funnel.models import Journey, User
from funnel.party_kinds import KINDS, PartyKind, url_of
from funnel.stages import Role

from .base import is_fragment, person, signed_in

FOUND = 8
PARTIES = 4
LONGEST = 200


@signed_in
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Find journeys, people and companies by names, addresses, phone or number, and pages by their names."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    groups = [
        {"label": _("Journeys"), "items": _journeys(person(request), words)},
        *({"label": kind.plural, "items": _parties(kind, person(request), words)} for kind in KINDS.values()),
        {"label": _("Saved views"), "items": _views(request, words)},
        {"label": _("Pages"), "items": _pages(request, words)},
    ]
    context = {"groups": [group for group in groups if group["items"]], "words": words}
    template = "_components/palette_results.html" if is_fragment(request) else "funnel/search.html"
    return render(request, template, context)


def _journeys(user: User, words: str) -> list[dict[str, Any]]:
    """Return the newest journeys that fit; without words those that changed last."""
    journeys = (
        Journey.objects.visible_to(user)
        .search(words, reader=user)
        .select_related("contact", "company", "owner")
    )
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


def _views(request: HttpRequest, words: str) -> list[dict[str, Any]]:
    """Return the saved views whose names the words begin or contain; without words the first few."""
    fitting = [view for view in shown.views_of(request) if words.casefold() in view.name.casefold()]
    return [
        {
            "url": saved.url_of(view),
            "label": view.name,
            "sub": view.get_place_display(),
            "icon": "square-kanban" if view.place == view.Place.BOARD else "list-filter",
        }
        for view in fitting[:PARTIES]
    ]


def _parties(kind: PartyKind, user: User, words: str) -> list[dict[str, Any]]:
    """Return the newest people or companies that fit; without words none, for nobody looks for the newest."""
    if not words or words.startswith("#") or user.role == Role.PARTNER:
        return []
    parties = kind.visible_to(user).search(words)
    if kind.slug == "contact":
        parties = parties.select_related("company")
    return [
        {
            "url": url_of(party),
            "label": str(party),
            "sub": str(getattr(party, "company", None) or getattr(party, "domain", "") or f"#{party.pk}"),
            "icon": kind.icon,
        }
        for party in parties.order_by("-created_at", "-pk")[:PARTIES]
    ]


def _pages(request: HttpRequest, words: str) -> list[dict[str, Any]]:
    context = frame(request)
    entries = [*context["nav"], *context["user_menu"]]
    return [
        {"url": entry["url"], "label": entry["label"], "icon": entry["icon"]}
        for entry in entries
        if words.casefold() in str(entry["label"]).casefold()
    ]
