"""The business clock against the golden cases, against a minute-by-minute count, and where the clocks change."""

import csv
import json
import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from funnel.clock import BusinessClock, local_instant
from funnel.periods import Period

GOLDEN = Path(__file__).parents[1] / "golden"
BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset({1, 2, 3, 4, 5})
ZONES = [
    "Europe/Berlin",  # the golden zone
    "America/New_York",
    "Asia/Kolkata",  # half an hour off the hour
    "Asia/Kathmandu",  # three quarters
    "Australia/Adelaide",  # half an hour and southern summer time
    "Australia/Lord_Howe",  # the clocks move by half an hour
    "America/Santiago",  # the clocks jump at midnight: a day without 00:00
    "Pacific/Auckland",
    "UTC",
]


def clock(zone: str = "Europe/Berlin", opens: int = 9, closes: int = 18, **more: object) -> BusinessClock:
    given_ = {"days": WEEKDAYS, "holidays": frozenset(), **more}
    return BusinessClock(zone=ZoneInfo(zone), opens=time(opens), closes=time(closes), **given_)  # type: ignore[arg-type]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def count_minutes(of: BusinessClock, start: datetime, end: datetime) -> int:
    """The slow, obvious answer: look at the wall clock at each minute."""
    total = 0
    while start < end:
        wall = start.astimezone(of.zone)
        open_day = wall.isoweekday() in of.days and wall.date() not in of.holidays
        total += open_day and of.opens <= wall.time() and (wall.time() < of.closes or of.closes == time(0))
        start += timedelta(minutes=1)
    return total


# Golden cases


def golden_events() -> dict[str, dict[str, datetime]]:
    found: dict[str, dict[str, datetime]] = {}
    with (GOLDEN / "events.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["journey_id"], {}).setdefault(row["event"], at(row["occurred_at_utc"]))
    return found


def test_the_golden_clock_cases_come_out_exactly() -> None:
    cases = json.loads((GOLDEN / "expected.json").read_text())["clock_cases"]
    events = golden_events()
    created, answered = events["J02"]["lead_created"], events["J02"]["first_response"]
    assert (answered - created).total_seconds() / 60 == cases["J02_first_response"]["elapsed_min"]
    assert clock().business_minutes(created, answered) == cases["J02_first_response"]["business_min"]
    asked, sent = events["J03"]["contract_requested"], events["J03"]["contract_sent"]
    assert (sent - asked).total_seconds() / 3600 == cases["J03_contract_prep_across_dst"]["elapsed_h"]
    assert clock().business_hours(asked, sent) == cases["J03_contract_prep_across_dst"]["business_h"]


def test_the_golden_months_have_their_business_days() -> None:
    expected = json.loads((GOLDEN / "expected.json").read_text())
    for key, (_, days) in zip(
        expected["months"].values(), expected["ratio"]["leads_per_business_day"], strict=True
    ):
        month = Period.month(key)
        assert clock().business_days(month.first, month.until) == days


# Against the slow count

a_clock = st.builds(
    BusinessClock,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    opens=st.sampled_from(
        [time(3), time(4, 30), time(8, 15), time(9)]
    ),  # no clock change falls between 3 and midnight
    closes=st.sampled_from([time(12), time(17, 45), time(23, 59), time(0)]),
    days=st.frozensets(st.integers(1, 7), min_size=1),
    holidays=st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 30)), max_size=6),
)
an_instant = st.integers(0, 70 * 24 * 60).map(
    lambda minute: at("2026-02-25T00:00+00:00") + timedelta(minutes=minute)
)


@settings(max_examples=40, deadline=None)
@given(a_clock, an_instant, st.integers(0, 12 * 24 * 60))
def test_business_minutes_equal_a_count_minute_by_minute(
    of: BusinessClock, start: datetime, minutes: int
) -> None:
    end = start + timedelta(minutes=minutes)
    assert of.business_minutes(start, end) == count_minutes(of, start, end)


@settings(max_examples=60, deadline=None)
@given(a_clock, an_instant, an_instant, an_instant)
def test_open_time_adds_up_whichever_way_a_stretch_is_cut(
    of: BusinessClock, first: datetime, second: datetime, third: datetime
) -> None:
    first, second, third = sorted((first, second, third))
    parts = of.business_seconds(first, second) + of.business_seconds(second, third)
    assert of.business_seconds(first, third) == parts
    by_day = sum(
        max(0.0, (min(third, closes) - max(first, opens)).total_seconds())
        for _, opens, closes in of.windows(date(2026, 2, 20), date(2026, 5, 10))
    )
    assert parts == by_day


