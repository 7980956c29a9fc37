"""Keyset pages for lists on screen: as fast at the millionth row as at the first, whole while rows come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Model, Q, QuerySet
from django.http import QueryDict

from funnel.queries import Among

M = TypeVar("M", bound=Model)

SIZE = 50
SEPARATOR = "~"
"""Stands between value and key of a place in an address; the place of a row without a value is its key alone."""
LONGEST: Final = 300
"""A place in an address is no longer than so many characters."""


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows, and the addresses of the pages around them ("" where there are none)."""

    rows: list[M]
    newer: str
    older: str


@dataclass(frozen=True, slots=True)
class Column:
    """What rows are ordered by; `nullable` where some may be without a value, which come last in either order."""

    name: str
    rising: bool
    nullable: bool = False


def moment(text: str) -> datetime:
    """Read a moment with its zone. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a moment without a zone")
    return at


def amount(text: str) -> Decimal:
    """Read a sum of money. Raises ValueError."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("no number") from None
    if not found.is_finite() or abs(found) >= 10**14:
        raise ValueError("no sum of money")
    return found


def whole(text: str) -> int:
    """Read a whole number. Raises ValueError."""
    found = int(text) if text.isascii() else -1
    if not -(2**31) <= found < 2**31:
        raise ValueError("no such number")
    return found


def words(text: str) -> str:
    """Read words. Raises ValueError."""
    if "\x00" in text:
        raise ValueError("no words")
    return text


def keyset(
    queryset: QuerySet[M],
    query: QueryDict,
    *,
    by: str = "created_at",
    oldest_first: bool = False,
    size: int = SIZE,
    read: Callable[[str], Any] = moment,
    nullable: bool = False,
    fetch: Callable[[QuerySet[M]], QuerySet[M]] | None = None,
) -> Page[M]:
    """Return the page of `queryset` that the address asks for, ordered by the field or annotation `by`, then by key.

    One query. `oldest_first` is the rising order. The address carries `after` or `before`, the place where the
    neighbouring page ended, whose value `read` reads; what cannot be read there leads to the first page. Rows without
    a value come last in either order, where `nullable` says that there may be some. With `fetch`, which adds to a
    queryset what `by` names and what the rows show, the page is found first and only its rows are fetched: where no
    index leads to them, what is sorted is narrow.
    """
    after, before = (_read(query.get(name, ""), read, nullable) for name in ("after", "before"))
    backwards = before is not None and after is None
    place = before if backwards else after
    columns = (Column(by, oldest_first, nullable), Column("pk", oldest_first))
    if place is not None:
        queryset = queryset.filter(beyond(columns, place, backwards=backwards))
    order = order_of(columns, backwards=backwards)
    cut = queryset.order_by(*order)[: size + 1]
    if fetch is not None:
        # an array is worked out first, and once; a plain IN would be joined last, after every row
        keys = Among(F("pk"), ArraySubquery(cut.values("pk")))
        named = fetch(queryset.model._default_manager.filter(keys))
        cut = named.order_by(*order)
    found = list(cut)
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


def ordered(queryset: QuerySet[M], by: str, *, rising: bool, nullable: bool = False) -> QuerySet[M]:
    """Return the rows in the order of the pages."""
    return queryset.order_by(*order_of((Column(by, rising, nullable), Column("pk", rising))))


def order_of(columns: Sequence[Column], *, backwards: bool = False) -> list[Any]:
    """Return what `order_by` takes; `backwards` is how the page before is looked for."""
    order: list[Any] = []
    for column in columns:
        rising = column.rising != backwards
        if column.nullable:
            nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
            order.append(F(column.name).asc(**nulls) if rising else F(column.name).desc(**nulls))
        else:
            order.append(column.name if rising else f"-{column.name}")
    return order


def beyond(columns: Sequence[Column], place: Sequence[Any], *, backwards: bool = False) -> Q:
    """Return the condition for the rows behind a place, which has a value for each column, the key last."""
    column, value, further = columns[0], place[0], columns[1:]
    way = "gt" if column.rising != backwards else "lt"
    behind = Q(**{f"{column.name}__{way}": value}) if value is not None else Q()
    if not further:
        return behind
    rest = beyond(further, place[1:], backwards=backwards)
    if value is None:
        same = Q(**{f"{column.name}__isnull": True}) & rest
        return same | Q(**{f"{column.name}__isnull": False}) if backwards else same
    if column.nullable and not backwards:
        return behind | (Q(**{column.name: value}) & rest) | Q(**{f"{column.name}__isnull": True})
    # the first condition alone bounds the walk over the index; the second settles equal values
    return Q(**{f"{column.name}__{way}e": value}) & (behind | rest)


def _read(text: str, read: Callable[[str], Any], nullable: bool) -> tuple[Any, int] | None:
    value, found, key = text.rpartition(SEPARATOR)
    if not key.isascii() or not key.isdigit() or len(key) > 18 or len(text) > LONGEST:
        return None
    if not found:
        return (None, int(key)) if nullable else None
    try:
        return read(value), int(key)
    except (ValueError, OverflowError):
        return None


def _address(query: QueryDict, name: str, by: str, row: Any) -> str:
    changed = query.copy()
    for place in ("after", "before"):
        changed.pop(place, None)
    value = getattr(row, by)
    text = value.isoformat() if isinstance(value, date) else str(value)
    changed[name] = f"{row.pk}" if value is None else f"{text}{SEPARATOR}{row.pk}"
    return f"?{changed.urlencode()}"
