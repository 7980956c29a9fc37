"""What Celery calls: each task loads by id and makes one call."""

from celery import shared_task
from django.utils import timezone

from . import contacts, domain, files, letters, mailing, outbox, todo_acts, warnings
from .api import idempotency
from .lists import jobs
from .models import Mail

SCHEDULE = {
    "sweep-outbox": {"task": "funnel.tasks.sweep_outbox", "schedule": 10.0},
    "sweep-bulk": {"task": "funnel.tasks.sweep_bulk", "schedule": 60.0},
    "wake-snoozed": {"task": "funnel.tasks.wake_snoozed", "schedule": 60.0},
    "remind-of-tasks": {"task": "funnel.tasks.remind_of_tasks", "schedule": 60.0},
    "send-mails": {"task": "funnel.tasks.send_mails", "schedule": 10.0},
    "warn-of-answers": {"task": "funnel.tasks.warn_of_answers", "schedule": 60.0},
    "sweep-files": {"task": "funnel.tasks.sweep_files", "schedule": 3600.0},
    "sweep-letters": {"task": "funnel.tasks.sweep_letters", "schedule": 600.0},
    "forget-notices": {"task": "funnel.tasks.forget_notices", "schedule": 86400.0},
    "forget-idempotency-keys": {"task": "funnel.tasks.forget_idempotency_keys", "schedule": 3600.0},
}

REMINDED = 100
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
def send_mails() -> None:
    """Send the letters and notices that wait; ask again while there may be more, so that no one task runs long."""
    now = timezone.now()
    if mailing.send_waiting(Mail, write=letters.write, now=now, left=contacts.letter_left) == mailing.BATCH:
        send_mails.delay()


@shared_task
def sweep_letters() -> None:
    """Note what followed from letters that went out while a process died."""
    contacts.sweep_letters()


@shared_task
def warn_of_answers() -> None:
    """Warn of applications whose first answer is almost due."""
    warnings.warn_of_answers(at=timezone.now())


@shared_task
def sweep_files() -> None:
    """Delete the contents of files that were removed long ago."""
    files.sweep(at=timezone.now())


@shared_task
def forget_notices() -> None:
    """Delete the notices that went out long ago."""
    letters.forget_notices(at=timezone.now())


@shared_task
def forget_idempotency_keys() -> None:
    """Remove the answers whose day is over."""
    idempotency.forget_old()


@shared_task
def run_bulk(job_id: int) -> None:
    """Do an act on many journeys, portion by portion; ask for another task where much is left."""
    if jobs.run(job_id):
        run_bulk.delay(job_id)


@shared_task
def sweep_bulk() -> None:
    """Ask again for acts on many journeys that got lost."""
    jobs.sweep(at=timezone.now())
