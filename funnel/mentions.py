"""@name in a note or call: who is meant, and who may be found by the first letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from .access import PERMISSIONS, Permission
from .models import Event, User

WORD: Final = re.compile(r"(?<![\w@.+-])@([\w.@+-]{1,150})")
"""An @ that begins a word, and the sign-in name after it; one inside an e-mail address is none."""

MOST: Final = 20
"""How many people one note may tell."""


def names_in(text: str) -> list[str]:
    """Return the names that a text may mean, each with what it is without the full stop after it, in their order."""
    found: dict[str, None] = {}
    for match in WORD.finditer(text):
        name = match[1]
        found[name] = None
        while name and name[-1] in ".-+@_":
            name = name[:-1]
            found[name] = None
    return [name for name in found if name][: MOST * 3]


def colleagues() -> Any:
    """Return the people who work here and may be mentioned."""
    return User.objects.filter(is_active=True, role__in=PERMISSIONS[Permission.SEE_WORKSPACE])


def mentioned(text: str) -> list[User]:
    """Return the colleagues whom a text names: one query, none where nobody is named."""
    names = names_in(text)
    return list(colleagues().filter(username__in=names).order_by("pk")[:MOST]) if names else []


def inputs_for(text: str) -> dict[str, list[int]]:
    """Return what the ledger keeps of the people whom a text names: their ids, nothing where there are none."""
    people = mentioned(text)
    return {"mentions": [user.pk for user in people]} if people else {}


def ids_of(event: Event) -> list[int]:
    """Return the ids of the people whom the words of an event name."""
    ids = event.inputs.get("mentions", ()) if isinstance(event.inputs, dict) else ()
    return [pk for pk in ids if isinstance(pk, int)]


def marked(text: str, people: Mapping[str, str]) -> SafeString:
    """Return the text for a page, with the people it names (sign-in name → full name) shown by their full names."""
    parts, end = [], 0
    for match in WORD.finditer(text):
        name = match[1]
        while name and name not in people:
            name = name[:-1] if name[-1] in ".-+@_" else ""
        if not name:
            continue
        parts += [
            escape(text[end : match.start()]),
            format_html('<span class="mention" title="@{}">@{}</span>', name, people[name]),
        ]
        end = match.start() + 1 + len(name)
    return mark_safe("".join(parts) + escape(text[end:]))  # noqa: S308  every part of it is escaped


def suggested(words: str, *, to: User, limit: int = 8) -> list[User]:
    """Return the colleagues whose name or sign-in name has a word that begins so, oneself left out: one query."""
    words = words.strip().replace("\x00", "")[:50]
    found = colleagues().exclude(pk=to.pk)
    if words:
        found = found.filter(
            Q(username__istartswith=words) | Q(name__istartswith=words) | Q(name__icontains=f" {words}")
        )
    return list(found.order_by("name", "username")[:limit])
