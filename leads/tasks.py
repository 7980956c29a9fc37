"""What Celery calls: each task loads by id and makes one call."""

from celery import shared_task
from django.utils import timezone

from . import limits, pairing, submissions
from .history import jobs

SCHEDULE = {
    "sweep-imports": {"task": "leads.tasks.sweep_imports", "schedule": 60.0},
    "send-confirmations": {"task": "leads.tasks.send_confirmations", "schedule": 60.0},
    "find-duplicates": {"task": "leads.tasks.find_duplicates", "schedule": 60.0},
    "forget-unconfirmed": {"task": "leads.tasks.forget_unconfirmed", "schedule": 3600.0},
}


@shared_task(soft_time_limit=840, time_limit=870)
def run_import(job_id: int) -> None:
    """Do what an import waits for: check, land or undo.

    A million events take longer than other tasks may, but less than the broker waits before it sends a task again;
    sent twice it would be done once all the same.
    """
    jobs.run(job_id)


@shared_task
def sweep_imports() -> None:
    """Ask again for imports that got lost, and drop files that have served."""
    jobs.sweep(at=timezone.now())


@shared_task
def send_confirmations() -> None:
    """Send the confirmations that wait, and those that a lost wake-up left behind."""
    submissions.send_waiting()


@shared_task
def forget_unconfirmed() -> None:
    """Sweep away applications whose e-mail nobody confirmed, and old counts of attempts."""
    submissions.forget_pending()
    limits.forget_old()


@shared_task
def find_duplicates() -> None:
    """Compare the people and companies that are new or were changed with all others."""
    pairing.work_off()
