"""P7 to P9: the dashboard, a refresh after a write, and a full rebuild, each beside plain SQL in the same run."""

import sys
from collections.abc import Iterator

import pytest

from .database import Bench, bench_database
from .history import fill
from .test_rest import report

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with bench_database(filled=False) as made:
        events = fill(made)
        sys.stdout.write(f"\n{made.size} journeys, {events} events\n")
        yield made


def test_p9_rebuild_everything(bench: Bench) -> None:
    found = bench.timed("figures", "rebuild")
    report(f"P9 full rebuild, {bench.size} journeys (aim ≤ 1.0 × plain SQL)", found, {})
    assert found["facts"] > bench.size


def test_p8_from_a_write_to_the_rollups(bench: Bench) -> None:
    found = bench.timed("figures", "refresh")
    report(f"P8 refresh, {bench.size} journeys (aim ≤ 5 × the same SQL)", found, {})
    assert found["buckets touched"] > 0


def test_p7_the_dashboard(bench: Bench) -> None:
    bench.manage("collectstatic", "--noinput", "-v0")
    found = bench.timed("figures", "dashboard")
    report(
        f"P7 dashboard, {bench.size} journeys (aims: ≤ 3 × its SQL, ≥ 50 × faster than the ledger)", found, {}
    )
    assert found["dashboard p50 s"] > 0
