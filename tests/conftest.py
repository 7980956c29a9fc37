"""What every test may use. The servers themselves come from config/pytest_embedded.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_migrate

from config import embedded
from config.translations import compile_changed
from tests.browsing import browser, visit  # noqa: F401  fixtures: one browser for the whole session
from tests.postbox import postbox  # noqa: F401  fixture: a mail server

ALWAYS_THERE = (
    "funnel.migrations.0003_what_always_exists",
    "leads.migrations.0003_contact_form",
    "briefs.migrations.0002_default_template",
)
"""Migrations whose `create(apps, schema_editor)` fills tables, by the app's name first."""

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_configure() -> None:
    compile_changed()


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Each test starts with an empty cache: counters of limits and the like do not leak."""
    yield
    if not embedded.redis_url_given():
        cache.clear()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium; without one browser tests are skipped, under CI they fail."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not found:
        if os.environ.get("CI"):
            pytest.fail("CI needs a Chromium: apt install chromium, or name it in CHROMIUM.")
        pytest.skip("no Chromium on this machine")
    return found


def _recreate(sender: Any, **_options: Any) -> None:
    """Bring back what migrations created, after a transactional test has emptied the tables."""
    for name in ALWAYS_THERE:
        if name.partition(".")[0] == sender.name:
            import_module(name).create(apps, None)


@pytest.fixture(scope="session", autouse=True)
def _what_always_exists() -> Iterator[None]:
    post_migrate.connect(_recreate)
    yield
    post_migrate.disconnect(_recreate)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let transactional tests empty the ledger: by TRUNCATE only, and only in the test database."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE funnel_event DISABLE TRIGGER event_no_truncate")
