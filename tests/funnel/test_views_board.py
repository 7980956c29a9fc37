"""The pipeline as a board: what stands where, in a fixed number of queries, and what a drop does."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import board
from funnel.limits import USUAL, Limit, limits, set_limits
from funnel.models import Event, Journey, StageLimit
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people

pytestmark = pytest.mark.django_db
BOARD = reverse("funnel:board")


@pytest.fixture
def manager(client: Client) -> Any:
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


def lanes(client: Client, **filters: str) -> dict[str, Any]:
    answer = client.get(BOARD, filters)
    assert answer.status_code == 200
    return {lane.column.key: lane for lane in answer.context["lanes"]}


def drop(client: Client, journey: Journey, to: str, seq: int | None = None, query: str = "") -> Any:
    data = {"to": to, "seq": journey.seq if seq is None else seq, "query": query}
    return client.post(reverse("funnel:board-drop", args=[journey.pk]), data, headers={"HX-Request": "true"})


def test_each_open_journey_stands_in_the_column_of_its_stage(client: Client, manager: Any) -> None:
    stages = {
        Stage.NEW: "application", Stage.CONTACTED: "touch", Stage.MET: "touch", Stage.BRIEFED: "brief",
        Stage.RETURNED: "brief", Stage.HANDED_OFF: "handoff", Stage.ACCEPTED: "handoff", Stage.QUALIFIED: "demo",
        Stage.OBJECTION: "proposal", Stage.CONTRACT_SENT: "contract",
    }  # fmt: skip
    made = {journey_at(stage).pk: key for stage, key in stages.items()}
    journey_at(Stage.WON)
    journey_at(Stage.LOST)
    shown = {card.journey.pk: key for key, lane in lanes(client).items() for card in lane.cards}
    assert shown == made


def test_the_board_takes_the_same_few_queries_for_one_three_and_a_thousand_cards(
    client: Client, manager: Any
) -> None:
    owners = [people(Role.FIRST_TOUCH, f"owner{number}") for number in range(7)]
    first = lead(owner=owners[0])
    counts, made = [], 1
    for wanted in (1, 3, 1000):
        Journey.objects.bulk_create(
            Journey(
                contact=first.contact,
                source=first.source,
                owner=owners[number % 7],
                stage=first.stage,
                stage_since=first.stage_since,
                created_at=first.created_at,
                seq=1,
            )
            for number in range(wanted - made)
        )
        made = wanted
        assert lanes(client)["application"].number == wanted
        with CaptureQueriesContext(connection) as queries:
            client.get(BOARD)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2] <= 11, counts


def test_a_column_tells_its_number_sums_and_how_many_are_stale(client: Client, manager: Any) -> None:
    for amount, days in ((1000, 0), (3000, 6), (None, 8)):
        journey = journey_at(Stage.CONTACTED)
        since = timezone.now() - timedelta(days=days)
        Journey.objects.filter(pk=journey.pk).update(amount=amount, created_at=since, stage_since=since)
    lane = lanes(client)["touch"]
    assert (lane.number, lane.amount, lane.stale) == (3, 4000, 2)
    assert lane.weighted == 4000 * USUAL[Stage.CONTACTED].chance / 100
    assert [card.stale for card in lane.cards] == [True, True, False]  # the longest first


def test_a_column_over_its_limit_says_so(client: Client, manager: Any) -> None:
    set_limits(wanted={**USUAL, Stage.CONTACTED: Limit(5, 8, 1)})
    journey_at(Stage.CONTACTED)
    assert not lanes(client)["touch"].over
    journey_at(Stage.MET)
    lane = lanes(client)["touch"]
    assert (lane.over, lane.number, lane.at_once) == (True, 2, 1)


def test_too_many_to_count_are_not_counted(
    client: Client, manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "COUNTED", 2)
    for _ in range(3):
        lead()
    lane = lanes(client)["application"]
    assert (lane.number, lane.capped, lane.amount) == (2, True, None)
    assert "2+" in client.get(BOARD).content.decode()


def test_a_long_column_goes_on_without_gap_or_repetition(
    client: Client, manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "PAGE", 3)
    made = [lead().pk for _ in range(8)]
    now = timezone.now()
    Journey.objects.update(stage_since=now, created_at=now)  # a tie, but for the key
    lane = lanes(client)["application"]
    seen = [card.journey.pk for card in lane.cards]
    after = lane.after
    while after:
        answer = client.get(
            reverse("funnel:board-column", args=["application"]),
            {"after": after},
            headers={"HX-Request": "true"},
        )
        page = answer.content.decode()
        seen += map(int, re.findall(r'id="card-(\d+)"', page))
        after = unquote("".join(re.findall(r'href="[^"]*after=([^"&]+)"', page)))
    assert seen == sorted(made)


@pytest.mark.parametrize("after", ["", "x", "2026-01-01~1", "2026-01-01T00:00:00+00:00~-1", "~"])
def test_a_mark_that_is_none_is_a_bad_request(client: Client, manager: Any, after: str) -> None:
    answer = client.get(reverse("funnel:board-column", args=["application"]), {"after": after})
    assert answer.status_code == 400


def test_filters_narrow_the_board(client: Client, manager: Any) -> None:
    mine = lead(owner=manager)
    lead(owner=people(Role.FIRST_TOUCH, "tom"))
    assert [card.journey.pk for card in lanes(client, owner="me")["application"].cards] == [mine.pk]
    assert (
        lanes(client, source="nothing")["application"].number == 2
    )  # an unknown filter is named and left out


def test_a_salesperson_sees_only_what_may_be_seen(client: Client) -> None:
    ann = people(Role.SALESPERSON, "ann")
    own = journey_at(Stage.ACCEPTED, owner=ann)
    journey_at(Stage.ACCEPTED, owner=people(Role.SALESPERSON, "zed"))
    client.force_login(ann)
    shown = [card.journey.owner_id for card in lanes(client)["handoff"].cards]
    assert set(shown) <= {ann.pk}
    assert lanes(client)["handoff"].number == Journey.objects.visible_to(ann).filter(pk=own.pk).count()


@pytest.mark.parametrize("role", [Role.PARTNER])
def test_outsiders_have_no_board(client: Client, role: Role) -> None:
    client.force_login(people(role, "outsider"))
    assert client.get(BOARD).status_code == 403


def test_a_drop_makes_the_natural_move_and_draws_the_board_anew(client: Client, manager: Any) -> None:
    journey = journey_at(Stage.DEMO_HELD)
    answer = drop(client, journey, "proposal", query="owner=none")
    assert answer.status_code == 200
    assert 'id="columns"' in answer.content.decode()
    journey.refresh_from_db()
    assert journey.stage == Stage.PROPOSAL_REQUESTED
    assert Event.objects.filter(journey=journey, event="proposal_requested", actor=manager).count() == 1
    assert 'data-query="owner=none"' in answer.content.decode()


def test_where_something_is_to_be_asked_nothing_moves_yet(client: Client, manager: Any) -> None:
    journey = journey_at(Stage.CONTACTED)
    asked = drop(client, journey, "lost").json()["ask"]
    assert asked.startswith(reverse("funnel:journey-move", args=[journey.pk, "lose"]))
    assert "next=%2Fpipeline%2F" in asked
    journey.refresh_from_db()
    assert journey.stage == Stage.CONTACTED
    assert client.get(asked, headers={"HX-Request": "true"}).status_code == 200


def test_where_two_moves_lead_it_is_asked_which(client: Client, manager: Any) -> None:
    journey = journey_at(Stage.ACCEPTED)
    asked = drop(client, journey, "demo").json()["ask"]
    offered = client.get(asked, headers={"HX-Request": "true"}).context["open"]
    assert {choice.name for choice in offered} == {"schedule_demo", "hold_demo"}


def test_where_no_move_leads_it_is_refused_in_words_and_nothing_is_written(
    client: Client, manager: Any
) -> None:
    journey = lead()
    before = Event.objects.count()
    answer = drop(client, journey, "contract")
    assert answer.status_code == 409
    assert answer["HX-Reswap"] == "none"
    assert "no move leads there" in answer.content.decode()
    assert Event.objects.count() == before


def test_a_card_that_somebody_moved_meanwhile_is_refused(client: Client, manager: Any) -> None:
    journey = journey_at(Stage.DEMO_HELD)
    answer = drop(client, journey, "proposal", seq=journey.seq - 1)
    assert answer.status_code == 409
    journey.refresh_from_db()
    assert journey.stage == Stage.DEMO_HELD


def test_a_role_that_does_not_make_the_move_is_told_so(client: Client) -> None:
    marketer = people(Role.MARKETER, "mia")
    client.force_login(marketer)
    answer = drop(client, journey_at(Stage.DEMO_HELD), "proposal")
    assert answer.status_code == 409
    assert "role" in answer.content.decode()


@pytest.mark.parametrize("data", [{"to": "moon", "seq": "1"}, {"to": "demo", "seq": "x"}, {"to": "demo"}, {}])
def test_a_drop_to_nowhere_is_a_bad_request(client: Client, manager: Any, data: dict[str, str]) -> None:
    answer = client.post(reverse("funnel:board-drop", args=[lead().pk]), data)
    assert answer.status_code == 400


def test_the_move_menu_offers_every_open_move(client: Client, manager: Any) -> None:
    journey = journey_at(Stage.CONTACTED)
    answer = client.get(reverse("funnel:board-moves", args=[journey.pk]))
    names = {choice.name for choice in answer.context["open"]}
    assert {"hold_first_meeting", "fill_brief", "lose", "refer"} <= names
    assert "sign" not in names
    assert client.get(reverse("funnel:board-moves", args=[journey.pk]), {"to": "moon"}).status_code == 400


def test_limits_are_set_and_only_what_differs_is_stored(client: Client, manager: Any) -> None:
    page = reverse("funnel:stage-limits")
    form = client.get(page).context["form"]
    data = {name: field.initial or "" for name, field in form.fields.items()}
    answer = client.post(page, {**data, "new-days": "3", "met-at_once": "12"})
    assert answer.status_code == 303
    assert set(StageLimit.objects.values_list("stage", flat=True)) == {"new", "met"}
    assert limits()[Stage.NEW].days == 3
    assert limits()[Stage.MET].at_once == 12
    client.post(page, data)
    assert not StageLimit.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("new-days", "0"), ("new-chance", "101"), ("new-at_once", "-1"), ("new-days", "")]
)
def test_limits_that_make_no_sense_are_refused(client: Client, manager: Any, field: str, value: str) -> None:
    page = reverse("funnel:stage-limits")
    form = client.get(page).context["form"]
    data = {name: field.initial or "" for name, field in form.fields.items()}
    answer = client.post(page, {**data, field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not StageLimit.objects.exists()
