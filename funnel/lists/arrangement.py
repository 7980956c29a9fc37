"""How a person arranges lists: columns, the order of saved views, the view that a list opens with.

It is kept with the person, as {"columns": {"": [keys], "12": [keys]}, "order": [views], "default": {"list": view}}; the
columns under "" are those of no view, the others the person's own choice for a view. Reading it asks no query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from funnel.models import SavedView, User

from .columns import Column, chosen, usual


def columns_of(user: User, view: SavedView | None) -> list[Column]:
    """Return the columns that the list shows this person: their own choice for the view, the view's, their general one."""
    own = user.lists.get("columns", {})
    keys = (own.get(str(view.pk)) or view.columns if view else None) or own.get("")
    return chosen(keys or usual(user), user) or chosen(usual(user), user)


def choose_columns(*, user: User, view: SavedView | None, keys: Iterable[str]) -> None:
    """Keep the person's choice of columns, for a view or for the list without one; none at all is the usual choice."""
    place, wanted = str(view.pk) if view else "", [column.key for column in chosen(keys, user)]

    def write(lists: dict[str, Any]) -> None:
        columns = lists.setdefault("columns", {})
        if wanted and not (place == "" and wanted == usual(user)):
            columns[place] = wanted
        else:
            columns.pop(place, None)

    _change(user, write)


def forget_columns(*, user: User, view: SavedView) -> None:
    """Let the view's own columns hold again for the person."""
    _change(user, lambda lists: lists.get("columns", {}).pop(str(view.pk), None))


def in_order(views: Iterable[SavedView], user: User) -> list[SavedView]:
    """Return the views as the person has put them; new ones follow in the order of their making."""
    places = {pk: place for place, pk in enumerate(user.lists.get("order", []))}
    return sorted(views, key=lambda view: (places.get(view.pk, len(places)), view.pk))


def move(*, user: User, views: Iterable[SavedView], view: SavedView, by: int) -> None:
    """Put a view further ahead (-1) or behind (1) among those of its own place."""
    ordered = in_order(views, user)
    siblings = [other for other in ordered if other.place == view.place]
    here = next(place for place, other in enumerate(siblings) if other.pk == view.pk)
    there = min(max(here + by, 0), len(siblings) - 1)
    siblings.insert(there, siblings.pop(here))
    rest = iter(siblings)
    keys = [next(rest).pk if other.place == view.place else other.pk for other in ordered]
    _change(user, lambda lists: lists.update(order=keys))


def default_of(user: User, place: str) -> int | None:
    """Return the key of the view that the person's list or board opens with."""
    found = user.lists.get("default", {}).get(place)
    return found if isinstance(found, int) else None


def set_default(*, user: User, place: str, view: SavedView | None) -> None:
    """Open the list or board with a view, or with None as everyone does."""

    def write(lists: dict[str, Any]) -> None:
        default = lists.setdefault("default", {})
        if view is None:
            default.pop(place, None)
        else:
            default[place] = view.pk

    _change(user, write)


@transaction.atomic
def _change(user: User, write: Callable[[dict[str, Any]], Any]) -> None:
    """Change what is kept, as it stands now, and let `user` know it too."""
    lists = (
        User.objects.select_for_update(of=("self",), no_key=True)
        .values_list("lists", flat=True)
        .get(pk=user.pk)
    )
    write(lists)
    User.objects.filter(pk=user.pk).update(lists=lists)
    user.lists = lists
