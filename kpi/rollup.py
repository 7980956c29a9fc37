"""Following the ledger: facts and visits of each journey that something was written on, rollups of what they touch.

What has been followed is told by a database snapshot, `RollupState.seen`: an event is new where its transaction was not
visible in it. Nothing is written along with an event, none is missed or needed in order, and whatever is done twice
gives the same. Rows may be dropped at any time: an empty state is a rebuild, which runs journey by journey in chunks
and goes on where it was stopped.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from funnel.clock import BusinessClock
from funnel.models import Journey, Organisation
from kpi import flow, sql
from kpi.measures import FAMILIES, FAMILY_OF, Column
from kpi.metrics import METRICS, STEPS
from kpi.models import RollupState
from kpi.queries import windows_of
from kpi.sources import clock_parameters, run

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    family: tuple(
        dict.fromkeys(
            column for metric in (*METRICS, *STEPS) for column in metric.columns() if column.family == family
        )
    )
    for family in FAMILIES
}
"""What is rolled up of each family, in the order of `Rollup.numbers`."""

AT_ONCE: Final = 1000
"""So many journeys are followed in one transaction with their rollups; more are a catch-up, by chunks."""
CHUNK: Final = 10_000
DIMENSIONS: Final = tuple(sql.CUTS)


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` journeys; `finished` where facts and rollups contain all that the ledger has."""

    done: int
    total: int
    finished: bool


FRESH: Final = timedelta(seconds=5)
"""So far may dashboards be behind the ledger."""

_DECLARED: Final = repr((sql.FACT_COLUMNS, COLUMNS, sql.fact(in_spans=False), flow.VISITS))


def fingerprint(clock: BusinessClock, windows: Mapping[str, timedelta], cluster: int) -> str:
    """What facts and rollups depend on besides the ledger: where it differs from the stored one, they are void."""
    settings = (
        clock.zone.key, clock.opens, clock.closes, sorted(clock.days), sorted(clock.holidays),
        sorted(windows.items()), cluster,
    )  # fmt: skip
    return hashlib.sha256(f"{_DECLARED}{settings}".encode()).hexdigest()


# How things stand

# Transactions of another cluster, from which the ledger was restored, may have numbers that lie ahead of ours.
_NEWS: Final = """
    event.xact >= pg_snapshot_xmin({seen}::pg_snapshot)::text::bigint
    AND event.xact < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    AND NOT pg_visible_in_snapshot(event.xact::text::xid8, {seen}::pg_snapshot)
"""
_PENDING: Final = f"FROM funnel_event event WHERE {_NEWS.format(seen='%(seen)s')}"
_STANDING: Final = f"""
SELECT state.fingerprint, control.system_identifier,
    EXISTS (
        SELECT FROM funnel_event event
        WHERE {_NEWS.format(seen="nullif(state.seen, '')")} AND event.recorded_at <= %(until)s
    )
FROM kpi_rollupstate state, pg_control_system() control
WHERE state.id = 1 AND state.seen <> '' AND state.target = ''
"""


def is_current(*, clock: BusinessClock, windows: Mapping[str, timedelta], lag: timedelta) -> bool:
    """Whether what is kept contains every event recorded longer than `lag` ago, by these settings: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"until": timezone.now() - lag})
        row = cursor.fetchone()
    if row is None:
        return False
    stored, cluster, behind = row
    return not behind and stored == fingerprint(clock, windows, cluster)


def progress() -> Progress:
    """How far a rebuild or catch-up has come; finished where none is under way."""
    state = RollupState.objects.filter(pk=1).first()
    if state is None:
        return Progress(0, 0, finished=False)
    return Progress(state.done, state.total, finished=bool(state.seen) and not state.target)


# Following


def drop() -> None:
    """Forget everything that is kept; the next step begins a rebuild."""
    RollupState.objects.update_or_create(pk=1, defaults={"fingerprint": ""})


def catch_up(*, told: Callable[[Progress], None] = lambda progress: None) -> Progress:
    """Follow the ledger to its end in this process, waiting for whoever else is at it."""
    while True:
        if found := step(wait=True):
            told(found)
            if found.finished:
                return found


@transaction.atomic
def step(*, wait: bool = False) -> Progress | None:
    """Take one step of following, in one transaction: the few journeys written on since, or a chunk of a catch-up.

    Returns None, having done nothing, where another process is at it and `wait` is not set.
    """
    state = _lock(wait=wait)
    if state is None:
        return None
    organisation = Organisation.current()
    current = fingerprint(organisation.clock, windows_of(organisation), _cluster())
    if state.fingerprint != current:
        _begin(state, current)
    now = _snapshot()
    if not state.target:
        journeys = _pending(state.seen, after=0, limit=AT_ONCE + 1)
        if len(journeys) <= AT_ONCE:
            follow(organisation, journeys)
            if journeys or _is_old(state.seen, now):
                state.seen = now
                state.save(update_fields=["seen"])
            return Progress(state.done, state.total, finished=True)
        _take_long(state, now)
    return _chunk(state, organisation)


def _lock(*, wait: bool) -> RollupState | None:
    RollupState.objects.get_or_create(pk=1)
    rows = RollupState.objects.select_for_update(skip_locked=not wait)
    return rows.filter(pk=1).first()


def _cluster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        (found,) = cursor.fetchone()
    return int(found)


def _snapshot() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        (found,) = cursor.fetchone()
    return str(found)


def _is_old(seen: str, now: str) -> bool:
    """Whether the snapshots lie so far apart that looking for news between them would take long."""
    return int(now.split(":")[0]) - int(seen.split(":")[0]) > 1000


def _pending(seen: str, *, after: int, limit: int) -> list[int]:
    """The journeys, in order, that something was written on in transactions that `seen` does not contain."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT event.journey_id {_PENDING} AND event.journey_id > %(after)s"
            " ORDER BY event.journey_id LIMIT %(limit)s",
            {"seen": seen, "after": after, "limit": limit},
        )
        return [journey for (journey,) in cursor.fetchall()]


