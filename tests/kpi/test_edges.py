"""S14: what happens a second before, at and after a local midnight, month's end or change of the clocks falls right."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
from django.utils import timezone

from deals.models import Meeting
from funnel.models import Event, Journey, Organisation
from funnel.periods import Period
from funnel.stages import Stage
from kpi import report, rollup
from kpi.metrics import BY_KEY
from tests.factories.journeys import PATHS, lead, run
from tests.history.files import load_rows

pytestmark = pytest.mark.django_db
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
COUNTED = [BY_KEY["leads_gross"], BY_KEY["payments_count"], BY_KEY["payments_net"]]


class Edge(NamedTuple):
    """A moment in UTC, and the local day of the second before it and of the moment itself."""

    at: datetime
    before: date
    after: date


def edges(*lines: str) -> list[Edge]:
    found = []
    for line in lines:
        at, before, after = line.split()
        found.append(
            Edge(
                datetime.fromisoformat(at).replace(tzinfo=UTC),
                date.fromisoformat(before),
                date.fromisoformat(after),
            )
        )
    return found


ZONES = {
    "Europe/Berlin": edges(
        "2024-12-31T23:00 2024-12-31 2025-01-01",
        "2025-01-31T23:00 2025-01-31 2025-02-01",
        "2025-03-30T01:00 2025-03-30 2025-03-30",  # 02:00 becomes 03:00
        "2025-03-30T22:00 2025-03-30 2025-03-31",
        "2025-03-31T22:00 2025-03-31 2025-04-01",
        "2025-06-10T22:00 2025-06-10 2025-06-11",
        "2025-10-26T01:00 2025-10-26 2025-10-26",  # 03:00 becomes 02:00
        "2025-10-26T23:00 2025-10-26 2025-10-27",
    ),
    "Australia/Lord_Howe": edges(
        "2024-12-31T13:00 2024-12-31 2025-01-01",
        "2025-01-31T13:00 2025-01-31 2025-02-01",
        "2025-04-05T15:00 2025-04-06 2025-04-06",  # 02:00 becomes 01:30
        "2025-04-06T13:30 2025-04-06 2025-04-07",
        "2025-04-30T13:30 2025-04-30 2025-05-01",
        "2025-06-10T13:30 2025-06-10 2025-06-11",
        "2025-10-04T15:30 2025-10-05 2025-10-05",  # 02:00 becomes 02:30
        "2025-10-05T13:00 2025-10-05 2025-10-06",
        "2025-10-31T13:00 2025-10-31 2025-11-01",
    ),
    "America/Santiago": edges(
        "2025-01-01T03:00 2024-12-31 2025-01-01",
        "2025-02-01T03:00 2025-01-31 2025-02-01",
        "2025-04-06T03:00 2025-04-05 2025-04-05",  # 24:00 becomes 23:00: the day has not ended yet
        "2025-04-06T04:00 2025-04-05 2025-04-06",
        "2025-05-01T04:00 2025-04-30 2025-05-01",
        "2025-06-11T04:00 2025-06-10 2025-06-11",
        "2025-09-07T04:00 2025-09-06 2025-09-07",  # 24:00 becomes 01:00: the day begins an hour late
        "2025-10-01T03:00 2025-09-30 2025-10-01",
    ),
}
"""Worked out by hand from each zone's offsets."""

Write = Callable[[list[Edge]], None]


def moments(listed: list[Edge]) -> list[datetime]:
    return [edge.at + shift for edge in listed for shift in (-SECOND, 0 * SECOND, SECOND)]


def by_import(listed: list[Edge]) -> None:
    """A journey arrives at each moment; all pay once, at a moment too."""
    journeys, events = [], []
    for number, at in enumerate(moments(listed)):
        name, when = f"E{number:02}", at.isoformat()
        journeys.append((name, f"C{number:02}", "web", "", "", "", ""))
        events += [
            (f"{name}-1", name, "lead_created", when, when, ""),
            (f"{name}-2", name, "payment_received", when, when, "7"),
        ]
    assert load_rows(events, journeys).summary.rejected == 0


def won_long_ago() -> Journey:
    journey = lead(at=datetime(2023, 1, 9, 9, tzinfo=UTC))
    for name in PATHS[Stage.WON]:
        given = {"signed_on": "2023-01-09", "amount": "900"} if name == "sign" else None
        journey = run(journey, name, given)
        Meeting.objects.filter(journey=journey).update(starts_at=datetime(2023, 1, 9, 9, tzinfo=UTC))
    return journey


def by_acts(listed: list[Edge]) -> None:
    """The same through the doors of people and programs; one client pays again and again."""
    payer = won_long_ago()
    for at in moments(listed):
        lead(at=at)
        run(payer, "payment_received", {"amount": "7"}, at=at)


def misplaced(listed: list[Edge], zone: str, lag: timedelta | None) -> list[str]:
    """Every day and period whose applications and payments are not those that the hand put there."""
    expected: Counter[date] = Counter()
    for edge in listed:
        expected[edge.before] += 1
        expected[edge.after] += 2
    days = set(expected) | {day + DAY for day in expected} | {day - DAY for day in expected}
    periods = [Period.parse(f"{day}..{day}") for day in sorted(days)]
    names = {f"{day:%Y-%m}" for day in expected} | {f"{day:%Y}" for day in expected}
    names |= {f"{day:%Y}-Q{(day.month + 2) // 3}" for day in expected}
    names |= {"2025-01-31..2025-04-05", "2025-03-31..2025-09-06"}
    periods += [Period.parse(name) for name in sorted(names)]
    organisation = Organisation.current()
    organisation.timezone = zone
    found = []
    for period in periods:
        number = sum(count for day, count in expected.items() if period.first <= day < period.until)
        told = report.build(
            organisation=organisation, period=period, as_of=timezone.now(), metrics=COUNTED, lag=lag
        )
        figures = [line.current.figure for line in told.lines]
        if figures != [number, number, number * 7]:
            found.append(f"{period.name}: {figures}, not {number}")
    return found


@pytest.mark.parametrize("write", [by_import, by_acts])
@pytest.mark.parametrize("zone", ZONES)
def test_no_second_is_misplaced_in_any_day_month_quarter_year_or_range(zone: str, write: Write) -> None:
    Organisation.objects.update(timezone=zone)
    write(ZONES[zone])
    assert misplaced(ZONES[zone], zone, None) == []
    rollup.catch_up()
    assert misplaced(ZONES[zone], zone, timedelta(0)) == []


@pytest.mark.parametrize("zone", ZONES)
def test_bucketing_by_utc_is_found_out(zone: str) -> None:
    Organisation.objects.update(timezone="UTC")
    by_import(ZONES[zone])
    assert misplaced(ZONES[zone], "UTC", None) != []
    rollup.catch_up()
    assert misplaced(ZONES[zone], "UTC", timedelta(0)) != []


def test_a_payment_dated_to_an_earlier_day_stays_on_that_day_where_the_clocks_change() -> None:
    """Somebody enters on Monday what came in on the Sunday of the change: it is dated to that Sunday's noon."""
    Organisation.objects.update(timezone="America/Santiago")
    won = won_long_ago()
    for day in ("2025-04-06", "2025-04-05", "2025-09-07"):
        monday = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=2, hours=12)
        run(won, "payment_received", {"amount": "7", "paid_on": day}, at=monday)
        noon = Event.objects.filter(event="payment_received").latest("pk").occurred_at
        assert noon.astimezone(Organisation.current().zone).replace(tzinfo=None) == datetime.fromisoformat(
            f"{day}T12:00"
        )
