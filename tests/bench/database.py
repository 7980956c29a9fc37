"""A database of its own for measuring, filled by SQL: what is measured is not what fills it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2

from config import embedded
from config.env import BASE_DIR, data_folder

SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}

FILL = """
INSERT INTO funnel_contact (name, email, phone, language, region, created_at)
SELECT 'Person ' || n, 'p' || n || '@load.example', '+4930' || lpad(n::text, 8, '0'), '', '', now()
  FROM generate_series(1, %(size)s) n;

INSERT INTO funnel_journey (contact_id, kind, source_id, owner_id, stage, stage_since, seq, created_at)
SELECT c.id, 'new', (SELECT min(id) FROM funnel_source), (SELECT min(id) FROM funnel_user), 'new', at, 1, at
  FROM (SELECT id, timestamptz '2026-11-01' - id %% 900 * interval '1 day' AS at
          FROM funnel_contact WHERE email LIKE '%%@load.example') c;

INSERT INTO funnel_event (journey_id, seq, event, stage_from, stage_to, occurred_at, recorded_at, act, value,
                          currency, reason, inputs, source_id, owner_id)
SELECT id, 1, 'lead_created', '', 'new', created_at, created_at, gen_random_uuid(), '', '', '', '{}',
       source_id, owner_id
  FROM funnel_journey;

ANALYZE;
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the filled database is, for Django, psycopg2 and pgbench alike."""

    servers: embedded.Servers
    name: str
    size: int

    @property
    def url(self) -> str:
        place = self.servers.database
        return f"postgres://{place['USER']}@{quote(place['HOST'], safe='')}:{place['PORT']}/{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.url,
            "REDIS_URL": f"redis+socket://{self.servers.redis_socket}?virtual_host=3",
            "CACHE_URL": f"unix://{self.servers.redis_socket}?db=4",
            "LIMIT_API_TOKEN": "100000000/d",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PUBLIC_URL": "http://127.0.0.1",
            "FUNNEL_STATIC_DIR": str(data_folder() / "static"),
        }

    def connect(self, name: str = "") -> "psycopg2.extensions.connection":
        place = self.servers.database
        connection = psycopg2.connect(
            host=place["HOST"], port=place["PORT"], user=place["USER"], dbname=name or self.name
        )
        connection.autocommit = True
        return connection

    def manage(self, *words: str) -> str:
        """Run a management command on this database; return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def timed(self, module: str, *words: str) -> dict[str, float]:
        """Run a module of the bench on this database, in a process of its own; return the seconds that it prints."""
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{module}", *words],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found

    def pgbench(self, script: str, *, clients: int, seconds: int, folder: Path) -> float:
        """Run a pgbench script; return transactions a second."""
        file = folder / "move.sql"
        file.write_text(script)
        place = self.servers.database
        program = self.servers.postgres.program("pgbench")
        done = subprocess.run(
            [
                program,
                "-n",
                "-f",
                file,
                "-c",
                str(clients),
                "-j",
                "2",
                "-T",
                str(seconds),
                "-h",
                place["HOST"],
                "-p",
                place["PORT"],
                "-U",
                place["USER"],
                "-M",
                "prepared",
                self.name,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
        return float(line.split("=")[1].split()[0])


@contextmanager
def bench_database(*, filled: bool = True, size: int = 0) -> Iterator[Bench]:
    """Make, migrate and fill the database of `size` journeys, or as many as SIZE asks for; drop it afterwards."""
    size = size or SIZES[os.environ.get("SIZE", "100k")]
    bench = Bench(embedded.servers(test=True), "bench", size)
    outer = bench.connect("postgres")
    with outer.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        cursor.execute("CREATE DATABASE bench")
    try:
        bench.manage("migrate", "-v0")
        bench.manage(
            "shell",
            "-c",
            "from funnel.models import User; User.objects.create(username='bench', role='manager')",
        )
        if filled:
            with bench.connect() as connection, connection.cursor() as cursor:
                cursor.execute(FILL, {"size": size})
        yield bench
    finally:
        with outer.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        outer.close()
