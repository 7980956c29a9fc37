"""An act on more journeys than a page can wait for, as a job: done in portions by a worker, watched, stopped, undone.

Each portion is one transaction together with how far the job has come, so a worker that dies loses nothing: the next
one goes on where it stopped, and nothing is done twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.http import QueryDict
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from funnel import acts, notify
from funnel.acts import ACTS, BadInput
from funnel.annulment import CannotAnnul, annul
from funnel.choices import reason_in_words
from funnel.machine import Refused
from funnel.models import BulkJob, Event, Journey, Notification, User

log = logging.getLogger(__name__)

State = BulkJob.State

PORTION: Final = 100
PATIENCE: Final = 120.0
"""Seconds after which a task asks for another one to go on: shorter than any task may run."""
ASK_AGAIN: Final = timedelta(minutes=5)
"""A job that has not moved for so long was lost."""
REFUSALS_KEPT: Final = 2000


def start(
    *, act: str, journeys: Sequence[int], inputs: str, actor: User, at: datetime | None, back: str
) -> BulkJob:
    """Ask a worker to do an act on journeys; `inputs` are those of its form, urlencoded, found valid before."""
    job = BulkJob.objects.create(
        act=act,
        journeys=sorted(journeys),
        inputs=inputs,
        occurred_at=at,
        created_by=actor,
        queued_at=timezone.now(),
        back=back[:2000],
    )
    _wake(job)
    return job


def stop(*, job: BulkJob) -> bool:
    """Stop a job after the portion under way; tell whether it was running."""
    return bool(
        BulkJob.objects.filter(pk=job.pk, state__in=(State.QUEUED, State.RUNNING)).update(
            state=State.STOPPED, finished_at=timezone.now()
        )
    )


def take_back(*, job: BulkJob) -> bool:
    """Ask a worker to undo what the job has done; tell whether there is something to undo."""
    changed = BulkJob.objects.filter(pk=job.pk, state__in=(State.DONE, State.STOPPED), changed__gt=0).update(
        state=State.UNDOING, queued_at=timezone.now(), error=""
    )
    if changed:
        _wake(job)
    return bool(changed)


def _wake(job: BulkJob) -> None:
    from funnel.tasks import run_bulk

    transaction.on_commit(lambda: run_bulk.delay(job.pk), robust=True)


def sweep(*, at: datetime) -> None:
    """Ask again for the jobs that got lost."""
    lost = BulkJob.objects.filter(
        state__in=(State.QUEUED, State.RUNNING, State.UNDOING), queued_at__lt=at - ASK_AGAIN
    )
    for job in lost:
        BulkJob.objects.filter(pk=job.pk).update(queued_at=at)
        _wake(job)


def run(job_id: int, *, patience: float = PATIENCE) -> bool:
    """Do what the job waits for, portion by portion; tell whether something is left for another task."""
    until = time.monotonic() + patience
    while _portion(job_id):
        if time.monotonic() > until:
            return True
    return False


def _portion(job_id: int) -> bool:
    """Do the next portion in a transaction; tell whether there may be another. Nothing where somebody else is at it."""
    with transaction.atomic():
        job = (
            BulkJob.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("created_by__team")
            .filter(pk=job_id)
            .first()
        )
        if job is None or not job.is_busy:
            return False
        with translation.override(job.created_by.language or None):
            return _undo(job) if job.state == State.UNDOING else _do(job)


def _do(job: BulkJob) -> bool:
    actor = job.created_by
    keys = job.journeys[job.reached : job.reached + PORTION]
    if not actor.is_active:
        return _end(job, State.STOPPED, _("Whoever started it cannot sign in any more."))
    if not keys:
        return _end(job, State.DONE)
    seen = list(Journey.objects.visible_to(actor).filter(pk__in=keys).values_list("pk", flat=True))
    refused = {str(key): _("You do not see this journey any more.") for key in keys if key not in set(seen)}
    if seen:
        form = ACTS[job.act].form(QueryDict(job.inputs), journey=None, actor=actor)
        try:
            outcome = acts.run(
                name=job.act, journeys=seen, actor=actor, inputs=form, at=job.occurred_at, mode="each"
            )
        except BadInput as bad:
            faults = "; ".join(str(fault) for faults in bad.form.errors.values() for fault in faults)
            return _end(job, State.STOPPED, faults)
        except Refused as refusal:
            refused |= {str(pk): reason_in_words(one) for pk, one in refusal.refusals.items()}
        else:
            refused |= {str(pk): reason_in_words(one) for pk, one in outcome.refusals.items()}
            job.changed += len(outcome.journeys)
            job.acts += sorted({event.act for event in outcome.events})
    job.reached += len(keys)
    job.refused |= dict(list(refused.items())[: max(0, REFUSALS_KEPT - len(job.refused))])
    job.state, job.queued_at = State.RUNNING, timezone.now()
    job.save(update_fields=["reached", "changed", "acts", "refused", "state", "queued_at"])
    return True if job.reached < job.total else _end(job, State.DONE)


def _undo(job: BulkJob) -> bool:
    """Undo the act done last; what cannot be undone stays, and the job says why."""
    if not job.acts:
        return _end(job, State.UNDONE, job.error)
    act = job.acts.pop()
    events = list(Event.objects.filter(act=act).live().order_by("pk").values_list("pk", flat=True))
    if events:
        try:
            with transaction.atomic():
                annul(events=events, actor=job.created_by, at=timezone.now())
        except CannotAnnul as why:
            job.error = _("Some were not undone: %(why)s") % {"why": why}
    job.queued_at = timezone.now()
    job.save(update_fields=["acts", "error", "queued_at"])
    return True


def _end(job: BulkJob, state: str, error: str = "") -> bool:
    """Close the job and tell whoever started it; of an undo they see themselves."""
    job.state, job.error, job.finished_at = state, error, timezone.now()
    job.save(update_fields=["state", "error", "finished_at"])
    last = Event.objects.filter(journey__in=job.journeys[:1]).order_by("-seq").first()
    if last is not None and state != State.UNDONE:
        notify.tell([job.created_by_id], Notification.Kind.JOB, last, key=str(job.pk))
    return False
