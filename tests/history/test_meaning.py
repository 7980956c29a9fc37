"""What rows mean: times, owners, kinds, annulments, and pasts that arrive in several parts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from funnel import acts
from funnel.models import Contact, Event, Journey, Note, Team, User
from funnel.verification import verify
from tests.factories import journey_at, people

from .files import ledger, load_rows, standing

pytestmark = pytest.mark.django_db

A = "A,C1,web,brand,Ann,crm,"
CREATED = "E1,A,lead_created,2026-03-02T08:00:00Z,,"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00").replace(tzinfo=UTC)


def proved() -> bool:
    return not [difference for differences in verify() for difference in differences]


def test_events_number_by_time_then_by_the_bytes_of_their_ids() -> None:
    load_rows(
        [
            "b,A,note_logged,2026-03-02T09:00:00Z,,",
            "é,A,note_logged,2026-03-02T09:00:00Z,,",
            "B,A,note_logged,2026-03-02T09:00:00Z,,",
            "z,A,note_logged,2026-03-02T08:30:00Z,,",
            "10,A,note_logged,2026-03-02T09:00:00Z,,",
            "9,A,note_logged,2026-03-02T09:00:00Z,,",
            CREATED,
        ]
    )
    assert list(Event.objects.order_by("seq").values_list("external_id", flat=True)) == [
        "E1",
        "z",
        "10",
        "9",
        "B",
        "b",
        "é",
    ]


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-02T09:00:00Z",
        "2026-03-02T09:00:00",
        "2026-03-02 09:00",
        "2026-03-02T10:00:00+01:00",
        "2026-03-02T09:00:00.000Z",
        " 2026-03-02T09:00Z ",
    ],
)
def test_times_are_utc_unless_they_say_otherwise_and_a_blank_recording_is_the_occurrence(
    written: str,
) -> None:
    load_rows([CREATED, ["E2", "A", "first_response", written, "", ""]])
    event = Event.objects.get(external_id="E2")
    assert event.occurred_at == event.recorded_at == at("03-02T09:00")


def test_amounts_are_exact() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,payment_received,2026-03-02T09:00:00Z,,0001234567.8900",
            "E3,A,refund_paid,2026-03-02T09:00:00Z,,0",
        ]
    )
    assert [event.amount for event in Event.objects.order_by("seq")] == [
        None,
        Decimal("1234567.89"),
        Decimal(0),
    ]


def test_blank_owner_campaign_and_service_are_allowed() -> None:
    load_rows([CREATED], ["A,C1,web,,,,"])
    journey = Journey.objects.get()
    assert (journey.owner, journey.campaign, journey.service) == (None, None, None)


def test_an_owner_may_be_taken_away() -> None:
    load_rows([CREATED, "E2,A,owner_changed,2026-03-02T09:00:00Z,,"])
    assert standing() == {"A": "new/"}


def test_an_owner_who_is_there_already_keeps_account_and_team() -> None:
    team = Team.objects.create(name="North")
    ann = User.objects.create_user("Ann", password="a-password-1", team=team)
    load_rows([CREATED])
    assert Event.objects.get().team == team
    ann.refresh_from_db()
    assert ann.has_usable_password()


def test_a_handoff_to_somebody_is_an_offer_to_them() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,brief_filled,2026-03-02T09:00:00Z,,",
            "E3,A,handed_off,2026-03-02T10:00:00Z,,Bob",
            "E4,A,owner_changed,2026-03-02T11:00:00Z,,Bob",
        ]
    )
    bob = User.objects.get(username="Bob")
    journey = Journey.objects.get()
    assert (journey.stage, journey.offered_to) == ("handed_off", bob)
    assert Event.objects.get(external_id="E3").inputs == {"salesperson": bob.pk}


def test_a_referral_that_came_back_stands_with_marketing_again_whatever_its_reason() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,first_response,2026-03-02T09:00:00Z,,",
            "E3,A,partner_handoff,2026-03-02T10:00:00Z,,acme",
            "E4,A,partner_declined,2026-03-03T10:00:00Z,,region",
            "E5,A,referral_returned,2026-03-03T10:00:00Z,,a reason of theirs",
        ]
    )
    journey = Journey.objects.get()
    assert (journey.stage, journey.decide_by) == ("returned", None)
    assert Event.objects.get(external_id="E5").value == "a reason of theirs"
    assert proved()


def test_a_further_purchase_of_an_old_history_replays_as_it_happened() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,first_response,2026-03-02T09:00:00Z,,",
            "E3,A,sal_accepted,2026-03-02T09:00:00Z,,",
        ]
    )
    assert Journey.objects.get().stage == "accepted"
    assert proved()


def test_a_client_who_was_lost_comes_back_as_win_back_and_one_who_paid_as_repeat() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,lead_lost,2026-03-03T08:00:00Z,,price",
            "E3,B,lead_created,2026-03-04T08:00:00Z,,",
            "E4,A,reopened,2026-03-05T08:00:00Z,,contacted",
            "E5,C,lead_created,2026-03-06T08:00:00Z,,",
            "E6,A,payment_received,2026-03-07T08:00:00Z,,5",
            "E7,D,lead_created,2026-03-08T08:00:00Z,,",
            "E8,E,lead_created,2026-03-08T08:00:00Z,,",
        ],
        [A, "B,C1,web,,,,", "C,C1,web,,,,", "D,C1,web,,,,", "E,C2,web,,,,"],
    )
    kinds = dict(Journey.objects.values_list("external_id", "kind"))
    assert kinds == {"A": "new", "B": "win_back", "C": "new", "D": "repeat", "E": "new"}


def test_an_annulled_event_leaves_the_replay() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,first_response,2026-03-02T09:00:00Z,,",
            "E3,A,lead_lost,2026-03-02T10:00:00Z,,price",
            "E4,A,annulled,2026-03-02T11:00:00Z,,E3",
            "E5,A,owner_changed,2026-03-02T10:30:00Z,,Bob",
            "E6,A,annulled,2026-03-02T11:00:00Z,,E5",
        ]
    )
    assert standing() == {"A": "contacted/Ann"}
    assert Event.objects.get(external_id="E4").annuls == Event.objects.get(external_id="E3")
    assert proved()


def test_a_journey_annulled_as_a_whole_leaves_everything() -> None:
    load_rows(
        [
            "X2,A,annulled,2026-03-02T11:00:00Z,,E1",
            "X1,A,annulled,2026-03-02T11:00:00Z,,E2",
            CREATED,
            "E2,A,first_response,2026-03-02T09:00:00Z,,",
        ]
    )
    assert Journey.objects.get().annulled_at == at("03-02T11:00")
    assert proved()
    late = load_rows(["E3,A,note_logged,2026-03-03T09:00:00Z,,"])
    assert late.counts == (2, 0, 1, 1)
    assert "no lead_created" in late.rejections[0].reason


def test_later_parts_of_a_past_continue_the_journeys_that_are_there() -> None:
    load_rows([CREATED, "E5,A,lead_lost,2026-03-05T08:00:00Z,,price"])
    late = load_rows(
        [
            "E2,A,first_response,2026-03-02T09:00:00Z,,",
            "E3,A,owner_changed,2026-03-02T10:00:00Z,,Bob",
            "E6,A,annulled,2026-03-06T08:00:00Z,,E5",
        ]
    )
    assert late.counts == (4, 3, 1, 0)
    assert standing() == {"A": "contacted/Bob"}
    assert [row[1:6] for row in ledger()] == [
        (1, "E1", "lead_created", "", "new"),
        (2, "E5", "lead_lost", "new", "lost"),
        (3, "E2", "first_response", "new", "contacted"),
        (4, "E3", "owner_changed", "", ""),
        (5, "E6", "annulled", "", ""),
    ]
    assert proved()


def test_an_earlier_arrival_moves_the_creation_back() -> None:
    load_rows([CREATED])
    load_rows(["E0,A,lead_created,2026-03-01T08:00:00Z,,", "E2,A,note_logged,2026-03-01T09:00:00Z,,"])
    assert Journey.objects.get().created_at == at("03-01T08:00")
    assert proved()


def test_live_moves_go_on_where_the_import_ended() -> None:
    load_rows([CREATED])
    journey = Journey.objects.get()
    acts.run(name="lose", journeys=[journey.pk], actor=people("manager"), inputs={"reason": "price"})
    journey.refresh_from_db()
    assert (journey.stage, journey.seq) == ("lost", 2)
    assert proved()


def test_an_import_touches_no_other_journey() -> None:
    other = journey_at("briefed")
    before = Journey.objects.values().get(pk=other.pk)
    load_rows([CREATED])
    assert Journey.objects.values().get(pk=other.pk) == before


def test_a_client_that_is_there_already_is_taken_by_its_key() -> None:
    contact = Contact.objects.create(external_id="C1", name="Petra Example")
    load_rows([CREATED])
    assert Journey.objects.get().contact == contact


def test_the_words_of_notes_stay_out_of_the_ledger() -> None:
    load_rows([CREATED, "E2,A,note_logged,2026-03-02T09:00:00Z,,Call Petra back"])
    assert Event.objects.get(external_id="E2").value == ""
    assert Note.objects.get().text == "Call Petra back"


def test_stages_follow_the_rules_of_replay() -> None:
    load_rows(
        [
            CREATED,
            "E2,A,contract_signed,2026-03-02T09:00:00Z,,1",
            "E3,A,deal_lost,2026-03-02T10:00:00Z,,price",
            "E4,A,merged_into,2026-03-02T11:00:00Z,,B",
            "E5,A,lead_lost,2026-03-02T12:00:00Z,,",
            "E6,B,lead_created,2026-03-02T08:00:00Z,,",
            "E7,B,marked_spam,2026-03-02T09:00:00Z,,",
            "E8,B,first_response,2026-03-02T10:00:00Z,,",
            "E9,C,lead_created,2026-03-02T08:00:00Z,,",
            "F1,C,sal_accepted,2026-03-02T09:00:00Z,,",
            "F2,C,lead_lost,2026-03-02T10:00:00Z,,",
            "F3,C,reopened,2026-03-02T11:00:00Z,,because",
        ],
        [A, "B,C1,web,,,,", "C,C1,web,,,,"],
    )
    assert standing() == {"A": "merged/Ann", "B": "spam/", "C": "accepted/"}
    assert proved()


@pytest.mark.parametrize("kind", ["demo_no_show", "demo_cancelled"])
@pytest.mark.parametrize(
    ("value", "stage"),
    [
        ("", "accepted"),
        ("accepted", "accepted"),
        ("demo_held", "demo_held"),
        ("qualified", "qualified"),
        ("proposal_sent", "proposal_sent"),
        ("objection", "objection"),
        ("won", "accepted"),
        ("demo_scheduled", "accepted"),
        ("the client was ill", "accepted"),
    ],
)
def test_a_demo_that_did_not_take_place_leads_back_to_the_stage_that_its_event_names(
    kind: str, value: str, stage: str
) -> None:
    load_rows(
        [
            CREATED,
            "E2,A,sal_accepted,2026-03-03T08:00:00Z,,",
            "E3,A,proposal_sent,2026-03-04T08:00:00Z,,1",
            "E4,A,demo_scheduled,2026-03-05T08:00:00Z,,",
            f"E5,A,{kind},2026-03-06T08:00:00Z,,{value}",
        ]
    )
    assert standing() == {"A": f"{stage}/Ann"}
    assert Event.objects.get(external_id="E5").stage_to == stage
    assert proved()
