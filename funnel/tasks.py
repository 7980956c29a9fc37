"""What Celery calls: each task loads by id and makes one call."""

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from . import domain, outbox

CANARY_KEY = "canary"


@shared_task
def drain_outbox() -> None:
    """Deliver what is due; ask again while there may be more, so that no one task runs long."""
    if outbox.drain() == outbox.BATCH:
        drain_outbox.delay()


@shared_task
def sweep_outbox() -> None:
    """Deliver what a lost wake-up left behind."""
    drain_outbox()


@shared_task
def wake_snoozed() -> None:
    """Wake the journeys whose snooze has run out."""
    domain.wake_due(at=timezone.now())


@shared_task
def canary() -> None:
    """Leave a sign that beat and a worker are alive, for /readyz."""
    cache.set(CANARY_KEY, timezone.now().isoformat(), timeout=600)
