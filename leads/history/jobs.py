"""Imports as jobs: submitted at a door, run by a worker, followed while they run, taken back as a whole.

Whatever a job writes lands in one transaction together with its outcome, so a worker that dies leaves nothing behind
and the job may simply be run again. How far a running one has come is told through the cache, and only there.
"""

import csv
import io
import logging
import tempfile
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.core.files import File
from django.db import DatabaseError, transaction
from django.db.models import Max
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from funnel.annulment import CannotAnnul
from funnel.models import Event, Journey, User
from leads.imports_models import ImportJob

from . import encodings, undo
from .files import CsvFile, FileProblem, named_for
from .importing import Summary, import_history
from .report import COLUMNS, report_row
from .rows import EVENT_COLUMNS, JOURNEY_COLUMNS, Rejection

log = logging.getLogger(__name__)

State = ImportJob.State

KEEP_UPLOADS: Final = timedelta(days=7)
KEEP_REJECTED: Final = timedelta(days=30)
ASK_AGAIN: Final = timedelta(minutes=16)
"""A job that no worker has finished by then was lost: longer than any task may run."""


class NotNow(Exception):
    """What is asked of the job is not open in its state; the message says why."""


@dataclass(frozen=True, slots=True)
class ProgressNow:
    """How far a job is. `total` is 0 where it is not known."""

    phase: str
    done: int
    total: int


def check_upload(*, journeys: File, events: File, encoding: str = "") -> dict[str, str]:
    """Tell by a first look which of the uploaded files is no table of its kind, and why: field → reason."""
    if encoding:
        try:
            encodings.named(encoding)
        except LookupError:
            return {"encoding": _("There is no encoding of this name; utf-8, cp1252 and cp1251 are some.")}
    faults = {}
    tables = zip(_tables(journeys, events), named_for(encoding, journeys, events), strict=True)
    for (field, upload, columns), named in tables:
        try:
            CsvFile(upload.name or field, upload, named, guesses=True).open(columns)
        except FileProblem as problem:
            faults[field] = str(problem)
        upload.seek(0)
    return faults


def guess_of(*, journeys: File, events: File) -> dict[str, Any]:
    """Return how the files look: `encoding`, `encoding_certain`, `alternatives`, `delimiter`, `file`, `rows`, `samples`.

    Of two files the one that is less certain is told of. `samples` has rows as each encoding reads them, the likeliest
    first; `rows` are those of the likeliest. Raises FileProblem where a file is no table.
    """
    told: dict[str, Any] = {}
    for field, upload, columns in _tables(journeys, events):
        table = CsvFile(upload.name or field, upload, guesses=True)
        table.open(columns)
        if not told or (table.alternatives and told["encoding_certain"]):
            names = [table.encoding, *table.alternatives]
            samples = [{"encoding": name, "rows": table.sample(name)} for name in names]
            told = {
                "encoding": table.encoding,
                "encoding_certain": not table.alternatives,
                "alternatives": list(table.alternatives),
                "delimiter": table.delimiter,
                "mapping": {name: name for name in columns},
                "file": field,
                "rows": samples[0]["rows"],
                "samples": samples,
            }
        upload.seek(0)
    return told


def _tables(journeys: File, events: File) -> Iterable[tuple[str, File, Sequence[str]]]:
    return ("journeys", journeys, JOURNEY_COLUMNS), ("events", events, EVENT_COLUMNS)


def submit(
    *,
    journeys: File,
    events: File,
    actor: User | None,
    at: datetime,
    dry_run: bool,
    strict: bool = False,
    encoding: str = "",
) -> ImportJob:
    """Keep the two files and ask a worker to import them, or to check them only.

    Where the encoding is not certain and none is named, they are checked only, and wait for a choice.
    """
    try:
        guess = guess_of(journeys=journeys, events=events)
    except FileProblem:
        guess = {}  # the worker says what is wrong
        journeys.seek(0)
        events.seek(0)
    job = ImportJob(
        dry_run=dry_run,
        strict=strict,
        encoding=encoding,
        guess=guess,
        journeys_name=(journeys.name or "")[-255:],
        events_name=(events.name or "")[-255:],
        created_by=actor,
        created_at=at,
        queued_at=at,
    )
    # What people call their files is shown, never used as a path.
    try:
        job.journeys_file.save("journeys.csv", journeys, save=False)
        job.events_file.save("events.csv", events, save=False)
        job.save()
    except (OSError, DatabaseError):  # nobody would ever find the files again
        for held in (job.journeys_file, job.events_file):
            if held and held._committed:
                held.storage.delete(held.name)
        raise
    transaction.on_commit(lambda: _wake(job.pk), robust=True)
    return job


