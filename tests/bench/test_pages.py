"""P2: pages are as fast with many journeys as with 10,000, measured in one run."""

import os

import pytest

from .database import SIZES, bench_database
from .history import fill
from .test_rest import report

pytestmark = pytest.mark.bench


def measured(size: int) -> dict[str, float]:
    """The medians of the pages on a database of so many journeys."""
    with bench_database(filled=False, size=size) as bench:
        fill(bench)
        bench.manage("collectstatic", "--noinput", "-v0")
        return bench.timed("pages")


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
