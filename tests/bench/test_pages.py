"""P2: pages are as fast with many journeys as with 10,000, measured in one run."""

import json
import os
import subprocess
import sys

import pytest

from config.env import BASE_DIR

from .database import SIZES, bench_database
from .history import fill
from .test_rest import report

pytestmark = pytest.mark.bench


def measured(size: int) -> dict[str, float]:
    """The medians of the pages on a database of so many journeys."""
    with bench_database(filled=False, size=size) as bench:
        fill(bench)
        bench.manage("collectstatic", "--noinput", "-v0")
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.pages"],
            cwd=BASE_DIR,
            env=bench.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_p2_pages_do_not_grow_with_the_journeys() -> None:
    size = SIZES[os.environ.get("SIZE", "100k")]
    few, many = measured(SIZES["10k"]), measured(size)
    report(f"P2 pages, {size} journeys, seconds", many, {})
    report(
        f"P2 pages, {size} ÷ 10000 journeys (aim ≤ 1.15)",
        {name: many[name] / few[name] for name in many},
        {},
    )
    assert set(many) == set(few)
