"""What every test may use. The servers themselves come from config/pytest_embedded.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from config import embedded
from config.translations import compile_changed

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
