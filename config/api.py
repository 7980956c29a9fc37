"""The REST doors of all apps under one roof, with their schema and its documentation.

An app that has `<app>/api/urls.py` declares there a DRF `router`, or `urlpatterns` where it wants more.
"""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import Any

from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny


def _doors() -> list[Any]:
    found = []
    for app in settings.APPS:
        if not importlib.util.find_spec(f"{app}.api") or not importlib.util.find_spec(f"{app}.api.urls"):
            continue
        module = import_module(f"{app}.api.urls")
        patterns = getattr(module, "urlpatterns", None)
        found.append(path("", include(module.router.urls if patterns is None else patterns)))
    return found


class SchemaView(SpectacularAPIView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files: no request leaves for another host, nothing inline."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    url_name = "api:schema"
    template_name = "config/api_docs.html"


urlpatterns = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    *_doors(),
]
