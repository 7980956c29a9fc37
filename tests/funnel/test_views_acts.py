"""The form of a move or fact: from the table to the ledger, refusals in words, nothing typed lost; undo; annulment."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from funnel import registry
from funnel.models import Activity, Event, Journey, User
from funnel.stages import Role, Stage
from tests.factories import START, journey_at, later, lead, people, run, team

pytestmark = pytest.mark.django_db


def named(role: str, username: str, name: str) -> User:
    user = people(role, username)
    user.name = name
    user.save()
    return user


HTMX = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def mia(client):
    user = named(Role.MARKETER, "mia", "Mia Berg")
    client.force_login(user)
    return user


def move_url(journey: Journey, name: str) -> str:
    return reverse("funnel:journey-move", args=[journey.pk, name])


def fact_url(journey: Journey, name: str) -> str:
    return reverse("funnel:journey-fact", args=[journey.pk, name])


def test_the_form_asks_what_the_act_asks_and_when_it_happened(client, mia) -> None:
    journey = lead()
    page = client.get(move_url(journey, "lose")).content.decode()
    for name in ("reason", "comment", "occurred_at", "expected_seq"):
        assert f'name="{name}"' in page
    assert "<!doctype html>" in page


def test_htmx_gets_the_same_form_without_the_frame(client, mia) -> None:
    page = client.get(move_url(lead(), "lose"), headers=HTMX).content.decode()
    assert "<!doctype" not in page
    assert 'hx-target="#dialog"' in page
    assert 'id="dialog-title"' in page


def test_a_move_is_made_and_its_toast_offers_undo(client, mia) -> None:
    journey = lead()
    answer = client.post(move_url(journey, "lose"), {"reason": "budget", "comment": "No money until 2027."})
    assert answer.status_code == 303
    journey.refresh_from_db()
    assert journey.stage == Stage.LOST
    event = Event.objects.get(event="lead_lost")
    assert event.actor == mia
    page = client.get(answer.url).content.decode()
    assert reverse("funnel:act-undo", args=[event.act]) in page
    assert "now “Lost”" in page


def test_a_move_made_in_a_dialog_leads_the_whole_page_on(client, mia) -> None:
    journey = lead()
    answer = client.post(
        move_url(journey, "lose"), {"reason": "budget", "next": "/journeys/?owner=none"}, headers=HTMX
    )
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/journeys/?owner=none"
    assert "Lost" in client.get("/journeys/?state=all").content.decode()


def test_no_form_leads_to_another_site(client, mia) -> None:
    journey = lead()
    answer = client.post(move_url(journey, "lose"), {"reason": "budget", "next": "https://evil.example/"})
    assert answer.url == reverse("funnel:journey", args=[journey.pk])


def test_bad_input_is_shown_at_its_field_and_nothing_is_written(client, mia) -> None:
    journey = lead()
    answer = client.post(move_url(journey, "lose"), {"reason": "whim", "comment": "Keep these words"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "“whim” is not known here." in page
    assert "Keep these words" in page
    assert Event.objects.filter(journey=journey).count() == 1


def test_a_stale_page_is_told_who_changed_it_and_keeps_what_was_typed(client, mia) -> None:
    journey = lead()
    stale = journey.seq
    run(
        journey,
        "note_logged",
        {"text": "Called."},
        actor=named(Role.MANAGER, "max", "Max Stone"),
        at=later(minutes=5),
    )
    data = {"reason": "budget", "comment": "Keep these words", "expected_seq": str(stale)}
    answer = client.post(move_url(journey, "lose"), data)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "The journey has changed since you looked at it." in page
    assert "Note, by Max Stone" in page
    assert "Keep these words" in page
    assert f'name="expected_seq" value="{stale + 1}"' in page
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW
    # what the page shows now may be sent again
    data["expected_seq"] = str(stale + 1)
    assert client.post(move_url(journey, "lose"), data).status_code == 303


def test_a_move_that_somebody_made_first_is_refused_with_where_it_stands(client, mia) -> None:
    journey = journey_at(Stage.LOST)
    answer = client.post(move_url(journey, "lose"), {"reason": "budget", "comment": "Keep these words"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "not open in the stage “Lost”" in page
    assert "Last change: Lead lost" in page
    assert "Keep these words" in page
    assert Event.objects.filter(event="lead_lost").count() == 1


def test_a_closed_move_is_told_before_anything_is_typed(client, mia) -> None:
    page = client.get(move_url(journey_at(Stage.LOST), "respond")).content.decode()
    assert "not open in the stage “Lost”" in page
    assert 'name="occurred_at"' not in page


def test_a_role_that_may_not_is_refused(client) -> None:
    sal = people(Role.SALESPERSON, "sal")
    journey = lead(owner=sal)
    client.force_login(sal)
    answer = client.post(move_url(journey, "lose"), {"reason": "budget"})
    assert answer.status_code == 409
    assert "Your role does not make the move" in answer.content.decode()
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW


def test_what_is_not_there_is_not_found(client, mia) -> None:
    journey = lead()
    assert client.get(move_url(journey, "fly")).status_code == 404
    assert client.get(move_url(journey, "capture")).status_code == 404
    assert client.get(fact_url(journey, "fly")).status_code == 404
    assert client.get(fact_url(journey, "lead_created")).status_code == 404
    assert client.get("/journeys/999999999/moves/lose/").status_code == 404


def test_what_the_person_does_not_see_is_not_found(client) -> None:
    hidden = lead(owner=people(Role.SALESPERSON, "zoe", team=team("South")))
    client.force_login(people(Role.SALESPERSON, "sal", team=team("North")))
    for address in (
        move_url(hidden, "lose"),
        fact_url(hidden, "note_logged"),
        reverse("funnel:event-annul", args=[hidden.pk, hidden.events.get().pk]),
    ):
        assert client.get(address).status_code == 404
        assert client.post(address, {"reason": "budget"}).status_code == 404
    assert client.post(reverse("funnel:journey-undo", args=[hidden.pk])).status_code == 404
    assert (
        client.post(
            reverse("funnel:journey-compose", args=[hidden.pk]), {"kind": "note", "text": "x"}
        ).status_code
        == 404
    )
    assert Event.objects.count() == 1


def test_a_fact_is_recorded(client, mia) -> None:
    journey = lead()
    fred = people(Role.FIRST_TOUCH, "fred")
    assert client.post(fact_url(journey, "owner_changed"), {"owner": "fred"}).status_code == 303
    journey.refresh_from_db()
    assert journey.owner == fred


# when it happened ----------------------------------------------------------------------------------------------------


def test_left_as_drawn_the_time_means_now(client, mia) -> None:
    journey = lead()
    drawn = "2026-03-05T10:00"
    client.post(move_url(journey, "lose"), {"reason": "budget", "occurred_at": drawn, "drawn_at": drawn})
    assert timezone.now() - Event.objects.get(event="lead_lost").occurred_at < dt.timedelta(minutes=1)


def test_a_past_time_is_taken_in_the_readers_zone(client, mia) -> None:
    mia.time_zone = "America/New_York"
    mia.save()
    journey = lead()
    client.post(
        move_url(journey, "lose"),
        {"reason": "budget", "occurred_at": "2026-03-05T10:00", "drawn_at": "2026-11-23T10:00"},
    )
    assert Event.objects.get(event="lead_lost").occurred_at == dt.datetime(2026, 3, 5, 15, tzinfo=dt.UTC)


def test_the_minute_of_the_last_change_means_just_after_it(client, mia) -> None:
    journey = lead(at=START + dt.timedelta(seconds=30))
    client.post(move_url(journey, "lose"), {"reason": "budget", "occurred_at": "2026-03-02T09:00"})
    assert Event.objects.get(event="lead_lost").occurred_at == START + dt.timedelta(seconds=30)


@pytest.mark.parametrize(
    ("moment", "status", "words"),
    [
        ("2099-01-01T00:00", 422, "It lies in the future."),
        ("soon", 422, "Enter a valid date/time."),
        ("2020-01-01T00:00", 409, "cannot precede"),
        ("0001-01-01T00:00", 409, "cannot precede"),
        ("9999-12-31T23:59", 422, "It lies in the future."),
    ],
)
def test_an_impossible_time_is_refused_in_words(client, mia, moment, status, words) -> None:
    mia.time_zone = "Asia/Tokyo"
    mia.save()
    answer = client.post(move_url(lead(), "lose"), {"reason": "budget", "occurred_at": moment})
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert not Event.objects.filter(event="lead_lost").exists()


@pytest.mark.parametrize("number", ["x", "-1", "1e9", "99999999999999999999"])
def test_a_broken_sequence_number_never_breaks_the_site(client, mia, number) -> None:
    journey = lead()
    answer = client.post(move_url(journey, "lose"), {"reason": "budget", "expected_seq": number})
    assert answer.status_code in {400, 409}
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW


# undo ----------------------------------------------------------------------------------------------------------------


def test_undo_takes_back_the_last_act_as_a_whole(client, mia) -> None:
    journey = lead()
    client.post(move_url(journey, "respond"), {"kind": "call", "outcome": "reached", "summary": "x"})
    journey.refresh_from_db()
    assert journey.stage == Stage.CONTACTED
    answer = client.post(reverse("funnel:journey-undo", args=[journey.pk]))
    assert answer.status_code == 303
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW
    assert not Event.objects.live().filter(event="activity_logged").exists()


def test_undo_of_another_persons_act_is_refused_in_words(client, mia) -> None:
    journey = run(lead(), "respond", actor=people(Role.MANAGER, "max"))
    answer = client.post(reverse("funnel:journey-undo", args=[journey.pk]), follow=True)
    assert "Only the person who did it, or a manager, may undo it." in answer.content.decode()
    journey.refresh_from_db()
    assert journey.stage == Stage.CONTACTED


def test_an_act_on_which_something_rests_stays(client, mia) -> None:
    journey = lead()
    client.post(move_url(journey, "respond"), {"kind": "call", "outcome": "reached", "summary": "x"})
    act = Event.objects.get(event="first_response").act
    client.post(move_url(journey, "lose"), {"reason": "budget"})
    answer = client.post(reverse("funnel:act-undo", args=[act]), follow=True)
    assert "Not undone" in answer.content.decode()
    kinds = Event.objects.live().filter(act=act).order_by("seq").values_list("event", flat=True)
    assert list(kinds) == ["activity_logged", "owner_changed", "first_response"]


def test_undoing_twice_says_that_it_is_undone(client, mia) -> None:
    journey = lead()
    client.post(move_url(journey, "lose"), {"reason": "budget"})
    undo = reverse("funnel:act-undo", args=[Event.objects.get(event="lead_lost").act])
    client.post(undo)
    assert "It is undone already." in client.post(undo, follow=True).content.decode()
    assert Event.objects.filter(event="annulled").count() == 1


def test_an_application_is_not_undone_by_the_undo_button(client, mia) -> None:
    journey = lead()
    answer = client.post(reverse("funnel:journey-undo", args=[journey.pk]), follow=True)
    assert "There is nothing to undo." in answer.content.decode()
    assert client.post(reverse("funnel:act-undo", args=[journey.events.get().act])).status_code in {303, 404}
    journey.refresh_from_db()
    assert journey.annulled_at is None


def test_undo_of_an_unknown_act_is_not_found(client, mia) -> None:
    assert client.post("/acts/00000000-0000-0000-0000-000000000000/undo/").status_code == 404


@pytest.mark.parametrize("name", ["funnel:journey-undo", "funnel:journey-compose"])
def test_what_changes_something_is_posted(client, mia, name) -> None:
    assert client.get(reverse(name, args=[lead().pk])).status_code == 405


# annulment -----------------------------------------------------------------------------------------------------------


def annul_url(event: Event) -> str:
    return reverse("funnel:event-annul", args=[event.journey_id, event.pk])


def test_annulling_asks_why_and_names_what_goes_along(client, mia) -> None:
    journey = lead()
    client.post(move_url(journey, "respond"), {"kind": "call", "outcome": "reached", "summary": "x"})
    event = Event.objects.get(event="first_response")
    page = client.get(annul_url(event), headers=HTMX).content.decode()
    assert "Annul “First response”" in page
    assert "Activity logged" in page
    assert client.post(annul_url(event), {"comment": ""}).status_code == 422
    assert client.post(annul_url(event), {"comment": "Wrong client"}).status_code == 303
    assert Event.objects.live().filter(journey=journey).count() == 1
    assert Activity.objects.exists()
    assert Event.objects.filter(event="annulled", notes__text="Wrong client").exists()


def test_annulling_what_something_rests_on_is_refused_with_why(client, mia) -> None:
    journey = lead()
    client.post(move_url(journey, "respond"), {"kind": "call", "outcome": "reached", "summary": "x"})
    client.post(move_url(journey, "lose"), {"reason": "budget"})
    event = Event.objects.get(event="first_response")
    answer = client.post(annul_url(event), {"comment": "Wrong"})
    assert answer.status_code == 409
    assert "A later change of stage rests on this event" in answer.content.decode()


def test_annulling_the_application_withdraws_the_whole_journey(client) -> None:
    client.force_login(people(Role.MANAGER))
    journey = run(lead(), "respond")
    event = Event.objects.get(event="lead_created")
    assert "everything on the journey goes with it" in client.get(annul_url(event)).content.decode()
    answer = client.post(annul_url(event), {"comment": "A test"})
    assert answer.url == reverse("funnel:journey-list")
    journey.refresh_from_db()
    assert journey.annulled_at is not None
    assert client.get(reverse("funnel:journey", args=[journey.pk])).status_code == 404


def test_an_annulment_and_an_event_of_another_journey_are_not_found(client) -> None:
    client.force_login(people(Role.MANAGER))
    journey, other = run(lead(), "respond"), lead()
    client.post(reverse("funnel:journey-undo", args=[journey.pk]))
    annulled = Event.objects.filter(event="annulled").first()
    assert annulled is not None
    assert client.get(annul_url(annulled)).status_code == 404
    event = other.events.get()
    assert client.get(reverse("funnel:event-annul", args=[journey.pk, event.pk])).status_code == 404
    gone = Event.objects.get(event="first_response")
    assert client.post(annul_url(gone), {"comment": "x"}).status_code == 409


def test_what_a_refused_move_lacks_is_named_with_where_to_fill_it_in(client, mia, monkeypatch) -> None:
    monkeypatch.setitem(
        registry.requirements, "merge.no_money", lambda journeys, inputs: {journeys[0].pk: ["thing.x"]}
    )
    monkeypatch.setitem(registry.path_labels, "thing.x", "The thing")
    monkeypatch.setitem(registry.path_pages, "thing", "funnel:journey")
    journey, survivor = lead(), lead()
    answer = client.post(move_url(journey, "merge"), {"survivor": survivor.pk})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Still missing: The thing." in page
    assert f'href="{reverse("funnel:journey", args=[journey.pk])}">Fill in: The thing</a>' in page
