"""The web outlives what stands beside it: a full disk, a Redis that refuses writes, a worker that cannot start."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, OperationalError, connection
from django.test import Client, RequestFactory
from redis import Redis

from config import patience, reserve
from config.celery import app
from config.reserve import LOW, SIZE
from config.supervisor import LONGEST_PAUSE, GaveUp, Program, Supervisor, failed_to_start, pause_after
from funnel.faults import is_unavailable
from funnel.views.faults import fault
from tests.config.conftest import Installation, create, destroy, wait_for

PASSWORD = "a-long-secret-9"
ADD_ANNA = (
    "from funnel.models import User, ApiToken; from leads.models import WebForm; "
    "u = User.objects.filter(username='anna').first() or "
    f"User.objects.create_user('anna', email='anna@one.example', password='{PASSWORD}', role='manager'); "
    "print(WebForm.objects.first().pk)"
)


class Visitor:
    """A browser without scripts: cookies, forms, statuses."""

    def __init__(self, installation: Installation) -> None:
        self.root = f"http://127.0.0.1:{installation.port}"
        self.jar = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def open(self, path: str, data: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
        body = urllib.parse.urlencode(data).encode() if data is not None else None
        request = urllib.request.Request(self.root + path, body, {"Referer": self.root + path, **headers})
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def post(self, path: str, **data: str) -> tuple[int, str]:
        self.open(path)
        token = next((cookie.value for cookie in self.jar if cookie.name == "csrftoken"), "")
        return self.open(path, {"csrfmiddlewaretoken": token or "", **data})

    def signs_in(self) -> bool:
        self.post("/accounts/login/", login="anna", password=PASSWORD)
        return any(cookie.name == "sessionid" for cookie in self.jar)

    def ready(self) -> dict[str, str]:
        answer: dict[str, str] = json.loads(self.open("/readyz")[1])
        return answer


def redis_of(installation: Installation) -> Redis:
    return Redis(unix_socket_path=str(installation.socket_folders()[0] / "redis.sock"))


def add_anna(installation: Installation) -> None:
    done = installation.manage("shell", "-v0", "-c", ADD_ANNA)
    assert done.returncode == 0, done.stderr


def everything_goes_on(installation: Installation) -> None:
    """Reading, signing in, the public form and REST answer as ever."""
    visitor = Visitor(installation)
    assert visitor.open("/healthz")[0] == 200
    assert visitor.open("/f/contact/")[0] == 200
    assert visitor.signs_in()
    assert visitor.open("/journeys/")[0] == 200
    assert visitor.open("/api/v1/journeys/")[0] == 200
    status, said = Visitor(installation).post(
        "/f/contact/", name="Nora Field", email="nora@field.example", message="Good day"
    )
    assert status == 200, said


@pytest.mark.slow
def test_a_redis_that_refuses_writes_is_not_seen_from_outside_and_named_by_readyz(
    running: Installation,
) -> None:
    add_anna(running)
    with redis_of(running) as client:
        client.config_set("maxmemory", "1")
        everything_goes_on(running)
        visitor = Visitor(running)
        assert visitor.open("/readyz")[0] == 503
        assert visitor.ready()["broker"].startswith("away (")
        client.config_set("maxmemory", str(256 * 1024**2))
    wait_for(lambda: running.status() == 200, "readiness")


@pytest.mark.slow
def test_a_redis_that_hangs_costs_a_page_no_more_than_some_seconds(running: Installation) -> None:
    add_anna(running)
    (redis,) = [pid for pid, line in running.processes().items() if "redis-server" in line]
    os.kill(redis, signal.SIGSTOP)
    try:
        visitor = Visitor(running)
        begun = time.monotonic()
        assert visitor.open("/readyz")[0] == 503  # it took 32 s, and a write 44 s
        everything_goes_on(running)
        assert visitor.ready()["broker"].startswith("away (")
        assert time.monotonic() - begun < 25
    finally:
        os.kill(redis, signal.SIGCONT)
    wait_for(lambda: running.status() == 200, "readiness")


def test_who_has_waited_in_vain_asks_no_more_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(patience.time, "monotonic", lambda: now)
    server = patience.Patience()

    def fail_after(seconds: float) -> None:
        nonlocal now
        with pytest.raises(OSError, match="away"), server.asking():
            now += seconds
            raise OSError("away")

    fail_after(0.1)
    assert not server.is_out  # refused at once: asking again costs nothing
    fail_after(2)
    assert server.is_out
    now += patience.PAUSE
    assert not server.is_out


@pytest.mark.slow
def test_while_the_database_is_away_pages_and_programs_are_told_to_come_again(running: Installation) -> None:
    (postmaster,) = [pid for pid, line in running.processes().items() if "postgres -D" in line]
    visitor = Visitor(running)
    os.kill(running_supervisor(running), signal.SIGSTOP)  # else it starts the database at once
    try:
        os.kill(postmaster, signal.SIGINT)
        wait_for(lambda: postmaster not in running.processes(), "the database to end")
        request = urllib.request.Request(
            f"{visitor.root}/api/v1/journeys/", headers={"Authorization": "Bearer x"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == 503
        assert refused.value.headers["Content-Type"] == "application/problem+json"
        assert int(refused.value.headers["Retry-After"]) > 0
        assert json.loads(refused.value.read())["type"] == "/problems/unavailable"
        refused.value.close()
        status, page = visitor.open("/f/contact/")
        assert (status, "Not available at the moment" in page) == (503, True)
        assert visitor.open("/healthz")[0] == 200
        assert visitor.ready()["database"].startswith("away (")
    finally:
        os.kill(running_supervisor(running), signal.SIGCONT)
    wait_for(lambda: running.status() == 200, "readiness")


def running_supervisor(installation: Installation) -> int:
    (pid,) = [pid for pid, line in installation.processes().items() if "config.up" in line]
    return pid


@pytest.fixture
def small_disk(root: Path, static: Path, migrated: Path) -> Iterator[Installation]:
    """A prepared installation on a disk of 700 MB of its own; needs the right to mount."""
    installation = create(root, static)
    place = installation.data.parent
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700m,mode=0777", "small", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a disk; the test of the reserve below runs everywhere")
    try:
        subprocess.run(["cp", "-a", str(migrated), str(installation.data)], check=True)
        yield installation
    finally:
        installation.kill_everything()
        subprocess.run(["umount", "-l", str(place)], check=False)
        destroy(installation)


@pytest.mark.slow
def test_with_a_full_disk_the_web_goes_on_and_recovers(small_disk: Installation) -> None:
    process, _said = small_disk.up()
    add_anna(small_disk)
    webs = [pid for pid, line in small_disk.processes().items() if "gunicorn" in line]
    hog = small_disk.data.parent / "hog"
    fill(hog)
    wait_for(lambda: not (small_disk.data / reserve.NAME).exists(), "the reserve to be given up")
    wait_for(lambda: readiness(small_disk).get("database") == "ok", "the database")
    assert readiness(small_disk)["disk"].startswith("full (")
    assert Visitor(small_disk).open("/readyz")[0] == 503
    everything_goes_on(small_disk)
    fill(hog)  # the reserve, too
    visitor = Visitor(small_disk)
    for _ in range(20):
        assert visitor.open("/healthz")[0] == 200
        assert visitor.open("/accounts/login/")[0] == 200
        assert visitor.open("/api/v1/journeys/")[0] in {401, 403, 503}
    assert [pid for pid, line in small_disk.processes().items() if "gunicorn" in line] == webs
    assert process.poll() is None
    hog.unlink()
    wait_for(lambda: small_disk.status() == 200, "readiness")
    everything_goes_on(small_disk)
    wait_for((small_disk.data / reserve.NAME).exists, "the reserve to be taken again")


def readiness(installation: Installation) -> dict[str, str]:
    try:
        return Visitor(installation).ready()
    except (OSError, ValueError):
        return {}


def fill(hog: Path) -> None:
    """Write until not a byte is left."""
    with hog.open("ab", buffering=0) as file:
        for size in (1024**2, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC


def test_the_reserve_is_given_up_on_a_full_disk_and_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [SIZE * 5]
    monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _path: (0, 0, free[0]) and Usage(free[0]))
    assert reserve.keep(tmp_path) == ""
    assert (tmp_path / reserve.NAME).stat().st_size == SIZE
    assert reserve.disk_state(tmp_path) == "ok"
    free[0] = LOW - 1
    assert reserve.disk_state(tmp_path) == "full (23 MB left)"
    assert "is full" in reserve.keep(tmp_path)
    assert not (tmp_path / reserve.NAME).exists()
    free[0] = LOW - 1 + SIZE  # the reserve is all that is left
    assert reserve.disk_state(tmp_path) == "full (87 MB left)"
    assert reserve.keep(tmp_path) == ""
    free[0] = SIZE * 5
    reserve.keep(tmp_path)
    assert (tmp_path / reserve.NAME).exists()


class Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def supervised(tmp_path: Path, *programs: Program) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    return Supervisor(programs, environment={}, folder=tmp_path, logs=tmp_path, tell=said.append), said


@pytest.fixture
def _signals() -> Iterator[None]:
    """The supervisor blocks signals for good; a test must not leave them so."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.usefixtures("_signals")