@settings(max_examples=60, deadline=None)
@given(a_clock, an_instant, st.integers(1, 20 * 60))
def test_a_deadline_is_the_first_instant_with_that_much_open_time_behind_it(
    of: BusinessClock, start: datetime, minutes: int
) -> None:
    due = of.add_business(start, minutes=minutes)
    assert of.business_minutes(start, due) == minutes
    assert of.business_minutes(start, due - timedelta(seconds=1)) < minutes


@settings(max_examples=60, deadline=None)
@given(a_clock, an_instant)
def test_open_means_the_next_minute_counts(of: BusinessClock, moment: datetime) -> None:
    assert of.is_open(moment) == (of.business_minutes(moment, moment + timedelta(minutes=1)) == 1)


@settings(max_examples=60, deadline=None)
@given(a_clock, st.dates(date(2025, 1, 1), date(2027, 1, 1)), st.integers(0, 800))
def test_business_days_equal_a_count_day_by_day(of: BusinessClock, first: date, length: int) -> None:
    days = [first + timedelta(days=number) for number in range(length)]
    open_days = [day for day in days if day.isoweekday() in of.days and day not in of.holidays]
    assert of.business_days(first, first + timedelta(days=length)) == len(open_days)
    for number in {1, len(open_days) // 2, len(open_days)} - {0}:
        if number <= len(open_days):
            assert of.nth_business_day(first, number) == open_days[number - 1]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ZONES), st.integers(1990, 2040), st.integers(0, 3000))
def test_years_of_open_time_equal_the_sum_of_their_windows(zone: str, year: int, length: int) -> None:
    of = clock(
        zone, opens=0, closes=5, days=frozenset(range(1, 8))
    )  # a night shift: every clock change falls into it
    first = date(year, 1, 1)
    start, end = of.start_of(first), of.start_of(first + timedelta(days=length))
    windows = sum(
        (closes - opens).total_seconds()
        for _, opens, closes in of.windows(first, first + timedelta(days=length))
    )
    assert of.business_seconds(start, end) == windows


def test_a_century_costs_no_more_than_a_moment() -> None:
    of = clock(holidays=frozenset(date(year, 12, 25) for year in range(1950, 2050)))
    start, end = at("1950-01-01T00:00:00+00:00"), at("2050-01-01T00:00:00+00:00")
    of.business_seconds(start, end)  # fills the memory of clock changes
    began = stopwatch.perf_counter()
    assert of.business_seconds(start, end) == of.business_days(date(1950, 1, 1), date(2050, 1, 1)) * 9 * 3600
    assert stopwatch.perf_counter() - began < 0.2  # day by day it would be 36,525 windows, over half a second


# Where the clocks change


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
)
def test_a_day_that_is_always_open_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    of = clock(opens=0, closes=0, days=frozenset(range(1, 8)))
    first = date.fromisoformat(day)
    start, end = of.start_of(first), of.start_of(first + timedelta(days=1))
    assert of.business_hours(start, end) == hours
    assert of.business_hours(start - timedelta(days=10), end + timedelta(days=10)) == hours + 20 * 24


def test_an_opening_time_that_the_clocks_skip_is_the_moment_they_jump() -> None:
    of = BusinessClock(BERLIN, time(2, 30), time(6), frozenset(range(1, 8)))
    assert of.window(date(2026, 3, 29)) == (at("2026-03-29T01:00+00:00"), at("2026-03-29T04:00+00:00"))
    shut = BusinessClock(BERLIN, time(2, 10), time(2, 50), frozenset(range(1, 8)))
    opens, closes = shut.window(date(2026, 3, 29))
    assert opens == closes  # the whole window was skipped
    assert shut.business_minutes(at("2026-03-28T00:00+01:00"), at("2026-03-31T00:00+02:00")) == 80


def test_an_hour_that_comes_twice_opens_at_its_first_and_closes_at_its_second_coming() -> None:
    of = BusinessClock(BERLIN, time(2, 30), time(6), frozenset(range(1, 8)))
    assert of.window(date(2026, 10, 25))[0] == at("2026-10-25T00:30+00:00")
    night = BusinessClock(BERLIN, time(0), time(2, 30), frozenset(range(1, 8)))
    assert night.window(date(2026, 10, 25))[1] == at("2026-10-25T01:30+00:00")


def test_a_zone_that_skips_midnight_starts_its_day_when_it_starts() -> None:
    of = clock("America/Santiago")
    assert of.start_of(date(2026, 9, 6)) == at(
        "2026-09-06T04:00+00:00"
    )  # the wall clock goes from 24:00 to 01:00
    assert of.start_of(date(2026, 9, 6)).astimezone(of.zone).hour == 1


