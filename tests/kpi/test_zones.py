"""Figures are right in every zone, week, calendar of holidays and at every change of the clocks."""

import json
import zoneinfo
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from funnel.models import Organisation
from funnel.models.organisation import validate_zone
from funnel.periods import Period
from kpi import report, rollup, sources

from . import ledgers
from .ledgers import Row, Start
from .zones import PLACES, Place, figures, history, told

pytestmark = pytest.mark.django_db
PERIODS = {
    "2025-01": ("2025-01-01", "2025-02-01"), "2025-02": ("2025-02-01", "2025-03-01"),
    "2025-03": ("2025-03-01", "2025-04-01"), "2025-04": ("2025-04-01", "2025-05-01"),
    "2025-05": ("2025-05-01", "2025-06-01"), "2025-06": ("2025-06-01", "2025-07-01"),
    "2025-09": ("2025-09-01", "2025-10-01"), "2025-10": ("2025-10-01", "2025-11-01"),
    "2025-11": ("2025-11-01", "2025-12-01"), "2025-Q2": ("2025-04-01", "2025-07-01"),
    "2025-Q4": ("2025-10-01", "2026-01-01"), "2025": ("2025-01-01", "2026-01-01"),
    "2025-04-05..2025-04-06": ("2025-04-05", "2025-04-07"), "2025-03-28..2025-04-30": ("2025-03-28", "2025-05-01"),
}  # fmt: skip
Report = Callable[..., dict[str, Any]]


def built(
    organisation: Organisation, period: str, as_of: datetime | None = None, **how: Any
) -> dict[str, Any]:
    found = report.build(
        organisation=organisation, period=Period.parse(period), as_of=as_of or timezone.now(), **how
    )
    return dict(json.loads(json.dumps(found.json())))


