"""Who comes in, where each role starts, notifications, and what is said when rows are held by somebody else."""

import threading

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse

from funnel.middleware import FaultMiddleware
from funnel.models import Event, Journey, Notification
from funnel.stages import Role, Stage
from funnel.urls import urlpatterns
from tests.factories import lead, people, run, team

OPEN = {"theme"}
"""The addresses that need nobody signed in: a cookie is all they write."""

ARGUMENTS = {
    "pk": "1",
    "name": "lose",
    "event": "1",
    "act": "00000000-0000-0000-0000-000000000000",
    "slug": "sources",
    "file": "1",
    "key": "brief",
    "form": "csv",
    "currency": "USD",
}


def address_of(pattern: URLPattern) -> str:
    names = pattern.pattern.regex.groupindex
    given = {name: ARGUMENTS[name] for name in names}
    if pattern.name == "journey-fact":
        given["event"] = "note_logged"
    return reverse(f"funnel:{pattern.name}", kwargs=given)


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
def test_every_page_wants_somebody_signed_in(client, pattern) -> None:
    for method in (client.get, client.post):
        answer = method(address_of(pattern))
        if pattern.name in OPEN:
            assert answer.status_code in {302, 405}
        elif pattern.name == "gallery":
            assert answer.status_code in {302, 403}
        else:
            assert answer.status_code == 302
            assert answer.url.startswith(reverse("account_login"))


@pytest.mark.django_db
def test_a_dialog_sends_the_whole_page_to_sign_in(client) -> None:
    answer = client.get(
        "/journeys/1/moves/lose/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/journeys/1/"},
    )
    assert answer["HX-Redirect"] == f"{reverse('account_login')}?next=/journeys/1/"


@pytest.mark.django_db
def test_posts_without_the_token_of_the_form_are_refused() -> None:
    journey = lead()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people(Role.MANAGER))
    for name, arguments in (
        ("journey-compose", [journey.pk]),
        ("journey-undo", [journey.pk]),
        ("journey-bulk", []),
    ):
        assert (
            strict.post(reverse(f"funnel:{name}", args=arguments), {"kind": "note", "text": "x"}).status_code
            == 403
        )
    assert Event.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role != Role.SERVICE])
def test_everyone_has_a_start_page_that_opens(client, role) -> None:
    client.force_login(people(role))
    answer = client.get("/", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain


@pytest.mark.django_db
def test_the_left_bar_shows_a_partner_no_list_of_journeys(client) -> None:
    for role, there in ((Role.PARTNER, False), (Role.MANAGER, True)):
        client.force_login(people(role))
        page = client.get(reverse("funnel:settings"))
        assert (reverse("funnel:journey-list") in {entry["url"] for entry in page.context["nav"]}) is there


# notifications -------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(client):
    """Fred, who was given a journey by somebody else and told of it."""
    fred = people(Role.FIRST_TOUCH, "fred")
    client.force_login(fred)
    journey = run(lead(), "owner_changed", {"owner": "fred"}, actor=people(Role.MANAGER, "max"))
    Notification.objects.get_or_create(user=fred, event=Event.objects.get(event="owner_changed"))
    return journey


@pytest.mark.django_db
def test_notifications_are_counted_listed_and_read(client, told) -> None:
    page = client.get(reverse("funnel:notifications"))
    assert f"max gives you a journey: {told}" in page.content.decode()
    assert next(entry for entry in page.context["nav"] if entry["icon"] == "bell")["count"] == 1
    note = Notification.objects.get()
    client.post(reverse("funnel:notifications-read"), {"notification": note.pk})
    note.refresh_from_db()
    assert note.read_at is not None
    page = client.get(reverse("funnel:notifications"), {"unread": "1"})
    assert "Nothing here" in page.content.decode()


@pytest.mark.django_db
def test_all_are_read_at_once_but_only_ones_own(client, told) -> None:
    other = Notification.objects.create(
        user=people(Role.MANAGER, "max"), event=Event.objects.get(event="lead_created")
    )
    client.post(reverse("funnel:notifications-read"), {"notification": other.pk})
    client.post(reverse("funnel:notifications-read"))
    assert list(Notification.objects.filter(read_at=None)) == [other]
    assert client.post(reverse("funnel:notifications-read"), {"notification": "x"}).status_code == 303


@pytest.mark.django_db
def test_a_notification_of_a_journey_gone_to_others_names_nobody(client, told) -> None:
    run(told, "owner_changed", {"owner": people(Role.FIRST_TOUCH, "joe", team=team("South")).username})
    page = client.get(reverse("funnel:notifications")).content.decode()
    assert "no longer yours to see" in page
    assert str(Journey.objects.get(pk=told.pk)) not in page


# busy ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_row_held_by_somebody_else_gives_a_page_that_says_so(client) -> None:
    journey = lead()
    client.force_login(people(Role.MANAGER))
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Journey.objects.select_for_update().get(pk=journey.pk)
            held.set()
            done.wait(20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        answer = client.post(
            reverse("funnel:journey-move", args=[journey.pk, "lose"]),
            {"reason": "budget"},
            headers={"HX-Request": "true"},
        )
    finally:
        done.set()
        other.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert answer.status_code == 409
    assert "Somebody else is changing this" in answer.content.decode()
    assert answer["HX-Retarget"] == "#dialog"
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW


def test_other_faults_of_the_database_are_not_hushed_up() -> None:
    middleware = FaultMiddleware(lambda request: None)
    request = RequestFactory().get("/journeys/")
    away = middleware.process_exception(request, OperationalError("the server closed the connection"))
    assert away is not None
    assert (away.status_code, away["Retry-After"]) == (503, "5")
    assert middleware.process_exception(request, ValueError("x")) is None
