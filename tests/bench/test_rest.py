"""P5 and P6: creating and moving by REST, beside bare Django and pgbench's bare transaction, in one run."""

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.env import data_folder

from .database import Bench, bench_database
from .load import Request, served

pytestmark = pytest.mark.bench

CLIENTS = 4
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
ROUNDS = 3

MOVE = """
\\set id random(1, {size})
BEGIN;
SELECT stage, seq FROM funnel_journey WHERE id = :id FOR UPDATE;
UPDATE funnel_journey SET stage = 'lost', stage_since = now(), seq = seq + 1 WHERE id = :id;
INSERT INTO funnel_event (journey_id, seq, event, stage_from, stage_to, occurred_at, recorded_at, act, value,
                          currency, reason, inputs, source_id, owner_id)
SELECT id, seq, 'lead_lost', 'new', stage, now(), now(), gen_random_uuid(), '', '', '', '{{}}', source_id, owner_id
  FROM funnel_journey WHERE id = :id;
COMMIT;
"""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with bench_database() as made:
        yield made


@pytest.fixture(scope="module")
def doors(bench: Bench) -> dict[str, Any]:
    """Return the headers by which each side lets the bench in."""
    token = bench.manage("create_token", "--user", "bench", "--scopes", "read,write").split()[-1]
    session = bench.manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings; settings.SECRET_KEY = 'for measuring only';"
        "from importlib import import_module;"
        "from funnel.models import User; user = User.objects.get(username='bench');"
        "store = import_module('django.contrib.sessions.backends.db').SessionStore();"
        "store.update({'_auth_user_id': str(user.pk), '_auth_user_backend':"
        " 'django.contrib.auth.backends.ModelBackend', '_auth_user_hash': user.get_session_auth_hash()});"
        "store.save(); print(store.session_key)",
    ).split()[-1]
    return {"rest": {"Authorization": f"Bearer {token}"}, "bare": {"Cookie": f"sessionid={session}"}}


def best(measure: Callable[[], float]) -> float:
    """Return the best of a few rounds: the least disturbed by whatever else the machine does."""
    return max(measure() for _round in range(ROUNDS))


def report(name: str, figures: dict[str, float], aims: dict[str, float]) -> None:
    """Print a table and add it to bench.json in the data folder."""
    lines = [f"\n{name}"]
    for label, value in figures.items():
        aim = f"   aim ≥ {aims[label]:.2f}" if label in aims else ""
        lines.append(f"  {label:<32}{value:>10.3f}{aim}")
    sys.stdout.write("\n".join(lines) + "\n")
    file = data_folder() / "bench.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**kept, name: figures}, indent=1))


def test_p5_create_by_rest(bench: Bench, doors: dict[str, Any]) -> None:
    numbers = itertools.count()

    def lead() -> dict[str, str]:
        number = next(numbers)
        return {"name": f"New {number}", "email": f"new{number}@fresh.example", "source": "web"}

    with served("tests.bench.bare", environment=bench.environment, headers=doors["bare"]) as bare:
        bare_rate = best(
            lambda: bare.per_second(lambda: ("/create/", lead()), clients=CLIENTS, seconds=SECONDS, good=201)
        )
    with served("config.wsgi", environment=bench.environment, headers=doors["rest"]) as rest:
        rest_rate = best(
            lambda: rest.per_second(
                lambda: ("/api/v1/leads/", lead()), clients=CLIENTS, seconds=SECONDS, good=201
            )
        )
    report(
        f"P5 create by REST, {bench.size} journeys, {CLIENTS} clients",
        {
            "REST a second": rest_rate,
            "bare Django a second": bare_rate,
            "REST ÷ bare Django": rest_rate / bare_rate,
        },
        {"REST ÷ bare Django": 0.3},
    )
    assert rest_rate > 0


def test_p6_move_by_rest(bench: Bench, doors: dict[str, Any], tmp_path: Path) -> None:
    with bench.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM funnel_journey WHERE stage = 'new' ORDER BY id DESC")
        fresh = iter([row[0] for row in cursor.fetchall()])

    def by_rest() -> Request:
        return f"/api/v1/journeys/{next(fresh)}/moves/lose/", {"inputs": {"reason": "price"}}

    def by_hand() -> Request:
        return f"/move/{next(fresh)}/", {"reason": "price"}

    with served("tests.bench.bare", environment=bench.environment, headers=doors["bare"]) as bare:
        bare_rate = best(lambda: bare.per_second(by_hand, clients=CLIENTS, seconds=SECONDS, good=200))
    with served("config.wsgi", environment=bench.environment, headers=doors["rest"]) as rest:
        rest_rate = best(lambda: rest.per_second(by_rest, clients=CLIENTS, seconds=SECONDS, good=200))
    script = MOVE.format(size=bench.size)
    tps = best(lambda: bench.pgbench(script, clients=CLIENTS, seconds=int(SECONDS), folder=tmp_path))
    report(
        f"P6 move by REST, {bench.size} journeys, {CLIENTS} clients",
        {
            "REST a second": rest_rate,
            "bare Django a second": bare_rate,
            "pgbench a second": tps,
            "REST ÷ bare Django": rest_rate / bare_rate,
            "REST ÷ pgbench": rest_rate / tps,
        },
        {"REST ÷ bare Django": 0.45, "REST ÷ pgbench": 0.08},
    )
    assert rest_rate > 0
