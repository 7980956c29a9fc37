"""Holding what is kept against the ledger: every fact and visit counted anew, every rollup added up anew."""

from collections.abc import Iterator
from typing import Any, Final

from django.db import connection

from funnel.models import Organisation
from kpi import rollup
from kpi.measures import FAMILIES
from kpi.sources import run

CHUNK: Final = 20_000
_FACTS: Final = f"""{rollup.RELATIONS},
kept AS MATERIALIZED (SELECT {rollup.FACT_ROW} FROM kpi_fact WHERE journey_id BETWEEN %(first)s AND %(last)s),
stayed AS MATERIALIZED (SELECT {rollup.VISIT_ROW} FROM kpi_visit WHERE journey_id BETWEEN %(first)s AND %(last)s)
SELECT 'kept', id, journey_id, event, day FROM (SELECT * FROM kept EXCEPT SELECT {rollup.FACT_ROW} FROM fact) AS extra
UNION ALL
SELECT 'ledger', id, journey_id, event, day FROM (SELECT {rollup.FACT_ROW} FROM fact EXCEPT SELECT * FROM kept) AS lacking
UNION ALL
SELECT 'kept', NULL, journey_id, stage, at::date
FROM (SELECT * FROM stayed EXCEPT ALL SELECT {rollup.VISIT_ROW} FROM visit) AS extra
UNION ALL
SELECT 'ledger', NULL, journey_id, stage, at::date
FROM (SELECT {rollup.VISIT_ROW} FROM visit EXCEPT ALL SELECT * FROM stayed) AS lacking
"""


def differences(organisation: Organisation) -> Iterator[tuple[int, list[str]]]:
    """Yield how many journeys, then buckets, were compared, and a sentence for each thing that differs."""
    yield from _facts(organisation)
    for family in FAMILIES:
        for grain in ("month", "day"):
            if rollup.COLUMNS[family]:
                yield _rollups(organisation, family, grain)


def _facts(organisation: Organisation) -> Iterator[tuple[int, list[str]]]:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM funnel_journey WHERE id > %s ORDER BY id LIMIT %s", [after, CHUNK])
            journeys = [journey for (journey,) in cursor.fetchall()]
        if not journeys:
            break
        first, after = after + 1, journeys[-1]
        parameters = rollup.parameters_of(organisation, journeys) | {"first": first, "last": after}
        rows = run(_FACTS, parameters)
        yield len(journeys), [_told(*row) for row in rows]
    rows = run("SELECT journey_id FROM kpi_fact WHERE journey_id > %(after)s", {"after": after})
    yield 0, [f"journey {journey}: there is a fact of it, and no such journey" for (journey,) in rows]


def _told(where: str, event: int | None, journey: int, name: str, day: Any) -> str:
    what = f"visit to {name}" if event is None else f"event {event}, {name}"
    only = "kept, and the ledger says otherwise" if where == "kept" else "in the ledger, and not kept so"
    return f"journey {journey}, {what} of {day}: {only}"


def _rollups(organisation: Organisation, family: str, grain: str) -> tuple[int, list[str]]:
    statement, parameters = rollup.counted(organisation, family, grain)
    rows = run(
        f"""
WITH anew (grain, starts, family, cut, key, numbers) AS ({statement}),
kept AS (
    SELECT grain, starts, family, cut, key, numbers FROM kpi_rollup
    WHERE grain = %(grain)s AND family = %(family)s
)
SELECT starts, cut, key, kept.numbers, anew.numbers
FROM kept FULL JOIN anew USING (grain, starts, family, cut, key)
WHERE kept.numbers IS DISTINCT FROM anew.numbers""",
        parameters,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kpi_rollup WHERE grain = %s AND family = %s", [grain, family])
        (compared,) = cursor.fetchone()
    return compared, [
        f"{grain} {starts:%Y-%m-%d}, {family}{f', {cut} {key}' if cut else ''}: kept {_shown(kept)}, recount {_shown(anew)}"
        for starts, cut, key, kept, anew in rows
    ]


def _shown(numbers: list[Any] | None) -> str:
    return (
        "nothing" if numbers is None else "[" + ", ".join("–" if n is None else str(n) for n in numbers) + "]"
    )
