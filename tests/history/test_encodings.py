"""One-byte encodings: never other letters in silence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from funnel.models import Campaign, Journey, Note, User
from leads.history import encodings, jobs
from leads.models import ImportJob
from tests.factories import people, token

CASES = Path(__file__).parent / "cases"
JOURNEYS, EVENTS = CASES / "import-cp1252-pt-journeys.csv", CASES / "import-cp1252-pt-events.csv"
API = "/api/v1/imports/"


@pytest.fixture(autouse=True)
def _files_of_its_own(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def right() -> bool:
    """Whether the letters that landed are those of code page 1252."""
    return (
        Campaign.objects.filter(key="Promoção Verão").exists()
        and User.objects.filter(username__in=["Ana Conceição", "João Brandão"]).count() == 2
    )


@pytest.mark.parametrize(
    ("text", "encoding", "certain"),
    [
        ("Первая заявка с сайта, Анна Ким, ООО «Авангард» — 100 €", "cp1251", True),
        ("Первая заявка с сайта, Анна Ким", "koi8_r", True),
        ("Первая заявка с сайта, Анна Ким", "cp866", True),
        ("Анна Ким, первая заявка", "mac_cyrillic", True),
        ("Müller & Söhne, Köln", "cp1252", True),  # the same bytes in every Latin encoding that reads them
        ("Promoção Verão, João Brandão", "cp1252", False),
        ("Příliš žluťoučký kůň, Dvořák", "cp1250", True),
        ("İstanbul Şişli, Ağaoğlu", "cp1254", False),
        ("Αθήνα άνοιξη, Γιώργος", "cp1253", True),
        ("مرحبا بالعالم", "cp1256", True),
        ("שלום עולם", "cp1255", False),
        ("Київ, Їжак, ґанок", "koi8_u", True),
        ("Весенняя кампания, Иван Петров", "iso8859_5", False),
        ("Müller, Köln", "cp850", False),
        ("Café", "cp850", True),  # in code page 437 the same bytes
        ("Acme™, 20 °C, 5 m²", "cp1252", True),  # likewise the same in all that read it
        ("Paweł", "cp1250", True),
    ],
)
def test_what_an_encoding_is_taken_for(text: str, encoding: str, certain: bool) -> None:
    found = encodings.guess(text.encode(encoding))
    assert encoding in found
    assert (len(found) == 1) is certain
    if certain:
        assert text.encode(encoding).decode(found[0]) == text


def run(**options: Any) -> tuple[str, str]:
    """Return what the command printed, and what it complained of."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(
            "import_history", journeys=str(JOURNEYS), events=str(EVENTS), stdout=out, stderr=err, **options
        )
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}"
    return out.getvalue(), ""


@pytest.mark.django_db
@pytest.mark.parametrize("dry_run", [False, True])
def test_on_an_uncertain_guess_the_command_writes_nothing_and_prints_the_alternatives(dry_run: bool) -> None:
    out, complaint = run(dry_run=dry_run)
    assert out == ""
    assert "Nothing was imported." in complaint
    assert "--encoding cp1252 reads import-cp1252-pt-journeys.csv as:" in complaint
    assert "Promoção Verão" in complaint
    assert "--encoding cp1250" in complaint
    assert "Promoçăo Verăo" in complaint
    assert not Journey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["cp1252", "windows-1252", "CP1252"])
def test_the_encoding_named_is_the_one_that_is_read(name: str) -> None:
    out, _complaint = run(encoding=name)
    assert '"imported": 5' in out
    assert right()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["klingon", "hex", "rot13"])
def test_an_encoding_that_is_none_is_refused(name: str) -> None:
    out, complaint = run(encoding=name)
    assert (out, Journey.objects.count()) == ("", 0)
    assert f"there is no encoding “{name}”" in complaint


@pytest.mark.django_db
def test_in_another_encoding_that_reads_the_file_the_user_has_the_word() -> None:
    run(encoding="cp1250")
    assert Campaign.objects.filter(key="Promoçăo Verăo").exists()


def uploads() -> dict[str, Any]:
    return {
        "journeys": SimpleUploadedFile("journeys.csv", JOURNEYS.read_bytes()),
        "events": SimpleUploadedFile("events.csv", EVENTS.read_bytes()),
    }


