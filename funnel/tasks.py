"""What Celery calls: each task loads by id and makes one call."""

from celery import shared_task
from django.utils import timezone

from . import domain, outbox, todo_acts
from .api import idempotency

SCHEDULE = {
    "sweep-outbox": {"task": "funnel.tasks.sweep_outbox", "schedule": 10.0},
    "wake-snoozed": {"task": "funnel.tasks.wake_snoozed", "schedule": 60.0},
    "remind-of-tasks": {"task": "funnel.tasks.remind_of_tasks", "schedule": 60.0},
    "forget-idempotency-keys": {"task": "funnel.tasks.forget_idempotency_keys", "schedule": 3600.0},
}

REMINDED = 500
"""Tasks reminded of in one transaction."""


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
def remind_of_tasks() -> None:
    """Tell people of the tasks whose time has come, in batches."""
    while todo_acts.remind_due(at=timezone.now(), limit=REMINDED) == REMINDED:
        pass


@shared_task
def forget_idempotency_keys() -> None:
    """Remove the answers whose day is over."""
    idempotency.forget_old()
