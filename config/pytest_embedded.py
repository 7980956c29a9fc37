"""Starts the embedded servers for the tests, before Django's settings are read.

Named in pytest's `addopts`, because a conftest is too late. Only the controller starts and stops them;
the workers of pytest-xdist find them through the environment.
"""

from __future__ import annotations

import os

import pytest

from config import embedded
from config.env import BASE_DIR

_held = None

if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["FUNNEL_DATA_DIR"] = os.environ.get("FUNNEL_TEST_DIR") or str(BASE_DIR / ".data-test")
    os.environ["PUBLIC_URL"] = "http://testserver"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the tests' own thread
    try:
        _held = embedded.acquire(test=True)
    except embedded.ServerError as error:
        raise pytest.UsageError(str(error)) from None
    os.environ[embedded.MANAGED] = str(embedded.servers().data)


def pytest_unconfigure() -> None:
    global _held
    if _held:
        _held.release()
        _held = None