def _begin(state: RollupState, current: str) -> None:
    """Empty everything and aim at now."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE kpi_fact, kpi_visit, kpi_rollup")
    state.fingerprint, state.seen, state.total = current, "", Journey.objects.count()
    _aim(state, _snapshot())


def _aim(state: RollupState, target: str) -> None:
    state.target, state.after, state.done, state.began_at = target, 0, 0, timezone.now()
    state.save()


def _take_long(state: RollupState, target: str) -> None:
    """Begin a catch-up, or a rebuild where most journeys would have to be followed anyway."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(DISTINCT event.journey_id) {_PENDING}", {"seen": state.seen})
        (state.total,) = cursor.fetchone()
    if state.total * 2 > Journey.objects.count():
        _begin(state, state.fingerprint)
    else:
        _aim(state, target)


def _chunk(state: RollupState, organisation: Organisation) -> Progress:
    """Follow the next journeys on the way to the target; after the last of them roll everything up."""
    if state.seen:
        journeys = _pending(state.seen, after=state.after, limit=CHUNK)
        _follow(organisation, journeys)
    else:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM funnel_journey WHERE id > %s ORDER BY id LIMIT %s", [state.after, CHUNK]
            )
            journeys = [journey for (journey,) in cursor.fetchall()]
        _fill(organisation, journeys)
    if journeys:
        state.after, state.done = journeys[-1], state.done + len(journeys)
    else:
        _roll_up(organisation, None)
        state.seen, state.target, state.finished_at = state.target, "", timezone.now()
    state.save()
    return Progress(state.done, state.total, finished=False)  # the next step sees what was written meanwhile


def follow(organisation: Organisation, journeys: Sequence[int]) -> None:
    """Bring what is kept of these journeys to what the ledger says, in the caller's transaction."""
    _roll_up(organisation, _follow(organisation, journeys))


# Facts and visits

FACT_ROW: Final = ", ".join(sql.FACT_COLUMNS)
VISIT_ROW: Final = (
    "journey_id, stage, at, left_at, went_to, source_id, campaign_id, service_id, owner_id, team_id"
)
RELATIONS: Final = ",".join((f"WITH {sql.TOUCHED_BY_NAME}", sql.fact(in_spans=False), flow.VISITS))
"""Down to `fact` and `visit`, of the journeys named by `%(journeys)s`."""
_WRITE_VISITS: Final = f"""
stayed AS (INSERT INTO kpi_visit ({VISIT_ROW}) SELECT {VISIT_ROW} FROM visit)"""

_FILL: Final = f"""{RELATIONS},{_WRITE_VISITS}
INSERT INTO kpi_fact ({FACT_ROW}) SELECT {FACT_ROW} FROM fact
"""

