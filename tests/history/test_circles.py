"""Merges that lead in a circle: the row that closes it is rejected with its reason, and the others land."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from .files import load_rows, standing

pytestmark = pytest.mark.django_db
JOURNEYS = [f"{name},C-{name},web,,,," for name in "ABCD"]
REASON = "merged into this one itself"


def created(*names: str) -> list[str]:
    return [f"{name}0,{name},lead_created,2026-03-02T08:00:00Z,," for name in names]


def event(key: str, journey: str, hour: int, what: str, value: str = "") -> str:
    return f"{key},{journey},{what},2026-03-02T{hour:02}:00:00Z,,{value}"


def merged(key: str, loser: str, survivor: str, hour: int) -> str:
    return event(key, loser, hour, "merged_into", survivor)


def whole() -> None:
    call_command("verify_ledger")


def test_of_two_that_merge_into_each_other_the_later_is_rejected() -> None:
    rows = [*created("A", "B"), merged("E1", "B", "A", 10), merged("E2", "A", "B", 9)]
    outcome = load_rows(rows, JOURNEYS[:2])
    [rejection] = outcome.rejections
    assert (rejection.file, rejection.line, rejection.column, rejection.value) == ("events", 4, "value", "A")
    assert REASON in rejection.reason
    assert standing() == {"A": "merged/", "B": "new/"}
    whole()


def test_a_circle_over_several_is_opened_at_its_last_merge() -> None:
    rows = [
        *created("A", "B", "C", "D"),
        merged("E1", "A", "B", 9),
        merged("E2", "B", "C", 10),
        merged("E3", "C", "A", 11),
        merged("E4", "D", "A", 12),
    ]
    outcome = load_rows(rows, JOURNEYS)
    assert outcome.places == [("events", 8, "value")]
    assert standing() == {"A": "merged/", "B": "merged/", "C": "new/", "D": "merged/"}


def test_two_merges_at_the_same_time_are_taken_in_the_order_of_their_keys() -> None:
    outcome = load_rows(
        [*created("A", "B"), merged("E2", "A", "B", 9), merged("E1", "B", "A", 9)], JOURNEYS[:2]
    )
    assert outcome.places == [("events", 4, "value")]


def test_a_circle_with_what_is_there_already_is_rejected_whenever_it_is_said_to_have_happened() -> None:
    assert not load_rows([*created("A", "B", "C"), merged("E1", "B", "C", 10)], JOURNEYS[:3]).rejections
    for hour in (9, 11):
        outcome = load_rows([merged(f"L{hour}", "C", "B", hour)], [])
        assert outcome.places == [("events", 2, "value")], hour
        assert REASON in outcome.rejections[0].reason
    assert not load_rows([merged("E3", "A", "B", 9)], []).rejections
    assert load_rows([merged("E4", "C", "A", 12)], []).places == [("events", 2, "value")]
    assert standing() == {"A": "merged/", "B": "merged/", "C": "new/"}
    whole()


def test_an_unmerge_or_an_annulment_opens_the_circle() -> None:
    rows = [
        *created("A", "B", "C", "D"),
        merged("E1", "A", "B", 9),
        event("E2", "A", 10, "unmerged"),
        merged("E3", "B", "A", 11),
        merged("E4", "C", "D", 9),
        merged("E5", "D", "C", 10),
        event("E6", "C", 11, "annulled", "E4"),
    ]
    outcome = load_rows(rows, JOURNEYS)
    assert outcome.rejections == []
    assert standing() == {"A": "new/", "B": "merged/", "C": "new/", "D": "merged/"}
    whole()


def test_chains_and_stars_are_no_circles() -> None:
    rows = [
        *created("A", "B", "C", "D"),
        merged("E1", "C", "D", 9),
        merged("E2", "B", "C", 10),
        merged("E3", "A", "C", 11),
        merged("E4", "A", "B", 12),
    ]
    outcome = load_rows(rows, JOURNEYS)
    assert outcome.rejections == []
    assert standing() == {"A": "merged/", "B": "merged/", "C": "merged/", "D": "new/"}


def test_with_strict_a_circle_keeps_everything_out() -> None:
    rows = [*created("A", "B"), merged("E1", "A", "B", 9), merged("E2", "B", "A", 10)]
    outcome = load_rows(rows, JOURNEYS[:2], strict=True)
    assert outcome.places == [("events", 5, "value")]
    assert standing() == {}