def near(expected: dict[str, Any]) -> dict[str, Any]:
    return {
        key: (value[0], pytest.approx(value[1], abs=1e-6)) if isinstance(value, tuple) else value
        for key, value in expected.items()
    }


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_period_agrees_with_a_count_minute_by_minute(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = place.settle()
    past = history(place, seed=PLACES.index(place))
    ledgers.write(past.starts, past.rows)
    touched = {place.day(at) for times in past.at for at in times.values()}
    expected = {
        name: near(figures(place, past, *bounds))
        for name, bounds in ((name, tuple(map(date.fromisoformat, ends))) for name, ends in PERIODS.items())
        if any(bounds[0] <= day < bounds[1] for day in touched)
    }
    for name, values in expected.items():
        assert told(built(organisation, name)["metrics"]) == values, name
    rollup.catch_up()
    monkeypatch.setattr(sources, "Ledger", None)
    for name, values in expected.items():
        assert told(built(organisation, name, lag=timedelta(0))["metrics"]) == values, name


def test_a_clock_in_another_zone_tells_other_figures() -> None:
    place = PLACES[1]
    organisation = place.settle()
    past = history(place, seed=1)
    ledgers.write(past.starts, past.rows)
    expected = near(figures(place, past, date(2025, 4, 1), date(2025, 5, 1)))
    assert told(built(organisation, "2025-04")["metrics"]) == expected
    organisation.timezone = "UTC"
    assert told(built(organisation, "2025-04")["metrics"]) != expected


# by hand


def test_a_holiday_on_the_last_business_day_leaves_the_month_a_day_shorter() -> None:
    organisation = PLACES[0].settle()  # Kolkata: January 2025 has 27 days that are no Sunday; the 26th is one
    ledgers.write([Start("X1", "C1")], [Row("1", "X1", "lead_created", _at("2025-01-31T23:59+05:30"))])
    cell = built(organisation, "2025-01")["metrics"]["leads_per_business_day"]["current"]
    assert (cell["numerator"], cell["denominator"]) == (1, 26)


def test_half_an_hour_less_or_more_is_that_much_less_or_more_business_time() -> None:
    organisation = PLACES[1].settle()  # Lord Howe, 01:00 to 06:00, Sundays too
    ledgers.write(
        [Start("A", "C1"), Start("B", "C2"), Start("C", "C3")],
        [
            Row(
                "1", "A", "lead_created", _at("2025-04-06T00:00+11:00")
            ),  # the clocks go back from 02:00 to 01:30
            Row("2", "A", "first_response", _at("2025-04-06T06:00+10:30")),
            Row("3", "B", "lead_created", _at("2025-10-05T00:00+10:30")),  # and forward from 02:00 to 02:30
            Row("4", "B", "first_response", _at("2025-10-05T06:00+11:00")),
            Row("5", "C", "lead_created", _at("2025-05-29T05:30+10:30")),  # a Thursday, answered on Sunday
            Row("6", "C", "first_response", _at("2025-06-01T01:30+10:30")),
        ],
    )
    medians = [
        built(organisation, month)["metrics"]["first_response_business_min"]["current"]["median"]
        for month in ("2025-04", "2025-10", "2025-05")
    ]
    assert medians == [330, 270, 60]


def test_days_that_never_close_are_as_long_as_the_clocks_make_them() -> None:
    organisation = PLACES[2].settle()  # Santiago, all day and night but for holidays
    ledgers.write(
        [Start("A", "C1"), Start("B", "C2"), Start("C", "C3")],
        [
            Row(
                "1", "A", "lead_created", _at("2025-04-05T00:00-03:00")
            ),  # 23:00 comes twice on this Saturday
            Row("2", "A", "first_response", _at("2025-04-06T00:00-04:00")),
            Row("3", "B", "lead_created", _at("2025-09-07T01:00-03:00")),  # the Sunday that begins at 01:00
            Row("4", "B", "first_response", _at("2025-09-08T00:00-03:00")),
            Row("5", "C", "lead_created", _at("2025-10-01T00:00-03:00")),
            Row("6", "C", "first_response", _at("2025-10-03T00:00-03:00")),
        ],
    )
    medians = [
        built(organisation, month)["metrics"]["first_response_business_min"]["current"]["median"]
        for month in ("2025-04", "2025-09", "2025-10")
    ]
    assert medians == [25 * 60, 23 * 60, 48 * 60]


def test_a_running_month_is_cut_by_the_week_and_holidays_of_the_place() -> None:
    organisation = PLACES[3].settle()  # Kathmandu, Sunday to Friday, 13 March and 28 February off
    # March 2025 up to the 12th at noon: Sun 2 to Fri 7 (6 days), Sun 9 to Tue 11 (3), and half of Wed 12: the tenth.
    # February's business days: Sun 2 to Fri 7 (6), Sun 9 to Wed 12; so the tenth is Wed 12, cut at noon.
    # March 2024 (Friday 1, then Sun 3 to Fri 8, Sun 10 to Tue 12): the tenth is Tue 12, except that 1 March counts too.
    moments = {
        "A": "2025-03-12T11:00+05:45", "B": "2025-02-12T11:59+05:45", "C": "2025-02-12T12:00+05:45",
        "D": "2024-03-12T11:59+05:45", "E": "2024-03-12T12:00+05:45",
    }  # fmt: skip
    ledgers.write(
        [Start(name, name) for name in moments],
        [Row(f"E-{name}", name, "lead_created", _at(moment)) for name, moment in moments.items()],
    )
    metrics = built(organisation, "2025-03", _at("2025-03-12T12:00+05:45"))["metrics"]
    leads = metrics["leads_gross"]
    assert [leads["current"], leads["previous_month"], leads["previous_year"]] == [1, 1, 1]
    rate = metrics["leads_per_business_day"]
    columns = ("current", "previous_month", "previous_year")
    assert [rate[column]["denominator"] for column in columns] == [10, 10, 10]
    whole = built(organisation, "2025-03", _at("2025-04-01T00:00+05:45"))["metrics"]
    assert [whole["leads_gross"][column] for column in columns] == [1, 2, 2]
    assert [whole["leads_per_business_day"][column]["denominator"] for column in columns] == [25, 23, 26]


def test_the_currency_of_the_report_is_the_organisations() -> None:
    assert [built(place.settle(), "2025-01")["currency"] for place in PLACES[:3]] == ["INR", "AUD", "CLP"]


def test_every_zone_that_can_be_chosen_is_known_to_the_database_too() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor.fetchall()}
    chosen = set()
    for zone in zoneinfo.available_timezones():
        try:
            validate_zone(zone)
        except Exception:
            continue
        chosen.add(zone)
    assert len(chosen) > 400
    assert chosen <= known


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
