"""A long past takes no more memory than a short one."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from django.utils import timezone

from funnel.models import Event
from leads.history import import_history

from .files import EVENT_HEADER, JOURNEY_HEADER

pytestmark = pytest.mark.django_db

EVENTS = ("lead_created", "first_response", "first_meeting_held", "brief_filled", "sal_accepted")
MOST_MEGABYTES = 40


def rows(events: int) -> Iterator[str]:
    for number in range(events):
        journey, place = divmod(number, len(EVENTS))
        yield f"E{number},J{journey},{EVENTS[place]},2026-03-02T0{place}:00:00Z,,\n"


@pytest.mark.slow
@pytest.mark.parametrize("one_journey", [False, True], ids=["many journeys", "one endless journey"])
def test_fifty_thousand_events_are_imported_in_bounded_memory(one_journey: bool) -> None:
    size = 50_000
    lines = list(rows(size))
    if one_journey:
        lines = [
            lines[0],
            *(f"N{number},J0,note_logged,2026-03-02T09:00:00Z,,\n" for number in range(size - 1)),
        ]
    events = io.BytesIO(f"{EVENT_HEADER}\n{''.join(lines)}".encode())
    keys = {line.split(",")[1] for line in lines}
    journeys = io.BytesIO(
        f"{JOURNEY_HEADER}\n{''.join(f'{key},{key},web,,,,{chr(10)}' for key in keys)}".encode()
    )
    del lines
    tracemalloc.start()
    try:
        summary = import_history(journeys=journeys, events=events, at=timezone.now())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert summary.events.imported == Event.objects.count() == size
    assert peak < MOST_MEGABYTES * 1e6, f"{peak / 1e6:.0f} MB"
