"""The layers hold where import-linter cannot look: foreign keys, the acts of the table, and icons by name."""

import re
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.urls import get_resolver
from rest_framework.views import APIView

from funnel import acts, registry
from funnel.api.auth import HasScope
from funnel.stages import FACTS, MOVES

LAYERS = ["funnel", "partners", "leads", "briefs", "deals", "kpi", "config"]
"""From the bottom to the top."""

ROOT = Path(settings.BASE_DIR)


def upward_keys(layers: list[str]) -> list[str]:
    """Return the relations that lead from an app to one above it."""
    rank = {name: place for place, name in enumerate(layers)}
    return [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models()
        if model._meta.app_label in rank
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and field.related_model
        if rank.get(field.related_model._meta.app_label, -1) > rank[model._meta.app_label]
    ]


def test_no_foreign_key_leads_upward() -> None:
    assert upward_keys(LAYERS) == []


def test_a_foreign_key_upward_would_be_seen() -> None:
    assert upward_keys(LAYERS[::-1])


def test_every_move_and_fact_has_someone_who_does_it_and_every_requirement_someone_who_answers() -> None:
    assert set(acts.ACTS) == {*MOVES, *FACTS}
    assert {path for move in MOVES.values() for path in move.requires} == set(registry.requirements)
    assert [found for found in checks.run_checks() if found.id and found.id.startswith("funnel.")] == []


def test_a_move_that_nobody_does_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(acts.ACTS, "sign")
    assert [found.id for found in checks.run_checks() if found.id == "funnel.E002"] == ["funnel.E002"]


def named_icons() -> Iterator[tuple[str, str]]:
    """Find every icon that templates and views name: (name, where)."""
    named = re.compile(r"""\{% (?:icon|mark) "([a-z0-9-]+)"|icon="([a-z0-9-]+)"|"icon": "([a-z0-9-]+)\"""")
    for folder in [ROOT / "templates", *(ROOT / name for name in LAYERS)]:
        for file in [*folder.rglob("*.html"), *folder.rglob("*.py")]:
            for found in named.finditer(file.read_text()):
                yield next(name for name in found.groups() if name), str(file.relative_to(ROOT))


def test_every_icon_that_is_named_is_there() -> None:
    with zipfile.ZipFile(str(resources.files("lucide") / "lucide.zip")) as wheel:
        there = {Path(name).stem for name in wheel.namelist()}
    named = list(named_icons())
    assert len(named) > 50
    assert [(name, where) for name, where in named if name not in there] == []


def rest_views(patterns: list[Any] | None = None) -> Iterator[type[APIView]]:
    """Find every REST view that an address leads to."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if hasattr(pattern, "url_patterns"):
            yield from rest_views(pattern.url_patterns)
        else:
            view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
            if view and issubclass(view, APIView):
                yield view


def test_every_rest_door_asks_for_a_scope_but_those_of_the_documentation() -> None:
    views = set(rest_views())
    assert len(views) > 20
    assert {view.__name__ for view in views if HasScope not in view.permission_classes} == {
        "SchemaView",
        "DocsView",
    }
