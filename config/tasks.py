"""The canary: a task that proves that beat, broker and worker work together."""

from __future__ import annotations

import time

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

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


@shared_task(soft_time_limit=840, time_limit=870)
def load_demo(journeys: int) -> None:
    """Load the demo, as the first run asked for; sent twice it is loaded once."""
    from config import demo

    try:
        demo.load(journeys=journeys, sign_in=False, progress=lambda done, n: demo.tell("loading", done, n))
    except Exception as error:
        demo.tell("failed", error=str(error)[:300])
        raise
    demo.tell("over")


@shared_task(soft_time_limit=840, time_limit=870)
def remove_demo(actor_id: int) -> None:
    """Take the demo out; sent twice it is taken out once."""
    from config import demo
    from funnel.models import User

    actor = User.objects.get(pk=actor_id)
    try:
        demo.remove(actor=actor, at=timezone.now(), progress=lambda done, n: demo.tell("removing", done, n))
    except demo.CannotRemove as refusal:
        demo.tell("failed", error=str(refusal))
        return
    except Exception as error:
        demo.tell("failed", error=str(error)[:300])
        raise
    demo.tell("over")
