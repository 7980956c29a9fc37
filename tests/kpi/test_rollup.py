"""Facts and rollups follow the ledger: what is kept answers what the ledger would."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funnel.models import Organisation
from funnel.periods import Period
from kpi import report, rollup

pytestmark = pytest.mark.usefixtures("berlin")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def both(organisation: Organisation, name: str, **asked: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report from what is kept, and from the ledger."""
    period = Period.parse(name)
    kept = report.build(organisation=organisation, period=period, as_of=NOW, lag=timedelta(0), **asked)
    ledger = report.build(organisation=organisation, period=period, as_of=NOW, **asked)
    return kept.json(), ledger.json()


@pytest.mark.parametrize("by", ["", "source", "campaign", "service", "owner", "team"])
@pytest.mark.parametrize(
    "name", ["2026-03", "2026-Q1", "2026", "2026-02-10..2026-03-15", "2026-03-05..2026-03-20"]
)
def test_what_is_kept_answers_what_the_ledger_does(golden: Organisation, name: str, by: str) -> None:
    rollup.catch_up()
    kept, ledger = both(golden, name, by=by)
    assert kept == ledger


@pytest.mark.parametrize(
    "filters",
    [{"source": ["web"]}, {"owner": ["Ann"]}, {"owner": ["Ann", "Bob"]}, {"source": ["web"], "owner": ["Bob"]},
     {"campaign": [""]}],
)  # fmt: skip
def test_filters_keep_the_same_in_both(golden: Organisation, filters: dict[str, list[str]]) -> None:
    rollup.catch_up()
    kept, ledger = both(golden, "2026-03", filters=filters)
    assert kept == ledger
    if len(filters) == 1 and len(*filters.values()) == 1:
        ((by, (value,)),) = filters.items()
        whole = report.build(organisation=golden, period=Period.parse("2026-03"), as_of=NOW, by=by)
        of_cut = {key: found.json() for key, found in whole.cuts[value].items()}
        del of_cut["quota_attainment"], of_cut["seasonality_index"]
        assert {key: kept["metrics"][key]["current"] for key in of_cut} == of_cut
