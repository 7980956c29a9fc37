"""Saved views as pages show them: tabs above the list and the board, entries of the left bar, what was changed since."""

from __future__ import annotations

from typing import Any, Final, cast

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from funnel.models import SavedView, User

from . import arrangement, saved
from .filters import JourneyFilter

COLOURS: Final = ("brief", "contract", "proposal", "handoff", "touch", "demo", "application")
IN_THE_BAR: Final = 12


def views_of(request: HttpRequest) -> list[SavedView]:
    """Return the views that the person sees, in their order: one query a request, however often it is asked."""
    found: list[SavedView] | None = getattr(request, "_saved_views", None)
    if found is None:
        user = cast(User, request.user)
        found = arrangement.in_order(saved.visible_to(user), user)
        request._saved_views = found  # type: ignore[attr-defined]
    return found


def view_of(request: HttpRequest, place: str, query: QueryDict | None = None) -> SavedView | None:
    """Return the view that the address names, if the person sees it."""
    wanted = (request.GET if query is None else query).get("view", "")
    return next((v for v in views_of(request) if str(v.pk) == wanted and v.place == place), None)


def colour_of(view: SavedView) -> str:
    return COLOURS[view.pk % len(COLOURS)]


def bar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the entries of the left bar, without those beyond the first few."""
    here = request.GET.get("view", "")
    return [
        {
            "url": saved.url_of(view),
            "label": view.name,
            "colour": colour_of(view),
            "current": here == str(view.pk) and request.path == reverse(saved.PAGES[view.place]),
        }
        for view in views_of(request)[:IN_THE_BAR]
    ]


def default_url(request: HttpRequest, place: str) -> str:
    """Return the address of the view that the person opens this list with; "" where it is none they see."""
    wanted = arrangement.default_of(cast(User, request.user), place)
    if wanted is None:
        return ""
    return next((saved.url_of(v) for v in views_of(request) if v.pk == wanted and v.place == place), "")


def tabs(request: HttpRequest, place: str, form: JourneyFilter) -> list[dict[str, Any]]:
    """Return the tabs: those that always stand there, and the saved views."""
    view = view_of(request, place)
    kept = QueryDict(form.canonical, mutable=True)
    for name in ("q", "order"):
        kept.pop(name, None)
    plain = kept.urlencode()
    found = [
        {"label": label, "url": f"?{query or 'state=open'}", "current": view is None and query == plain}
        for label, query in _always(place)
    ]
    return found + [
        {
            "label": other.name,
            "url": saved.url_of(other),
            "current": view is not None and view.pk == other.pk,
            "shared": other.shared != SavedView.Shared.NOBODY,
        }
        for other in views_of(request)
        if other.place == place
    ]


def _always(place: str) -> list[tuple[str, str]]:
    if place == SavedView.Place.BOARD:
        return [(_("Everything"), ""), (_("Mine"), "owner=me"), (_("No next step"), "next=none")]
    return [
        (_("All open"), ""),
        (_("At risk"), "clock=risk"),
        (_("Mine"), "owner=me"),
        (_("No next step"), "next=none"),
        (_("Nobody's"), "owner=none"),
        (_("Handoffs"), "stage=handed_off"),
        (_("Closed"), "state=closed"),
    ]


def state(request: HttpRequest, place: str, form: JourneyFilter) -> dict[str, Any]:
    """Return how the list stands to the view that the address names: what was changed, what may be done about it."""
    user, view = cast(User, request.user), view_of(request, place)
    query = form.canonical
    if view is None:
        return {"view": None, "query": query, "changed": False}
    columns_changed = False
    if place == SavedView.Place.LIST:
        own = arrangement.columns_of(user, view)
        columns_changed = (
            bool(user.lists.get("columns", {}).get(str(view.pk)))
            and [column.key for column in own] != view.columns
        )
    return {
        "view": view,
        "query": query,
        "changed": query != view.query or columns_changed,
        "mine": saved.may_change(user, view),
        "url": saved.url_of(view),
        "is_default": arrangement.default_of(user, place) == view.pk,
    }
