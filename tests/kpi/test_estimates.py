"""Estimates: worked out by hand on a small case, honest about their error, and silent where there is too little."""

import json
import random
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from math import sin, tau
from pathlib import Path
from statistics import fmean, quantiles
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deals.models import Instalment
from funnel.clock import BusinessClock
from funnel.models import Organisation
from funnel.periods import DAY, Period
from kpi import rollup, tasks
from kpi.estimates import making, read, season
from kpi.estimates.forecast import NEEDED, History, day_after, forecast
from kpi.models import Estimate

from . import ledgers
from .ledgers import Row, Start
from .schedules import schedule

CLOCK = BusinessClock(ZoneInfo("UTC"), time(9), time(18), frozenset({1, 2, 3, 4, 5}))


def months(last: str, count: int) -> list[Period]:
    found = [Period.month(last)]
    while len(found) < count:
        found.insert(0, found[0].previous())
    return found


def business_days(month: Period) -> list[date]:
    days = [month.first + DAY * n for n in range((month.until - month.first).days)]
    return [day for day in days if CLOCK.is_business_day(day)]


def even(per_month: dict[str, float], *, last: str = "", running: dict[date, float] | None = None) -> History:
    """A history whose months come in two equal parts: on their first business day and on their last."""
    daily: dict[date, float] = {}
    for name, total in per_month.items():
        days = business_days(Period.month(name))
        daily[days[0]], daily[days[-1]] = total / 2, total / 2
    return History(CLOCK, daily | (running or {}), [Period.month(name) for name in per_month])


# By hand


def test_a_steady_series_is_forecast_exactly_and_without_error() -> None:
    past = months("2026-02", 12)
    history = even({month.name: 20.0 for month in past}, running={date(2026, 3, 2): 10.0})
    found = forecast(history, Period.month("2026-03"), date(2026, 3, 10), floor=10)
    assert found is not None
    assert (found.value, found.low, found.high, found.error, found.tested) == (20, 20, 20, 0, 6)


def test_the_error_shown_is_the_mean_of_the_back_test_worked_out_by_hand() -> None:
    """Six months of 20 are known; then come 20, 40, 20, 20, 20 and 20, half at once and half at the end.

    Of the 40 nobody knew: 20 had come, 10 were usual to come, moved by the pace (20 + 20) ÷ (10 + 20) to 13⅓: of 40
    there lacked 6⅔. For the months after it the last six hold 140 in all: 11⅔ to come, 11⅔ by now, 23⅓ in the whole;
    with 10 come the pace is (10 + 23⅓) ÷ (11⅔ + 23⅓) = 20/21, so 11⅑ are expected where 10 came.
    """
    past = months("2026-02", 12)
    totals = dict.fromkeys((month.name for month in past), 20.0) | {past[7].name: 40.0}
    found = forecast(
        even(totals, running={date(2026, 3, 2): 10.0}), Period.month("2026-03"), date(2026, 3, 10), floor=10
    )
    assert found is not None
    off = (6 + 2 / 3) / 40, (1 + 1 / 9) / 20
    assert found.error == pytest.approx(fmean([0, off[0], off[1], off[1], off[1], off[1]]))
    assert found.value == pytest.approx(10 + 11 + 1 / 9)
    level = 140 / 6
    # a residual is a share of what was forecast, or of the mean month of late where that is more
    residuals = [0, (6 + 2 / 3) / (33 + 1 / 3), *[-(1 + 1 / 9) / level] * 4]
    deciles = quantiles(residuals, n=10, method="exclusive")
    assert found.low == pytest.approx(found.value + deciles[0] * level)
    assert found.high == pytest.approx(found.value + deciles[-1] * level)


def test_a_month_that_is_over_is_what_it_was() -> None:
    past = months("2026-02", 12)
    history = even({month.name: 20.0 for month in past}, running={date(2026, 3, 31): 33.0})
    found = forecast(history, Period.month("2026-03"), date(2026, 4, 1), floor=33)
    assert found is not None
    assert (found.value, found.low, found.high) == (33, 33, 33)


def test_a_forecast_never_falls_below_what_has_come() -> None:
    past = months("2026-02", 12)
    history = even({month.name: 20.0 for month in past}, running={date(2026, 3, 2): 10.0})
    found = forecast(history, Period.month("2026-03"), date(2026, 3, 10), floor=50)
    assert found is not None
    assert (found.value, found.low) == (50, 50)


