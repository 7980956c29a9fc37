"""R7: two beats, one killed in the middle of its tick; each bucket is done once."""

import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from config.env import BASE_DIR
from tests.config.conftest import wait_for

FULL = os.environ.get("FAULTS") == "full"
LENGTH = 2.0 if FULL else 4.0  # in the whole suite machines are busy, and no beat may oversleep a bucket
BUCKETS = 60 if FULL else 5

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start beats and workers on this test's database, on a queue of its own; all end with the test."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE drill_effect (bucket double precision)")
    running: list[subprocess.Popen[bytes]] = []
    queue = f"drill-{uuid.uuid4()}"

    def run(*command: str, dies: str = "", protected: bool = True) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DRILL_DATABASE": connection.settings_dict["NAME"],
            "DRILL_QUEUE": queue,
            "DRILL_LENGTH": str(LENGTH),
            "DRILL_DIES": dies,
            "DRILL_PROTECTED": "yes" if protected else "",
        }
        with (tmp_path / f"{len(running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.faults.clockwork", *command],
                cwd=BASE_DIR, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()
    for log in sorted(tmp_path.glob("*.log")):
        sys.stdout.write(log.read_text())
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE drill_effect")


WORKER = ("worker", "--concurrency", "1", "--pool", "prefork", "--without-gossip", "--without-mingle")
BEAT = ("beat", "--pidfile=")


def done() -> Counter[int]:
    """How often each bucket was done, by its number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT bucket FROM drill_effect")
        return Counter(round(at / LENGTH) for (at,) in cursor.fetchall())


def once_each(found: Counter[int]) -> bool:
    """Whether no bucket was done twice, and none between the first and the last was left out."""
    return set(found.values()) == {1} and max(found) - min(found) + 1 == len(found)


@pytest.mark.parametrize("dies", ["before", "after"])
def test_each_bucket_is_done_once_by_two_beats_of_which_one_dies_in_its_tick(start: Start, dies: str) -> None:
    start(*WORKER)
    start(*BEAT)
    mortals = [start(*BEAT, dies=dies)]

    def finished() -> bool:
        if mortals[-1].poll() is not None:
            mortals.append(start(*BEAT, dies=dies if FULL else ""))
        return len(mortals) > 1 and len(done()) >= BUCKETS

    wait_for(finished, "every bucket and a death", seconds=300)
    assert once_each(done()), done()


def test_without_protection_two_beats_do_a_bucket_twice(start: Start) -> None:
    start(*WORKER, protected=False)
    start(*BEAT, protected=False)
    start(*BEAT, protected=False)
    wait_for(lambda: sum(done().values()) >= 6, "the first effects")
    assert not once_each(done())