_FOLLOW: Final = f"""{RELATIONS},{_WRITE_VISITS},
stale AS MATERIALIZED (
    SELECT {FACT_ROW} FROM kpi_fact WHERE journey_id = ANY(%(journeys)s) EXCEPT SELECT {FACT_ROW} FROM fact
),
fresh AS MATERIALIZED (
    SELECT {FACT_ROW} FROM fact EXCEPT SELECT {FACT_ROW} FROM kpi_fact WHERE journey_id = ANY(%(journeys)s)
),
gone AS (
    DELETE FROM kpi_fact WHERE id = ANY(ARRAY(SELECT id FROM stale EXCEPT SELECT id FROM fresh))
),
come AS (
    INSERT INTO kpi_fact ({FACT_ROW}) SELECT {FACT_ROW} FROM fresh
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in sql.FACT_COLUMNS[1:])}
)
SELECT DISTINCT event, day FROM (SELECT event, day FROM stale UNION ALL SELECT event, day FROM fresh) AS changed
"""


def parameters_of(organisation: Organisation, journeys: Sequence[int]) -> dict[str, Any]:
    """The parameters of `RELATIONS`."""
    now = timezone.now()
    return {
        "journeys": list(journeys),
        "as_of": "infinity",
        **clock_parameters(organisation.clock, now),
        **flow.parameters(),
    }


def _fill(organisation: Organisation, journeys: Sequence[int]) -> None:
    """Write the facts and visits of journeys that have none yet."""
    if journeys:
        run(_FILL, parameters_of(organisation, journeys))


def _follow(organisation: Organisation, journeys: Sequence[int]) -> set[tuple[str, date]]:
    """Bring the facts and visits of journeys to what the ledger says; return what changed: (family, day)."""
    if not journeys:
        return set()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kpi_visit WHERE journey_id = ANY(%s)", [list(journeys)])
    changed = run(_FOLLOW, parameters_of(organisation, journeys))
    return {(FAMILY_OF[event], day) for event, day in changed}


# Rollups


def _roll_up(organisation: Organisation, changed: set[tuple[str, date]] | None) -> None:
    """Count anew the months and days of the families that changed; None counts everything."""
    for family in (family for family in FAMILIES if COLUMNS[family]):
        days = None if changed is None else sorted({day for name, day in changed if name == family})
        if days == []:
            continue
        months = None if days is None else sorted({day.replace(day=1) for day in days})
        _count(organisation, family, "day", days)
        _count(organisation, family, "month", months)


def _count(organisation: Organisation, family: str, grain: str, starts: Sequence[date] | None) -> None:
    """Replace the rollups of a family in the days or months that start then; None replaces all."""
    parameters: dict[str, Any] = {"grain": grain, "family": family, "starts": starts}
    some = "" if starts is None else "AND starts = ANY(%(starts)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM kpi_rollup WHERE grain = %(grain)s AND family = %(family)s {some}", parameters
        )
    statement, parameters = counted(organisation, family, grain, starts)
    run(f"INSERT INTO kpi_rollup (grain, starts, family, cut, key, numbers) {statement}", parameters)


def counted(
    organisation: Organisation, family: str, grain: str, starts: Sequence[date] | None = None
) -> tuple[str, dict[str, Any]]:
    """The SQL, and its parameters, of a family's rollups as the facts have them: all, or those that start then.

    Months are counted whole and by each cut, days whole: they serve periods that break off within a month.
    """
    monthly = grain == "month"
    columns = ", ".join(
        f"({column.sql})::text::numeric" if column.merge or monthly else "NULL::numeric"
        for column in COLUMNS[family]
    )
    begins = "date_trunc('month', day)::date" if monthly else "day"
    cut, key, sets = "''", "0", "(starts)"
    if monthly:
        which = " ".join(f"WHEN grouping({name}_id) = 0 THEN '{name}'" for name in DIMENSIONS)
        cut = f"CASE {which} ELSE '' END"
        key = f"coalesce({', '.join(f'{name}_id' for name in DIMENSIONS)}, 0)"
        sets = ", ".join((sets, *(f"(starts, {name}_id)" for name in DIMENSIONS)))
    parameters: dict[str, Any] = {
        "grain": grain,
        "family": family,
        "events": list(FAMILIES[family]),
        **windows_of(organisation),
    }
    within = ""
    if starts is not None:
        within = f"AND {begins} = ANY(%(starts)s) AND day BETWEEN %(first)s AND %(last)s"
        last = max(starts) + timedelta(days=31 if monthly else 0)
        parameters |= {"starts": list(starts), "first": min(starts), "last": last}
    statement = f"""
SELECT %(grain)s, starts, %(family)s, {cut}, {key}, ARRAY[{columns}]
FROM (SELECT {begins} AS starts, kpi_fact.* FROM kpi_fact WHERE event = ANY(%(events)s) {within}) AS fact
GROUP BY GROUPING SETS ({sets})"""
    return statement, parameters
