"""Addresses of people and companies, the same pages for both."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from .party_kinds import KINDS
from .views import merging, parties

ROOTS = {"contact": "contacts", "company": "companies"}


def _pages(slug: str) -> list[URLPattern]:
    root, kind = ROOTS[slug], {"kind": slug}

    def page(rest: str, view: Any, name: str) -> URLPattern:
        return path(f"{root}/{rest}", view, kind, name=f"{slug}-{name}" if name else slug)

    return [
        page("", parties.party_list, "list"),
        page("<int:pk>/", parties.party, ""),
        page("<int:pk>/edit/", parties.edit, "edit"),
        page("<int:pk>/changes/", parties.changes, "changes"),
        page("<int:pk>/merge/", merging.merge, "merge"),
        page("<int:pk>/unmerge/", merging.unmerge, "unmerge"),
        page("<int:pk>/alike/", merging.lookalikes, "alike"),
    ]


urlpatterns: list[URLPattern] = [pattern for slug in KINDS for pattern in _pages(slug)]
