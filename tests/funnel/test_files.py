"""Files on journeys: what is taken, who is handed them, what is left when they go."""

import datetime as dt
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from funnel import files
from funnel.models import Attachment, Event, Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, run, team

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7 hello"


@pytest.fixture
def manager(client):
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


def upload(client, journey: Journey, *given: SimpleUploadedFile):
    return client.post(reverse("funnel:files", args=[journey.pk]), {"files": list(given)})


def pdf(name: str = "offer.pdf", contents: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, contents)


def kept(client, journey: Journey, name: str = "offer.pdf") -> Attachment:
    assert upload(client, journey, pdf(name)).status_code == 303
    return Attachment.objects.latest("pk")


def test_files_are_attached_and_handed_out_as_downloads_that_nothing_runs(client, manager) -> None:
    journey = lead()
    file = kept(client, journey, "Müller & Söhne \u202e.pdf")
    assert file.name == "Müller & Söhne .pdf"
    assert "ller" not in file.file.name
    answer = client.get(reverse("funnel:file", args=[journey.pk, file.pk]))
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert "sandbox" in answer["Content-Security-Policy"]
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    assert reverse("funnel:file", args=[journey.pk, file.pk]) in page


def test_files_come_with_a_note_all_or_nothing(client, manager) -> None:
    journey = lead()
    compose = reverse("funnel:journey-compose", args=[journey.pk])
    bad = SimpleUploadedFile("setup.exe", b"MZ")
    answer = client.post(compose, {"kind": "note", "text": "See there", "files": [pdf(), bad]})
    assert answer.status_code == 422
    assert "See there" in answer.content.decode()
    assert not Attachment.objects.exists()
    assert not Event.objects.filter(event="note_logged").exists()
    assert client.post(compose, {"kind": "note", "text": "See there", "files": [pdf()]}).status_code == 303
    item = client.get(reverse("funnel:journey", args=[journey.pk])).context["told"].items[0]
    assert [file["name"] for file in item["files"]] == ["offer.pdf"]
    only = client.get(reverse("funnel:journey", args=[journey.pk]), {"show": "files"}).context["told"].items
    assert [item["title"] for item in only] == ["File"]


@pytest.mark.parametrize(
    ("name", "contents", "words"),
    [
        ("a.exe", b"MZ....", "of a kind that is not taken"),
        ("a.html", b"<script>", "of a kind that is not taken"),
        ("a.svg", b"<svg onload=x>", "of a kind that is not taken"),
        ("none", b"x", "of a kind that is not taken"),
        ("a.pdf", b"MZ....", "is not what its ending says"),
        ("a.png", b"%PDF-", "is not what its ending says"),
        ("a.txt", b"#!/bin/sh", "is not what its ending says"),
        ("a.txt", b"", "is empty"),
    ],
)
def test_what_is_not_taken_is_refused_in_words(client, manager, name, contents, words) -> None:
    answer = upload(client, lead(), SimpleUploadedFile(name, contents))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Attachment.objects.exists()


def test_too_large_and_too_many_are_refused(client, manager, monkeypatch) -> None:
    journey = lead()
    monkeypatch.setattr(files, "LARGEST", 10)
    assert "at most" in upload(client, journey, pdf()).content.decode()
    monkeypatch.setattr(files, "LARGEST", 100)
    assert upload(client, journey, *[pdf() for _n in range(files.AT_ONCE + 1)]).status_code == 422
    monkeypatch.setattr(files, "MOST", 1)
    assert upload(client, journey, pdf(), pdf()).status_code == 422
    assert upload(client, journey).status_code == 422
    assert not Attachment.objects.exists()


