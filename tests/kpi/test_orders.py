"""The golden history through the rollups in any order: late, in pieces, and more than once."""

import random
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from funnel.models import Event, Organisation
from kpi import rollup

ORDERS = 200
BATCHES = 4

Follow = Callable[[Organisation, list[int]], None]


def kept() -> list[str]:
    """A digest of each table that is kept, whatever the order of its rows."""
    tables = {
        "kpi_fact": rollup.FACT_ROW,
        "kpi_visit": rollup.VISIT_ROW,
        "kpi_rollup": "grain, starts, family, cut, key, numbers",
    }
    found = []
    with connection.cursor() as cursor:
        for table, columns in tables.items():
            cursor.execute(
                f"SELECT count(*) || md5(string_agg(line, '' ORDER BY line COLLATE \"C\"))"
                f" FROM (SELECT row({columns})::text AS line FROM {table}) AS lines"
            )
            found.append(cursor.fetchone()[0])
    return found


def arrive(organisation: Organisation, seed: int, follow: Follow) -> list[str]:
    """Let the golden events arrive in a random order, in batches that may come again; return what is kept then."""
    chance = random.Random(seed)
    events = list(Event.objects.values_list("pk", "journey_id"))
    chance.shuffle(events)
    size = len(events) // BATCHES + 1
    batches = [events[first : first + size] for first in range(0, len(events), size)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE arriving ON COMMIT DROP AS TABLE funnel_event")
        cursor.execute(
            "SET LOCAL session_replication_role = replica"
        )  # the ledger refuses to forget otherwise
        cursor.execute("DELETE FROM funnel_event")
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("DELETE FROM kpi_fact; DELETE FROM kpi_visit; DELETE FROM kpi_rollup")
        for batch in batches:
            cursor.execute(
                "INSERT INTO funnel_event SELECT * FROM arriving WHERE id = ANY(%s)",
                [[pk for pk, _ in batch]],
            )
            journeys = sorted({journey for _, journey in batch})
            follow(organisation, journeys)
            follow(organisation, chance.sample(journeys, len(journeys) // 3))
        found = kept()
        cursor.execute("DROP TABLE arriving")
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("part", range(8))
def test_the_golden_history_comes_out_the_same_in_any_order(golden: Organisation, part: int) -> None:
    rollup.catch_up()
    whole = kept()
    for seed in range(part, ORDERS, 8):
        assert arrive(golden, seed, rollup.follow) == whole, f"order {seed}"


def test_a_follower_that_overlooks_what_comes_late_is_found_out(golden: Organisation) -> None:
    rollup.catch_up()
    whole = kept()
    known: set[int] = set()

    def careless(organisation: Organisation, journeys: list[int]) -> None:
        fresh = [journey for journey in journeys if journey not in known]
        known.update(journeys)
        rollup.follow(organisation, fresh)

    assert arrive(golden, 1, careless) != whole
