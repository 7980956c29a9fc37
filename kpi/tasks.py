"""What Celery calls for the figures."""

from time import monotonic

from celery import shared_task
from celery.schedules import crontab
from django.utils import timezone

from funnel.models import Organisation
from kpi import rollup
from kpi.digest import sending
from kpi.estimates import making
from kpi.queries import windows_of

LONGEST_S = 120.0
"""A catch-up goes on in the next tick after so long, well within a task's time limit."""

SCHEDULE = {
    "follow-ledger": {"task": "kpi.tasks.follow_ledger", "schedule": 2.0, "options": {"expires": 10}},
    # often, since midnight comes at another hour in each zone and new data should not wait; done once a day
    "make-estimates": {"task": "kpi.tasks.make_estimates", "schedule": crontab(minute="*/10")},
    "send-digests": {"task": "kpi.tasks.send_digests", "schedule": 300.0, "options": {"expires": 240}},
}


@shared_task
def follow_ledger() -> None:
    """Bring facts and rollups up to the ledger; where another process is at it, leave it to that one."""
    began = monotonic()
    while (found := rollup.step()) and not found.finished and monotonic() - began < LONGEST_S:
        pass


@shared_task
def make_estimates(*, anew: bool = False) -> None:
    """Make the day's estimates, once a day; with `anew` in any case.

    They read five years of days. While those are not kept, as during a rebuild, that is left to the next hour.
    """
    organisation = Organisation.current()
    make = making.make if anew else making.make_if_due
    kept = rollup.is_current(clock=organisation.clock, windows=windows_of(organisation), lag=rollup.FRESH)
    if kept or anew:
        make(organisation=organisation, at=timezone.now())


@shared_task
def send_digests() -> None:
    """Send the digests that are due, and those whose sending failed."""
    sending.send_due(now=timezone.now())
