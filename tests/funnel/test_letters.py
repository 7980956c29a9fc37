"""Letters to clients from the composer: logged at once, sent once a moment later, threaded, taken back in time.

They go over a real mail server.
"""

import datetime as dt
import smtplib
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from funnel import contacts, letters, mailing
from funnel.models import Activity, Event, Journey, Mail
from funnel.stages import Role, Stage
from tests.factories import lead, people, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client):
    user = people(Role.MANAGER, "max")
    user.name = "Max Power"
    user.save()
    client.force_login(user)
    return user


def write(client, journey: Journey, **data):
    given = {"kind": "email", "way": "send", "subject": "Your sensors", "text": "Dear Ada, …"}
    return client.post(reverse("funnel:journey-compose", args=[journey.pk]), given | data)


def send(*, in_seconds: int = letters.UNDO_SECONDS + 1) -> int:
    now = timezone.now() + dt.timedelta(seconds=in_seconds)
    return mailing.send_waiting(Mail, write=letters.write, now=now, left=contacts.letter_left)


def test_a_letter_is_logged_at_once_and_sent_a_moment_later_with_its_files(client, manager, postbox) -> None:
    journey = lead(email="ada@client.example")
    answer = write(client, journey, files=[SimpleUploadedFile("offer.pdf", b"%PDF-1")])
    assert answer.status_code == 303
    activity = Activity.objects.get()
    assert (activity.kind, activity.direction, activity.summary) == ("email", "outbound", "Dear Ada, …")
    assert send(in_seconds=0) == 0
    assert send() == 1
    assert send() == 0
    (sent,) = postbox[0].taken
    assert sent["To"] == "ada@client.example"
    assert sent["Subject"] == "Your sensors"
    assert sent["From"].startswith("Max Power <")
    assert sent["Reply-To"] == "max@funnel.example"
    (file,) = sent.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("offer.pdf", "application/pdf")
    assert file.get_content() == b"%PDF-1"
    item = client.get(reverse("funnel:journey", args=[journey.pk])).context["told"].items[0]
    assert item["letter"]["subject"] == "Your sensors"
    assert item["letter"]["state"] == ""


def test_letters_of_one_subject_are_one_thread(client, manager, postbox) -> None:
    journey = lead(email="ada@client.example")
    write(client, journey)
    ask = reverse("funnel:journey-subject", args=[journey.pk])
    assert client.get(ask).content.decode() == "Re: Your sensors"
    write(client, journey, subject="Re: Your sensors", text="Again")
    write(client, journey, subject="Something else", text="New")
    first, second, other = Mail.objects.order_by("pk")
    assert send() == 3
    headers = postbox[0].taken
    assert headers[1]["In-Reply-To"] == headers[0]["Message-ID"] == first.message_id
    assert headers[1]["References"] == first.message_id
    assert second.thread == first.message_id
    assert "In-Reply-To" not in headers[2]
    assert other.thread == other.message_id


def test_undo_in_time_keeps_the_letter_from_going_out(client, manager, postbox) -> None:
    journey = lead()
    write(client, journey)
    event = Event.objects.get(event="activity_logged")
    assert client.post(reverse("funnel:act-undo", args=[event.act])).status_code == 303
    assert send() == 0
    assert Mail.objects.get().state == Mail.State.DROPPED
    assert postbox[0].taken == []


def test_a_letter_to_a_new_application_is_the_first_response_once_it_left(client, manager, postbox) -> None:
    journey = lead()
    write(client, journey, answers="on")
    assert Journey.objects.get(pk=journey.pk).stage == Stage.NEW
    assert send() == 1
    assert Journey.objects.get(pk=journey.pk).stage == Stage.CONTACTED
    assert Mail.objects.get().activity.event.event == "activity_logged"
    other = lead()
    write(client, other)
    assert Journey.objects.get(pk=other.pk).stage == Stage.NEW


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"text": " "}, "A letter needs words."),
        ({"subject": " "}, "A letter needs a subject."),
        ({"subject": "x" * 251}, "at most 250 characters"),
        ({"subject": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_a_faulty_letter_is_refused_in_words_and_kept(client, manager, data, words) -> None:
    answer = write(client, lead(), **data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Mail.objects.exists()
    assert not Activity.objects.exists()


def test_lines_in_a_subject_or_a_name_add_no_header(client, manager, postbox) -> None:
    manager.name = "Max\nBcc: evil@evil.example"
    manager.save()
    write(client, lead(), subject="Hello\r\nBcc: evil@evil.example")
    assert send() == 1
    (sent,) = postbox[0].taken
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Hello Bcc: evil@evil.example"


def test_who_has_no_address_is_not_written_to_but_a_letter_may_be_logged(client, manager) -> None:
    journey = lead(email="", phone="+4930901820")
    assert "has no e-mail address" in write(client, journey).content.decode()
    assert write(client, journey, way="inbound", subject="Their question").status_code == 303
    activity = Activity.objects.get()
    assert (activity.direction, activity.summary) == ("inbound", "Their question\nDear Ada, …")
    assert not Mail.objects.exists()


def test_a_refusal_is_tried_again_and_given_up_in_the_end(client, manager, postbox) -> None:
    write(client, lead())
    postbox[0].answer = "450 later"
    for attempt in range(mailing.MAX_ATTEMPTS + 2):
        assert send(in_seconds=60 + attempt * 24 * 3600) == 0
    row = Mail.objects.get()
    assert (row.state, row.attempts) == (Mail.State.DEAD, mailing.MAX_ATTEMPTS)
    assert postbox[0].asked == mailing.MAX_ATTEMPTS
    assert "later" in row.error


def test_a_line_that_breaks_off_is_not_sent_twice(client, manager, postbox, monkeypatch) -> None:
    write(client, lead())

    def hang_up(*_given: object, **_more: object) -> None:
        raise ConnectionResetError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(smtplib.SMTP, "sendmail", hang_up)
        assert send() == 0
    assert Mail.objects.get().state == Mail.State.UNSURE
    assert send(in_seconds=24 * 3600) == 0
    page = client.get(reverse("funnel:journey", args=[Journey.objects.get().pk])).content.decode()
    assert "perhaps sent" in page


def test_erasure_forgets_the_letters(client, manager, postbox) -> None:
    journey = lead()
    write(client, journey)
    run(journey, "personal_data_erased", {"sure": True}, actor=manager, at=timezone.now())
    assert not Mail.objects.exists()
    assert send() == 0


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_each_letter_once(client, postbox) -> None:
    client.force_login(people(Role.MANAGER, "max"))
    for _number in range(8):
        write(client, lead())

    def work() -> None:
        try:
            send()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [sent["To"] for sent in postbox[0].taken]
    assert len(told) == len(set(told)) == 8
    assert set(Mail.objects.values_list("state", flat=True)) == {Mail.State.SENT}