@pytest.mark.django_db
def test_over_rest_an_uncertain_import_waits_for_the_encoding() -> None:
    headers = token(people("manager"), "read", "write")
    client = Client()
    job = client.post(API, uploads(), headers=headers).json()
    assert job["guess"]["encoding"] == "cp1252"
    assert job["guess"]["encoding_certain"] is False
    assert "cp1250" in job["guess"]["alternatives"]
    assert job["guess"]["delimiter"] == ";"
    assert job["guess"]["rows"][0][3] == "Promoção Verão"
    jobs.run(job["id"])
    url = f"{API}{job['id']}/"
    assert client.get(url, headers=headers).json()["state"] == "needs_mapping"
    assert not Journey.objects.exists()

    refused = client.post(f"{url}land/", {}, content_type="application/json", headers=headers)
    assert refused.status_code == 409
    unknown = client.post(
        f"{url}land/", {"encoding": "klingon"}, content_type="application/json", headers=headers
    )
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "encoding")
    landed = client.post(
        f"{url}land/", {"encoding": "cp1252"}, content_type="application/json", headers=headers
    )
    assert landed.status_code == 200, landed.content
    jobs.run(job["id"])
    assert client.get(url, headers=headers).json()["state"] == "done"
    assert right()


@pytest.mark.django_db
def test_over_rest_an_encoding_named_at_once_lands_at_once() -> None:
    headers = token(people("manager"), "read", "write")
    job = Client().post(API, {**uploads(), "encoding": "windows-1252"}, headers=headers).json()
    jobs.run(job["id"])
    assert ImportJob.objects.get(pk=job["id"]).state == "done"
    assert right()


@pytest.mark.django_db
def test_in_the_browser_the_readings_are_shown_and_one_is_chosen() -> None:
    client = Client()
    client.force_login(people("manager"))
    sent = client.post(reverse("leads:import-list"), uploads())
    assert sent.status_code in {302, 303}
    job = ImportJob.objects.get()
    jobs.run(job.pk)
    page = client.get(reverse("leads:import", args=[job.pk])).content.decode()
    assert "Promoção Verão" in page
    assert "Promoçăo Verăo" in page
    assert 'name="encoding" value="cp1250" required' in page
    land = reverse("leads:import-land", args=[job.pk])
    client.post(land)
    job.refresh_from_db()
    assert job.state == "checked"  # nothing is guessed in silence
    client.post(land, {"encoding": "cp1252"})
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "done"
    assert right()


@pytest.mark.django_db
def test_a_named_encoding_that_cannot_read_the_file_is_refused_at_the_door() -> None:
    client = Client()
    client.force_login(people("manager"))
    answer = client.post(reverse("leads:import-list"), {**uploads(), "encoding": "utf-16"})
    assert answer.status_code == 422
    assert not ImportJob.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_the_encoding_named_is_meant_for_the_file_that_is_not_certain(encoding: str) -> None:
    headers, client = token(people("manager"), "read", "write"), Client()
    table = "journey_id,client_id,source,campaign,owner_at_start,service\nPT1,c1,web,Первая весна,Анна Ким,\n"
    table += "PT2,c2,web,Первая весна,Анна Ким,\n"
    files = {**uploads(), "journeys": SimpleUploadedFile("journeys.csv", table.encode(encoding))}
    job = client.post(API, files, headers=headers).json()
    assert job["guess"]["file"] == "events"
    jobs.run(job["id"])
    url = f"{API}{job['id']}/land/"
    landed = client.post(url, {"encoding": "cp1252"}, content_type="application/json", headers=headers)
    assert landed.status_code == 200, landed.content
    jobs.run(job["id"])
    assert ImportJob.objects.get(pk=job["id"]).state == "done"
    assert Campaign.objects.filter(key="Первая весна").exists()
    assert Note.objects.get().text == "Reunião às 15h – ligação"
    assert not ImportJob.objects.get(pk=job["id"]).rejected


@pytest.mark.django_db
def test_what_is_utf_8_is_read_so_whatever_is_named() -> None:
    headers, client = token(people("manager"), "read", "write"), Client()
    files = {
        name: SimpleUploadedFile(f"{name}.csv", path.read_bytes().decode("cp1252").encode())
        for name, path in {"journeys": JOURNEYS, "events": EVENTS}.items()
    }
    job = client.post(API, {**files, "encoding": "cp1252"}, headers=headers).json()
    jobs.run(job["id"])
    assert right()
