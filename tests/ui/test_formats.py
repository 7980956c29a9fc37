"""Figures, money and time as people read them, in English and Russian."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from funnel import formats

NBSP = "\N{NO-BREAK SPACE}"
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "english", "russian"),
    [
        (5120, "USD", "$5,120", f"5{NBSP}120{NBSP}$"),
        (Decimal("5120.50"), "EUR", "€5,120.50", f"5{NBSP}120,50{NBSP}€"),
        (Decimal("-3.00"), "EUR", "−€3", f"−3{NBSP}€"),
        (1234567, "", "1,234,567", f"1{NBSP}234{NBSP}567"),
        (0, "RUB", "RUB\N{NO-BREAK SPACE}0", f"0{NBSP}₽"),
        (None, "EUR", "—", "—"),
        ("nonsense", "EUR", "—", "—"),
        (Decimal("NaN"), "EUR", "—", "—"),
    ],
)
def test_money_reads_as_the_language_writes_it(amount, currency, english, russian):
    with translation.override("en"):
        assert formats.money(amount, currency) == english
    with translation.override("ru"):
        assert formats.money(amount, currency) == russian


def test_short_money_keeps_three_digits():
    with translation.override("en"):
        assert formats.money_short(916_400, "USD") == "$916K"
        assert formats.money_short(2_944_080, "USD") == "$2.9M"
        assert formats.money_short(-1200, "USD") == "−$1K"
    with translation.override("ru"):
        assert formats.money_short(916_400, "USD") == f"916{NBSP}тыс.{NBSP}$"


def test_percent_takes_a_ratio_and_change_takes_per_cent():
    with translation.override("en"):
        assert formats.percent(Decimal("0.4431")) == "44%"
        assert formats.percent(Decimal("0.4431"), 1) == "44.3%"
        assert formats.change(15) == "+15%"
        assert formats.change(-13.4) == "−13%"
        assert formats.change(2.14, "pp") == "+2.1 pp"
        assert formats.change(None) == "n/a"
    with translation.override("ru"):
        assert formats.percent(Decimal("0.4431")) == f"44{NBSP}%"
        assert formats.percent(Decimal("0.4431"), 1) == f"44,3{NBSP}%"


def test_a_long_count_is_capped():
    with translation.override("en"):
        assert formats.capped(9_999) == "9,999"
        assert formats.capped(10_000) == "10,000+"
        assert formats.capped(250, 100) == "100+"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 min"),
        (59, "59 min"),
        (60, "1 h"),
        (237, "3 h 57 min"),
        (-11, "11 min"),
        (1500, "1 d 1 h"),
        (7300, "5 d"),
    ],
)
def test_a_span_reads_in_two_units_at_most(minutes, words):
    with translation.override("en"):
        assert formats.span(minutes) == words


def test_a_day_is_the_readers_day():
    late_evening = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)
    with translation.override("en"), timezone.override(ZoneInfo("Europe/Berlin")):
        assert formats.full_day(late_evening) == "2 March 2026"
        assert formats.clock(late_evening) == "00:30"
    with translation.override("ru"), timezone.override(ZoneInfo("America/New_York")):
        assert formats.full_day(late_evening) == "1 марта 2026\u202fг."


def test_a_day_of_another_year_names_the_year():
    with translation.override("en"):
        assert formats.day(dt.date(2019, 5, 4)) == "4 May 2019"
        assert formats.day(None) == "—"
        assert formats.month(dt.date(2019, 5, 4)) == "May 2019"
    with translation.override("ru"):
        assert formats.month(dt.date(2019, 5, 4)) == "Май 2019"


@pytest.mark.parametrize(
    ("moment", "tone", "words"),
    [
        (NOON - dt.timedelta(days=2), "late", "2 d late"),
        (NOON - dt.timedelta(hours=2), "late", "2 h late"),
        (NOON + dt.timedelta(hours=2), "soon", "Today"),
        (NOON.date(), "soon", "Today"),
        (NOON + dt.timedelta(days=1), "", "Tomorrow"),
    ],
)
def test_due_says_how_late_or_how_soon(moment, tone, words):
    with translation.override("en"), timezone.override(dt.UTC):
        assert formats.due(moment, NOON) == (tone, words)


def test_age_counts_in_the_largest_unit():
    with translation.override("en"):
        assert formats.age(NOON - dt.timedelta(minutes=11), NOON) == "11 min"
        assert formats.age(NOON - dt.timedelta(hours=5), NOON) == "5 h"
        assert formats.age(NOON - dt.timedelta(days=3), NOON) == "3 d"