def test_money_never_ends_below_what_has_come_though_months_before_ended_with_refunds() -> None:
    past = months("2026-02", 12)
    whole = even(dict.fromkeys((month.name for month in past), 20.0), running={date(2026, 3, 2): 100.0})
    refunded = dict(whole.daily) | {business_days(month)[-1]: -50.0 for month in past}
    found = forecast(History(CLOCK, refunded, past), Period.month("2026-03"), date(2026, 3, 20), floor=100)
    assert found is not None
    assert (found.value, found.low, found.high) == (100, 100, 100)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    daily=st.lists(st.floats(-1000, 1000), min_size=60, max_size=260),
    day=st.integers(1, 31),
    came=st.floats(-500, 5000),
)
def test_no_history_makes_an_estimate_that_lies_below_what_has_come(
    daily: list[float], day: int, came: float
) -> None:
    past = months("2026-02", 14)
    days = [one for month in past for one in business_days(month)]
    march = Period.month("2026-03")
    history = History(CLOCK, dict(zip(days, daily, strict=False)) | {march.first: came}, past)
    found = forecast(history, march, march.first + DAY * (day - 1), floor=came)
    assert found is not None
    assert came <= found.low <= found.value <= found.high


def test_the_season_moves_the_rest_of_the_month_where_two_years_are_known() -> None:
    past = months("2026-11", 35)
    totals = {month.name: 40.0 if month.first.month == 12 else 20.0 for month in past}
    short = dict(list(totals.items())[-20:])
    december, today = Period.month("2026-12"), date(2026, 12, 1)
    flat, seasonal = (forecast(even(one), december, today, floor=0) for one in (short, totals))
    assert flat is not None
    assert seasonal is not None
    assert flat.season is None
    # twice what it is to the months before, seen twice: two thirds of that is believed
    assert seasonal.season == pytest.approx(1 + 1 * 2 / 3)
    assert seasonal.value > flat.value * 1.5


@pytest.mark.parametrize("count", [0, 1, NEEDED - 1])
def test_a_short_history_gives_no_forecast(count: int) -> None:
    history = even({month.name: 20.0 for month in months("2026-02", count)} if count else {})
    assert forecast(history, Period.month("2026-03"), date(2026, 3, 10), floor=0) is None


def test_a_history_of_nothing_forecasts_nothing() -> None:
    found = forecast(
        even({month.name: 0.0 for month in months("2026-02", 24)}),
        Period.month("2026-03"),
        date(2026, 3, 10),
        floor=0,
    )
    assert found is not None
    assert (found.value, found.low, found.high, found.error) == (0, 0, 0, None)


def test_days_are_counted_off_by_business_days() -> None:
    march = Period.month("2026-03")  # begins on a Sunday
    assert day_after(CLOCK, march, 0) == date(2026, 3, 1)
    assert day_after(CLOCK, march, 5) == date(2026, 3, 7)
    assert day_after(CLOCK, march, 22) == day_after(CLOCK, march, 30) == date(2026, 4, 1)


# Honesty


def seasonal(seed: int, *, last: str, count: int) -> History:
    """Business days with a yearly wave, a slow growth and noise of its own seed."""
    chance = random.Random(seed)
    daily = {}
    past = months(last, count)
    for index, month in enumerate(past):
        level = (4 + 0.03 * index) * (1 + 0.35 * sin(tau * month.first.month / 12))
        for day in business_days(month):
            daily[day] = float(max(0, round(chance.gauss(level, level**0.5))))
    return History(CLOCK, daily, past)


def test_the_interval_holds_about_eight_times_in_ten() -> None:
    held = tried = 0
    for seed in range(6):
        whole = seasonal(seed, last="2026-06", count=66)
        for index in range(36, 66):
            month, known = whole.months[index], History(CLOCK, whole.daily, whole.months[:index])
            found = forecast(known, month, day_after(CLOCK, month, 8), floor=None)
            assert found is not None
            tried += 1
            held += found.low <= whole.total(month) <= found.high
    assert tried == 180
    assert 0.70 <= held / tried <= 0.92


