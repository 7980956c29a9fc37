"""The golden history gives exactly the values worked out by hand: March 2026, February 2026, March 2025."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest

from funnel.models import Organisation
from funnel.periods import Period
from kpi import report, rollup, sources

from .conftest import AS_OF, EXPECTED

pytestmark = pytest.mark.django_db
COLUMNS = ("current", "previous_month", "previous_year")


Told = Callable[..., dict[str, Any]]


@pytest.fixture(params=["ledger", "kept"])
def told(request: pytest.FixtureRequest, golden: Organisation, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The report, counted from the ledger and once more from the facts and rollups that are kept."""
    lag = None
    if request.param == "kept":
        rollup.catch_up()
        monkeypatch.setattr(sources, "Ledger", None)
        lag = timedelta(0)

    def build(*, by: str = "", as_of: datetime = AS_OF) -> dict[str, Any]:
        period = Period.parse("2026-03")
        found = report.build(organisation=golden, period=period, as_of=as_of, by=by, lag=lag)
        return cast(dict[str, Any], json.loads(json.dumps(found.json())))

    return build


def near(value: float) -> Any:
    return pytest.approx(value, abs=5e-5)  # the digits that the values worked out by hand have


def test_every_count_and_sum_is_the_one_worked_out_by_hand(told: Told) -> None:
    metrics = told()["metrics"]
    for key, values in EXPECTED["additive"].items():
        assert [metrics[key][column] for column in COLUMNS] == values, key
    in_flight = metrics["sal_cohort_in_flight"]
    assert [in_flight[column] for column in COLUMNS] == EXPECTED["sal_cohort_in_flight"]


def test_every_ratio_keeps_its_numerator_and_denominator(told: Told) -> None:
    metrics = told()["metrics"]
    for key, values in EXPECTED["ratio"].items():
        for column, (numerator, denominator) in zip(COLUMNS, values, strict=True):
            cell = metrics[key][column]
            assert (cell["numerator"], cell["denominator"]) == (numerator, denominator), (key, column)
            assert cell["value"] == near(numerator / denominator)


def test_every_duration_has_its_mean_and_median(told: Told) -> None:
    metrics = told()["metrics"]
    for key, fields in EXPECTED["duration"].items():
        for field, values in fields.items():
            assert [metrics[key][column][field] for column in COLUMNS] == [near(v) for v in values], (
                key,
                field,
            )


def test_velocity_and_lifetime_values_are_right(told: Told) -> None:
    metrics = told()["metrics"]
    velocity = metrics["sales_velocity_per_day"]
    assert [velocity[column] for column in COLUMNS] == [near(v) for v in EXPECTED["sales_velocity_per_day"]]
    assert metrics["ltv_by_client"]["current"] == EXPECTED["ltv_by_client_2026_03_31"]


def test_comparisons_are_in_per_cent_or_in_points(told: Told) -> None:
    metrics = told()["metrics"]
    for name, values in EXPECTED["comparison"].items():
        metric = metrics[name.removesuffix(".mean")]
        for field, value in values.items():
            assert metric[field] == (None if value is None else near(value)), (name, field)


def test_cuts_are_those_of_the_events(told: Told) -> None:
    expected = EXPECTED["cuts_2026_03"]
    by_source = told(by="source")["cuts"]
    assert {cut: values["leads_valid"] for cut, values in by_source.items()} == expected[
        "leads_valid_by_source"
    ]
    for cut, pair in expected["meeting_to_brief_14d_by_source"].items():
        cell = by_source[cut]["meeting_to_brief_cohort_14d"]
        assert [cell["numerator"], cell["denominator"]] == pair
    by_owner = told(by="owner")["cuts"]
    for key in ("deals_won", "demos_held"):
        assert {cut: values[key] for cut, values in by_owner.items()} == expected[f"{key}_by_owner_at_event"]
    by_team = told(by="team")["cuts"]
    assert by_team["North"] == by_owner["Ann"] | {"quota_attainment": by_team["North"]["quota_attainment"]}


@pytest.mark.parametrize("by", ["source", "campaign", "service", "owner", "team"])
def test_the_parts_of_every_cut_sum_to_the_total(told: Told, by: str) -> None:
    found = told(by=by)
    for key, metric in found["metrics"].items():
        if metric["kind"] in {"count", "money"}:
            assert sum(values[key] for values in found["cuts"].values()) == metric["current"], key


def test_an_empty_key_stands_among_the_cuts(told: Told) -> None:
    cuts = told(by="campaign")["cuts"]
    assert cuts[""]["leads_valid"] == 1  # J07 came without a campaign


def test_figures_are_as_known_at_the_moment_asked_for(golden: Organisation) -> None:
    as_of = datetime.fromisoformat("2026-04-01T00:00+02:00")
    known = EXPECTED["as_known"]["payments_net_2026_03_known_at_2026-04-01T00:00+02:00"]
    found = report.build(organisation=golden, period=Period.parse("2026-03"), as_of=as_of)
    assert found.json()["metrics"]["payments_net"]["current"] == known


def test_the_seasonality_index_is_the_one_worked_out_by_hand() -> None:
    given = EXPECTED["seasonality"]
    index = report.seasonality([given["leads_2024"], given["leads_2025"]])
    assert index is not None
    assert list(index) == [f"{month:02}" for month in range(1, 13)]
    assert [float(number) for number in index.values()] == [near(value) for value in given["index"]]
    assert report.seasonality([given["leads_2024"], [0] * 12]) is None


def test_a_report_says_what_it_is_of(told: Told) -> None:
    found = told()
    assert list(found) == ["month", "timezone", "currency", "as_of", "metrics", "cuts"]
    assert (found["month"], found["timezone"], found["currency"]) == ("2026-03", "Europe/Berlin", "EUR")
    assert found["as_of"] == "2026-04-10T00:00:00+02:00"
    assert found["cuts"] == {}
    leads = found["metrics"]["leads_valid"]
    assert leads == {
        "kind": "count", "unit": "count", "good": "up", "current": 11, "previous_month": 5, "previous_year": 3,
        "mom_pct": 120, "yoy_pct": near(800 / 3), "maturing": False,
    }  # fmt: skip


def test_numbers_stay_exact_until_they_are_shown(golden: Organisation) -> None:
    found = report.build(organisation=golden, period=Period.month("2026-03"), as_of=AS_OF)
    by_key = {line.metric.key: line for line in found.lines}
    assert by_key["payments_net"].current.figure == Decimal(33000)
    assert by_key["win_rate_close_date"].current.figure == Fraction(3, 4)
