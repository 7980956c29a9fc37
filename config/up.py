"""`make up`: everything on this machine, from the servers to the address to open.

Standard output carries the address and the sign-ins; progress and complaints go to standard error.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from config import embedded, reserve
from config.embedded.errors import clear_sentences
from config.env import BASE_DIR, MEMORY, data_folder, env
from config.supervisor import TICK, GaveUp, Program, Stopped, Supervisor, take_signals

ENSURE_EVERY = 2.0  # seconds between two looks at PostgreSQL and Redis
READY_WITHIN = 60.0


def main() -> None:
    take_signals()
    try:
        Up().run()
    except embedded.ServerError as error:
        sys.exit(str(error))


def tell(what: str) -> None:
    with suppress(OSError):  # a closed terminal is no reason to stop serving
        sys.stderr.write(f"{what}\n")
        sys.stderr.flush()


class Up:
    def __init__(self) -> None:
        self.host, self.port = env("HOST", default="") or "127.0.0.1", _port()
        self.data = data_folder()
        self.address = env("PUBLIC_URL", default=f"http://{_reachable(self.host)}:{self.port}")
        self.metrics = metrics_folder(self.data)
        self.servers: embedded.Servers | None = None

    def run(self) -> None:
        with clear_sentences(self.data):
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock, unclean = self._only_one()
            listener = self._listen(patience=15 if unclean else 0)
            self.servers = embedded.acquire()
            (self.data / "log").mkdir(mode=0o700, exist_ok=True)
            reserve.keep(self.data)
            shutil.rmtree(self.metrics, ignore_errors=True)
            self.metrics.mkdir(mode=0o700)
        supervisor = Supervisor(
            programs(listener.fileno()),
            environment=self._environment(listener.fileno()),
            folder=BASE_DIR,
            logs=self.data / "log",
            tell=tell,
        )
        code = 0
        try:
            code = self._serve(supervisor)
        except Stopped:
            pass
        except GaveUp as error:
            code = 1
            tell(str(error))
        finally:
            tell("Stopping")
            supervisor.stop()
            listener.close()
            if self.servers:
                self.servers.release()
            shutil.rmtree(self.metrics, ignore_errors=True)
            lock.truncate(0)
        tell("Stopped")
        sys.exit(code)

    def _serve(self, supervisor: Supervisor) -> int:
        failed = supervisor.run_first([sys.executable, "-m", "config.prepare"])
        if failed:
            return 1  # it has said why
        begun, ensured, announced = time.monotonic(), time.monotonic(), False
        while True:
            supervisor.tick()
            if not announced and (self._ready() or time.monotonic() - begun > READY_WITHIN):
                announced = True
                self._announce()
            self._make_room()
            supervisor.wait(TICK if announced else 0.1)
            if time.monotonic() - ensured > ENSURE_EVERY:
                ensured = time.monotonic()
                self._ensure_servers()

    def _make_room(self) -> None:
        if said := reserve.keep(self.data):
            tell(said)

    def _ensure_servers(self) -> None:
        try:
            for name in self.servers.ensure() if self.servers else []:
                tell(f"{name} had ended; started it again")
        except embedded.ServerError as error:
            tell(f"{error} Trying again.")
        except OSError as error:
            tell(f"PostgreSQL and Redis could not be looked after ({error}). Trying again.")

    def _ready(self) -> bool:
        probe = http.client.HTTPConnection(_reachable(self.host), self.port, timeout=3)
        try:
            probe.request("GET", "/readyz", headers={"Host": "127.0.0.1"})
            return probe.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            probe.close()

    def _announce(self) -> None:
        if not self._ready():
            tell(f"Not everything is ready after {READY_WITHIN:.0f} s: see {self.address}/readyz")
        lines = [f"Onefunnel is up: {self.address}/", f"Logs: {self.data / 'log'}   Stop: Ctrl-C"]
        with suppress(OSError):
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()

    def _only_one(self) -> tuple[IO[str], bool]:
        """The lock of this data folder, and whether its last holder left without a farewell."""
        lock = (self.data / "up.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            sys.exit(
                f"Onefunnel already runs on the data folder {self.data} at {lock.read().strip()}: "
                "stop it, or choose another folder with FUNNEL_DATA_DIR."
            )
        lock.seek(0)
        unclean = bool(lock.read())
        lock.truncate(0)
        lock.write(f"{self.address}/")
        lock.flush()
        return lock, unclean

    def _listen(self, *, patience: float) -> socket.socket:
        """The listening socket. After a hard kill the old web may need a moment to let go of the port."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        deadline = time.monotonic() + patience
        while True:
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.host, self.port))
                listener.listen(512)
            except OSError as error:
                listener.close()
                if time.monotonic() < deadline:
                    time.sleep(0.2)
                    continue
                sys.exit(
                    f"Port {self.port} on {self.host} cannot be used ({error.strerror}): "
                    f"stop what uses it, or choose another: make up PORT={self.port + 1}"
                )
            return listener

    def _environment(self, listener: int) -> Mapping[str, str]:
        return {
            **os.environ,
            embedded.MANAGED: str(self.data),
            "FUNNEL_DATA_DIR": str(self.data),
            "FUNNEL_BIND": f"fd://{listener}",
            "PUBLIC_URL": self.address,
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),
            "PYTHONUNBUFFERED": "1",
        }


def programs(listener: int) -> list[Program]:
    """What runs, in the order of its start; it is stopped in the reverse one: beat, web, worker."""
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    level = env("LOG_LEVEL", default="INFO")
    return [
        Program(
            "worker",
            [
                *celery,
                *("worker", "--loglevel", level, "--concurrency", env("WORKERS", default="2")),
                *("--without-gossip", "--without-mingle"),
            ],
            seconds_to_stop=40,  # a task may finish; one that does not is delivered again
        ),
        Program(
            "web",
            [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"],
            seconds_to_stop=12,
            pass_fds=(listener,),
            fatal=True,
        ),
        Program(
            "beat",
            [*celery, "beat", "--loglevel", level, "--pidfile="],
            seconds_to_stop=5,
        ),
    ]


def metrics_folder(data: Path) -> Path:
    """Where the web's processes share their counters: in memory, because a mapped file on a full disk kills them."""
    if not os.access(MEMORY, os.W_OK):
        return data / "metrics"
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(MEMORY) / f"funnel-metrics-{os.getuid()}-{digest}"


def _port() -> int:
    given = env("PORT", default="") or "8000"
    if not given.isdecimal() or not 0 < int(given) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535, not {given!r}.")
    return int(given)


def _reachable(host: str) -> str:
    """Where this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104


if __name__ == "__main__":
    main()