def test_a_planted_month_is_marked_with_its_direction_and_size_and_no_other() -> None:
    whole = seasonal(3, last="2026-06", count=60)
    names = [month.name for month in whole.months]
    numbers = [whole.total(month) for month in whole.months]
    numbers[names.index("2025-04")] *= 2.5
    parts = season.take_apart({"leads_valid": numbers})["leads_valid"]
    (mark,) = season.odd_months(names, numbers, parts, counted=True)
    assert (mark.name, mark.size > season.SEASONAL_BAND, mark.value > mark.high) == (
        "2025-04",
        True,
        True,
    )


def test_of_plain_months_hardly_any_is_marked() -> None:
    """Twelve series of five years with season, growth and noise, as counts and as uneven sums: 1 in 100 at most."""
    series = {}
    for seed in range(12):
        whole, chance = seasonal(seed, last="2026-06", count=60), random.Random(seed)
        counts = [whole.total(month) for month in whole.months]
        series[f"count{seed}"] = counts
        series[f"money{seed}"] = [number * chance.lognormvariate(5, 0.25) for number in counts]
    parts = season.take_apart(series)
    names = [str(n) for n in range(60)]
    marked = {
        with_season: sum(
            len(
                season.odd_months(
                    names, numbers, parts[key] if with_season else None, counted=key.startswith("count")
                )
            )
            for key, numbers in series.items()
        )
        for with_season in (True, False)
    }
    assert max(marked.values()) <= 0.01 * sum(map(len, series.values()))


def test_the_season_found_is_the_season_planted() -> None:
    numbers = [100 + 40 * sin(tau * n / 12) + n for n in range(60)]
    parts = season.take_apart({"one": numbers})["one"]
    for n in range(12, 48):
        assert parts.season[n] == pytest.approx(40 * sin(tau * n / 12), abs=4)
        assert numbers[n] == pytest.approx(parts.season[n] + parts.trend[n] + parts.rest[n])


def test_an_odd_day_is_marked() -> None:
    today = date(2026, 3, 20)
    days = [today - DAY * n for n in range(1, 120)]
    daily = {day: 5.0 for day in days if CLOCK.is_business_day(day)} | {date(2026, 3, 11): 30.0}
    (mark,) = season.odd_days(CLOCK, daily, Period.month("2026-03"), today)
    assert (mark.name, mark.value, mark.expected) == ("2026-03-11", 30, 5)
    assert season.odd_days(CLOCK, daily | {date(2026, 3, 11): 9.0}, Period.month("2026-03"), today) == []


def test_a_web_process_never_loads_the_heavy_libraries() -> None:
    code = "import django; django.setup(); import kpi.tasks, kpi.urls, sys; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Kept and read


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def utc(db: None) -> Organisation:
    Organisation.objects.update(timezone="UTC", currency="EUR")
    return Organisation.current()


def history_of(first: str, until: str, *, a_month: int = 4) -> None:
    """A lead on each of the month's first days, won and paid the same day."""
    starts, rows = [], []
    month = Period.month(first)
    while month.name <= until:
        for n in range(a_month):
            name, day = f"{month.name}/{n}", month.first + DAY * n
            moment = datetime.combine(day, time(10), UTC)
            starts.append(Start(name, name))
            rows += [
                Row(f"L{name}", name, "lead_created", moment),
                Row(f"S{name}", name, "contract_signed", moment + timedelta(minutes=1), "100"),
                Row(f"P{name}", name, "payment_received", moment + timedelta(minutes=2), "100"),
            ]
        month = month.next()
    ledgers.write(starts, rows)


def test_estimates_are_kept_once_and_read_in_one_query(utc: Organisation) -> None:
    history_of("2023-12", "2026-02")
    for _turn in range(2):
        making.make(organisation=utc, at=at("2026-03-10T12:00"))
    with CaptureQueriesContext(connection) as captured:
        found = read(["leads_valid", "payments_net"], ["2026-02", "2026-03"])
    assert len(captured) == 1
    leads, paid = found.forecast("leads_valid", "2026-03"), found.forecast("payments_net", "2026-03")
    assert leads is not None
    assert paid is not None
    # none came in March, and all of a month's had come by then in every month before
    assert (leads.value, leads.low, leads.high, leads.error, leads.tested) == (0, 0, 0, 0, 20)
    assert paid.details == {"so_far": 0, "due": 0, "season": paid.details["season"]}
    adjusted = found.adjusted("leads_valid", "2026-02")
    assert (
        adjusted is None or adjusted.value is None
    )  # a series that never changes has no season to take away
    assert Estimate.objects.filter(kind="forecast", metric="leads_valid").count() == 1


