"""Addresses of people and companies, the same pages for both, and of custom fields."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from .party_kinds import KINDS
from .views import custom_fields, merging, parties

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


urlpatterns: list[URLPattern] = [
    *(pattern for slug in KINDS for pattern in _pages(slug)),
    path("journeys/<int:pk>/fields/", custom_fields.journey_fields, name="journey-fields"),
    path("settings/fields/", custom_fields.field_list, name="custom-field-list"),
    path("settings/fields/new/", custom_fields.field, name="custom-field-new"),
    path("settings/fields/<int:pk>/", custom_fields.field, name="custom-field"),
]
