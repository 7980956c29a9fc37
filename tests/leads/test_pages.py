"""The pages of first touch: the inbox, a lead entered by hand, the first meeting, duplicates."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deals.domain.handoffs import withdraw_overdue
from deals.models import Handoff
from funnel.models import Event, Journey, Reason, Service, User
from funnel.stages import Role, Stage
from partners.models import Referral
from tests.factories import (
    STEPS,
    journey_at,
    later,
    lead,
    organisation,
    partner,
    partner_person,
    people,
    run,
    take,
    team,
    token,
)

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client(headers={"Accept-Language": "en"}, raise_request_exception=False)
    client.force_login(user)
    return client


def ago(**span: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**span)


# the inbox -----------------------------------------------------------------------------------------------------------


def test_the_inbox_lists_what_waits_longest_first_and_nothing_else() -> None:
    late = lead(name="Late", at=ago(days=3))
    fresh = lead(name="Fresh", at=ago(minutes=1))
    run(lead(name="Answered", at=ago(days=5)), "respond")
    back = lead(name="Back", at=ago(days=4))
    Journey.objects.filter(pk=back.pk).update(stage=Stage.RETURNED, stage_since=ago(days=1))
    aside = lead(name="Aside", at=ago(days=6))
    until = timezone.now() + dt.timedelta(days=1)
    run(aside, "snoozed", {"until": until.isoformat()}, at=timezone.now())
    page = signed_in(people(Role.FIRST_TOUCH)).get("/inbox/")
    assert [row["journey"].pk for row in page.context["rows"]] == [late.pk, back.pk, fresh.pk]
    assert page.context["selected"] == late


def test_the_clock_of_the_inbox_counts_working_minutes() -> None:
    organisation(
        business_days=[1, 2, 3, 4, 5, 6, 7],
        opens=dt.time(0),
        closes=dt.time(23, 59),
        first_response_minutes=60,
    )
    lead(at=ago(minutes=10))
    [row] = signed_in(people(Role.FIRST_TOUCH)).get("/inbox/").context["rows"]
    assert 48 < row["left"] <= 51


def test_the_inbox_shows_the_message_and_where_it_came_from() -> None:
    known = lead(email="ada@acme.example", at=ago(days=2))
    journey = lead(
        email="ada@acme.example",
        message="Please <call>",
        utm={"utm_source": "letter"},
        at=ago(days=1),
    )
    page = signed_in(people(Role.FIRST_TOUCH)).get(f"/inbox/?journey={journey.pk}").content.decode()
    assert "Please &lt;call&gt;" in page
    assert "utm_source" in page and "letter" in page
    assert f"/journeys/{known.pk}/" in page
    assert f"/journeys/{journey.pk}/moves/merge/?survivor={known.pk}" in page


def test_the_inbox_shows_the_reason_and_words_with_which_sales_returned_a_lead() -> None:
    seller = people(Role.SALESPERSON)
    journey = journey_at("handed_off")
    inputs = {"reason": "not_ready", "comment": "They could not say who signs.\nAsk first."}
    run(journey, "reject", inputs, actor=seller)
    client = signed_in(people(Role.FIRST_TOUCH))
    page = client.get(f"/inbox/?journey={journey.pk}")
    back = page.context["back"]
    label = str(Reason.objects.get(kind="rejected", key="not_ready"))
    assert (back["title"], back["why"]) == (f"Returned by {seller}", label)
    text = page.content.decode()
    assert label in text and "They could not say who signs.<br>Ask first." in text


def test_the_inbox_says_that_nobody_in_sales_decided_in_time() -> None:
    journey = journey_at("handed_off")
    Handoff.objects.filter(journey=journey).update(due_at=later(days=1))
    withdraw_overdue(at=timezone.now())
    page = signed_in(people(Role.FIRST_TOUCH)).get(f"/inbox/?journey={journey.pk}")
    assert page.context["back"]["title"] == "Nobody in sales decided in time"


def test_a_declined_referral_stands_in_the_inbox_with_the_partners_words_and_the_next_partner() -> None:
    pat = partner_person()
    partner("acme", name="Acme", members=(pat,)), partner("next", name="Next")
    journey = take(journey_at("contacted"), "hold_first_meeting")
    journey = run(journey, "fill_brief", {**STEPS["fill_brief"](journey), "verdict": "partner"})
    run(journey, "refer", {"partner": "acme", "reason": "capacity"})
    run(journey, "partner_declined", {"reason": "region", "comment": "Too far away for us."}, actor=pat)
    page = signed_in(people(Role.FIRST_TOUCH)).get(f"/inbox/?journey={journey.pk}")
    back, first = page.context["back"], page.context["acts"][0]
    assert (back["title"], back["why"], back["said"]) == (
        "Declined by Acme",
        "Not our region",
        "Too far away for us.",
    )
    assert first["label"] == "Refer to Next" and "refer/?partner=next&next=" in first["url"]
    assert page.context["may_return"] is False


def test_the_next_partner_is_proposed_without_a_brief_too_and_not_for_what_marketing_took_back() -> None:
    pat = partner_person()
    partner("acme", name="Acme", members=(pat,)), partner("next", name="Next")
    journeys = [
        run(journey_at("contacted"), "refer", {"partner": "acme", "reason": "capacity"}) for _each in range(2)
    ]
    run(journeys[0], "partner_declined", {"reason": "region"}, actor=pat)
    run(journeys[1], "return_referral", {"reason": "recalled"}, actor=people(Role.MARKETER))
    client = signed_in(people(Role.MARKETER))
    firsts = [client.get(f"/inbox/?journey={journey.pk}").context["acts"][0]["label"] for journey in journeys]
    assert firsts[0] == "Refer to Next" and not firsts[1].startswith("Refer")
    (action,) = [
        action
        for action in client.get(f"/journeys/{journeys[0].pk}/").context["next"]["actions"]
        if action["primary"]
    ]
    assert action["label"] == "Refer to Next"


def test_what_a_partner_declined_before_declining_returned_it_is_returned_with_one_click() -> None:
    partner("acme", name="Acme")
    journey = run(journey_at("contacted"), "refer", {"partner": "acme", "reason": "capacity"})
    Referral.objects.update(state="declined", decided_at=later(days=1), decline_reason="terms")
    client = signed_in(people(Role.MARKETER))
    page = client.get(f"/inbox/?journey={journey.pk}")
    assert [row["journey"] for row in page.context["rows"]] == [journey]
    assert page.context["may_return"] is True
    page = client.post(
        f"/journeys/{journey.pk}/moves/return_referral/", {"expected_seq": journey.seq, "reason": "terms"}
    )
    assert page.status_code == 303
    journey.refresh_from_db()
    assert journey.stage == "returned"


def test_the_inbox_holds_what_the_person_may_see() -> None:
    north, south = team("North"), team("South")
    lead(owner=people(Role.FIRST_TOUCH, "fay", team=north), at=ago(days=2))
    free = lead(at=ago(days=1))
    page = signed_in(people(Role.FIRST_TOUCH, "stranger", team=south)).get("/inbox/")
    assert [row["journey"].pk for row in page.context["rows"]] == [free.pk]
    for role in (Role.SALESPERSON, Role.PARTNER, Role.LAWYER):
        assert signed_in(people(role)).get("/inbox/").status_code == 403
    assert Client().get("/inbox/").status_code == 302


def test_the_inbox_asks_as_many_questions_for_many_rows_as_for_few() -> None:
    client = signed_in(people(Role.MARKETER))
    counts = []
    for rows in (2, 10):
        for _row in range(rows):
            lead(email="ada@acme.example", at=ago(days=1), company="Acme")
        client.get("/inbox/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/inbox/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 17


@pytest.mark.parametrize(
    "query", ["journey=x", "journey=99999999999999999999", "journey=0", "after=%00", "whose=z"]
)
def test_an_odd_address_shows_the_inbox_all_the_same(query: str) -> None:
    lead(at=ago(days=1))
    page = signed_in(people(Role.MARKETER)).get(f"/inbox/?{query}")
    assert page.status_code == 200
    assert len(page.context["rows"]) == 1


def test_taking_an_application_makes_it_ones_own_with_an_undo() -> None:
    journey, fay = lead(at=ago(days=1)), people(Role.FIRST_TOUCH, "fay")
    response = signed_in(fay).post(f"/inbox/{journey.pk}/take/", {"expected_seq": 1})
    assert response.status_code == 303
    journey.refresh_from_db()
    assert journey.owner == fay
    event = Event.objects.get(event="owner_changed")
    page = signed_in(fay).get("/inbox/?whose=mine")
    assert [row["journey"].pk for row in page.context["rows"]] == [journey.pk]
    assert event.actor == fay


def test_of_two_who_take_the_same_application_the_second_is_told() -> None:
    journey = lead(at=ago(days=1))
    fay, finn = people(Role.FIRST_TOUCH, "fay"), people(Role.FIRST_TOUCH, "finn")
    signed_in(fay).post(f"/inbox/{journey.pk}/take/", {"expected_seq": 1})
    mary = signed_in(people(Role.MARKETER))
    page = mary.post(f"/inbox/{journey.pk}/take/", {"expected_seq": 1}, follow=True)
    assert "Nothing was saved" in page.content.decode()
    journey.refresh_from_db()
    assert journey.owner == fay
    assert signed_in(finn).post(f"/inbox/{journey.pk}/take/", {"expected_seq": 2}).status_code == 404
    assert mary.post(f"/inbox/{journey.pk}/take/", {"expected_seq": "x"}).status_code == 400


def test_a_marketer_shares_out_what_nobody_owns() -> None:
    for name in ("fay", "finn"):
        people(Role.FIRST_TOUCH, name)
    for _n in range(4):
        lead(at=ago(days=1))
    assert signed_in(people(Role.FIRST_TOUCH, "fay")).post("/inbox/share/").status_code == 403
    assert signed_in(people(Role.MARKETER)).post("/inbox/share/").status_code == 303
    owners = Journey.objects.values_list("owner__username", flat=True)
    assert sorted(owners) == ["fay", "fay", "finn", "finn"]
    assert signed_in(people(Role.MARKETER)).post("/inbox/share/").status_code == 303


def test_the_bar_counts_what_waits_for_marketing_and_shows_sales_no_inbox() -> None:
    lead(at=ago(days=1))
    page = signed_in(people(Role.MARKETER)).get("/journeys/")
    [entry] = [entry for entry in page.context["nav"] if entry["url"] == "/inbox/"]
    assert entry["count"] == 1
    page = signed_in(people(Role.SALESPERSON)).get("/journeys/")
    assert "/inbox/" not in [entry["url"] for entry in page.context["nav"]]


# a lead entered by hand ----------------------------------------------------------------------------------------------

TYPED = {"name": "Ada Example", "email": "ada@acme.example", "source": "call", "submission": "0" * 32}


def test_a_lead_entered_by_hand_leads_to_its_journey() -> None:
    Service.objects.create(key="audit")
    fay = people(Role.FIRST_TOUCH, "fay")
    typed = {**TYPED, "service": "audit", "owner": "fay", "message": "Rang at noon"}
    response = signed_in(fay).post("/leads/new/", typed)
    journey = Journey.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/journeys/{journey.pk}/")
    assert (journey.owner, journey.service.key, journey.source.key) == (fay, "audit", "call")
    assert journey.application.message == "Rang at noon"


def test_two_clicks_on_save_are_one_lead() -> None:
    client = signed_in(people(Role.MARKETER))
    for _time in range(2):
        assert client.post("/leads/new/", {**TYPED, "anyway": "1"}).status_code == 303
    assert Journey.objects.count() == 1


def test_who_may_be_here_already_is_shown_before_anything_is_saved() -> None:
    known = lead(email="ada@acme.example", at=ago(days=1))
    client = signed_in(people(Role.MARKETER))
    page = client.post("/leads/new/", TYPED)
    body = page.content.decode()
    assert page.status_code == 200
    assert "May already be here" in body and f"/journeys/{known.pk}/" in body and "Same e-mail" in body
    assert 'value="Ada Example"' in body
    assert Journey.objects.count() == 1
    assert client.post("/leads/new/", {**TYPED, "anyway": "1"}).status_code == 303
    assert Journey.objects.count() == 2


def test_a_colleagues_journey_is_named_by_its_number_alone() -> None:
    owner = people(Role.FIRST_TOUCH, "fay", team=team("North"))
    known = lead(name="Hidden Person", email="ada@acme.example", owner=owner, at=ago(days=1))
    stranger = people(Role.FIRST_TOUCH, "stranger", team=team("South"))
    body = signed_in(stranger).post("/leads/new/", TYPED).content.decode()
    assert f"#{known.pk}" in body
    assert "Hidden Person" not in body and f"/journeys/{known.pk}/" not in body


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": ""}, "name"),
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"source": "pigeon"}, "source"),
        ({"owner": "nobody"}, "owner"),
        ({"message": "A\0"}, "message"),
        ({"occurred_at": "3000-01-01T00:00"}, "occurred_at"),
        ({"submission": "x"}, "submission"),
    ],
)
def test_a_faulty_lead_is_drawn_again_with_what_was_typed(change: dict[str, Any], fault: str) -> None:
    page = signed_in(people(Role.MARKETER)).post("/leads/new/", {**TYPED, "company": "Acme", **change})
    assert page.status_code == 422
    assert fault in page.context["form"].errors
    assert 'value="Acme"' in page.content.decode()
    assert not Journey.objects.exists()


def test_those_who_do_not_work_the_funnel_enter_no_leads() -> None:
    for role in (Role.PARTNER, Role.LAWYER, Role.SPECIALIST):
        client = signed_in(people(role))
        assert client.get("/leads/new/").status_code == client.post("/leads/new/", TYPED).status_code == 403
    assert not Journey.objects.exists()


# first meeting, duplicates, panels -----------------------------------------------------------------------------------


def test_the_meeting_form_on_a_new_application_makes_both_moves() -> None:
    journey = lead(at=ago(days=1))
    client = signed_in(people(Role.FIRST_TOUCH))
    url = f"/journeys/{journey.pk}/first-meeting/"
    assert client.get(url).status_code == 200
    response = client.post(url, {"how": "event", "comment": "At the booth"})
    assert (response.status_code, response["Location"]) == (303, f"/journeys/{journey.pk}/")
    journey.refresh_from_db()
    assert journey.stage == Stage.MET
    kinds = Event.objects.filter(journey=journey).order_by("seq").values_list("event", flat=True)
    assert list(kinds) == [
        "lead_created",
        "activity_logged",
        "owner_changed",
        "first_response",
        "first_meeting_held",
    ]


def test_the_meeting_form_on_an_answered_application_makes_one_move() -> None:
    journey = run(lead(at=ago(days=1)), "respond")
    client = signed_in(people(Role.FIRST_TOUCH))
    url = f"/journeys/{journey.pk}/first-meeting/"
    assert client.post(url, {"how": "pigeon"}).status_code == 422
    assert client.post(url, {"how": "phone"}).status_code == 303
    assert client.post(url, {"how": "phone"}).status_code == 409
    assert Event.objects.filter(journey=journey, event="first_meeting_held").count() == 1


def test_a_meeting_on_a_page_that_is_out_of_date_writes_nothing() -> None:
    journey = lead(at=ago(days=1))
    run(journey, "note_logged", {"text": "Hm"})
    client = signed_in(people(Role.FIRST_TOUCH))
    response = client.post(f"/journeys/{journey.pk}/first-meeting/", {"how": "phone", "expected_seq": "1"})
    assert response.status_code == 409
    journey.refresh_from_db()
    assert journey.stage == Stage.NEW


def test_the_journeys_page_shows_the_application_and_looks_for_duplicates() -> None:
    known = lead(email="ada@acme.example", at=ago(days=2))
    journey = lead(email="ada@acme.example", message="Please call", at=ago(days=1))
    client = signed_in(people(Role.MARKETER))
    page = client.get(f"/journeys/{journey.pk}/").content.decode()
    assert "Please call" in page and f"/journeys/{journey.pk}/duplicates/" in page
    whole = client.get(f"/journeys/{journey.pk}/duplicates/").content.decode()
    part = client.get(f"/journeys/{journey.pk}/duplicates/", headers={"HX-Request": "true"}).content.decode()
    for found in (whole, part):
        assert f"/journeys/{journey.pk}/moves/merge/?survivor={known.pk}" in found
    assert "<html" in whole and "<html" not in part


def test_the_duplicates_of_a_journey_that_one_does_not_see_stay_hidden() -> None:
    journey = lead(owner=people(Role.FIRST_TOUCH, "fay", team=team("North")), at=ago(days=1))
    stranger = signed_in(people(Role.FIRST_TOUCH, "stranger", team=team("South")))
    for url in (f"/journeys/{journey.pk}/duplicates/", f"/journeys/{journey.pk}/first-meeting/"):
        assert stranger.get(url).status_code == 404


def test_outsiders_look_for_no_duplicates() -> None:
    journey = lead(at=ago(days=1))
    for role in (Role.PARTNER, Role.LAWYER):
        assert signed_in(people(role)).get(f"/journeys/{journey.pk}/duplicates/").status_code == 403


def test_programs_find_the_moves_of_first_touch_with_what_they_ask() -> None:
    journey = lead(at=ago(days=1))
    headers = token(people(Role.FIRST_TOUCH), "read", "write")
    moves = Client().get(f"/api/v1/journeys/{journey.pk}/moves/", headers=headers).json()
    respond = next(move for move in moves if move["name"] == "respond")
    assert respond["open"] and respond["asks"]["required"] == ["kind"]
    url = f"/api/v1/journeys/{journey.pk}/moves/respond/"
    answer = (
        Client()
        .post(url, {"inputs": {"kind": "call"}}, content_type="application/json", headers=headers)
        .json()
    )
    assert answer["journey"]["stage"] == Stage.CONTACTED
    assert answer["event"]["event"] == "first_response"


def test_an_imported_recall_proposes_no_other_partner(tmp_path: Path) -> None:
    partner("next", name="Next")
    (tmp_path / "j.csv").write_text(
        "journey_id,client_id,source,campaign,owner_at_start,service,note\nA,c1,web,,ann,,\n"
    )
    steps = ("lead_created", "first_response", "partner_handoff", "referral_returned")
    values = ("", "", "acme", "recalled")
    rows = [
        f"e{n},A,{event},2026-02-0{n}T10:00:00Z,,{value}"
        for n, (event, value) in enumerate(zip(steps, values, strict=True), start=1)
    ]
    header = "event_id,journey_id,event,occurred_at_utc,recorded_at_utc,value"
    (tmp_path / "e.csv").write_text("\n".join([header, *rows]) + "\n")
    call_command("import_history", journeys=str(tmp_path / "j.csv"), events=str(tmp_path / "e.csv"))
    journey = Journey.objects.get(external_id="A")
    page = signed_in(people(Role.MARKETER)).get(f"/inbox/?journey={journey.pk}")
    assert not page.context["acts"][0]["label"].startswith("Refer to Next")