def test_the_forecast_of_payments_tells_what_falls_due(utc: Organisation) -> None:
    history_of("2026-01", "2026-02")
    schedule("2026-02/0", ("2026-03-05", "70"), ("2026-03-20", "30"), ("2026-04-01", "50"))
    assert Instalment.objects.count() == 3
    making.make(organisation=utc, at=at("2026-03-10T12:00"))
    found = Estimate.objects.get(kind="forecast", metric="payments_net")
    assert found.details["due"] == 30


def test_too_little_history_is_told_with_what_is_needed(utc: Organisation) -> None:
    history_of("2025-12", "2026-02")
    making.make(organisation=utc, at=at("2026-03-10T12:00"))
    found = read(["deals_won"], ["2026-03"])
    forecast_row, adjusted = found.forecast("deals_won", "2026-03"), found.adjusted("deals_won", "2026-03")
    assert forecast_row is not None
    assert adjusted is not None
    assert (forecast_row.value, forecast_row.details["needs"], forecast_row.details["has"]) == (None, 12, 2)
    assert (adjusted.value, adjusted.details) == (None, {"needs": 24, "has": 2})


def test_an_empty_ledger_is_no_error(utc: Organisation) -> None:
    rows = making.make(organisation=utc, at=at("2026-03-10T12:00"))
    assert {row.value for row in rows} == {None}


def uneven_history() -> None:
    """Two years and three months, one of which had more: a series that has a season to be told."""
    history_of("2023-12", "2026-01")
    history_of("2026-02", "2026-02", a_month=9)


@pytest.mark.parametrize(
    ("lost", "lacks"),
    [("raise ModuleNotFoundError('statsmodels')", "statsmodels"), ("raise OSError('disk')", "")],
)
def test_without_the_library_there_is_a_forecast_and_the_reason_why_nothing_is_adjusted(
    utc: Organisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lost: str,
    lacks: str,
) -> None:
    uneven_history()
    making.make(organisation=utc, at=at("2026-03-10T12:00"))
    assert Estimate.objects.filter(kind="adjusted", metric="leads_valid", value__isnull=False).count() == 26
    (tmp_path / "statsmodels").mkdir()
    (tmp_path / "statsmodels" / "__init__.py").write_text(lost)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # found before the real one
    making.make(organisation=utc, at=at("2026-03-11T12:00"))
    row = Estimate.objects.get(kind="adjusted", metric="leads_valid")
    assert (row.value, row.details["lacks"], bool(row.details["fault"])) == (None, lacks, True)
    assert Estimate.objects.get(kind="forecast", metric="leads_valid").value is not None
    call_command("kpi_estimates")
    assert "Nothing is adjusted for the season" in capsys.readouterr().err


def test_the_task_works_once_a_day_of_the_organisations_zone(utc: Organisation) -> None:
    Organisation.objects.update(timezone="Asia/Tokyo")  # whose day begins at 15:00 UTC
    tokyo = Organisation.current()
    assert making.make_if_due(organisation=tokyo, at=at("2026-03-10T14:30"))
    assert not making.make_if_due(organisation=tokyo, at=at("2026-03-10T14:50"))
    assert making.make_if_due(organisation=tokyo, at=at("2026-03-10T15:07"))


def test_the_task_and_the_command_keep_estimates(
    utc: Organisation, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks.make_estimates()
    assert not Estimate.objects.exists()  # nothing is kept yet that could be read quickly
    rollup.catch_up()
    tasks.make_estimates()
    made = Estimate.objects.get(kind="forecast", metric="leads_valid").made_at
    tasks.make_estimates()
    assert Estimate.objects.get(kind="forecast", metric="leads_valid").made_at == made
    tasks.make_estimates(anew=True)
    assert Estimate.objects.get(kind="forecast", metric="leads_valid").made_at > made
    call_command("kpi_estimates")
    told = json.loads(capsys.readouterr().out)
    assert {(row["kind"], row["metric"]) for row in told} >= {("forecast", "payments_net")}