def test_a_file_is_for_those_who_see_the_journey_only(client, manager, monkeypatch) -> None:
    journey = lead()
    file = kept(client, journey)
    other = lead()
    addresses = [
        reverse("funnel:file", args=[journey.pk, file.pk]),
        reverse("funnel:file-remove", args=[journey.pk, file.pk]),
        reverse("funnel:file-restore", args=[journey.pk, file.pk]),
    ]
    assert client.get(reverse("funnel:file", args=[other.pk, file.pk])).status_code == 404
    for role in (Role.SPECIALIST, Role.LAWYER, Role.PARTNER):
        client.force_login(people(role))
        assert client.get(addresses[0]).status_code == 404
        assert {client.post(address).status_code for address in addresses[1:]} == {404}
        assert upload(client, journey, pdf()).status_code == 404
    client.force_login(people(Role.SALESPERSON, "zoe", team=team("South")))
    assert client.get(addresses[0]).status_code == 404
    client.logout()
    assert client.get(addresses[0]).status_code == 302
    client.force_login(people(Role.MARKETER))
    assert client.get(addresses[0]).status_code == 200
    assert client.post(addresses[1]).status_code == 403  # somebody else's


def test_a_partner_sees_no_file_even_on_their_referral(client, manager, monkeypatch) -> None:
    from django.db.models import Q

    from funnel import registry

    journey = lead()
    file = kept(client, journey)
    monkeypatch.setattr(registry, "visibility", [lambda user: Q(pk=journey.pk)])
    client.force_login(people(Role.PARTNER))
    assert client.get(reverse("funnel:journey", args=[journey.pk])).status_code == 200
    assert client.get(reverse("funnel:file", args=[journey.pk, file.pk])).status_code == 404


def test_nothing_is_attached_to_what_was_merged_away(client, manager) -> None:
    assert upload(client, journey_at(Stage.MERGED), pdf()).status_code == 403


def test_a_removed_file_is_out_of_sight_and_comes_back(client, manager) -> None:
    journey = lead()
    file = kept(client, journey)
    remove = reverse("funnel:file-remove", args=[journey.pk, file.pk])
    assert client.post(remove).status_code == 303
    page = client.get(reverse("funnel:journey", args=[journey.pk]))
    assert reverse("funnel:file-restore", args=[journey.pk, file.pk]) in page.content.decode()  # the undo
    assert client.get(reverse("funnel:file", args=[journey.pk, file.pk])).status_code == 404
    assert not any(item.get("files") for item in page.context["told"].items)
    assert client.post(remove).status_code == 303  # once more changes nothing
    client.post(reverse("funnel:file-restore", args=[journey.pk, file.pk]))
    assert client.get(reverse("funnel:file", args=[journey.pk, file.pk])).status_code == 200


def test_the_contents_go_when_nobody_undoes_it_any_more(
    client, manager, django_capture_on_commit_callbacks
) -> None:
    journey = lead()
    file, stays = kept(client, journey), kept(client, journey)
    path = Path(file.file.path)
    files.remove(attachment=file, actor=manager, at=timezone.now() - dt.timedelta(days=29))
    assert files.sweep(at=timezone.now()) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert files.sweep(at=timezone.now() + dt.timedelta(days=2)) == 1
    assert not path.exists()
    assert Path(stays.file.path).exists()
    assert list(Attachment.objects.all()) == [stays]


def test_erasure_takes_the_files_too_once_it_has_committed(
    client, manager, django_capture_on_commit_callbacks
) -> None:
    journey = lead()
    path = Path(kept(client, journey).file.path)
    with django_capture_on_commit_callbacks(execute=True):
        run(journey, "personal_data_erased", {"sure": True}, actor=manager)
        assert path.exists()
    assert not path.exists()
    assert not Attachment.objects.exists()


def test_a_failure_leaves_nothing_on_the_disk(client, manager) -> None:
    journey = lead()
    folder = Path(kept(client, journey).file.path).parent
    before = set(folder.iterdir())
    with pytest.raises(ValidationError, match="long ago"), transaction.atomic():
        files.attach(
            journey=journey,
            files=[pdf(), SimpleUploadedFile("b.pdf", PDF, content_type="x")],
            actor=manager,
            at="long ago",  # type: ignore[arg-type]  # what the database refuses after the contents are written
        )
    assert set(folder.iterdir()) == before
