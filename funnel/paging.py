"""Keyset pages for lists on screen: as fast at the millionth row as at the first, whole while rows come and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

M = TypeVar("M", bound=Model)

SIZE = 50
SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows, and the addresses of the pages around them ("" where there are none)."""

    rows: list[M]
    newer: str
    older: str


def keyset(
    queryset: QuerySet[M],
    query: QueryDict,
    *,
    by: str = "created_at",
    oldest_first: bool = False,
    size: int = SIZE,
) -> Page[M]:
    """Return the page of `queryset` that the address asks for, ordered by the moment `by` and then by key.

    One query. The address carries `after` or `before`, the place where the neighbouring page ended; what cannot be
    read there leads to the first page.
    """
    after, before = _read(query.get("after", "")), _read(query.get("before", ""))
    backwards = before is not None and after is None
    place = before if backwards else after
    ascending = oldest_first != backwards
    if place is not None:
        queryset = queryset.filter(_beyond(by, place, ascending))
    sign = "" if ascending else "-"
    found = list(queryset.order_by(f"{sign}{by}", f"{sign}pk")[: size + 1])
    more = len(found) > size
    rows = found[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], "", "")
    has_newer = more if backwards else place is not None
    has_older = place is not None if backwards else more
    return Page(
        rows,
        _address(query, "before", by, rows[0]) if has_newer else "",
        _address(query, "after", by, rows[-1]) if has_older else "",
    )


def _beyond(by: str, place: tuple[datetime, int], ascending: bool) -> Q:
    moment, key = place
    way = "gt" if ascending else "lt"
    # the first condition alone bounds the walk over the index; the second settles equal moments
    return Q(**{f"{by}__{way}e": moment}) & (Q(**{f"{by}__{way}": moment}) | Q(**{f"pk__{way}": key}))


def _read(text: str) -> tuple[datetime, int] | None:
    moment, found, key = text.partition(SEPARATOR)
    if not found or not key.isascii() or not key.isdigit() or len(key) > 18:
        return None
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at, int(key)) if at.tzinfo else None


def _address(query: QueryDict, name: str, by: str, row: Any) -> str:
    changed = query.copy()
    for place in ("after", "before"):
        changed.pop(place, None)
    changed[name] = f"{getattr(row, by).isoformat()}{SEPARATOR}{row.pk}"
    return f"?{changed.urlencode()}"