def land(*, job: ImportJob, at: datetime, encoding: str = "") -> ImportJob:
    """Import the rows that a dry run found good, read in an encoding where one is named.

    Raises NotNow where that is not what the job waits for, where it waits for an encoding that is not named, or where
    the files cannot be read in the one named.
    """
    if job.waits_for_encoding and not encoding:
        raise NotNow(_("The encoding of the files is not certain: choose one first."))
    if encoding and job.journeys_file:
        with job.journeys_file.open("rb") as journeys, job.events_file.open("rb") as events:
            for why in check_upload(journeys=journeys, events=events, encoding=encoding).values():
                raise NotNow(why)
    changed = ImportJob.objects.filter(pk=job.pk, state__in=[State.CHECKED, State.NEEDS_MAPPING]).update(
        state=State.QUEUED, dry_run=False, queued_at=at, encoding=encoding or job.encoding
    )
    if not changed:
        raise NotNow(_("Only an import that was checked and has not landed yet can be imported."))
    transaction.on_commit(lambda: _wake(job.pk), robust=True)
    job.refresh_from_db()
    return job


def take_back(*, job: ImportJob, actor: User | None, at: datetime) -> ImportJob:
    """Ask a worker to annul everything that the job imported. Raises NotNow where it has imported nothing."""
    changed = ImportJob.objects.filter(pk=job.pk, state=State.DONE, xact__isnull=False).update(
        state=State.UNDOING, undone_by=actor, queued_at=at, error=""
    )
    if not changed:
        raise NotNow(_("Only an import that has landed can be undone, and only once."))
    transaction.on_commit(lambda: _wake(job.pk), robust=True)
    job.refresh_from_db()
    return job


def progress_of(job: ImportJob) -> ProgressNow:
    """Tell how far the job is: at most one look into the cache."""
    if job.is_busy and (told := cache.get(_key(job.pk))):
        return ProgressNow(*told)
    return ProgressNow("" if job.is_busy else job.state, job.rows_done, job.rows_total)


def record_landing(summary: Summary, *, names: tuple[str, str], actor: User | None = None) -> None:
    """Keep what an import from the command line did, so that it can be undone like any other."""
    if not summary.events.imported:
        return
    now = timezone.now()
    job = ImportJob(
        journeys_name=names[0][-255:],
        events_name=names[1][-255:],
        created_by=actor,
        created_at=now,
        queued_at=now,
    )
    for name, value in _outcome(summary, State.DONE).items():
        setattr(job, name, value)
    job.save()


# what the worker does ------------------------------------------------------------------------------------------------


def run(job_id: int) -> None:
    """Do what the job waits for; nothing where it waits for nothing, so it may be asked any number of times."""
    job = ImportJob.objects.select_related("created_by", "undone_by").filter(pk=job_id).first()
    if job is None or not job.is_busy:
        return
    person = job.undone_by if job.state == State.UNDOING else job.created_by
    with translation.override(person.language or None if person else None):
        if job.state == State.UNDOING:
            _undo(job)
        else:
            _import(job)
    cache.delete(_key(job_id))


class _SomebodyElseDid(Exception):
    """The job was finished meanwhile: what was written here is rolled back."""


