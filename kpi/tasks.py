"""What Celery calls for the figures."""

from time import monotonic

from celery import shared_task

from kpi import rollup

LONGEST_S = 120.0
"""A catch-up goes on in the next tick after so long, well within a task's time limit."""

SCHEDULE = {
    "follow-ledger": {"task": "kpi.tasks.follow_ledger", "schedule": 2.0, "options": {"expires": 10}},
}


@shared_task
def follow_ledger() -> None:
    """Bring facts and rollups up to the ledger; where another process is at it, leave it to that one."""
    began = monotonic()
    while (found := rollup.step()) and not found.finished and monotonic() - began < LONGEST_S:
        pass
