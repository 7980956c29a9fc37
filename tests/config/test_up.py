"""`make up`: from nothing to a page, through every way in which it can be refused or killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable

import pytest
from redis import Redis

from config.env import BASE_DIR
from tests.config.conftest import PYTHON, Installation, free_port, wait_for

Make = Callable[..., Installation]
pytestmark = pytest.mark.slow

ADD = "from django.contrib.auth import get_user_model as u; u().objects.create_user('{name}'); "
COUNT = "print(u().objects.filter(username__startswith='kept').count())"


def add_a_row(installation: Installation, name: str) -> int:
    done = installation.manage("shell", "-v0", "-c", ADD.format(name=name) + COUNT)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def programs_of(installation: Installation, name: str) -> list[int]:
    return sorted(pid for pid, line in installation.processes().items() if name in line)


def refusal(installation: Installation, **more: str) -> str:
    """What `up` says when it refuses: one sentence on standard error, nothing on standard output."""
    done = installation.run(PYTHON, "-m", "config.up", **more)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_it_starts_stops_and_starts_again_with_all_data(anyones_installation: Installation) -> None:
    installation = anyones_installation
    process, said = installation.up()
    assert f"Onefunnel is up: http://127.0.0.1:{installation.port}/" in said
    assert any(re.match(r"Administrator: admin +password, shown only now: \S{12,}$", line) for line in said)
    assert installation.status("/readyz") == installation.status("/healthz") == 200
    assert add_a_row(installation, "kept1") == 1

    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    wait_for(lambda: not installation.processes(), "everything to stop")

    process, said = installation.up()
    assert not any("password" in line for line in said)
    assert add_a_row(installation, "kept2") == 2
    process.terminate()
    assert process.wait(120) == 0


def test_killed_hard_it_starts_again_with_all_data(prepared: Installation) -> None:
    prepared.up()
    assert add_a_row(prepared, "kept1") == 1
    prepared.kill_everything()
    prepared.up()
    assert prepared.status() == 200
    assert add_a_row(prepared, "kept2") == 2


def test_with_the_supervisor_killed_its_programs_end_and_the_next_start_takes_over(
    prepared: Installation,
) -> None:
    process, _ = prepared.up()
    process.kill()
    process.wait()
    prepared.up()
    assert prepared.status() == 200
    assert len(programs_of(prepared, " beat ")) == 1


@pytest.mark.parametrize("name", ["gunicorn", " worker ", " beat "])
def test_a_program_that_dies_is_started_again(running: Installation, name: str) -> None:
    before = programs_of(running, name)
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: before[0] not in (now := programs_of(running, name)) and now, f"a new {name}")
    wait_for(lambda: running.status() == 200, "readiness")


def test_a_busy_port_is_told_in_one_sentence(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        said = refusal(installation)
    assert said == (
        f"Port {installation.port} on 127.0.0.1 cannot be used (Address already in use): "
        f"stop what uses it, or choose another: make up PORT={installation.port + 1}\n"
    )
    assert not installation.processes()


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1", "80.5"])
def test_a_port_that_is_none_is_told_in_one_sentence(installation: Installation, port: str) -> None:
    assert refusal(installation, PORT=port) == f"PORT must be a number from 1 to 65535, not {port!r}.\n"


def test_a_second_one_on_the_same_folder_names_the_first(running: Installation) -> None:
    said = refusal(running, PORT=str(free_port()))
    assert f"already runs on the data folder {running.data} at http://127.0.0.1:{running.port}/" in said
    assert said.count("\n") == 1


def test_an_unreachable_database_is_told_in_one_sentence(installation: Installation) -> None:
    said = refusal(installation, DATABASE_URL="postgres://nobody:secret@127.0.0.1:1/none")
    assert "PostgreSQL at 127.0.0.1:1/none does not answer (Connection refused" in said
    assert "check DATABASE_URL." in said
    assert "secret" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("url", ["nonsense", "mysql://root@127.0.0.1/x", "postgres://x:y@h:port/z"])
def test_a_database_address_that_is_none_is_told_in_one_sentence(
    installation: Installation, url: str
) -> None:
    said = refusal(installation, DATABASE_URL=url)
    assert "DATABASE_URL must look like postgres://user:password@host:5432/name" in said
    assert "Traceback" not in said


def test_an_unreachable_broker_is_told_in_one_sentence(installation: Installation) -> None:
    said = refusal(installation, REDIS_URL="redis://127.0.0.1:1/0")
    assert "Redis does not answer" in said
    assert "check REDIS_URL." in said
    assert "Traceback" not in said


def test_make_up_does_all_of_it(installation: Installation) -> None:
    if not (BASE_DIR / ".venv" / "installed").exists():
        pytest.skip("the dependencies were not installed by make")
    process = installation.start("make", "up")
    wait_for(lambda: installation.status() == 200, "readiness")
    process.send_signal(signal.SIGTERM)
    process.wait(120)
    wait_for(lambda: not installation.processes(), "everything to stop")


def test_a_command_finds_the_servers_of_a_running_installation(running: Installation) -> None:
    before = programs_of(running, "postgres -D")
    add_a_row(running, "kept-by-a-command")
    assert programs_of(running, "postgres -D") == before


def test_no_row_is_lost_to_a_crash_of_the_database_under_the_running_site(running: Installation) -> None:
    rows = add_a_row(running, "kept-before-the-crash")
    (postmaster,) = programs_of(running, "postgres -D")
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: postmaster not in programs_of(running, "postgres -D"), "the crash")
    wait_for(lambda: running.status() == 200, "readiness")
    assert add_a_row(running, "kept-after-the-crash") == rows + 1


def test_a_closed_terminal_does_not_end_what_serves(prepared: Installation) -> None:
    process, _ = prepared.up()
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    (beat,) = programs_of(prepared, " beat ")
    os.kill(beat, signal.SIGKILL)  # makes the supervisor say something
    wait_for(lambda: programs_of(prepared, " beat ") not in ([], [beat]), "a new beat")
    assert prepared.status() == 200


def test_two_migrations_at_once_on_an_empty_database_both_succeed(installation: Installation) -> None:
    both = [installation.start(PYTHON, "manage.py", "migrate") for _ in range(2)]
    ended = [(one.communicate(timeout=300), one.returncode) for one in both]
    assert [code for _, code in ended] == [0, 0], ended
    assert [out for (out, _), _ in ended] == ["", ""]


def test_a_program_that_cannot_start_ends_the_whole_with_its_name(prepared: Installation) -> None:
    process = prepared.start(PYTHON, "-m", "config.up", WEB_WORKERS="none")
    out, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "web ended 4 times right after its start (" in said
    assert not prepared.processes()
    assert "is up" not in out


def test_stopping_leaves_no_process(prepared: Installation) -> None:
    process, _ = prepared.up()
    subprocess.run(["kill", "-HUP", str(process.pid)], check=True)
    assert process.wait(120) == 0
    assert not prepared.processes()


def test_with_redis_killed_and_emptied_no_page_fails_and_jobs_run_again_by_themselves(
    running: Installation,
) -> None:
    worker = programs_of(running, " worker ")[0]
    for _ in range(3):
        (redis,) = programs_of(running, "redis-server")
        os.kill(redis, signal.SIGKILL)
        assert running.status("/accounts/login/") == 200
        wait_for(lambda gone=redis: programs_of(running, "redis-server") not in ([], [gone]), "a new Redis")
        assert running.status("/accounts/login/") == 200
    with Redis(unix_socket_path=str(running.socket_folders()[0] / "redis.sock")) as client:
        client.flushall()
    assert running.status("/accounts/login/") == 200
    wait_for(lambda: running.status() == 200, "a task to run again")
    assert programs_of(running, " worker ")[0] == worker
