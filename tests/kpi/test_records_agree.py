"""The rows behind every number are as many, or sum up to as much, as the number: of every metric, part, month and cut."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from django.utils import timezone

from funnel.models import Organisation
from funnel.periods import Period
from kpi import report, rollup
from kpi.measures import Lift, Metric, Velocity
from kpi.metrics import METRICS
from kpi.records.parts import Rows, default_part, parts_of
from kpi.records.queries import Found, Sought, find
from kpi.values import Flow, Plain, Rate, Spread, Table, Value

from . import ledgers
from .conftest import AS_OF
from .ledgers import Row, Start

MONTHS = [Period.parse(name) for name in ("2025-03", "2026-02", "2026-03", "2026-04", "2026-Q1")]
CUT_UP = [MONTHS[2], MONTHS[4]]
CUTS = ("source", "campaign", "service", "owner", "team")
NOTHING_BEHIND = {"seasonality_index", "sales_velocity_per_day"}
"""An index and a product: tested by themselves."""
ALL = 10_000


def number_of(metric: Metric, value: Value, part: str) -> Any:
    """The number of the report that the rows of a part must come to."""
    match value:
        case Plain():
            return value.figure
        case Rate():
            return getattr(value, part)
        case Spread():
            return dict(value.extra)["unanswered"] if part == "unanswered" else value.n
        case Table():
            return sum((value.rows or {}).values())
        case Flow():
            return sum(getattr(visits, part) for visits in value.stages.values())


def listed(
    organisation: Organisation, rows: Rows, period: Period, filters: dict[str, list[str]], **more: Any
) -> Found:
    given = {"as_of": AS_OF, "lag": None} | more
    found = find(
        Sought(organisation=organisation, rows=rows, period=period, filters=filters, **given), size=ALL
    )
    assert len({row.id for row in found.rows}) == len(found.rows) == found.count  # none is there twice
    assert (found.sum or 0) == sum(row.amount or 0 for row in found.rows)
    return found


def expected(metric: Metric) -> Iterator[tuple[str, Rows]]:
    for part, rows in parts_of(metric).items():
        if isinstance(rows, Rows):
            yield part, rows


@cache
def reported(period: Period, by: str, *, kept: bool) -> report.Report:
    """The whole report of the golden history, which is the same in every test: counted once."""
    asked: dict[str, Any] = {"as_of": timezone.now(), "lag": rollup.FRESH} if kept else {"as_of": AS_OF}
    return report.build(organisation=Organisation.current(), period=period, by=by, **asked)


def check(organisation: Organisation, metric: Metric, *, kept: bool) -> None:
    """Hold the rows against the report, whole and by each value of each cut."""
    asked: dict[str, Any] = {"as_of": timezone.now(), "lag": rollup.FRESH} if kept else {}
    for period in MONTHS:
        for by in CUTS if period in CUT_UP else CUTS[:1]:
            found = reported(period, by, kept=kept)
            buckets: list[tuple[dict[str, list[str]], Value]] = []
            if by == CUTS[0]:
                (line,) = [line for line in found.lines if line.metric is metric]
                buckets.append(({}, line.current))
            if period in CUT_UP:
                buckets += [({by: [cut]}, values[metric.key]) for cut, values in found.cuts.items()]
            for filters, value in buckets:
                for part, rows in expected(metric):
                    behind = listed(organisation, rows, period, filters, **asked)
                    mine = (behind.sum or 0) if rows.sums else behind.count
                    assert mine == number_of(metric, value, part), (period.name, filters, part)


ORDINARY = [
    metric for metric in METRICS if metric.key not in NOTHING_BEHIND and not isinstance(metric.query, Lift)
]
LIFTS = [metric for metric in METRICS if isinstance(metric.query, Lift)]


@pytest.mark.parametrize("metric", ORDINARY, ids=lambda metric: metric.key)
def test_rows_come_to_the_number_as_known_at_a_moment(golden: Organisation, metric: Metric) -> None:
    assert any(expected(metric))  # whatever is a metric has rows
    check(golden, metric, kept=False)


@pytest.mark.parametrize("metric", ORDINARY, ids=lambda metric: metric.key)
def test_rows_come_to_the_number_from_what_is_kept(golden: Organisation, metric: Metric) -> None:
    rollup.catch_up()
    check(golden, metric, kept=True)


@pytest.mark.parametrize("metric", LIFTS, ids=lambda metric: metric.key)
def test_the_four_crowds_of_a_lift_give_its_two_rates(golden: Organisation, metric: Metric) -> None:
    for period in MONTHS:
        figure = report.build(organisation=golden, period=period, as_of=AS_OF, metrics=[metric]).lines[0]
        crowd = {part: listed(golden, rows, period, {}).count for part, rows in expected(metric)}
        assert figure.current == Rate(
            Rate(crowd["among_won"], crowd["among"]).figure, Rate(crowd["others_won"], crowd["others"]).figure
        )


FILTERS: list[dict[str, list[str]]] = [
    {"source": ["web", "ads"], "owner": ["Ann", ""]},
    {"team": ["North"], "campaign": [""]},
    {"owner": ["Bob"], "source": ["web"], "service": [""]},
]


@pytest.mark.parametrize("metric", ORDINARY, ids=lambda metric: metric.key)
def test_rows_come_to_the_number_under_filters_of_several_kinds(golden: Organisation, metric: Metric) -> None:
    for filters in FILTERS:
        for period in MONTHS[2:3] + MONTHS[4:]:
            found = report.build(
                organisation=golden, period=period, as_of=AS_OF, metrics=[metric], filters=filters
            )
            for part, rows in expected(metric):
                behind = listed(golden, rows, period, filters)
                mine = (behind.sum or 0) if rows.sums else behind.count
                assert mine == number_of(metric, found.lines[0].current, part), (filters, period.name, part)


def test_every_metric_has_rows_or_says_why_not() -> None:
    for metric in METRICS:
        parts = parts_of(metric)
        assert parts or isinstance(metric.query, Velocity), metric.key
        assert isinstance(parts.get(default_part(metric), Rows("fact")), Rows), metric.key


def test_the_rows_of_a_stage_are_its_visits_by_how_they_ended(golden: Organisation) -> None:
    (metric,) = [metric for metric in METRICS if metric.key == "stage_flow"]
    flow = report.build(organisation=golden, period=MONTHS[2], as_of=AS_OF, metrics=[metric]).lines[0].current
    assert isinstance(flow, Flow)
    for stage, visits in flow.stages.items():
        for part, rows in expected(metric):
            assert listed(golden, rows, MONTHS[2], {}, stage=stage).count == getattr(visits, part)


def test_the_rows_of_a_client_sum_up_to_what_the_client_is_worth(golden: Organisation) -> None:
    (metric,) = [metric for metric in METRICS if metric.key == "ltv_by_client"]
    worth = (
        report.build(organisation=golden, period=MONTHS[2], as_of=AS_OF, metrics=[metric]).lines[0].current
    )
    assert isinstance(worth, Table)
    assert worth.rows
    for client, net in worth.rows.items():
        assert listed(golden, parts_of(metric)[""], MONTHS[2], {}, client=client).sum == net


def test_the_rows_of_seasonality_are_the_applications_of_the_complete_years(berlin: Organisation) -> None:
    days = ["2022-12-31", "2023-01-01", "2023-07-05", "2024-02-29", "2024-12-31", "2025-01-01"]
    ledgers.write(
        [Start(f"X{n}", "C1") for n in range(len(days))],
        [Row(f"E{n}", f"X{n}", "lead_created", datetime.fromisoformat(f"{day}T12:00+01:00"))
         for n, day in enumerate(days)],
    )  # fmt: skip
    (metric,) = [metric for metric in METRICS if metric.key == "seasonality_index"]
    found = listed(berlin, parts_of(metric)[""], Period.parse("2025-02"), {})
    assert [f"{row.at:%Y-%m-%d}" for row in found.rows] == [
        "2024-12-31",
        "2024-02-29",
        "2023-07-05",
        "2023-01-01",
    ]
    assert (
        listed(berlin, parts_of(metric)[""], Period.parse("2024-02"), {}).count == 0
    )  # one year tells nothing
