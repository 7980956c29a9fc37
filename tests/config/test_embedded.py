"""PostgreSQL and Redis of one's own: started by the first, stopped by the last, never losing a row."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from config.embedded.errors import FREE_TO_CREATE, ServerError
from config.embedded.servers import LONGEST_SOCKET, Servers
from tests.config.conftest import PYTHON, Installation, wait_for

Make = Callable[..., Installation]

HOLD = (
    "import sys; from config import embedded; held = embedded.acquire(); "
    "print('held', flush=True); sys.stdin.readline()"
)
WRITE = """
from config import embedded
import psycopg2
held = embedded.acquire()
place = held.database
connection = psycopg2.connect(host=place["HOST"], port=place["PORT"], user=place["USER"], dbname=place["NAME"])
with connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    cursor.execute("INSERT INTO kept VALUES (1)")
    cursor.execute("SELECT count(*) FROM kept")
    print(cursor.fetchone()[0])
"""


def rows_after_one_more(installation: Installation) -> int:
    done = installation.run(PYTHON, "-c", WRITE)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def servers_of(installation: Installation) -> list[str]:
    return [line for line in installation.processes().values() if "postgres -D" in line or "redis" in line]


def hold(installation: Installation) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        installation.command(PYTHON, "-c", HOLD),
        env=installation.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    installation.started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=60)


def test_the_last_user_out_stops_both_servers(anyones_installation: Installation) -> None:
    first, second = hold(anyones_installation), hold(anyones_installation)
    assert len(servers_of(anyones_installation)) == 2
    let_go(first)
    assert len(servers_of(anyones_installation)) == 2
    let_go(second)
    wait_for(lambda: not servers_of(anyones_installation), "both servers to stop")


def test_a_user_that_is_killed_counts_as_gone(installation: Installation) -> None:
    first, second = hold(installation), hold(installation)
    first.kill()
    first.wait()
    let_go(second)
    wait_for(lambda: not servers_of(installation), "both servers to stop")


def test_a_forked_child_stops_nothing(installation: Installation) -> None:
    forking = (
        "import os; from config import embedded; held = embedded.acquire(); pid = os.fork()\n"
        "if pid == 0: held.release(); os._exit(0)\n"
        "os.waitpid(pid, 0); print(held.postgres.pid() is not None, held.redis.answers())"
    )
    assert installation.run(PYTHON, "-c", forking).stdout == "True True\n"


def test_rows_survive_a_stop_and_a_start(anyones_installation: Installation) -> None:
    assert [rows_after_one_more(anyones_installation) for _ in range(3)] == [1, 2, 3]


def test_rows_survive_the_hard_death_of_everything(anyones_installation: Installation) -> None:
    assert rows_after_one_more(anyones_installation) == 1
    hold(anyones_installation)
    anyones_installation.kill_everything()
    assert rows_after_one_more(anyones_installation) == 2


def test_a_pid_file_that_names_a_stranger_is_not_believed(installation: Installation) -> None:
    assert rows_after_one_more(installation) == 1
    stale = installation.data / "pg" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{installation.data}/pg\n")
    assert rows_after_one_more(installation) == 2


@pytest.mark.parametrize("name", ["with spaces", "comma,quote'percent%d", "данные", "long-" * 24])
def test_any_path_will_do_for_a_data_folder(make_installation: Make, name: str) -> None:
    installation = make_installation(name)
    assert rows_after_one_more(installation) == 1
    assert rows_after_one_more(installation) == 2


def test_the_sockets_of_a_long_path_lie_in_a_short_private_folder(make_installation: Make) -> None:
    installation = make_installation("x" * LONGEST_SOCKET)
    holder = hold(installation)
    (run,) = installation.socket_folders()
    assert len(str(run)) < LONGEST_SOCKET
    assert run.stat().st_mode & 0o777 == 0o700
    let_go(holder)


def test_a_socket_folder_that_others_can_enter_is_refused(make_installation: Make) -> None:
    installation = make_installation("with spaces")
    (run,) = installation.socket_folders()
    run.mkdir()
    run.chmod(0o777)
    refused = installation.manage("version")
    assert refused.returncode == 1
    assert "is not private to" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_another_users_folder_is_refused_in_one_sentence(make_installation: Make) -> None:
    installation = make_installation(user="ordinary")
    assert rows_after_one_more(installation) == 1
    installation.user = "me"
    refused = installation.manage("version")
    assert refused.returncode == 1
    assert "you are root: start as that user" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("user", ["ordinary" if os.geteuid() == 0 else "me"])
def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(make_installation: Make, user: str) -> None:
    installation = make_installation(user=user)
    installation.data.parent.chmod(0o555)
    refused = installation.manage("version")
    installation.data.parent.chmod(0o777)
    assert refused.returncode == 1
    assert f"The data folder {installation.data} cannot be written" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_file_in_the_place_of_the_folder_is_told_in_one_sentence(installation: Installation) -> None:
    installation.data.write_text("")
    refused = installation.manage("version")
    assert refused.returncode == 1
    assert "is not a folder" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.skipif(
    subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True
    ).returncode,
    reason="no small disk can be mounted here",
)
@pytest.mark.parametrize("megabytes", [FREE_TO_CREATE // 1024**2 // 2, 1])
def test_a_full_disk_is_told_in_one_sentence_and_nothing_half_made_stays(
    installation: Installation, megabytes: int
) -> None:
    installation.data.mkdir()
    script = (
        f"mount -t tmpfs -o size={megabytes}m none '{installation.data}' && {PYTHON} manage.py version; "
        f"code=$?; ls '{installation.data}'; exit $code"
    )
    refused = installation.run("unshare", "-rm", "sh", "-c", script)
    assert refused.returncode == 1
    assert f"The disk that holds the data folder {installation.data} is full" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "pg" not in refused.stdout


@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_a_server_that_was_killed_is_started_again(installation: Installation, server: str) -> None:
    servers = Servers(installation.data).acquire()
    try:
        assert servers.ensure() == []
        pid = getattr(servers, server).pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: getattr(servers, server).pid() is None, f"{server} to be gone")
        assert len(servers.ensure()) == 1
        assert getattr(servers, server).pid() not in {None, pid}
    finally:
        servers.release()


def test_redis_keeps_its_queue_over_a_hard_death(installation: Installation) -> None:
    push = (
        "import redis; from config import embedded; held = embedded.acquire(); "
        "r = redis.Redis(unix_socket_path=str(held.redis_socket)); print(r.rpush('q', 'x'))"
    )
    assert installation.run(PYTHON, "-c", push).stdout == "1\n"
    hold(installation)
    installation.kill_everything()
    assert installation.run(PYTHON, "-c", push).stdout == "2\n"


def test_the_folders_stay_closed_to_others(anyones_installation: Installation) -> None:
    holder = hold(anyones_installation)
    for folder in [
        anyones_installation.data,
        anyones_installation.data / "pg",
        Path(anyones_installation.data, "run"),
    ]:
        assert folder.stat().st_mode & 0o077 == 0, folder
    let_go(holder)


def test_a_folder_that_vanished_is_told_in_one_sentence(installation: Installation) -> None:
    servers = Servers(installation.data)
    with pytest.raises(ServerError, match="is not there any more"):
        servers.ensure()
