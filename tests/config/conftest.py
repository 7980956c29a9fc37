"""An installation of its own for a test: real servers, real processes, its own data folder."""

from __future__ import annotations

import functools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from config.env import BASE_DIR

ORDINARY = pwd.getpwnam("daemon")  # any user but root and nobody; PostgreSQL wants one that exists
PYTHON = sys.executable


@functools.cache
def become_ordinary() -> tuple[str, ...]:
    """From root to an ordinary user who may still read this checkout and its Python, wherever they lie."""
    change = ("setpriv", f"--reuid={ORDINARY.pw_uid}", f"--regid={ORDINARY.pw_gid}", "--clear-groups")
    reading = "-all,+dac_read_search"
    keep = (f"--inh-caps={reading}", f"--ambient-caps={reading}", f"--bounding-set={reading}")
    tried = subprocess.run([*change, *keep, "true"], capture_output=True, check=False)
    return (*change, *keep) if tried.returncode == 0 else change


class Installation:
    """One data folder and the processes on it."""

    def __init__(self, data: Path, *, static: Path, user: str = "me") -> None:
        self.data, self.static, self.user = data, static, user
        self.port = free_port()
        self.started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not re.match(r"FUNNEL_|PYTEST_|DJANGO_|PUBLIC_URL$|DATABASE_URL$|REDIS_URL$|CACHE_URL$", name)
        }
        own = {"FUNNEL_DATA_DIR": str(self.data), "PORT": str(self.port), "DEMO": "0", "WEB_WORKERS": "1"}
        own |= {"WORKERS": "1", "FUNNEL_STATIC_DIR": str(self.static)}
        return {**kept, **own, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def command(self, *command: str) -> list[str]:
        return [*(become_ordinary() if self.user == "ordinary" else ()), *command]

    def manage(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(PYTHON, "manage.py", *arguments, **more)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*command),
            cwd=BASE_DIR,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *command: str, **more: str) -> subprocess.Popen[str]:
        """Start a command and leave it running; its streams are the caller's to read."""
        process = subprocess.Popen(
            self.command(*command),
            cwd=BASE_DIR,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def up(self, **more: str) -> tuple[subprocess.Popen[str], list[str]]:
        """Start all and return once the address is printed, with what stood on standard output."""
        process = self.start(PYTHON, "-m", "config.up", **more)
        assert process.stdout is not None
        assert process.stderr is not None
        said = []
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith("Onefunnel is up"):
                return process, said
        raise AssertionError(process.stderr.read())

    def status(self, path: str = "/readyz") -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def processes(self) -> dict[int, str]:
        """Every process that belongs to this data folder, whoever its parent is."""
        mark = os.fsencode(self.data)
        folders = [mark, *(os.fsencode(run) for run in self.socket_folders())]
        found = {}
        for proc in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (proc / "cmdline").read_bytes()
                if not line:  # a zombie
                    continue
                environment = (proc / "environ").read_bytes().split(b"\0")
                if b"FUNNEL_DATA_DIR=" + mark in environment or any(folder in line for folder in folders):
                    found[int(proc.name)] = line.replace(b"\0", b" ").decode(errors="replace")
        return found

    def socket_folders(self) -> list[Path]:
        from config.embedded.servers import socket_folder

        return [socket_folder(self.data)]

    def kill_everything(self) -> None:
        """As a loss of power would: no process is asked."""
        for _ in range(3):  # a child may be forked while we look
            for pid in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.processes(), "everything to be gone")
        for process in self.started:
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], what: str, *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        select_nothing(0.05)


def select_nothing(seconds: float) -> None:
    """Let others run for a moment between two looks at them."""
    import select

    select.select([], [], [], seconds)


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """A short path that an ordinary user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="funnel-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def static(root: Path) -> Path:
    """Static files are collected and compressed once for all installations of a run."""
    folder = root / "static"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def create(root: Path, static: Path, name: str = "data", *, user: str = "me") -> Installation:
    place = Path(tempfile.mkdtemp(dir=root))
    place.chmod(0o777)
    return Installation(place / name, static=static, user=user)


def destroy(installation: Installation) -> None:
    installation.kill_everything()
    for process in installation.started:
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
    for run in installation.socket_folders():
        shutil.rmtree(run, ignore_errors=True)
    shutil.rmtree(installation.data.parent, ignore_errors=True)


@pytest.fixture
def make_installation(root: Path, static: Path) -> Iterator[Callable[..., Installation]]:
    made: list[Installation] = []

    def make(name: str = "data", *, user: str = "me") -> Installation:
        made.append(create(root, static, name, user=user))
        return made[-1]

    yield make
    for installation in made:
        destroy(installation)


@pytest.fixture(scope="session")
def migrated(root: Path, static: Path) -> Iterator[Path]:
    """A data folder on which nothing runs and everything is prepared, to be copied."""
    installation = create(root, static)
    done = installation.run(PYTHON, "-m", "config.prepare")
    assert done.returncode == 0, done.stderr
    yield installation.data
    destroy(installation)


@pytest.fixture
def prepared(make_installation: Callable[..., Installation], migrated: Path) -> Installation:
    """An installation that has been started before."""
    installation = make_installation()
    subprocess.run(["cp", "-a", str(migrated), str(installation.data)], check=True)
    return installation


@pytest.fixture(scope="module")
def running(root: Path, static: Path, migrated: Path) -> Iterator[Installation]:
    """An installation that runs, shared by the tests of a module: each leaves it running."""
    installation = create(root, static)
    subprocess.run(["cp", "-a", str(migrated), str(installation.data)], check=True)
    installation.up()
    yield installation
    destroy(installation)


@pytest.fixture
def installation(make_installation: Callable[..., Installation]) -> Installation:
    return make_installation()


def users() -> list[str]:
    """Whom to run as: oneself, and where that is root an ordinary user as well."""
    return ["me", "ordinary"] if os.geteuid() == 0 else ["me"]


@pytest.fixture(params=users())
def anyones_installation(
    request: pytest.FixtureRequest, make_installation: Callable[..., Installation]
) -> Installation:
    return make_installation(user=request.param)
