"""Files and notifications over REST."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from funnel import outbox
from funnel.models import Attachment, Notification
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, run, team, token

pytestmark = pytest.mark.django_db

FILES, NOTICES = "/api/v1/files/", "/api/v1/notifications/"


def attach(client, headers, journey, name: str = "offer.pdf", contents: bytes = b"%PDF-1"):
    given = {"journey": journey.pk, "file": SimpleUploadedFile(name, contents)}
    return client.post(FILES, given, headers=headers)


def test_a_file_is_attached_read_removed_and_brought_back(client) -> None:
    journey, max_ = lead(), token(people(Role.MANAGER, "max"))
    made = attach(client, max_, journey)
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["uploaded_by"]) == ("offer.pdf", "max")
    one = f"{FILES}{made.json()['id']}/"
    contents = client.get(f"{one}contents/", headers=max_)
    assert b"".join(contents.streaming_content) == b"%PDF-1"
    assert contents["Content-Disposition"].startswith("attachment")
    listed = client.get(FILES, {"journey": journey.pk, "removed": "false"}, headers=max_).json()["results"]
    assert [row["name"] for row in listed] == ["offer.pdf"]
    other = token(people(Role.MARKETER, "mia"))
    assert client.delete(one, headers=other).status_code == 403
    assert client.delete(one, headers=max_).status_code == 204
    assert client.get(f"{one}contents/", headers=max_).status_code == 404
    assert client.get(FILES, {"removed": "false"}, headers=max_).json()["results"] == []
    assert client.post(f"{one}restore/", headers=max_).json()["removed_at"] is None


def test_what_is_not_taken_or_not_the_callers_to_see_is_refused(client) -> None:
    journey, max_ = lead(owner=people(Role.SALESPERSON, "sal")), token(people(Role.MANAGER, "max"))
    assert attach(client, max_, journey, "a.exe", b"MZ").status_code == 400
    assert attach(client, max_, journey, "a.pdf", b"").status_code == 400
    assert attach(client, max_, journey_at(Stage.MERGED)).status_code == 403
    assert attach(client, token(people(Role.MANAGER, "max"), "read"), journey).status_code == 403
    attach(client, max_, journey)
    zoe = token(people(Role.SALESPERSON, "zoe", team=team("South")))
    assert client.get(FILES, headers=zoe).json()["results"] == []
    assert client.get(f"{FILES}{Attachment.objects.get().pk}/contents/", headers=zoe).status_code == 404
    assert attach(client, zoe, journey).status_code == 400
    assert client.get(FILES, headers=token(people(Role.PARTNER))).status_code == 403


def test_ones_own_notifications_are_listed_and_read(client) -> None:
    max_, mia = people(Role.MANAGER, "max"), people(Role.MARKETER, "mia")
    journey = run(lead(name="Ada"), "note_logged", {"text": "@mia, look"}, actor=max_)
    run(journey, "owner_changed", {"owner": "mia"}, actor=max_)
    while outbox.drain():
        pass
    headers = token(mia)
    rows = client.get(NOTICES, {"unread": "true"}, headers=headers).json()["results"]
    assert {(row["kind"], row["journey"]) for row in rows} == {
        ("mentioned", journey.pk),
        ("assigned", journey.pk),
    }
    assert "Ada" not in str(rows)
    one = f"{NOTICES}{rows[0]['id']}/read/"
    assert client.post(one, headers=token(max_)).status_code == 404
    assert client.post(one, headers=headers).json()["read_at"]
    assert client.post(f"{NOTICES}read-all/", headers=headers).json() == {"read": 1}
    assert not Notification.objects.filter(read_at=None).exists()
