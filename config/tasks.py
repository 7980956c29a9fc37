"""The canary: a task that proves that beat, broker and worker work together."""

from __future__ import annotations

import time

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

CANARY_KEY = "config:canary"
SCHEDULE = {
    "canary": {
        "task": "config.tasks.canary",
        "schedule": float(settings.CANARY_SECONDS),
        "options": {"expires": settings.CANARY_MAX_AGE},  # a late proof proves nothing
    }
}


@shared_task
def canary() -> None:
    cache.set(CANARY_KEY, time.time(), timeout=24 * 3600)


def canary_age() -> float | None:
    """Seconds since a task last ran; None where none has run since the cache was emptied."""
    ran = cache.get(CANARY_KEY)
    return None if ran is None else max(0.0, time.time() - ran)
