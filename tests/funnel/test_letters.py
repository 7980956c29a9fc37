"""Letters to clients from the composer: logged at once, sent once a moment later, threaded, taken back in time."""

import datetime as dt
import smtplib
import threading

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from funnel import letters, mailing
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
    return mailing.send_waiting(Mail, write=letters.write, now=now)


def test_a_letter_is_logged_at_once_and_sent_a_moment_later_with_its_files(client, manager) -> None:
    journey = lead(email="ada@client.example")
    answer = write(client, journey, files=[SimpleUploadedFile("offer.pdf", b"%PDF-1")])
    assert answer.status_code == 303
    activity = Activity.objects.get()
    assert (activity.kind, activity.direction, activity.summary) == ("email", "outbound", "Dear Ada, …")
    assert send(in_seconds=0) == 0
    assert send() == 1
    assert send() == 0
    (sent,) = mail.outbox
    assert sent.to == ["ada@client.example"]
    assert sent.subject == "Your sensors"
    assert sent.from_email.startswith("Max Power <")
    assert sent.reply_to == ["max@funnel.example"]
    assert [(name, kind) for name, _contents, kind in sent.attachments] == [("offer.pdf", "application/pdf")]
    item = client.get(reverse("funnel:journey", args=[journey.pk])).context["told"].items[0]
    assert item["letter"]["subject"] == "Your sensors"
    assert item["letter"]["state"] == ""


def test_letters_of_one_subject_are_one_thread(client, manager) -> None:
    journey = lead(email="ada@client.example")
    write(client, journey)
    ask = reverse("funnel:journey-subject", args=[journey.pk])
    assert client.get(ask).content.decode() == "Re: Your sensors"
    write(client, journey, subject="Re: Your sensors", text="Again")
    write(client, journey, subject="Something else", text="New")
    first, second, other = Mail.objects.order_by("pk")
    assert send() == 3
    headers = [message.message() for message in mail.outbox]
    assert headers[1]["In-Reply-To"] == headers[0]["Message-ID"] == first.message_id
    assert headers[1]["References"] == first.message_id
    assert second.thread == first.message_id
    assert "In-Reply-To" not in headers[2]
    assert other.thread == other.message_id


def test_undo_in_time_keeps_the_letter_from_going_out(client, manager) -> None:
    journey = lead()
    write(client, journey)
    event = Event.objects.get(event="activity_logged")
    assert client.post(reverse("funnel:act-undo", args=[event.act])).status_code == 303
    assert send() == 0
    assert Mail.objects.get().state == Mail.State.DROPPED
    assert mail.outbox == []


def test_a_letter_to_a_new_application_is_the_first_response(client, manager) -> None:
    journey = lead()
    write(client, journey, answers="on")
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


def test_lines_in_a_subject_or_a_name_add_no_header(client, manager) -> None:
    manager.name = "Max\nBcc: evil@evil.example"
    manager.save()
    write(client, lead(), subject="Hello\r\nBcc: evil@evil.example")
    assert send() == 1
    message = mail.outbox[0].message()
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]


def test_who_has_no_address_is_not_written_to_but_a_letter_may_be_logged(client, manager) -> None:
    journey = lead(email="", phone="+4930901820")
    assert "has no e-mail address" in write(client, journey).content.decode()
    assert write(client, journey, way="inbound", subject="Their question").status_code == 303
    activity = Activity.objects.get()
    assert (activity.direction, activity.summary) == ("inbound", "Their question\nDear Ada, …")
    assert not Mail.objects.exists()


def test_a_refusal_is_tried_again_and_given_up_in_the_end(client, manager, monkeypatch) -> None:
    write(client, lead())

    def refuse(*_given, **_more) -> None:
        raise smtplib.SMTPRecipientsRefused({"ada@client.example": (450, b"later")})

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        for attempt in range(mailing.MAX_ATTEMPTS):
            assert send(in_seconds=60 + attempt * 24 * 3600) == 0
    row = Mail.objects.get()
    assert (row.state, row.attempts) == (Mail.State.DEAD, mailing.MAX_ATTEMPTS)
    assert "later" in row.error


def test_a_line_that_breaks_off_is_not_sent_twice(client, manager, monkeypatch) -> None:
    write(client, lead())

    def hang_up(*_given, **_more) -> None:
        raise ConnectionResetError("gone")

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", hang_up)
        assert send() == 0
    assert Mail.objects.get().state == Mail.State.UNSURE
    assert send(in_seconds=24 * 3600) == 0
    page = client.get(reverse("funnel:journey", args=[Journey.objects.get().pk])).content.decode()
    assert "perhaps sent" in page


def test_erasure_forgets_the_letters(client, manager) -> None:
    journey = lead()
    write(client, journey)
    run(journey, "personal_data_erased", {"sure": True}, actor=manager, at=timezone.now())
    assert not Mail.objects.exists()
    assert send() == 0


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_each_letter_once(client) -> None:
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
    assert len(mail.outbox) == len({message.to[0] for message in mail.outbox}) == 8
    assert set(Mail.objects.values_list("state", flat=True)) == {Mail.State.SENT}
