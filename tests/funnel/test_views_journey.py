"""The page of one journey: path, next step, what is open and what is not, timeline, composer."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import registry
from funnel.models import Activity, Attachment, Event, Journey, Note, User
from funnel.parties import edit_details
from funnel.stages import MOVES, Role, Stage
from tests.factories import START, journey_at, later, lead, organisation, people, run, team

pytestmark = pytest.mark.django_db


def url(journey: Journey) -> str:
    return reverse("funnel:journey", args=[journey.pk])


@pytest.fixture
def manager(client):
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


@pytest.mark.parametrize("stage", Stage.values)
def test_the_page_is_drawn_at_every_stage_within_fifteen_queries(client, manager, stage) -> None:
    journey = journey_at(stage)
    for language in ("en", "ru"):
        manager.language = language
        manager.save()
        _drawn_within_fifteen_queries(client, journey, language)


def _drawn_within_fifteen_queries(client, journey, language) -> None:
    client.get(url(journey))
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url(journey))
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.content.decode()
    assert len(queries) <= 15, [query["sql"][:120] for query in queries]


def test_a_thousand_events_take_as_many_queries_as_one(client, manager) -> None:
    """What came with them too: mentions, files and changed fields."""
    counts = {}
    for events in (1, 3, 1000):
        journey = lead(name="Priya Rossi")
        many_notes(journey, events - 1, by=manager)
        edit_details(journey=journey, actor=manager, name=f"Priya {events}", phone="+4930123456")
        Attachment.objects.create(journey=journey, file="x", name="a.txt", size=1, kind="text/plain")
        client.get(url(journey))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url(journey))
        assert len(page.context["told"].items) <= 30
        counts[events] = len(queries)
    assert len(set(counts.values())) == 1, counts
    assert counts[1000] <= 15


def many_notes(journey: Journey, number: int, *, by: User) -> None:
    """Write notes, a minute apart, in one go; the sequence of the journey follows."""
    first = Event.objects.get(journey=journey)
    events = [
        Event(
            journey=journey,
            seq=n,
            event="note_logged",
            occurred_at=first.occurred_at + dt.timedelta(minutes=n),
            actor=by,
            source=first.source,
            inputs={"mentions": [by.pk]},
        )
        for n in range(2, number + 2)
    ]
    for event in Event.objects.bulk_create(events):
        Note.objects.create(
            journey=journey, event=event, text=f"Note {event.seq} for @max.", author=by, at=event.occurred_at
        )
    Journey.objects.filter(pk=journey.pk).update(seq=number + 1)


def test_a_long_history_is_read_page_by_page_and_no_event_is_missed_or_told_twice(client, manager) -> None:
    journey = lead()
    many_notes(journey, 70, by=manager)
    edit_details(journey=journey, actor=manager, name="Someone Else")
    Attachment.objects.create(
        journey=journey,
        file="x",
        name="old.txt",
        size=1,
        kind="text/plain",
        at=START + dt.timedelta(minutes=9),
    )
    query, seen = "", []
    for _page in range(5):
        told = client.get(url(journey) + query).context["told"]
        seen += [item["id"] for item in told.items]
        query = told.older
        if not query:
            break
    assert len(seen) == len(set(seen)) == 73
    assert seen[0].startswith("change-")
    assert seen[-1] == f"event-{Event.objects.get(event='lead_created').pk}"
    assert client.get(url(journey) + "?older=nonsense").status_code == 200
    part = client.get(
        url(journey) + told.newest, headers={"HX-Request": "true", "HX-Target": "older"}
    ).content.decode()
    assert part.lstrip().startswith("<li")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"show": "notes"}, ["Note"]),
        ({"show": "calls"}, ["Call"]),
        ({"show": "emails"}, ["E-mail"]),
        ({"show": "meetings"}, ["Meeting"]),
        ({"show": "stages"}, ["First response", "Application received"]),
        ({"show": "changes"}, ["Owner changed"]),
        ({"find": "budget"}, ["Call"]),
        ({"find": "nothing of the kind"}, []),
        ({"show": "dance", "find": "\x00"}, None),
    ],
)
def test_the_timeline_is_narrowed_down_by_kind_and_words(client, manager, query, words) -> None:
    journey = run(lead(), "respond", {"kind": "call", "summary": "The BUDGET is open."}, actor=manager)
    for kind in ("email", "meeting"):
        run(journey, "activity_logged", {"kind": kind, "summary": "x"}, actor=manager)
    run(journey, "note_logged", {"text": "Likes tea."}, actor=manager)
    run(journey, "owner_changed", {"owner": "max"}, actor=people(Role.ADMINISTRATOR))
    told = client.get(url(journey), query).context["told"]
    if words is None:
        assert len(told.items) == 7
    else:
        assert [item["title"] for item in told.items] == words


def test_changes_of_fields_are_told_together_with_their_history_one_click_away(client, manager) -> None:
    journey = lead(name="Pria", company="Evergreen")
    journey = Journey.objects.with_parties().get(pk=journey.pk)
    domain = journey.company.domain
    edit_details(
        journey=journey, actor=manager, name="Priya", amount=Decimal("100"), company_domain="a.example"
    )
    edit_details(journey=Journey.objects.with_parties().get(pk=journey.pk), actor=manager, name="Priya Rossi")
    item, *rest = client.get(url(journey)).context["told"].items
    assert item["title"] == "4 fields changed"
    assert {(line["what"], line["old"], line["new"]) for line in item["changes"]} >= {
        ("Name", "Pria", "Priya"),
        ("Name", "Priya", "Priya Rossi"),
        ("Company: Domain", domain, "a.example"),
    }
    assert [item["title"] for item in rest] == ["Application received"]
    page = client.get(item["changes"][0]["url"])
    assert [(row["old"], row["new"]) for row in page.context["rows"]] == [
        ("Priya", "Priya Rossi"),
        ("Pria", "Priya"),
    ]
    client.force_login(people(Role.MARKETER))
    told = client.get(url(journey)).context["told"]
    assert "Expected amount" not in {line["what"] for line in told.items[0]["changes"]}


def test_the_owners_of_a_journey_are_told_from_the_ledger(client, manager) -> None:
    journey = lead(owner=people(Role.FIRST_TOUCH, "fred"))
    run(journey, "owner_changed", {"owner": "max"}, actor=manager)
    page = client.get(reverse("funnel:field-history", args=[journey.pk, "journey.owner"]))
    assert [(row["old"], row["new"]) for row in page.context["rows"]] == [("fred", "max")]
    assert client.get(reverse("funnel:field-history", args=[journey.pk, "user.password"])).status_code == 404


def test_the_path_says_when_each_column_was_entered_and_where_the_journey_stands(client, manager) -> None:
    steps = client.get(url(journey_at(Stage.MET))).context["steps"]
    assert [(step["label"], step["state"]) for step in steps][:3] == [
        ("Application", "done"),
        ("First touch", "now"),
        ("Brief", "ahead"),
    ]
    assert steps[0]["note"] == "2 Mar"
    assert steps[1]["note"].startswith("Met · ")


def test_the_path_of_a_lost_journey_ends_where_it_was_lost(client, manager) -> None:
    steps = client.get(url(journey_at(Stage.LOST))).context["steps"]
    assert steps[-1]["label"] == "Lost"
    assert steps[-1]["tone"] == "lost"
    assert [step["state"] for step in steps[:3]] == ["done", "done", "ahead"]


def test_the_next_step_is_the_nearest_natural_move_with_its_reason(client, manager) -> None:
    organisation(first_response_minutes=60)
    fresh = client.get(url(lead())).context["next"]
    assert fresh["title"] == "Respond"
    assert "of working time too late" in fresh["reason"]
    met = client.get(url(journey_at(Stage.CONTACTED))).context["next"]
    assert met["title"] == "Hold first meeting"
    assert "in the stage “Contacted”" in met["reason"]
    assert client.get(url(journey_at(Stage.LOST))).context["next"]["title"] == "Reopen"


def test_what_is_missing_is_named_and_keeps_the_move_closed(client, manager, monkeypatch) -> None:
    for path in ("brief.answers", "brief.verdict"):
        monkeypatch.setitem(registry.requirements, path, lambda journeys, inputs: {})
    monkeypatch.setitem(
        registry.requirements,
        "brief.answers",
        lambda journeys, inputs: {journey.pk: ["brief.budget", "brief.goal"] for journey in journeys},
    )
    monkeypatch.setitem(registry.path_labels, "brief.budget", "The budget")
    answer = client.get(url(journey_at(Stage.MET)))
    assert (
        "2 things stand between this journey and “Fill the brief”: The budget, Brief: goal."
        in (answer.context["next"]["reason"])
    )
    checks = {check["label"]: check["done"] for check in answer.context["needs"]["checks"]}
    assert checks["The budget"] is False
    closed = {choice.name: choice.why for choice in answer.context["choices"].closed}
    assert closed["fill_brief"] == "Still missing: The budget, Brief: goal."


def test_every_move_of_the_table_is_told_open_or_closed_with_why(client, manager) -> None:
    from funnel.acts import ACTS

    choices = client.get(url(lead())).context["choices"]
    assert {choice.name for choice in choices.moves} == (set(MOVES) & set(ACTS)) - {"capture"}
    assert {choice.name for choice in choices.open} >= {"respond", "lose", "mark_spam", "merge"}
    assert all(choice.why for choice in choices.closed)


def test_a_role_is_offered_only_what_it_may_do(client) -> None:
    journey = lead(owner=people(Role.SALESPERSON, "sal"))
    client.force_login(people(Role.SALESPERSON, "sal"))
    answer = client.get(url(journey))
    assert "respond" not in [choice.name for choice in answer.context["choices"].open]
    assert answer.context["next"]["title"] == "Waiting: Respond"
    assert answer.context["next"]["reason"].endswith("This is for marketing to do.")
    assert answer.context["next"]["actions"] == []


def test_a_journey_that_is_not_for_the_person_is_not_found(client) -> None:
    hidden = lead(owner=people(Role.SALESPERSON, "zoe", team=team("South")))
    client.force_login(people(Role.SALESPERSON, "sal", team=team("North")))
    assert client.get(url(hidden)).status_code == 404
    for role in (Role.SPECIALIST, Role.LAWYER, Role.PARTNER):
        client.force_login(people(role))
        assert client.get(url(hidden)).status_code == 404


def test_a_number_beyond_every_journey_is_not_found(client, manager) -> None:
    assert client.get("/journeys/99999999999999999999999999/").status_code == 404


def test_the_timeline_tells_what_happened_in_words(client, manager) -> None:
    journey = run(lead(), "respond", {"kind": "call", "summary": "Budget is open."}, actor=manager)
    journey = run(journey, "lose", {"reason": "price", "comment": "Too dear by half."}, actor=manager)
    items = client.get(url(journey)).context["told"].items
    assert [item["title"] for item in items] == [
        "Lead lost",
        "First response",
        "Call",
        "Application received",
    ]
    assert items[0]["text"] == "Price"
    assert items[0]["said"] == "Too dear by half."
    assert items[2]["said"] == "Budget is open."
    assert items[2]["text"] == "We reached out"
    assert items[3]["text"] == "Website"
    assert items[0]["who"] == manager


def test_an_annulled_event_stays_struck_through_with_who_annulled_it(client, manager) -> None:
    journey = run(lead(), "respond", actor=manager)
    client.post(reverse("funnel:journey-undo", args=[journey.pk]))
    items = client.get(url(journey)).context["told"].items
    assert [(item["title"], item["annulled"]) for item in items] == [
        ("First response", True),
        ("Call", True),
        ("Application received", False),
    ]
    assert items[0]["text"].startswith("annulled by max on ")
    assert "annul_url" not in items[0]


def test_words_of_people_are_escaped(client, manager) -> None:
    journey = lead(name="<script>alert(1)</script>", company="<img src=x onerror=alert(1)>")
    run(journey, "note_logged", {"text": "<svg onload=alert(1)>"})
    page = client.get(url(journey)).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<svg onload" not in page


def test_other_journeys_of_the_client_are_listed_as_far_as_visible(client) -> None:
    sal = people(Role.SALESPERSON, "sal", team=team("North"))
    zoe = people(Role.SALESPERSON, "zoe", team=team("South"))
    same = {"name": "Ann", "email": "ann@client.example"}
    first = lead(**same, owner=sal)
    second = lead(**same, owner=sal, at=later(days=1))
    third = lead(**same, owner=zoe, at=later(days=2))
    assert first.contact_id == second.contact_id == third.contact_id
    client.force_login(sal)
    assert [other.pk for other in client.get(url(first)).context["relatives"]["same"]] == [second.pk]
    client.force_login(people(Role.MANAGER))
    assert [other.pk for other in client.get(url(first)).context["relatives"]["same"]] == [
        third.pk,
        second.pk,
    ]


def test_a_merged_journey_names_the_one_it_went_into_and_the_other_way_round(client, manager) -> None:
    survivor, loser = lead(), lead()
    run(loser, "merge", {"survivor": survivor.pk}, actor=manager)
    assert client.get(url(loser)).context["relatives"]["survivor"] == [survivor]
    assert client.get(url(survivor)).context["relatives"]["absorbed"] == [loser]


def test_panels_of_the_apps_stand_on_the_page_and_none_hides_one(client, manager, monkeypatch) -> None:
    seen = []

    def build(journey, user):
        seen.append((journey.pk, user))
        return {"title": "Brief here", "icon": "inbox"} if len(seen) == 1 else None

    monkeypatch.setattr(registry, "journey_panels", [("_components/empty.html", build)])
    journey = lead()
    assert "Brief here" in client.get(url(journey)).content.decode()
    assert "Brief here" not in client.get(url(journey)).content.decode()
    assert seen[0] == (journey.pk, manager)


def test_an_act_with_a_page_of_its_own_leads_there(client, manager, monkeypatch) -> None:
    monkeypatch.setitem(registry.act_pages, "respond", "funnel:journey")
    journey = lead()
    choices = {choice.name: choice for choice in client.get(url(journey)).context["choices"].moves}
    assert choices["respond"].url == url(journey)
    assert not choices["respond"].dialog
    answer = client.get(reverse("funnel:journey-move", args=[journey.pk, "respond"]))
    assert answer.status_code == 303
    assert answer.url == url(journey)


def test_times_are_in_the_readers_zone_and_the_page_says_so(client, manager) -> None:
    manager.time_zone = "Asia/Tokyo"
    manager.save()
    journey = lead(at=dt.datetime(2026, 3, 2, 20, 30, tzinfo=dt.UTC))
    page = client.get(url(journey)).content.decode()
    assert "3 Mar, 05:30" in page
    assert "Times are in your zone, Asia/Tokyo." in page


def test_a_partner_sees_the_referral_but_none_of_our_words(client, manager, monkeypatch) -> None:
    journey = run(lead(), "note_logged", {"text": "They are difficult."})
    partner = people(Role.PARTNER, "pam")
    monkeypatch.setattr(registry, "visibility", [lambda user: Q(pk=journey.pk)])
    client.force_login(partner)
    page = client.get(url(journey))
    assert page.status_code == 200
    assert "They are difficult." not in page.content.decode()
    assert page.context["told"].items == []


# the composer --------------------------------------------------------------------------------------------------------


def compose(client, journey, **data: str):
    return client.post(reverse("funnel:journey-compose", args=[journey.pk]), data)


def test_a_note_is_written(client, manager) -> None:
    journey = lead()
    answer = compose(client, journey, kind="note", text="Wants it in May.")
    assert answer.status_code == 303
    note = Note.objects.get()
    assert (note.text, note.author) == ("Wants it in May.", manager)
    assert "Wants it in May." in client.get(url(journey)).content.decode()


def test_a_call_from_yesterday_is_logged_at_its_time_in_the_readers_zone(client, manager) -> None:
    manager.time_zone = "Europe/Berlin"
    manager.save()
    journey = lead()
    compose(
        client, journey, kind="call", direction="inbound", text="Called back.", occurred_at="2026-07-01T15:30"
    )
    activity = Activity.objects.get()
    assert (activity.kind, activity.direction, activity.summary) == ("call", "inbound", "Called back.")
    assert activity.at == dt.datetime(2026, 7, 1, 13, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "note", "text": " "}, "A note needs words."),
        ({"kind": "dance", "text": "x"}, "Select a valid choice"),
        ({"kind": "note", "text": "Keep me", "occurred_at": "2099-01-01T00:00"}, "It lies in the future."),
        ({"kind": "note", "text": "Keep me", "occurred_at": "yesterday"}, "Enter a valid date/time."),
    ],
)
def test_a_faulty_note_is_refused_in_words_and_kept(client, manager, data, words) -> None:
    answer = compose(client, lead(), **data)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert data["text"].strip() in page
    assert not Note.objects.exists()


def test_a_note_before_the_application_is_refused_and_kept(client, manager) -> None:
    answer = compose(client, lead(at=START), kind="note", text="Long ago", occurred_at="2020-01-01T00:00")
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "It cannot precede the arrival of the application." in page
    assert "Long ago" in page


def test_nobody_writes_on_a_merged_journey(client, manager) -> None:
    journey = journey_at(Stage.MERGED)
    assert "composer" not in client.get(url(journey)).context
    assert compose(client, journey, kind="note", text="x").status_code == 409
    assert not Event.objects.filter(event="note_logged").exists()


def test_undo_of_a_note_is_offered_and_works(client, manager) -> None:
    journey = lead()
    compose(client, journey, kind="note", text="Oops")
    event = Event.objects.get(event="note_logged")
    undo = reverse("funnel:act-undo", args=[event.act])
    assert undo in client.get(url(journey)).content.decode()
    assert client.post(undo).status_code == 303
    assert not Event.objects.live().filter(event="note_logged").exists()
    assert timezone.now() > event.recorded_at
