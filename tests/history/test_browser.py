"""An import in a real browser, from upload to undo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from django.utils import timezone
from playwright.sync_api import expect

from funnel.models import Journey
from funnel.stages import Role
from leads.history import jobs
from leads.models import ImportJob
from tests.browsing import PHONE, check_access
from tests.factories import people

from .files import GOLDEN

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _files_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def bad_events(folder: Path) -> Path:
    events = folder / "events.csv"
    events.write_text((GOLDEN / "events.csv").read_text() + "E999,J01,no_such,2026-03-02T08:00:00Z,,,\n")
    return events


def test_a_past_moves_in_and_out_again(visit: Any, tmp_path: Path) -> None:
    page = visit("/imports/", people(Role.MANAGER))
    page.get_by_label("Journeys").set_input_files(GOLDEN / "journeys.csv")
    page.get_by_label("Events").set_input_files(bad_events(tmp_path))
    page.get_by_role("button", name="Check the files").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    job = ImportJob.objects.get()
    jobs.run(job.pk)  # the worker's part
    expect(page.get_by_text("175 rows are ready to be imported")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Rejected rows").click()
    assert "No such event." in Path(download.value.path()).read_text("utf-8-sig")
    page.get_by_role("button", name="Import the good rows").click()
    jobs.run(job.pk)
    expect(page.get_by_role("button", name="Undo the import")).to_be_visible()
    assert Journey.objects.filter(annulled_at=None).count() == 21
    page.get_by_role("button", name="Undo the import").click()
    jobs.run(job.pk)
    expect(page.get_by_text("Undone")).to_be_visible()
    assert not Journey.objects.filter(annulled_at=None).exists()


def test_the_pages_are_accessible(visit: Any, tmp_path: Path) -> None:
    user = people(Role.MANAGER)
    check_access(visit("/imports/", user, theme="dark", size=PHONE))
    with (GOLDEN / "journeys.csv").open("rb") as journeys, bad_events(tmp_path).open("rb") as events:
        job = jobs.submit(
            journeys=File(journeys, "journeys.csv"),
            events=File(events, "events.csv"),
            actor=user,
            at=timezone.now(),
            dry_run=True,
        )
    page = visit(f"/imports/{job.pk}/", user, theme="dark", size=PHONE)
    check_access(page)
    jobs.run(job.pk)
    expect(page.get_by_role("button", name="Import the good rows")).to_be_visible()
    check_access(page)
    if shots := os.environ.get("SHOTS"):
        page.screenshot(path=f"{shots}/import.png")
    check_access(visit("/imports/", user, theme="dark", size=PHONE))
