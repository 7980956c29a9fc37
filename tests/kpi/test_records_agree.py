"""The rows behind every number are as many, or sum up to as much, as the number: of every metric, part, month and cut."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from funnel.models import Organisation
from funnel.periods import Period
from funnel.stages import MONEY_EVENTS
from kpi import report, rollup
from kpi.measures import SECONDS, Lift, Metric, Velocity
from kpi.metrics import METRICS, REASONED, STEPS
from kpi.records.parts import Rows, default_part, parts_of
from kpi.records.queries import Found, Sought, find
from kpi.values import Flow, Plain, Rate, Spread, Table, Value

from . import ledgers, schedules
from .conftest import AS_OF
from .ledgers import Row, Start
from .test_costs import spend
from .test_report import march

MONTHS = [Period.parse(name) for name in ("2025-03", "2026-02", "2026-03", "2026-04", "2026-Q1")]
MARCH, QUARTER = MONTHS[2], MONTHS[4]
CUTS = ("source", "campaign", "service", "owner", "team")
FILTERS: list[dict[str, list[str]]] = [
    {"source": ["web", "ads"], "owner": ["Ann", ""]},
    {"team": ["North"], "campaign": [""]},
    {"owner": ["Bob"], "source": ["web"], "service": [""]},
]
NOTHING_BEHIND = {"seasonality_index", "sales_velocity_per_day"}
"""An index and a product: tested by themselves."""
LISTED = [metric for metric in (*METRICS, *STEPS, *REASONED) if metric.key not in NOTHING_BEHIND]
ALL = 10_000


class Behind:
    """The lists behind the numbers of one ledger: each is asked for once, for many metrics share a part."""

    def __init__(self, organisation: Organisation, *, kept: bool = False) -> None:
        self.organisation, self.kept = organisation, kept
        self.moment: dict[str, Any] = (
            {"as_of": timezone.now(), "lag": rollup.FRESH} if kept else {"as_of": AS_OF}
        )
        self.found: dict[Any, Found] = {}

    def report(
        self, period: Period, by: str = "", filters: Mapping[str, list[str]] | None = None
    ) -> report.Report:
        return report.build(
            organisation=self.organisation,
            period=period,
            by=by,
            metrics=LISTED,
            filters=filters,
            **self.moment,
        )

    def listed(self, rows: Rows, period: Period, filters: Mapping[str, list[str]], **more: str) -> Found:
        asked = (rows, period.name, str(filters), str(more))
        if asked not in self.found:
            sought = Sought(self.organisation, rows, period, filters=filters, **self.moment, **more)  # type: ignore[arg-type]
            found = self.found[asked] = find(sought, size=ALL)
            assert (
                len({row.id for row in found.rows}) == len(found.rows) == found.count
            )  # none is there twice
            assert (found.sum or 0) == sum(row.amount or 0 for row in found.rows)
        return self.found[asked]

    def wrong(
        self, metric: Metric, value: Value, period: Period, filters: Mapping[str, list[str]]
    ) -> list[Any]:
        """Each number of the metric that its rows do not come to: (where, the number, what the rows come to)."""
        lists = {
            part: self.listed(rows, period, filters)
            for part, rows in parts_of(metric).items()
            if isinstance(rows, Rows)
        }
        numbers = {
            part: (number_of(value, part), number_behind(metric, part, found))
            for part, found in lists.items()
        }
        if isinstance(metric.query, Lift):
            crowd = {part: found.count for part, found in lists.items()}
            rates = [Rate(crowd[f"{side}_won"], crowd[side]).figure for side in ("among", "others")]
            numbers = {"both rates": (value, Rate(*rates))}
        if isinstance(value, Spread):
            clock = [row.seconds or 0 for row in lists[default_part(metric)].rows]
            mean = float(sum(clock)) / SECONDS[metric.unit] / len(clock) if clock else None
            numbers["mean"] = (approximately(value.mean), mean)
        assert numbers, metric.key
        return [
            (metric.key, part, period.name, dict(filters), *pair)
            for part, pair in numbers.items()
            if pair[0] != pair[1]
        ]


def number_of(value: Value, part: str) -> Any:
    """The number of the report that the rows of a part must come to."""
    match value:
        case Plain():
            return value.figure
        case Rate():
            return getattr(value, part, None)
        case Spread():
            return dict(value.extra)["unanswered"] if part == "unanswered" else value.n
        case Table():
            return sum((value.rows or {}).values())
        case Flow():
            return sum(getattr(visits, part) for visits in value.stages.values())


def number_behind(metric: Metric, part: str, found: Found) -> Any:
    rows = parts_of(metric)[part]
    return (found.sum or 0) if isinstance(rows, Rows) and rows.sums else found.count


def approximately(number: Any) -> Any:
    return None if number is None else pytest.approx(float(number))


@pytest.fixture
def history(golden: Organisation) -> Organisation:
    """The golden history, and beside it what it lacks, so that every metric has rows somewhere."""
    steps = {
        "Y1": [
            "lead_created", "handed_off", "sal_rejected", "handed_off", "sal_accepted", "demo_held",
            "proposal_requested", "proposal_sent", "objection_raised", "proposal_sent", "contract_requested",
            "contract_sent", "contract_requested", "contract_sent", "contract_signed", "payment_received",
        ],
        "Y2": ["lead_created", "handed_off", "sal_rejected", "lead_lost"],
        "Y3": ["lead_created", "sal_accepted", "contract_signed"],
    }  # fmt: skip
    starts = [Start(key, f"C{key}", campaign="spring", owner="Ann") for key in steps]
    rows = [
        Row(f"{key}-{n}", key, event, march(3 + n, 10), "500" if event in MONEY_EVENTS else "")
        for key, events in steps.items()
        for n, event in enumerate(events)
    ]
    ledgers.write(starts, rows)
    instalments = schedules.schedule(
        "Y1", ("2026-03-18", "500"), ("2026-03-25", "6000"), ("2026-05-10", "6000")
    )
    schedules.pay(instalments[0], "Y1-15", "500", on="2026-03-18")
    spend(spring={"2026-03": "600"})
    return golden


@pytest.fixture(params=[False, True], ids=["as_known_at_a_moment", "from_what_is_kept"])
def behind(request: pytest.FixtureRequest, history: Organisation) -> Behind:
    if request.param:
        rollup.catch_up()
    return Behind(history, kept=request.param)


def test_rows_come_to_every_number(behind: Behind) -> None:
    wrong, told = [], set()
    for period in MONTHS:
        for line in behind.report(period).lines:
            wrong += behind.wrong(line.metric, line.current, period, {})
            told |= (
                {line.metric.key} if line.current.figure or isinstance(line.current, Table | Flow) else set()
            )
    assert not wrong
    assert told == {metric.key for metric in LISTED}  # each was more than nought somewhere


@pytest.mark.parametrize("by", CUTS)
def test_rows_come_to_every_number_of_a_cut(behind: Behind, by: str) -> None:
    wrong, values = [], set()
    for period in (MARCH, QUARTER) if behind.kept else (MARCH,):  # the ledger has no parts to put together
        cuts = behind.report(period, by).cuts
        values |= set(cuts)
        for cut, numbers in cuts.items():
            for metric in LISTED:
                wrong += behind.wrong(metric, numbers[metric.key], period, {by: [cut]})
    assert not wrong
    assert len(values) > 1


def test_rows_come_to_every_number_under_filters_of_several_kinds(history: Organisation) -> None:
    behind = Behind(history)
    wrong = [
        fault
        for filters in FILTERS
        for period in (MARCH, QUARTER)
        for line in behind.report(period, filters=filters).lines
        for fault in behind.wrong(line.metric, line.current, period, filters)
    ]
    assert not wrong


def test_every_metric_has_rows_or_says_why_not() -> None:
    for metric in METRICS:
        parts = parts_of(metric)
        assert parts or isinstance(metric.query, Velocity), metric.key
        assert isinstance(parts.get(default_part(metric), Rows("fact")), Rows), metric.key


def test_the_rows_of_a_stage_are_its_visits_by_how_they_ended(golden: Organisation) -> None:
    behind, metric = Behind(golden), by_key("stage_flow")
    (flow,) = [line.current for line in behind.report(MARCH).lines if line.metric is metric]
    assert isinstance(flow, Flow)
    for stage, visits in flow.stages.items():
        for part, rows in rows_of(metric):
            assert behind.listed(rows, MARCH, {}, stage=stage).count == getattr(visits, part)


def test_the_rows_of_a_client_sum_up_to_what_the_client_is_worth(golden: Organisation) -> None:
    behind, metric = Behind(golden), by_key("ltv_by_client")
    (worth,) = [line.current for line in behind.report(MARCH).lines if line.metric is metric]
    assert isinstance(worth, Table)
    assert worth.rows
    for client, net in worth.rows.items():
        assert behind.listed(dict(rows_of(metric))[""], MARCH, {}, client=client).sum == net


def by_key(key: str) -> Metric:
    (metric,) = [metric for metric in METRICS if metric.key == key]
    return metric


def rows_of(metric: Metric) -> Iterator[tuple[str, Rows]]:
    for part, rows in parts_of(metric).items():
        if isinstance(rows, Rows):
            yield part, rows


def test_the_rows_of_seasonality_are_the_applications_of_the_complete_years(berlin: Organisation) -> None:
    days = ["2022-12-31", "2023-01-01", "2023-07-05", "2024-02-29", "2024-12-31", "2025-01-01"]
    ledgers.write(
        [Start(f"X{n}", "C1") for n in range(len(days))],
        [Row(f"E{n}", f"X{n}", "lead_created", datetime.fromisoformat(f"{day}T12:00+01:00"))
         for n, day in enumerate(days)],
    )  # fmt: skip
    behind, rows = Behind(berlin), dict(rows_of(by_key("seasonality_index")))[""]
    found = behind.listed(rows, Period.parse("2025-02"), {})
    assert [f"{row.at:%Y-%m-%d}" for row in found.rows] == [
        "2024-12-31", "2024-02-29", "2023-07-05", "2023-01-01",
    ]  # fmt: skip
    assert behind.listed(rows, Period.parse("2024-02"), {}).count == 0  # one year tells nothing
