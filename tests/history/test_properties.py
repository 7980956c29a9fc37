"""Whatever the files say, the snapshot equals the replay, every row is accounted for, and a rerun adds nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from funnel.models import Event
from funnel.stages import MONEY_EVENTS, Happening
from funnel.verification import verify
from leads.history import FileProblem

from .files import GOLDEN, load, load_rows

pytestmark = pytest.mark.django_db

IDS = [f"E{number}" for number in range(25)]
JOURNEYS = ["A", "B", "C", "D"]
PEOPLE = ["Ann", "Bob", ""]


@st.composite
def event_rows(draw: Any) -> list[list[str]]:
    rows = []
    for journey in JOURNEYS:
        if draw(st.booleans()):
            rows.append([f"L{journey}", journey, "lead_created", "2026-03-01T08:00:00Z", "", ""])
    for _each in range(draw(st.integers(0, 20))):
        event = draw(st.sampled_from(Happening.values))
        day, minute = draw(st.integers(1, 3)), draw(st.integers(0, 3))
        if event == "annulled":
            value = draw(st.sampled_from([*IDS, *(f"L{journey}" for journey in JOURNEYS)]))
        elif event == "merged_into":
            value = draw(st.sampled_from(JOURNEYS))
        elif event in {"owner_changed", "handed_off"}:
            value = draw(st.sampled_from(PEOPLE))
        elif event == "reopened":
            value = draw(st.sampled_from(["", "new", "contacted", "qualified", "won", "any"]))
        elif event in MONEY_EVENTS:
            value = draw(st.sampled_from(["1", "0", "12.50", "-1", ""]))
        else:
            value = draw(st.sampled_from(["", "price", 'words, quoted "so"\nand broken']))
        journey = draw(st.sampled_from([*JOURNEYS, "Z"]))
        at = f"2026-03-{day:02}T08:{minute:02}:00Z"
        rows.append([draw(st.sampled_from(IDS)), journey, event, at, "", value])
    return rows


class _RolledBack(Exception):
    pass


@given(first=event_rows(), second=event_rows(), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_snapshot_equals_the_replay_after_any_imports(
    first: list[list[str]], second: list[list[str]], seed: int
) -> None:
    journeys = [[key, f"C{key > 'B'}", "web", "", "Ann", "", ""] for key in JOURNEYS]
    try:
        with transaction.atomic():
            for rows in (first, second):
                outcome = load_rows(rows, journeys)
                landed = Event.objects.count()
                shuffled = random.Random(seed).sample(rows, len(rows))
                again = load_rows(shuffled, journeys)
                assert Event.objects.count() - landed == again.summary.events.imported
                assert outcome.summary.events.imported + outcome.summary.events.already_there >= (
                    again.summary.events.already_there - again.summary.events.imported
                )
            differences = [str(difference) for found in verify() for difference in found]
            assert differences == []
            raise _RolledBack
    except _RolledBack:
        pass


@given(
    edits=st.lists(
        st.tuples(st.integers(0, 9000), st.integers(0, 6), st.binary(max_size=6)), min_size=1, max_size=8
    )
)
@settings(max_examples=40, deadline=None)
def test_every_row_of_a_damaged_file_is_accounted_for(edits: list[tuple[int, int, bytes]]) -> None:
    damaged = bytearray((GOLDEN / "events.csv").read_bytes())
    for at, length, put in edits:
        damaged[at : at + length] = put
    try:
        with transaction.atomic():
            load((GOLDEN / "journeys.csv").read_bytes(), bytes(damaged))  # asserts that the counts add up
            assert [str(difference) for found in verify() for difference in found] == []
            raise _RolledBack
    except (_RolledBack, FileProblem):
        pass