def _import(job: ImportJob) -> None:
    ImportJob.objects.filter(pk=job.pk, state=State.QUEUED).update(state=State.RUNNING)
    checks_only = job.dry_run or job.waits_for_encoding
    with tempfile.TemporaryFile("w+b") as rejected:
        text = io.TextIOWrapper(rejected, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow(COLUMNS)

        def tell(rejection: Rejection) -> None:
            writer.writerow(report_row(rejection))

        def finish(summary: Summary, state: str) -> None:
            outcome = _outcome(summary, state)
            if summary.rejected:
                text.flush()
                rejected.seek(0)
                outcome["rejected_file"] = job.rejected_file.storage.save(
                    timezone.now().strftime("imports/%Y/%m/rejected.csv"), File(rejected)
                )
            if not ImportJob.objects.filter(pk=job.pk, state=State.RUNNING).update(**outcome):
                raise _SomebodyElseDid

        try:
            with job.journeys_file.open("rb") as journeys, job.events_file.open("rb") as events:
                summary = import_history(
                    journeys=journeys.file,
                    events=events.file,
                    at=timezone.now(),
                    dry_run=checks_only,
                    encoding=job.encoding,
                    guesses=checks_only,
                    strict=job.strict,
                    names=(job.journeys_name, job.events_name),
                    on_rejected=tell,
                    progress=_teller(job.pk),
                    on_landed=lambda summary: finish(summary, State.DONE),
                )
            if not summary.landed:
                checked = State.CHECKED if job.dry_run else State.NEEDS_MAPPING
                finish(summary, checked if checks_only else State.FAILED)
        except _SomebodyElseDid:
            return
        except FileProblem as problem:
            _fail(job, str(problem))
        except OSError:
            log.exception("import %s: its files cannot be read", job.pk)
            _fail(job, _("The uploaded files are not there any more; upload them again."))
        except DatabaseError:
            log.exception("import %s failed", job.pk)
            _fail(job, _("The database refused the import; nothing was written. Try again."))
        except Exception:
            _fail(job, _("The import broke off; nothing was written. Try again, or in smaller files."))
            raise
        finally:
            text.detach()
    if not checks_only:
        drop_uploads(job)


def _undo(job: ImportJob) -> None:
    tell = _teller(job.pk)
    at = timezone.now()
    try:
        with transaction.atomic():
            undo.take_back(
                xact=job.xact or 0,
                last_event=job.last_event or 0,
                act=str(uuid.uuid4()),
                actor=job.undone_by,
                at=at,
                progress=tell,
            )
            if not ImportJob.objects.filter(pk=job.pk, state=State.UNDOING).update(
                state=State.UNDONE, undone_at=at
            ):
                raise _SomebodyElseDid
    except _SomebodyElseDid:
        return
    except CannotAnnul as refusal:
        _back_to_done(job, _("Nothing was undone: %(why)s") % {"why": refusal})
    except Exception:
        _back_to_done(job, _("The undo broke off; nothing was undone. Try again."))
        raise


def _outcome(summary: Summary, state: str) -> dict[str, Any]:
    failed = state == State.FAILED
    return {
        "state": state,
        "rows_total": summary.rows,
        "rows_done": summary.rows,
        "imported": summary.imported,
        "already_there": summary.already_there,
        "rejected": summary.rejected,
        "report": summary.as_dict(),
        "error": _("Rows were rejected, so nothing was imported.") if failed else "",
        "xact": summary.xact or None,
        "last_event": _last_event(summary.xact),
        "finished_at": timezone.now(),
    }


def _last_event(xact: int) -> int | None:
    return Event.objects.filter(xact=xact).aggregate(last=Max("pk"))["last"] if xact else None


def _fail(job: ImportJob, why: str) -> None:
    ImportJob.objects.filter(pk=job.pk, state__in=[State.QUEUED, State.RUNNING]).update(
        state=State.FAILED, error=why, finished_at=timezone.now()
    )


def _back_to_done(job: ImportJob, why: str) -> None:
    ImportJob.objects.filter(pk=job.pk, state=State.UNDOING).update(
        state=State.DONE, undone_by=None, error=why
    )


def _teller(job_id: int) -> Callable[[str, int, int], None]:
    def tell(phase: str, done: int, total: int) -> None:
        cache.set(_key(job_id), (phase, done, total), timeout=3600)

    return tell


def _key(job_id: int) -> str:
    return f"import:{job_id}"


def _wake(job_id: int) -> None:
    from leads.tasks import run_import

    run_import.delay(job_id)


# the clock -----------------------------------------------------------------------------------------------------------


def sweep(*, at: datetime) -> None:
    """Ask again for jobs that got lost on the way, and drop files that have served."""
    lost = ImportJob.objects.filter(
        state__in=[State.QUEUED, State.RUNNING, State.UNDOING], queued_at__lt=at - ASK_AGAIN
    )
    for job in lost:
        ImportJob.objects.filter(pk=job.pk).update(queued_at=at)
        _wake(job.pk)
    for job in ImportJob.objects.filter(created_at__lt=at - KEEP_UPLOADS).exclude(journeys_file=""):
        if not job.is_busy:
            drop_uploads(job)
    for job in ImportJob.objects.filter(created_at__lt=at - KEEP_REJECTED).exclude(rejected_file=""):
        _drop(job, "rejected_file")


def forget_files(journeys: Iterable[int]) -> None:
    """Drop kept files and sample rows of all imports where one of the journeys, now erased, came by an import.

    Which file names whom is not known; an import that was checked only has to be uploaded again.
    """
    if not Journey.objects.filter(pk__in=journeys, external_id__isnull=False).exists():
        return
    for job in ImportJob.objects.filter(guess__has_key="rows").select_for_update().only("guess"):
        told = job.guess | {"rows": [], "samples": [one | {"rows": []} for one in job.guess["samples"]]}
        ImportJob.objects.filter(pk=job.pk).update(guess=told)
    transaction.on_commit(_forget_all_files)


def _forget_all_files() -> None:
    for job in ImportJob.objects.exclude(journeys_file="", rejected_file=""):
        if not job.is_busy:
            drop_uploads(job)
            _drop(job, "rejected_file")


def drop_uploads(job: ImportJob) -> None:
    """Forget what was uploaded: it holds words about people."""
    _drop(job, "journeys_file")
    _drop(job, "events_file")


def _drop(job: ImportJob, field: str) -> None:
    held = getattr(job, field)
    if held:
        with suppress(OSError):
            held.storage.delete(held.name)
        ImportJob.objects.filter(pk=job.pk).update(**{field: ""})
