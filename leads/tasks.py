"""What Celery calls: each task loads by id and makes one call."""

from celery import shared_task
from django.utils import timezone

from .history import jobs

SCHEDULE = {"sweep-imports": {"task": "leads.tasks.sweep_imports", "schedule": 60.0}}


@shared_task
def run_import(job_id: int) -> None:
    """Do what an import waits for: check, land or undo."""
    jobs.run(job_id)


@shared_task
def sweep_imports() -> None:
    """Ask again for imports that got lost, and drop files that have served."""
    jobs.sweep(at=timezone.now())
