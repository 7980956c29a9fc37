"""P7 to P9: the dashboard, a refresh after a write, and a full rebuild, each beside plain SQL in the same run."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.env import BASE_DIR

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


def measured(bench: Bench, what: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.figures", what],
        cwd=BASE_DIR,
        env=bench.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_p9_rebuild_everything(bench: Bench) -> None:
    found = measured(bench, "rebuild")
    report(f"P9 full rebuild, {bench.size} journeys (aim ≤ 1.0 × plain SQL)", found, {})
    assert found["facts"] > bench.size


def test_p8_from_a_write_to_the_rollups(bench: Bench) -> None:
    found = measured(bench, "refresh")
    report(f"P8 refresh, {bench.size} journeys (aim ≤ 5 × the same SQL)", found, {})
    assert found["buckets touched"] > 0


def test_p7_the_dashboard(bench: Bench) -> None:
    bench.manage("collectstatic", "--noinput", "-v0")
    found = measured(bench, "dashboard")
    report(
        f"P7 dashboard, {bench.size} journeys (aims: ≤ 3 × its SQL, ≥ 50 × faster than the ledger)", found, {}
    )
    assert found["dashboard p50 s"] > 0
