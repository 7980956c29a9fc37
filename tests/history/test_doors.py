"""Imports through the browser and through REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.models import Journey
from funnel.stages import Role
from leads.history import jobs
from leads.models import ImportJob
from tests.factories import people, token

from .files import EVENT_HEADER, GOLDEN, JOURNEY_HEADER

pytestmark = pytest.mark.django_db
API = "/api/v1/imports/"


@pytest.fixture(autouse=True)
def _files_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def files(**given: str) -> dict[str, Any]:
    found = {}
    for name in ("journeys", "events"):
        data = given[name].encode() if name in given else (GOLDEN / f"{name}.csv").read_bytes()
        found[name] = SimpleUploadedFile(f"{name}.csv", data, "text/csv")
    return found


def post(url: str = API, role: str = Role.MANAGER, **data: Any) -> Any:
    client = Client(raise_request_exception=False)
    headers = {**token(people(role), "read", "write"), **data.pop("headers", {})}
    return client.post(url, data, headers=headers)


def get(url: str, role: str = Role.MANAGER) -> Any:
    return Client(raise_request_exception=False).get(url, headers=token(people(role), "read"))


def signed_in(role: str = Role.MANAGER) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(people(role))
    return client


# REST ----------------------------------------------------------------------------------------------------------------


def test_a_posted_import_answers_with_a_job_that_tells_its_outcome() -> None:
    answer = post(**files())
    assert answer.status_code == 201, answer.content
    assert (answer.json()["state"], answer.json()["dry_run"]) == ("queued", False)
    jobs.run(answer.json()["id"])
    job = get(f"{API}{answer.json()['id']}/").json()
    assert (job["state"], job["rows"], job["imported"], job["rejected"]) == ("done", 175, 175, 0)
    assert job["progress"] == {"phase": "done", "done": 175, "total": 175}
    assert [row["id"] for row in get(API).json()["results"]] == [job["id"]]


def test_a_dry_run_is_landed_and_undone_by_rest() -> None:
    url = f"{API}{post(**files(), dry_run='true').json()['id']}/"
    assert post(f"{url}undo/").status_code == 409
    jobs.run(ImportJob.objects.get().pk)
    assert get(url).json()["state"] == "checked"
    assert post(f"{url}land/").status_code == 200
    assert post(f"{url}land/").status_code == 409
    jobs.run(ImportJob.objects.get().pk)
    assert Journey.objects.filter(annulled_at=None).count() == 21
    assert post(f"{url}undo/").json()["state"] == "undoing"
    jobs.run(ImportJob.objects.get().pk)
    assert get(url).json()["state"] == "undone"
    assert not Journey.objects.filter(annulled_at=None).exists()


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({}, {"journeys", "events"}),
        (files(events="nonsense"), {"events"}),
        (files(events="", journeys=""), {"journeys", "events"}),
        (files() | {"dry_run": "perhaps"}, {"dry_run"}),
        ({"journeys": "text", "events": "text"}, {"journeys", "events"}),
    ],
)
def test_bad_uploads_are_refused_naming_the_field(data: dict[str, Any], fields: set[str]) -> None:
    for upload in data.values():
        if hasattr(upload, "seek"):
            upload.seek(0)
    answer = post(**data)
    assert answer.status_code == 400, answer.content
    assert {fault["field"] for fault in answer.json()["errors"]} == fields
    assert not ImportJob.objects.exists()


def test_an_import_is_not_begun_twice_under_one_idempotency_key() -> None:
    first = post(**files(), headers={"Idempotency-Key": "once"})
    again = post(**files(), headers={"Idempotency-Key": "once"})
    other = post(**files(events=f"{EVENT_HEADER}\n"), headers={"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]
    assert ImportJob.objects.count() == 1


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.MANAGER, Role.ADMINISTRATOR}])
def test_only_leaders_import(role: str) -> None:
    assert post(**files(), role=role).status_code == 403
    assert get(API, role).status_code == 403
    assert signed_in(role).get("/imports/").status_code == 403
    assert not ImportJob.objects.exists()


def test_rejected_rows_are_downloaded_as_csv() -> None:
    bad = f"{EVENT_HEADER}\nE1,A,lead_created,2026-03-02T08:00:00Z,,\nE2,A,no_such,2026-03-02T08:00:00Z,,\n"
    job = post(**files(events=bad, journeys=f"{JOURNEY_HEADER}\nA,C1,web,,,,\n")).json()
    assert get(f"{API}{job['id']}/rejected/").status_code == 404
    jobs.run(job["id"])
    answer = get(f"{API}{job['id']}/rejected/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert b"".join(answer.streaming_content).decode("utf-8-sig").splitlines() == [
        "file,line,column,value,reason",
        "events,3,event,no_such,No such event.",
    ]


# the browser ---------------------------------------------------------------------------------------------------------


def test_the_pages_lead_from_upload_over_dry_run_to_landing_and_undo() -> None:
    client = signed_in()
    answer = client.post("/imports/", files())
    job = ImportJob.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == f"/imports/{job.pk}/"
    assert b"Waiting for a worker" in client.get(answer["Location"]).content
    jobs.run(job.pk)
    page = client.get(answer["Location"]).content.decode()
    assert "175 rows are ready to be imported" in page
    assert not Journey.objects.exists()
    client.post(f"/imports/{job.pk}/land/")
    jobs.run(job.pk)
    page = client.get(answer["Location"]).content.decode()
    assert "Undo the import" in page
    assert "Import the good rows" not in page
    client.post(f"/imports/{job.pk}/undo/")
    jobs.run(job.pk)
    assert "Undone" in client.get(answer["Location"]).content.decode()
    assert b"journeys.csv" in client.get("/imports/").content


def test_a_fragment_of_a_running_import_asks_again_and_a_finished_one_rests() -> None:
    client = signed_in()
    client.post("/imports/", files())
    job = ImportJob.objects.get()
    busy = client.get(f"/imports/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in busy
    assert "<html" not in busy
    jobs.run(job.pk)
    assert (
        "hx-trigger" not in client.get(f"/imports/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    )


def test_a_bad_upload_says_why_beside_the_field() -> None:
    answer = signed_in().post("/imports/", files(events="nonsense"))
    assert answer.status_code == 422
    assert "missing: event_id" in answer.content.decode()


def test_the_list_takes_the_same_number_of_queries_whatever_its_length() -> None:
    client = signed_in()
    counts = []
    for _each in range(3):
        jobs.submit(
            journeys=ContentFile(b"x", name="j.csv"),
            events=ContentFile(b"x", name="e.csv"),
            actor=people(Role.MANAGER),
            at=timezone.now(),
            dry_run=True,
        )
        with CaptureQueriesContext(connection) as queries:
            client.get("/imports/")
        counts.append(len(queries))
    assert counts[0] == counts[2] <= 10


def test_imports_that_are_not_there_are_not_found() -> None:
    client = signed_in()
    for path in ("", "rejected/"):
        assert client.get(f"/imports/999999/{path}").status_code == 404
    assert client.get("/imports/?before=x").status_code == 200