def test_a_worker_that_cannot_start_is_tried_again_and_ends_nothing(tmp_path: Path) -> None:
    worker = Program("worker", ["/bin/false"], seconds_to_stop=1)
    lost = Program("beat", ["/no/such/program"], seconds_to_stop=1)
    supervisor, said = supervised(tmp_path, worker, lost)
    for _ in range(60):
        for running in supervisor._running.values():
            running.again_at = 0.0  # the pauses are looked at below
        supervisor.tick()
        supervisor.wait(0.02)
    assert sum("worker ended (status 1)" in line for line in said) > 4
    assert any(
        "beat could not be started (No such file or directory); starting it again in" in line for line in said
    )


@pytest.mark.usefixtures("_signals")
def test_a_web_that_cannot_start_ends_the_whole(tmp_path: Path) -> None:
    supervisor, _said = supervised(tmp_path, Program("web", ["/bin/false"], seconds_to_stop=1, fatal=True))
    with pytest.raises(GaveUp, match="web ended 4 times right after its start"):
        for _ in range(500):
            supervisor._running["web"].again_at = 0.0
            supervisor.tick()
            supervisor.wait(0.02)


def test_pauses_grow_up_to_a_minute() -> None:
    assert [pause_after(failures) for failures in range(6)] == [0, 0.5, 1, 2, 4, 8]
    assert pause_after(8) == pause_after(100_000) == LONGEST_PAUSE == 60


