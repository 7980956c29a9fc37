"""A dashboard takes a fixed number of queries, however many journeys there are: as many with 1 as with 10,000."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from funnel.models import Organisation
from funnel.stages import Role
from kpi import rollup
from kpi.dashboards.pages import VIEWS
from kpi.models import Plan
from kpi.panels import PANELS
from tests.bench import history
from tests.factories import people

from . import ledgers
from .ledgers import Row, Start

MANY = 10_000
MOST_QUERIES = 12
PAGES = ("/dashboard/", "/dashboard/marketing/", "/dashboard/sales/")
FRAGMENTS = ("/dashboard/attention/", *(f"/dashboard/panels/{key}/" for key in PANELS))
RESULTS = "/dashboard/panels/results/"
YEARLY = "/dashboard/panels/seasonality/"
"""Asks nothing before two years are complete, which those of one journey are not."""
MONTH = {"month": "2026-09"}
ASKED: tuple[dict[str, Any], ...] = (
    {"period": "2026"},
    MONTH,
    {"period": "2026-Q3", "trend": "sal_accepted"},
    {**MONTH, "owner": "seller0"},
    {**MONTH, "source": ["source0", "source1"], "team": "Team 0", "campaign": ""},
)
TEAMS = {**MONTH, "team": ["Team 0", "Team 1"]}
PAST = {**MONTH, "as_of": "2026-10-01T00:00+02:00"}

Asking = tuple[str, tuple[tuple[str, Any], ...]]


def asking() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every page for every question, every fragment with filters; and one page as known in the past, from the ledger."""
    for url in PAGES:
        yield from ((url, asked) for asked in ASKED)
    yield PAGES[0], PAST
    yield from ((url, TEAMS) for url in FRAGMENTS)


def counted(client: Client) -> dict[str, int]:
    """How many queries each takes."""
    found = {}
    for url, asked in asking():
        headers = {"HX-Request": "true"} if url in FRAGMENTS else {}
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(url, asked, headers=headers)
        assert answer.status_code == 200, (url, asked)
        from_ledger = any("known AS MATERIALIZED" in query["sql"] for query in captured)
        assert from_ledger == (asked is PAST), f"{url} {asked} is told from what is kept"
        found[f"{url} {asked}"] = len(captured)
    return found


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # a slow test's own open transaction would make what is kept stale
def test_ten_thousand_journeys_take_as_many_queries_as_one(berlin: Organisation, client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    history.people()
    start = Start("J0", "C0", owner="seller0", source="source0")
    ledgers.write(
        [start], [Row("E0", "J0", "lead_created", datetime.fromisoformat("2026-09-02T10:00+02:00"))]
    )
    Plan.objects.bulk_create(
        Plan(month=month, metric=metric, scope=scope, value=100)
        for month in ("2026-07", "2026-08", "2026-09")
        for metric in {key for view in VIEWS for key in view.cards}
        for scope in ("all", "owner:seller0", "team:Team 0")
    )
    rollup.catch_up()
    client.get(PAGES[0])  # what a process reads once
    with_one = counted(client)
    with connection.cursor() as cursor:
        history.write(cursor, journeys=MANY)
    rollup.drop()
    rollup.catch_up()
    rows = client.get(RESULTS, TEAMS, headers={"HX-Request": "true"}).content.count(b"<tr>")
    assert rows > len(["head", "source0"]), "what is counted has grown"
    with_many = counted(client)
    assert max(with_many.values()) <= MOST_QUERIES
    for found in (with_one, with_many):
        del found[f"{YEARLY} {TEAMS}"]
    assert with_many == with_one
