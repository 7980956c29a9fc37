"""Timings of the figures on the bench's database, each beside the same SQL without the product around it.

Run by the bench in a process of its own: `python -m tests.bench.figures rebuild|refresh|dashboard`, which prints seconds as JSON.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  after setup
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from funnel import machine  # noqa: E402
from funnel.ledger import Entry, append  # noqa: E402
from funnel.models import Journey, Organisation, User  # noqa: E402
from kpi import flow, rollup, sql, tasks  # noqa: E402
from kpi.measures import FAMILIES  # noqa: E402
from kpi.models import Fact, Rollup, RollupState  # noqa: E402
from kpi.queries import windows_of  # noqa: E402
from kpi.sources import clock_parameters, run  # noqa: E402

ROUNDS = 7


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def plain_statement() -> tuple[str, dict[str, Any]]:
    """Every column of every month, of all and by each cut, from the raw ledger in one statement that keeps nothing."""
    organisation = Organisation.current()
    cuts = ["(month, event)", *(f"(month, event, {cut}_id)" for cut in sql.CUTS)]
    columns = [column.sql for family in FAMILIES for column in rollup.COLUMNS[family]]
    statement = f"""
WITH touched AS MATERIALIZED (SELECT id AS journey_id FROM funnel_journey), {sql.fact(in_spans=False)}, {flow.VISITS}
SELECT count(*) FROM (
    SELECT month, {", ".join(f"{column} AS c{number}" for number, column in enumerate(columns))}
    FROM (SELECT date_trunc('month', day) AS month, fact.* FROM fact) AS fact
    GROUP BY GROUPING SETS ({", ".join(cuts)})
    OFFSET 0
) AS counted, (SELECT count(*) FROM visit) AS visits
"""
    parameters = {
        "as_of": "infinity",
        **windows_of(organisation),
        **clock_parameters(organisation.clock, timezone.now()),
        **flow.parameters(),
    }
    return statement, parameters


def rebuild() -> dict[str, float]:
    """A full rebuild by the task that Celery runs, and the plain statement."""
    statement, parameters = plain_statement()
    plain = seconds(lambda: run(statement, parameters))

    def by_task() -> None:
        rollup.drop()
        tasks.follow_ledger()
        while not rollup.progress().finished:
            tasks.follow_ledger()

    whole = seconds(by_task)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE kpi_fact, kpi_visit, kpi_rollup")
    return {
        "rebuild s": whole,
        "plain SQL s": plain,
        "rebuild ÷ plain SQL": whole / plain,
        "facts": float(Fact.objects.count()),
    }


def refresh() -> dict[str, float]:
    """From a write to the rollups that contain it, and the SQL that counts the touched buckets from the facts."""
    organisation = Organisation.current()
    rollup.catch_up()
    journeys = list(Journey.objects.order_by("-pk").values_list("pk", flat=True)[: ROUNDS * 40])

    def pay(chosen: list[int]) -> None:
        with transaction.atomic():
            locked = machine.lock(chosen)
            entries = [Entry(journey, "payment_received", amount=10, currency="EUR") for journey in locked]  # type: ignore[arg-type]
            append(entries, actor=None, at=timezone.now())
            machine.save(locked)

    def step_after(count: int) -> float:
        chosen, journeys[:count] = journeys[:count], []
        pay(chosen)
        return seconds(rollup.step)

    one = statistics.median(step_after(1) for _ in range(ROUNDS))
    many = statistics.median(step_after(30) for _ in range(ROUNDS))
    month = timezone.now().astimezone(organisation.zone).date().replace(day=1)
    buckets = Rollup.objects.filter(family="money", grain="month", starts=month).count()

    def same() -> None:
        for grain, starts in (("month", month), ("day", timezone.now().date())):
            run(*rollup.counted(organisation, "money", grain, [starts]))

    plain = statistics.median(seconds(same) for _ in range(ROUNDS))
    current = seconds(
        lambda: rollup.is_current(
            clock=organisation.clock, windows=windows_of(organisation), lag=timedelta(0)
        )
    )
    return {
        "after one move s": one,
        "after 30 moves s": many,
        "buckets touched": float(buckets),
        "same buckets from facts s": plain,
        "refresh ÷ same SQL": many / plain,
        "asking whether it is current s": current,
    }


def dashboard() -> dict[str, float]:
    """The whole page, the statements over facts and rollups within it, and the page counted from the ledger."""
    rollup.catch_up()
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.get(username="bench"))
    spent: list[float] = []

    def watch(execute: Any, statement: str, *rest: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(statement, *rest)
        finally:
            if "kpi_" in statement:
                spent.append(time.perf_counter() - began)

    def page() -> None:
        answer = client.get("/dashboard/")
        assert answer.status_code == 200, answer.status_code

    page()
    took, queried = [], []
    for _round in range(ROUNDS * 3):
        spent.clear()
        with connection.execute_wrapper(watch):
            took.append(seconds(page))
        queried.append(sum(spent))
    RollupState.objects.update(fingerprint="")  # not current, so the ledger answers
    from_ledger = statistics.median(seconds(page) for _ in range(3))
    rollup.catch_up()
    whole, own = statistics.median(took), statistics.median(queried)
    return {
        "dashboard p50 s": whole,
        "dashboard p95 s": sorted(took)[int(len(took) * 0.95)],
        "its SQL over rollups and facts s": own,
        "page ÷ its SQL": whole / own,
        "from the raw ledger s": from_ledger,
        "raw ledger ÷ page": from_ledger / whole,
    }


if __name__ == "__main__":
    print(json.dumps({"rebuild": rebuild, "refresh": refresh, "dashboard": dashboard}[sys.argv[1]]()))  # noqa: T201  the answer
