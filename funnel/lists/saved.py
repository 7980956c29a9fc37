"""Saved views: who sees and changes which, and how they come to be and to go."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from funnel import access
from funnel.access import Permission
from funnel.models import SavedView, User
from funnel.stages import Label

from .columns import chosen
from .filters import BoardFilter, JourneyFilter

Place, Shared = SavedView.Place, SavedView.Shared

MOST: Final = 100
"""A person keeps no more views than this."""
PAGES: Final = {Place.LIST.value: "funnel:journey-list", Place.BOARD.value: "funnel:board"}
FILTERS: Final = {Place.LIST.value: JourneyFilter, Place.BOARD.value: BoardFilter}


class ChangedMeanwhile(Exception):
    """Somebody changed the view after it was read; nothing was written."""


def visible_to(user: User) -> QuerySet[SavedView]:
    """Return the views that the person sees: their own, those of their team, those for everyone."""
    if not access.may(user, Permission.SEE_WORKSPACE):
        return SavedView.objects.none()
    seen = Q(owner=user) | Q(shared=Shared.EVERYONE)
    if user.team_id:
        seen |= Q(shared=Shared.TEAM, team=user.team_id)
    return SavedView.objects.filter(seen, deleted_at=None).select_related("owner")


def may_change(user: User, view: SavedView) -> bool:
    """Tell whether the person may change the view: their own, and for leaders whatever is shared."""
    return view.owner_id == user.pk or (user.leads_everyone and view.shared != Shared.NOBODY)


def sharing(user: User) -> list[tuple[str, Label]]:
    """Return with whom the person may share views."""
    found: list[tuple[str, Label]] = [(Shared.NOBODY.value, Shared.NOBODY.label)]
    if user.team_id:
        found.append((Shared.TEAM.value, Shared.TEAM.label))
    if access.may(user, Permission.SHARE_VIEWS):
        found.append((Shared.EVERYONE.value, Shared.EVERYONE.label))
    return found


def canonical(place: str, query: str, user: User) -> str:
    """Return the filters of an address as a view keeps them: what cannot be read left out, alike for what shows alike."""
    return FILTERS[place](QueryDict(query), user=user).canonical


def url_of(view: SavedView) -> str:
    """Return the address that shows the view: its filters stand in it, and so does the view."""
    words = f"{view.query}&" if view.query else ""
    return f"{reverse(PAGES[view.place])}?{words}{urlencode({'view': view.pk})}"


def create(
    *,
    actor: User,
    name: str,
    place: str,
    query: str,
    columns: list[str] | None = None,
    shared: str = Shared.NOBODY,
) -> SavedView:
    """Save a view. Raises ValidationError where the person has too many, PermissionDenied where they may not share so."""
    if not access.may(actor, Permission.SEE_WORKSPACE):
        raise PermissionDenied
    if SavedView.objects.filter(owner=actor, deleted_at=None).count() >= MOST:
        raise ValidationError(_("You have %(most)s views already: delete one first."), params={"most": MOST})
    view = SavedView(owner=actor, name=name, place=place, query=canonical(place, query, actor))
    view.columns = [column.key for column in chosen(columns or (), actor)]
    _share(view, actor, shared)
    view.full_clean(exclude=["owner", "team"])
    view.save()
    return view


@transaction.atomic
def change(*, view: SavedView, actor: User, version: int | None = None, **values: Any) -> SavedView:
    """Change name, query, columns or sharing of a view; with `version`, only where it still stands as it did then.

    Raises PermissionDenied, ValidationError, ChangedMeanwhile.
    """
    held = SavedView.objects.select_for_update(of=("self",)).select_related("owner").get(pk=view.pk)
    if not may_change(actor, held) or held.deleted_at is not None:
        raise PermissionDenied
    if version is not None and version != held.version:
        raise ChangedMeanwhile
    if "name" in values:
        held.name = values["name"]
    if "query" in values:
        held.query = canonical(held.place, values["query"], actor)
    if "columns" in values:
        held.columns = [column.key for column in chosen(values["columns"], actor)]
    if "shared" in values and values["shared"] != held.shared:
        _share(held, actor, values["shared"])
    held.full_clean(exclude=["owner", "team"])
    held.version += 1
    held.save(update_fields=["name", "query", "columns", "shared", "team", "version"])
    return held


def _share(view: SavedView, actor: User, shared: str) -> None:
    if shared not in dict(sharing(actor)):
        raise PermissionDenied
    view.shared = shared
    # a view shared by a leader with “my team” is for the team of whoever shares it
    view.team = actor.team if shared == Shared.TEAM else None


def delete(*, view: SavedView, actor: User) -> None:
    """Take a view away, but for an undo. Raises PermissionDenied."""
    if not may_change(actor, view):
        raise PermissionDenied
    SavedView.objects.filter(pk=view.pk).update(deleted_at=timezone.now(), version=view.version + 1)


def deleted(pk: int, user: User) -> SavedView:
    """Return a deleted view that the person may bring back. Raises Http404."""
    view = SavedView.objects.exclude(deleted_at=None).select_related("owner").filter(pk=pk).first()
    if view is None or not may_change(user, view):
        raise Http404("no such view")
    return view


def restore(*, view: SavedView, actor: User) -> None:
    """Bring a deleted view back. Raises PermissionDenied."""
    if not may_change(actor, view):
        raise PermissionDenied
    SavedView.objects.filter(pk=view.pk).update(deleted_at=None, version=view.version + 1)