def test_a_worker_that_takes_its_time_to_fail_is_tried_with_growing_pauses_too() -> None:
    worker, web = Program("worker", ["false"], 1), Program("web", ["false"], 1, fatal=True)
    assert [failed_to_start(worker, lived) for lived in (1, 20, 59, 61)] == [True, True, True, False]
    assert [failed_to_start(web, lived) for lived in (1, 20)] == [True, False]


def test_redis_refusing_writes_costs_no_page_its_answer() -> None:
    """Every error of Redis, not only a lost connection."""
    client = cache._cache.get_client(write=True)  # type: ignore[attr-defined]
    kept = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", "1")
    try:
        assert cache.add("k", 1) is True
        assert cache.set("k", 1) is None
        assert cache.get("k", "nothing") == "nothing"
        with pytest.raises(ValueError, match="not found"):
            cache.incr("k")
    finally:
        client.config_set("maxmemory", kept)


@pytest.mark.django_db(transaction=True)
def test_with_no_worker_one_message_of_a_schedule_waits_at_most() -> None:
    from config.beat import Scheduler
    from config.models import Tick
    from tests.config.test_beat import NOON

    beat = Scheduler(app=app, lazy=True)
    beat.data.clear()
    beat.merge_inplace({"sweep-outbox": {"task": "funnel.tasks.sweep_outbox", "schedule": 0.01}})
    with app.pool.acquire(block=True) as link:
        client, queue = link.default_channel.client, app.conf.task_default_queue
        client.delete(queue)
        for _ in range(5):
            beat.tick()
            threading.Event().wait(0.011)
        assert client.llen(queue) == 1
        client.delete(queue)  # a worker has taken it, or Redis was emptied
        threading.Event().wait(0.011)
        beat.tick()
        assert client.llen(queue) == 1
        assert not beat.waits("sweep")
        client.delete(queue)
    assert Tick.objects.filter(at__gt=NOON).count() == 2


@pytest.mark.parametrize(
    ("state", "away"),
    [(None, True), ("57P01", True), ("53100", True), ("08006", True), ("40001", False), ("57014", False)],
)
def test_which_errors_of_the_database_mean_that_it_is_away(state: str | None, away: bool) -> None:
    error = OperationalError("lost")
    error.__cause__ = type("Cause", (Exception,), {"pgcode": state})()
    assert is_unavailable(error) is away


def test_a_full_disk_is_one_but_a_missing_file_is_not() -> None:
    assert is_unavailable(OSError(errno.ENOSPC, "full"))
    assert not is_unavailable(FileNotFoundError(errno.ENOENT, "gone"))
    assert not is_unavailable(None)


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/x/", "application/problem+json"), ("/x/", "text/html")])
def test_what_breaks_outside_of_a_view_is_answered_in_the_callers_terms(path: str, kind: str) -> None:
    def answer(error: Exception) -> Any:
        try:
            raise error
        except type(error):
            return fault(RequestFactory().get(path))

    away, broken = answer(OperationalError("gone")), answer(RuntimeError("bug"))
    assert (away.status_code, broken.status_code) == (503, 500)
    assert away["Retry-After"] == "5"
    assert "Retry-After" not in broken
    assert away["Content-Type"].startswith(kind)
    assert broken["Content-Type"].startswith(kind)


@pytest.mark.django_db
def test_a_write_over_rest_that_finds_the_disk_full_is_503(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from funnel.models import User

    class Full(Exception):
        pgcode = "53100"

    def refuse(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith("SELECT") or "SAVEPOINT" in sql:
            return execute(sql, *rest)
        raise OperationalError("could not extend file") from Full()

    client.force_login(User.objects.create_user("boss", role="manager"))
    with connection.execute_wrapper(refuse):
        answer = client.post(
            "/api/v1/tasks/",
            {"title": "Call Nora", "due_at": "2026-03-02T12:00:00Z"},
            content_type="application/json",
        )
    assert answer.status_code == 503, answer.content
    assert answer["Retry-After"] == "5"
    assert answer.json()["type"] == "/problems/unavailable"
    assert issubclass(OperationalError, DatabaseError)
