"""Imports as jobs: checked, landed, followed, taken back; safe to be run twice or broken off."""

from __future__ import annotations

import csv
import io
import resource
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.utils import timezone

from deals.models import Payment
from funnel import acts
from funnel.models import Event, Journey
from funnel.verification import verify
from leads.history import jobs
from leads.models import ImportJob
from tests.factories import people

from .files import EVENT_HEADER, GOLDEN, JOURNEY_HEADER, load_golden, standing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def upload(name: str, text: str = "") -> ContentFile[Any]:
    return ContentFile(text.encode() if text else (GOLDEN / name).read_bytes(), name=name)


def submitted(events: str = "", journeys: str = "", **options: Any) -> ImportJob:
    return jobs.submit(
        journeys=upload("journeys.csv", journeys),
        events=upload("events.csv", events),
        actor=people("manager"),
        at=timezone.now(),
        **{"dry_run": False, **options},
    )


def ran(job: ImportJob) -> ImportJob:
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("room", ["for the first file", "for none"])
def test_an_upload_that_finds_no_room_leaves_no_file_behind(room: str, tmp_path: Path) -> None:
    boss, soft = people("manager"), resource.getrlimit(resource.RLIMIT_FSIZE)
    files = {"journeys": upload("journeys.csv"), "events": upload("events.csv")}
    assert files["journeys"].size < files["events"].size
    most = files["journeys"].size + (10 if room == "for the first file" else -10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, soft[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            jobs.submit(**files, actor=boss, at=timezone.now(), dry_run=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, soft)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not ImportJob.objects.exists()


def test_an_import_lands_and_forgets_what_was_uploaded() -> None:
    job = submitted()
    files = job.journeys_file.storage
    names = job.journeys_file.name, job.events_file.name
    assert all(files.exists(name) for name in names)
    ran(job)
    assert (job.state, job.rows_total, job.imported, job.rejected) == ("done", 175, 175, 0)
    assert Journey.objects.count() == 21
    assert not any(files.exists(name) for name in names)


def test_a_dry_run_waits_to_be_landed() -> None:
    job = ran(submitted(dry_run=True))
    assert (job.state, job.imported, Journey.objects.count()) == ("checked", 175, 0)
    ran(jobs.land(job=job, at=timezone.now()))
    assert (job.state, job.imported, Journey.objects.count()) == ("done", 175, 21)
    with pytest.raises(jobs.NotNow):
        jobs.land(job=job, at=timezone.now())


def test_rejected_rows_can_be_downloaded_without_formulas() -> None:
    job = ran(submitted(f'{EVENT_HEADER}\nE1,J01,lead_created,"=HYPERLINK(""x"")",,\n'))
    with job.rejected_file.open("rb") as file:
        rows = list(csv.reader(io.TextIOWrapper(file, "utf-8-sig")))
    assert rows[0] == ["file", "line", "column", "value", "reason"]
    assert ["events", "2", "occurred_at_utc", '\'=HYPERLINK("x")'] in [row[:4] for row in rows]
    assert len(rows) == 1 + job.rejected == 23


def test_strict_fails_with_the_rejected_rows_to_look_at() -> None:
    job = ran(submitted(f"{EVENT_HEADER}\nE1,J01,lead_created,2026-03-02T08:00:00Z,,\n", strict=True))
    assert (job.state, job.rejected, Journey.objects.count()) == ("failed", 20, 0)
    assert job.rejected_file


def test_a_file_that_is_no_table_fails_with_the_reason() -> None:
    job = ran(submitted("nonsense"))
    assert job.state == "failed"
    assert "missing: event_id" in job.error


def test_running_a_job_again_changes_nothing() -> None:
    job = ran(submitted())
    before = ImportJob.objects.values().get()
    jobs.run(job.pk)
    jobs.run(job.pk + 1)
    assert ImportJob.objects.values().get() == before


def test_a_job_that_a_dead_worker_left_running_is_asked_for_again(monkeypatch: Any) -> None:
    woken: list[int] = []
    monkeypatch.setattr(jobs, "_wake", woken.append)  # the broker, which is the outside world
    job = submitted()
    ImportJob.objects.update(state="running")
    jobs.sweep(at=timezone.now())
    assert woken == []
    jobs.sweep(at=timezone.now() + timedelta(minutes=17))
    assert woken == [job.pk]
    assert ran(job).state == "done"


def test_uploads_that_nobody_landed_are_dropped_after_a_week() -> None:
    job = ran(submitted(dry_run=True))
    jobs.sweep(at=timezone.now() + timedelta(days=8))
    job.refresh_from_db()
    assert not job.journeys_file
    assert not job.may_land


def test_progress_is_told_while_a_job_runs() -> None:
    job = submitted()
    cache.set(f"import:{job.pk}", ("landing", 100, 154))
    assert jobs.progress_of(job) == jobs.ProgressNow("landing", 100, 154)
    assert jobs.progress_of(ran(job)) == jobs.ProgressNow("done", 175, 175)


# taking back ---------------------------------------------------------------------------------------------------------


def test_undo_annuls_everything_that_the_import_brought() -> None:
    job = ran(submitted())
    assert Payment.objects.exists()
    ran(jobs.take_back(job=job, actor=people("manager"), at=timezone.now()))
    assert (job.state, job.error) == ("undone", "")
    assert not Payment.objects.exists()
    assert not Event.objects.live().exists()
    assert Event.objects.filter(event="annulled").count() == 154
    assert not Journey.objects.filter(annulled_at=None).exists()
    assert not [difference for differences in verify() for difference in differences]
    with pytest.raises(jobs.NotNow):
        jobs.take_back(job=job, actor=people("manager"), at=timezone.now())


@pytest.mark.django_db(transaction=True)  # each import in a transaction of its own, by which it is told apart
def test_undo_leaves_earlier_imports_alone() -> None:
    load_golden()
    before = standing()
    journey = "J99,C99,web,,,,"
    events = f"{EVENT_HEADER}\nE999,J99,lead_created,2026-03-02T08:00:00Z,,\nE998,J06,brief_filled,2026-04-02T08:00:00Z,,\n"
    job = ran(submitted(events, f"{JOURNEY_HEADER}\n{journey}\n"))
    assert standing() != before
    ran(jobs.take_back(job=job, actor=people("manager"), at=timezone.now()))
    assert (job.state, job.error) == ("undone", "")
    assert standing() == {**before, "J99": "new/"}
    assert Journey.objects.exclude(annulled_at=None).get().external_id == "J99"


def test_undo_is_refused_whole_once_somebody_worked_on_what_was_imported() -> None:
    job = ran(submitted())
    journey = Journey.objects.get(external_id="J06")
    acts.run(name="lose", journeys=[journey.pk], actor=people("manager"), inputs={"reason": "price"})
    before = standing()
    ran(jobs.take_back(job=job, actor=people("manager"), at=timezone.now()))
    assert job.state == "done"
    assert "Nothing was undone" in job.error
    assert standing() == before
    assert not Event.objects.filter(event="annulled").exists()


# personal data -------------------------------------------------------------------------------------------------------


def test_an_erasure_drops_files_and_sample_rows_that_may_name_the_person(
    django_capture_on_commit_callbacks: Any,
) -> None:
    whole = ran(submitted())
    assert whole.guess["rows"]
    kept = ran(
        submitted("event_id,journey_id,event,occurred_at_utc,recorded_at_utc,value\nE1,J1,x,,,Petra\n")
    )
    name = kept.rejected_file.name
    journey = Journey.objects.get(external_id="J06")
    with django_capture_on_commit_callbacks(execute=True):
        acts.run(
            name="personal_data_erased",
            journeys=[journey.pk],
            actor=people("manager"),
            inputs={"sure": True},
        )
    kept.refresh_from_db()
    assert not kept.rejected_file
    assert not ImportJob._meta.get_field("rejected_file").storage.exists(name)
    whole.refresh_from_db()
    for job in (whole, kept):
        assert job.guess["rows"] == []
        assert [one["rows"] for one in job.guess["samples"]] == [[]]
        assert job.guess["encoding"] == "utf-8"
