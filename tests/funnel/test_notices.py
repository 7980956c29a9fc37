"""Notifications: who is told of what, once; in the ways they choose; and what an open page hears without a reload."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import letters, mailing, mentions, notice_words, notify, outbox, warnings
from funnel.models import Event, Journey, Mail, Notification
from funnel.stages import Role
from tests.factories import journey_at, lead, organisation, people, run, team

pytestmark = pytest.mark.django_db

Kind = Notification.Kind


def drain() -> None:
    while outbox.drain():
        pass


def told(kind: str) -> list[str]:
    return sorted(Notification.objects.filter(kind=kind).values_list("user__username", flat=True))


@pytest.fixture
def max_():
    return people(Role.MANAGER, "max")


# who is told ---------------------------------------------------------------------------------------------------------


def test_who_is_mentioned_is_told_once_if_they_see_the_journey_and_did_not_write_it(max_) -> None:
    north, south = team("North"), team("South")
    people(Role.SALESPERSON, "sal", team=north)
    people(Role.SALESPERSON, "zoe", team=south)
    people(Role.PARTNER, "pam")
    gone = people(Role.MARKETER, "gone")
    gone.is_active = False
    gone.save()
    journey = lead(owner=people(Role.SALESPERSON, "sal"))
    text = "@sal, @zoe @max @pam @gone @nobody: write to a@sal.example. Thanks, @mia."
    people(Role.MARKETER, "mia")
    run(journey, "note_logged", {"text": text}, actor=max_)
    drain()
    drain()
    assert told(Kind.MENTIONED) == ["mia", "sal"]
    event = Event.objects.get(event="note_logged")
    assert text not in str(event.inputs)
    assert mentions.ids_of(event) == sorted(mentions.ids_of(event))
    run(journey, "note_logged", {"text": "Nobody at all."}, actor=max_)
    assert not outbox.OutboxRow.objects.filter(consumer="mentions", state="waiting").exists()


def test_who_is_given_an_application_as_it_comes_hears_of_it(max_) -> None:
    ida = people(Role.FIRST_TOUCH, "ida")
    lead(owner=ida)
    lead(owner=max_, actor=max_)
    lead()
    drain()
    assert told(Kind.ASSIGNED) == ["ida"]
    row = notice_words.with_words(Notification.objects.all()).get()
    assert notice_words.title(row, named=False) == "A new application is yours"


def test_mentions_are_drawn_by_name_and_nothing_else_is(client, max_) -> None:
    sal = people(Role.SALESPERSON, "sal")
    sal.name = "Sal <b>Paradise</b>"
    sal.save()
    journey = run(lead(), "note_logged", {"text": "Ask @sal. And @sally <i>soon</i>"}, actor=max_)
    client.force_login(max_)
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    assert (
        'Ask <span class="mention" title="@sal">@Sal &lt;b&gt;Paradise&lt;/b&gt;</span>. '
        "And @sally &lt;i&gt;soon&lt;/i&gt;"
    ) in page


def test_colleagues_are_offered_by_the_beginnings_of_their_names(client, max_) -> None:
    for name, full in (("sal", "Sal Paradise"), ("dean", "Dean Salt"), ("pam", "Pam")):
        someone = people(Role.PARTNER if name == "pam" else Role.SALESPERSON, name)
        someone.name = full
        someone.save()
    client.force_login(max_)
    ask = reverse("funnel:mention-list")
    page = client.get(ask, {"q": "sal"}).content.decode()
    assert 'data-name="sal"' in page and 'data-name="dean"' in page
    assert 'data-name="pam"' not in client.get(ask).content.decode()
    assert client.get(ask, {"q": "\x00zzz"}).status_code == 200
    client.force_login(people(Role.PARTNER, "pam"))
    assert client.get(ask).status_code == 403


def test_each_turn_of_a_handoff_reaches_whom_it_concerns() -> None:
    journey_at("returned")
    drain()
    assert told(Kind.OFFERED) == ["salesperson"]
    assert told(Kind.DECIDED) == ["first_touch"]
    organisation(handoff_hours=8)


def test_an_answer_that_is_almost_due_is_announced_once_to_its_owner_or_to_first_touch(max_) -> None:
    clock = {"opens": dt.time(0), "closes": dt.time(0), "business_days": [1, 2, 3, 4, 5, 6, 7]}
    organisation(first_response_minutes=60, **clock)
    now = timezone.now()
    fred = people(Role.FIRST_TOUCH, "fred")
    owned = lead(owner=people(Role.FIRST_TOUCH, "ida"), at=now - dt.timedelta(minutes=50))
    lead(at=now - dt.timedelta(minutes=46))
    lead(at=now - dt.timedelta(minutes=20))  # there is time
    lead(at=now - dt.timedelta(days=9))  # no news any more
    answered = lead(at=now - dt.timedelta(minutes=50))
    run(answered, "respond", {"kind": "call"}, actor=max_, at=now)
    assert warnings.warn_of_answers(at=now) == 2
    assert warnings.warn_of_answers(at=now) == 0
    assert told(Kind.SLA) == ["fred", "ida", "ida"]
    assert Notification.objects.get(user=people(name="ida"), event__journey=owned)
    assert fred.notifications.count() == 1


@pytest.mark.django_db(transaction=True)
def test_clocks_that_tick_at_once_warn_once(max_) -> None:
    organisation(opens=dt.time(0), closes=dt.time(0), business_days=[1, 2, 3, 4, 5, 6, 7])
    now = timezone.now()
    people(Role.FIRST_TOUCH, "fred")
    for _number in range(5):
        lead(at=now - dt.timedelta(minutes=59))

    def work() -> None:
        try:
            warnings.warn_of_answers(at=now)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(Kind.SLA) == ["fred"] * 5


# in which ways -------------------------------------------------------------------------------------------------------


def test_people_choose_by_kind_whether_it_comes_to_the_page_and_by_mail(client, max_) -> None:
    client.force_login(max_)
    address = reverse("funnel:notices")
    page = client.get(address)
    assert [kind for kind, _boxes in page.context["form"].rows] == list(Kind)
    chosen = {f"{kind}-app": "on" for kind in Kind} | {"mentioned-mail": "on"}
    del chosen["assigned-app"]
    assert client.post(address, chosen).status_code == 303
    max_.refresh_from_db()
    assert notify.ways_of(max_, Kind.MENTIONED) == {"app", "mail"}
    assert notify.ways_of(max_, Kind.ASSIGNED) == set()
    assert notify.ways_of(max_, Kind.SLA) == {"app"}
    max_.email = ""
    assert notify.ways_of(max_, Kind.MENTIONED) == {"app"}


def test_a_notice_by_mail_is_sent_once_in_the_readers_language_and_leads_there(max_, postbox) -> None:
    reader = people(Role.MARKETER, "mia")
    reader.language, reader.notices = "ru", {"mentioned": ["mail"]}
    reader.save()
    journey = run(lead(name="Ada"), "note_logged", {"text": "@mia, look"}, actor=max_)
    event = Event.objects.get(event="note_logged")
    for _twice in range(2):
        notify.tell([reader.pk], Kind.MENTIONED, event)
        drain()
    assert not Notification.objects.exists()
    for _twice in range(2):
        mailing.send_waiting(Mail, write=letters.write, now=timezone.now())
    (sent,) = postbox[0].taken
    assert sent["To"] == reader.email
    plain, html = [part.get_content() for part in sent.iter_parts()]
    for words in (plain, html):
        assert f"/journeys/{journey.pk}/#event-{event.pk}" in words
        assert "@mia, look" in words
    assert sent["Subject"] == "Вас упоминает max: Ada"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert letters.forget_notices(at=timezone.now() + dt.timedelta(days=59)) == 0
    run(journey, "personal_data_erased", {"sure": True}, actor=max_, at=timezone.now())
    assert not Mail.objects.exists()


def test_notices_are_forgotten_in_time_and_letters_are_not(max_) -> None:
    journey = lead()
    letter = run(journey, "activity_logged", {"kind": "email"}, actor=max_).activities.get()
    for key, activity in (("a", None), ("b", letter)):
        Mail.objects.create(key=key, activity=activity, to="a@b.example", subject="x", state=Mail.State.SENT)
    Mail.objects.create(key="c", to="a@b.example", subject="waits")
    assert letters.forget_notices(at=timezone.now() + dt.timedelta(days=61)) == 1
    assert set(Mail.objects.values_list("key", flat=True)) == {"b", "c"}


# on the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def ida(client):
    """Ida, who was mentioned and is signed in."""
    user = people(Role.MARKETER, "ida")
    run(lead(name="Ada"), "note_logged", {"text": "@ida, look"}, actor=people(Role.MANAGER, "max"))
    drain()
    client.force_login(user)
    return user


def test_an_open_page_hears_what_is_new_and_nothing_twice(client, ida) -> None:
    ask = reverse("funnel:notifications-new")
    first = client.get(ask)
    assert (first.json()["unread"], first.json()["news"]) == (1, [])
    assert first["Cache-Control"] == "private, no-cache"
    with CaptureQueriesContext(connection) as queries:
        same = client.get(ask, headers={"If-None-Match": first["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert len(queries) <= 5
    latest = first.json()["latest"]
    run(Journey.objects.get(), "owner_changed", {"owner": "ida"}, actor=people(name="max"))
    drain()
    again = client.get(ask, {"after": latest}, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    (news,) = again.json()["news"]
    assert news["title"] == "max gives you a journey: Ada"
    assert client.get(ask, {"after": again.json()["latest"]}).json()["news"] == []
    assert client.get(ask, {"after": "x" * 30}).json()["news"] == []
    followed = client.get(news["url"])
    assert followed.url == reverse("funnel:journey", args=[Journey.objects.get().pk])
    assert client.get(ask).json()["unread"] == 1
    assert client.get(ask)["ETag"] != again["ETag"]


def test_a_page_that_lost_its_session_is_sent_to_sign_in_and_told_nothing(client, ida) -> None:
    client.logout()
    assert client.get(reverse("funnel:notifications-new")).status_code == 302


def test_one_follows_only_ones_own(client, ida) -> None:
    note = Notification.objects.get()
    assert client.get(reverse("funnel:notification", args=[note.pk])).status_code == 303
    note.refresh_from_db()
    assert note.read_at is not None
    client.force_login(people(Role.MANAGER, "max"))
    assert client.get(reverse("funnel:notification", args=[note.pk])).status_code == 404


def test_the_list_is_narrowed_by_kind_and_marks_unread_again(client, ida) -> None:
    address = reverse("funnel:notifications")
    assert "ida, look" in client.get(address, {"kind": "mentioned"}).content.decode()
    assert client.get(address, {"kind": "overdue"}).context["rows"] == []
    note = Notification.objects.get()
    read = reverse("funnel:notifications-read")
    client.post(read, {"notification": note.pk})
    assert client.get(address, {"unread": "1"}).context["rows"] == []
    client.post(read, {"notification": note.pk, "unread": "1"})
    assert len(client.get(address, {"unread": "1"}).context["rows"]) == 1


def test_the_list_takes_as_many_queries_for_a_thousand_as_for_one(client, ida) -> None:
    event = Event.objects.get(event="note_logged")
    counts = set()
    for more in (0, 2, 997):
        rows = [
            Notification(user=ida, event=event, kind=Kind.MENTIONED, key=f"{more}-{n}") for n in range(more)
        ]
        Notification.objects.bulk_create(rows)
        client.get(reverse("funnel:notifications"))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("funnel:notifications"))
        counts.add(len(queries))
    assert len(counts) == 1
    assert counts.pop() <= 10