def test_a_zone_that_skipped_a_whole_day_gives_it_no_length() -> None:
    of = clock("Pacific/Apia", days=frozenset(range(1, 8)))  # 30 December 2011 did not happen there
    assert of.start_of(date(2011, 12, 30)) == of.start_of(date(2011, 12, 31))
    assert of.business_hours(of.start_of(date(2011, 12, 29)), of.start_of(date(2012, 1, 1))) == 18


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES).map(ZoneInfo), st.integers(0, 2 * 365 * 24 * 60))
def test_a_wall_clock_time_that_exists_comes_back_the_same(zone: ZoneInfo, minute: int) -> None:
    wall = datetime.fromisoformat("2025-01-01T00:00") + timedelta(minutes=minute)
    moment = local_instant(zone, wall)
    back = moment.astimezone(zone).replace(tzinfo=None)
    assert back == wall or wall < back <= wall + timedelta(hours=1)
    assume(back == wall)
    assert local_instant(zone, wall, last=True) >= moment


# Months and other periods


def test_months_are_half_open_in_the_zone() -> None:
    assert clock().month_bounds("2026-03") == (at("2026-02-28T23:00+00:00"), at("2026-03-31T22:00+00:00"))
    assert clock("Asia/Kolkata").month_bounds("2026-03")[0] == at("2026-02-28T18:30+00:00")
    assert clock("Australia/Adelaide").month_bounds("2026-04") == (
        at("2026-03-31T13:30+00:00"),  # summer time there
        at("2026-04-30T14:30+00:00"),
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Asia/Kolkata"])
@pytest.mark.parametrize("edge", ["2026-01-01", "2026-03-01", "2026-03-29", "2026-10-25", "2026-09-06"])
def test_a_second_either_side_of_local_midnight_falls_into_its_own_day(zone: str, edge: str) -> None:
    of = clock(zone)
    midnight = of.start_of(date.fromisoformat(edge))
    before = midnight - timedelta(seconds=1)
    assert before.astimezone(of.zone).date() == date.fromisoformat(edge) - timedelta(days=1)
    assert midnight.astimezone(of.zone).date() == date.fromisoformat(edge)
    assert of.month_at(before) == Period.month_of(date.fromisoformat(edge) - timedelta(days=1))
    assert of.month_at(midnight) == Period.month_of(date.fromisoformat(edge))


@pytest.mark.parametrize(
    ("text", "kind", "first", "until", "previous", "year_before"),
    [
        ("2026-03", "month", "2026-03-01", "2026-04-01", "2026-02", "2025-03"),
        ("2026-01", "month", "2026-01-01", "2026-02-01", "2025-12", "2025-01"),
        ("2026-12", "month", "2026-12-01", "2027-01-01", "2026-11", "2025-12"),
        ("2026-Q1", "quarter", "2026-01-01", "2026-04-01", "2025-Q4", "2025-Q1"),
        ("2026-Q4", "quarter", "2026-10-01", "2027-01-01", "2026-Q3", "2025-Q4"),
        ("2026", "year", "2026-01-01", "2027-01-01", "2025", "2025"),
        ("2026-03-01..2026-03-15", "range", "2026-03-01", "2026-03-16", "2026-02-01..2026-02-15", "2025-03-01..2025-03-15"),
        ("2026-03-01..2026-03-31", "range", "2026-03-01", "2026-04-01", "2026-02-01..2026-02-28", "2025-03-01..2025-03-31"),
        ("2026-03-30..2026-03-30", "range", "2026-03-30", "2026-03-31", "2026-02-28..2026-02-28", "2025-03-30..2025-03-30"),
        ("2026-01-01..2026-03-31", "range", "2026-01-01", "2026-04-01", "2025-10-01..2025-12-31", "2025-01-01..2025-03-31"),
        ("2028-02-29..2028-02-29", "range", "2028-02-29", "2028-03-01", "2028-01-29..2028-01-31", "2027-02-28..2027-02-28"),
    ],
)  # fmt: skip
def test_periods_and_what_they_compare_with(
    text: str, kind: str, first: str, until: str, previous: str, year_before: str
) -> None:
    period = Period.parse(text)
    assert (period.name, period.kind, str(period.first), str(period.until)) == (text, kind, first, until)
    assert (period.previous().name, period.year_before().name) == (previous, year_before)


@pytest.mark.parametrize(
    "text",
    ["", "2026-13", "2026-00", "2026-3", "26-03", "2026-Q5", "2026-Q0", "0000", "9999", "9999-12", "1899-12", "x" * 9999,
     "2026-02-30..2026-03-01", "2026-03-15..2026-03-01", "2026-03-01..", "٢٠٢٦-٠٣", "2026-03\n", " 2026-03"],
)  # fmt: skip
def test_what_is_no_period_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a period|is outside") as refused:
        Period.parse(text)
    assert len(str(refused.value)) < 250
    with pytest.raises(ValueError, match="is not a month"):
        Period.month(text)


def test_a_quarter_is_no_month() -> None:
    with pytest.raises(ValueError, match="is not a month"):
        clock().month_bounds("2026-Q1")


def test_a_period_knows_its_months_and_the_next_one() -> None:
    assert [month.name for month in Period.parse("2026-Q1").months()] == ["2026-01", "2026-02", "2026-03"]
    assert [month.name for month in Period.parse("2025-12-31..2026-01-01").months()] == ["2025-12", "2026-01"]
    assert Period.parse("2026-Q4").next().name == "2027-Q1"
    with pytest.raises(ValueError, match="no next"):
        Period.parse("2026-01-01..2026-01-02").next()


@pytest.mark.parametrize(
    ("as_of", "cut"),
    [
        ("2026-04-10T00:00+02:00", "2026-03-01T00:00+01:00"),  # March is over: February whole
        ("2026-04-01T00:00+02:00", "2026-03-01T00:00+01:00"),
        (
            "2026-03-16T00:00+01:00",
            "2026-02-14T00:00+01:00",
        ),  # ten business days passed: the tenth was Friday the 13th
        ("2026-03-14T15:00+01:00", "2026-02-14T00:00+01:00"),  # a Saturday adds none
        ("2026-03-16T12:00+01:00", "2026-02-16T12:00+01:00"),  # the eleventh, at noon
        ("2026-03-02T00:00+01:00", "2026-02-01T00:00+01:00"),  # a Sunday has passed, no business day
        ("2026-02-20T00:00+01:00", "2026-02-01T00:00+01:00"),  # March has not begun
        ("2026-03-31T12:00+02:00", "2026-03-01T00:00+01:00"),  # the 22nd: February had but 20
    ],
)
def test_a_running_month_compares_with_as_many_business_days(as_of: str, cut: str) -> None:
    march = Period.month("2026-03")
    assert clock().like_for_like(march, at(as_of), march.previous()) == at(cut)


def test_business_days_begun_count_today_once_it_has_begun() -> None:
    march = Period.month("2026-03")
    assert clock().days_begun(march, at("2026-03-16T00:00+01:00")) == 10
    assert clock().days_begun(march, at("2026-03-16T00:01+01:00")) == 11
    assert clock().days_begun(march, at("2026-02-16T00:01+01:00")) == 0
    assert clock().days_begun(march, at("2027-02-16T00:01+01:00")) == 22


# What is refused


@pytest.mark.parametrize(
    ("opens", "closes"), [(time(22), time(6)), (time(9), time(9)), (time(9), time(8, 59))]
)
def test_hours_that_are_empty_or_cross_midnight_are_refused(opens: time, closes: time) -> None:
    with pytest.raises(ValueError, match="later than the opening time"):
        BusinessClock(BERLIN, opens, closes, WEEKDAYS)


@pytest.mark.parametrize("days", [frozenset(), frozenset({0}), frozenset({1, 8})])
def test_days_outside_the_week_are_refused(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match=r"1 \(Monday\) to 7"):
        BusinessClock(BERLIN, time(9), time(18), days)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock().business_seconds(datetime(2026, 3, 1), datetime(2026, 3, 2))  # noqa: DTZ001  that is the point
    with pytest.raises(ValueError, match="outside"):
        clock().is_open(datetime(1, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("minutes", [-1, float("nan"), float("inf"), 1e15])
def test_a_deadline_that_makes_no_sense_is_refused(minutes: float) -> None:
    with pytest.raises(ValueError, match=r"business minutes|century"):
        clock().add_business(at("2026-03-01T00:00+00:00"), minutes=minutes)


def test_deadlines_run_over_closed_days_and_end_at_closing_time() -> None:
    of = clock(holidays=frozenset({date(2026, 4, 3), date(2026, 4, 6)}))  # Good Friday, Easter Monday
    start = at("2026-04-02T17:30+02:00")
    assert of.add_business(start, minutes=30) == at("2026-04-02T18:00+02:00")
    assert of.add_business(start, minutes=60) == at("2026-04-07T09:30+02:00")
    assert of.add_business(start, minutes=0) == start
    assert of.add_business(at("2026-04-04T10:00+02:00"), minutes=60) == at("2026-04-07T10:00+02:00")
    assert of.business_minutes(at("2026-04-04T10:00+02:00"), at("2026-04-06T10:00+02:00")) == 0
    assert of.business_minutes(start, start - timedelta(hours=1)) == 0


def test_a_clock_cannot_be_changed_and_compares_by_what_it_says() -> None:
    assert clock() == clock()
    with pytest.raises(AttributeError):
        clock().opens = time(8)  # type: ignore[misc]
