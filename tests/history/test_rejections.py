"""Each row that cannot be true is rejected with its line, its column and why; the others land."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from funnel.models import Event, Journey

from .files import load_rows, standing

pytestmark = pytest.mark.django_db

CREATED = "E1,A,lead_created,2026-03-02T08:00:00Z,2026-03-02T08:00:00Z,"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",A,first_response,2026-03-02T09:00:00Z,,", "event_id", "blank"),
        ("  ,A,first_response,2026-03-02T09:00:00Z,,", "event_id", "blank"),
        (f"{'x' * 201},A,first_response,2026-03-02T09:00:00Z,,", "event_id", "Longer than 200"),
        ("E2,,first_response,2026-03-02T09:00:00Z,,", "journey_id", "blank"),
        ("E2,B,first_response,2026-03-02T09:00:00Z,,", "journey_id", "No such journey"),
        ("E2,A,first_kiss,2026-03-02T09:00:00Z,,", "event", "No such event"),
        ("E2,A,,2026-03-02T09:00:00Z,,", "event", "No such event"),
        ("E2,A,First_Response,2026-03-02T09:00:00Z,,", "event", "No such event"),
        ("E2,A,first_response,,,", "occurred_at_utc", "blank"),
        ("E2,A,first_response,yesterday,,", "occurred_at_utc", "Not a date"),
        ("E2,A,first_response,2026-02-30T09:00:00Z,,", "occurred_at_utc", "Not a date"),
        ("E2,A,first_response,2026-03-02,,", "occurred_at_utc", "Not a date"),
        ("E2,A,first_response,20260302T090000Z,,", "occurred_at_utc", "Not a date"),
        ("E2,A,first_response,1772442000,,", "occurred_at_utc", "Not a date"),
        ("E2,A,first_response,0001-01-01T00:00:00+14:00,,", "occurred_at_utc", "Not a date"),
        ("E2,A,first_response,2026-03-02T07:59:59Z,,", "occurred_at_utc", "Precedes the lead_created"),
        ("E2,A,first_response,2026-03-02T09:00:00Z,soon,", "recorded_at_utc", "Not a date"),
        (
            "E2,A,first_response,2026-03-02T09:00:00Z,2026-03-02T08:59:59Z,",
            "recorded_at_utc",
            "before it occurred",
        ),
        ("E2,A,payment_received,2026-03-02T09:00:00Z,,", "value", "Not an amount"),
        ("E2,A,payment_received,2026-03-02T09:00:00Z,,-1", "value", "Not an amount"),
        ("E2,A,refund_paid,2026-03-02T09:00:00Z,,NaN", "value", "Not an amount"),
        ("E2,A,direct_cost,2026-03-02T09:00:00Z,,Infinity", "value", "Not an amount"),
        ("E2,A,contract_signed,2026-03-02T09:00:00Z,,12 000", "value", "Not an amount"),
        ("E2,A,contract_signed,2026-03-02T09:00:00Z,,١٢", "value", "Not an amount"),
        ("E2,A,contract_signed,2026-03-02T09:00:00Z,,10.005", "value", "two decimals"),
        ("E2,A,contract_signed,2026-03-02T09:00:00Z,,1" + "0" * 14, "value", "fourteen digits"),
        ("E2,A,merged_into,2026-03-02T09:00:00Z,,", "value", "blank"),
        ("E2,A,merged_into,2026-03-02T09:00:00Z,,B", "value", "No such journey"),
        ("E2,A,merged_into,2026-03-02T09:00:00Z,,A", "value", "into itself"),
        ("E2,A,client_answered,2026-03-02T09:00:00Z,,", "value", "Must be one of"),
        ("E2,A,client_answered,2026-03-02T09:00:00Z,,perhaps", "value", "accepted, changes, declined"),
        ("E2,A,annulled,2026-03-02T09:00:00Z,,", "value", "blank"),
        ("E2,A,annulled,2026-03-02T09:00:00Z,,E9", "value", "No such event"),
        ("E2,A,annulled,2026-03-02T09:00:00Z,,E2", "value", "cannot be annulled"),
        ("E2,A,annulled,2026-03-02T09:00:00Z,,E1", "value", "only with every other"),
        (f"E2,A,lead_lost,2026-03-02T09:00:00Z,,{'x' * 101}", "value", "Longer than 100"),
        (f"E2,A,owner_changed,2026-03-02T09:00:00Z,,{'x' * 151}", "value", "Longer than 150"),
        ("E2,A,first_response,2026-03-02T09:00:00Z,", "value", "ends before"),
        ("E2", "journey_id", "ends before"),
        ("E2,A,note_logged,2026-03-02T09:00:00Z,,yes, indeed", "value", "more fields"),
        ("E2,A,note_logged,2026-03-02T09:00:00Z,,a\0b", "value", "NUL"),
        ("E2,A,note_logged,2026-03-02T09:00:00Z,,é\udcff", "value", "no text"),
        ('E2,A,note_logged,2026-03-02T09:00:00Z,,"open', "event_id", "quotation mark"),
        ('E2,A,note_logged,2026-03-02T09:00:00Z,,"a" b', "event_id", "quotation mark"),
        ("E2,A,note_logged,2026-03-02T09:00:00Z,," + "x" * 1_000_001, "event_id", "longer than a million"),
        ("E1,A,first_response,2026-03-02T09:00:00Z,,", "event_id", "line 2 already"),
    ],
)
def test_a_bad_event_is_rejected_with_line_and_column_and_the_good_ones_land(
    row: str, column: str, reason: str
) -> None:
    outcome = load_rows([CREATED, row, "E3,A,first_meeting_held,2026-03-03T09:00:00Z,,"])
    # The last case is one where E2 stays: annulling both of two events is allowed only together.
    assert outcome.places == [("events", 3, column)]
    assert reason in outcome.rejections[0].reason
    if "only with every other" not in reason:
        assert outcome.counts == (4, 3, 0, 1)
    assert standing() == {"A": "met/Ann"}


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",C1,web,,,,", "journey_id", "blank"),
        ("B,,web,,,,", "client_id", "blank"),
        ("B,C1,,,,,", "source", "blank"),
        (f"{'x' * 201},C1,web,,,,", "journey_id", "Longer than 200"),
        (f"B,{'x' * 201},web,,,,", "client_id", "Longer than 200"),
        (f"B,C1,{'x' * 101},,,,", "source", "Longer than 100"),
        (f"B,C1,web,{'x' * 101},,,", "campaign", "Longer than 100"),
        (f"B,C1,web,,{'x' * 151},,", "owner_at_start", "Longer than 150"),
        (f"B,C1,web,,,{'x' * 101},", "service", "Longer than 100"),
        ("B,C1,web,,,,", "journey_id", "no lead_created"),
        ("A,C2,web,,,,", "journey_id", "line 2 already"),
        ("B,C1,web", "campaign", "ends before"),
        ("B,C1,web,,,,one,two", "note", "more fields"),
    ],
)
def test_a_bad_journey_is_rejected_with_line_and_column(row: str, column: str, reason: str) -> None:
    outcome = load_rows([CREATED], ["A,C1,web,brand,Ann,crm,", row])
    assert outcome.places == [("journeys", 3, column)]
    assert reason in outcome.rejections[0].reason
    assert outcome.counts == (3, 2, 0, 1)


def test_what_lies_in_the_future_is_rejected() -> None:
    soon = (timezone.now() + timedelta(minutes=5)).isoformat()
    outcome = load_rows(
        [CREATED, f"E2,A,first_response,{soon},,", f"E3,A,first_response,2026-03-02T09:00:00Z,{soon},"]
    )
    assert outcome.places == [("events", 3, "occurred_at_utc"), ("events", 4, "recorded_at_utc")]
    assert {rejection.reason for rejection in outcome.rejections} == {"Lies in the future."}


def test_a_journey_without_lead_created_is_rejected_with_its_events() -> None:
    outcome = load_rows(
        [CREATED, "E2,B,first_response,2026-03-02T09:00:00Z,,", "E3,B,lead_created,never,,"],
        ["A,C1,web,,,,", "B,C2,web,,,,"],
    )
    assert outcome.places == [
        ("journeys", 3, "journey_id"),
        ("events", 3, "journey_id"),
        ("events", 4, "occurred_at_utc"),
    ]
    assert set(standing()) == {"A"}


def test_an_event_of_another_journey_cannot_be_annulled_from_here() -> None:
    outcome = load_rows(
        [
            CREATED,
            "E2,B,lead_created,2026-03-02T08:00:00Z,,",
            "E3,B,first_response,2026-03-02T09:00:00Z,,",
            "E4,A,annulled,2026-03-02T10:00:00Z,,E3",
        ],
        ["A,C1,web,,,,", "B,C2,web,,,,"],
    )
    assert outcome.places == [("events", 5, "value")]
    assert "another journey" in outcome.rejections[0].reason


def test_an_event_is_annulled_once() -> None:
    rows = [
        CREATED,
        "E2,A,first_response,2026-03-02T09:00:00Z,,",
        "E4,A,annulled,2026-03-02T11:00:00Z,,E2",
        "E3,A,annulled,2026-03-02T10:00:00Z,,E2",
    ]
    outcome = load_rows(rows)
    assert outcome.places == [("events", 4, "value")]  # the later one, wherever it stands
    again = load_rows([*rows, "E5,A,annulled,2026-03-02T12:00:00Z,,E2"])
    assert again.places == [("events", 4, "value"), ("events", 6, "value")]
    assert again.counts == (6, 0, 4, 2)


def test_lines_are_counted_over_quoted_line_breaks() -> None:
    outcome = load_rows(
        [
            CREATED,
            ["E2", "A", "note_logged", "2026-03-02T09:00:00Z", "", "one\ntwo\n\nfour"],
            "E3,A,no_such,2026-03-02T09:00:00Z,,",
        ]
    )
    assert outcome.places == [("events", 7, "event")]


def test_a_quotation_mark_left_open_costs_its_own_line_alone() -> None:
    outcome = load_rows(
        [
            CREATED,
            'E2,A,first_response,2026-03-02T09:00:00Z,,"never closed',
            "E3,A,first_response,2026-03-02T09:00:00Z,,",
            'E4,A,first_meeting_held,2026-03-02T10:00:00Z,,"quoted, and closed"',
            "E5,A,brief_filled,2026-03-02T11:00:00Z,,",
        ]
    )
    assert outcome.places == [("events", 3, "event_id")]
    assert standing() == {"A": "briefed/Ann"}


def test_strict_lands_nothing_where_any_row_is_rejected() -> None:
    outcome = load_rows([CREATED, "E2,A,no_such,2026-03-02T09:00:00Z,,"], strict=True)
    assert outcome.counts == (3, 2, 0, 1)
    assert not outcome.summary.landed
    assert not Journey.objects.exists()
    assert not Event.objects.exists()


def test_strict_lands_everything_where_no_row_is_rejected() -> None:
    assert load_rows([CREATED], strict=True).summary.landed
    assert standing() == {"A": "new/Ann"}


def test_the_same_row_twice_in_a_file_is_there_already_the_second_time() -> None:
    outcome = load_rows([CREATED, CREATED], ["A,C1,web,,,,", "A,C1,web,,,,"])
    assert outcome.counts == (4, 2, 2, 0)


def test_what_clients_answered_is_part_of_an_imported_past() -> None:
    rows = [
        f"E{n},A,client_answered,2026-03-02T09:00:00Z,,{word}"
        for n, word in enumerate(("changes", "accepted"), 2)
    ]
    assert load_rows([CREATED, *rows]).rejections == []
    kept = Event.objects.filter(event="client_answered").order_by("seq")
    assert list(kept.values_list("value", flat=True)) == ["changes", "accepted"]
