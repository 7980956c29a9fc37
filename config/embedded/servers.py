"""Both servers of one data folder, shared by every process that uses it."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from config.embedded.errors import ServerError, clear_sentences, user_name
from config.embedded.postgres import DATABASE, PORT, USER, Postgres
from config.embedded.redis import Redis

# Set for the children of a process that holds the servers: they only connect. Its value is the data
# folder, so that a child that works on another folder still starts its own.
MANAGED = "FUNNEL_EMBEDDED_MANAGED"

# The kernel allows 107 bytes in a socket's path. Redis truncates a longer one silently and says ready;
# PostgreSQL splits its list of folders on commas and trips over spaces.
LONGEST_SOCKET = 90
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


def socket_folder(data: Path) -> Path:
    """`data/run`, or a short private folder under the temporary one where that path would not do."""
    beside = data / "run"
    if len(os.fsencode(beside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET and PLAIN_PATH.fullmatch(str(beside)):
        return beside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"funnel-{os.getuid()}-{digest}"
    if len(os.fsencode(short)) > LONGEST_SOCKET or not PLAIN_PATH.fullmatch(str(short)):
        short = Path("/tmp") / short.name  # noqa: S108 - its owner and mode are checked
    return short


class Servers:
    """PostgreSQL, Redis or both, started by the first user and stopped by the last."""

    def __init__(self, data: Path, *, postgres: bool = True, redis: bool = True, test: bool = False) -> None:
        self.data, self.run = data, socket_folder(data)
        self.postgres = Postgres(data, self.run, test=test) if postgres else None
        self.redis = Redis(data, self.run, test=test) if redis else None
        self._users: IO[str] | None = None
        self._owner = 0

    @property
    def database(self) -> dict[str, str]:
        """Django's way to the database."""
        return {"NAME": DATABASE, "USER": USER, "HOST": str(self.run), "PORT": PORT}

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    def acquire(self) -> Servers:
        """Start what is missing and hold both until `release()` or the end of this process.

        Raises ServerError with one sentence: full disk, unwritable or foreign folder, a server that fails.
        """
        with clear_sentences(self.data):
            self._prepare_folders()
            with self._locked():
                self._start()
                self._users = (self.data / "users").open("a")
                fcntl.flock(self._users, fcntl.LOCK_SH)
        self._owner = os.getpid()
        atexit.register(self.release)
        return self

    def ensure(self) -> list[str]:
        """Start again whatever died; returns the names of what had to be started. Never waits for the living."""
        if (not self.postgres or self.postgres.pid()) and (not self.redis or self.redis.pid()):
            return []
        with clear_sentences(self.data), self._locked():
            return self._start()

    def release(self) -> None:
        """Let go; the last one out stops both. A forked child holds nothing and stops nothing."""
        if self._users is None or os.getpid() != self._owner:
            return
        with self._locked():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # others still use them
            else:
                if self.redis:
                    self.redis.stop()
                if self.postgres:
                    self.postgres.stop()
            self._users.close()
            self._users = None

    def _start(self) -> list[str]:
        started = []
        if self.postgres and self.postgres.start():
            started.append("PostgreSQL")
        if self.redis and self.redis.start():
            started.append("Redis")
        return started

    def _prepare_folders(self) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self.data / "lock"
        if lock.exists() and lock.stat().st_uid != os.geteuid():
            raise ServerError(
                f"The data folder {self.data} is used by {user_name(lock.stat().st_uid)} and you are "
                f"{user_name(os.geteuid())}: start as that user, or choose another with FUNNEL_DATA_DIR."
            )
        (self.data / "log").mkdir(mode=0o700, exist_ok=True)
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        allowed = {os.geteuid()} if os.geteuid() else {0, 65534}  # nobody, where root may not hand on rights
        found = self.run.lstat()
        if found.st_uid not in allowed or found.st_mode & 0o077:
            raise ServerError(
                f"The folder {self.run} for the servers' sockets is not private to "
                f"{user_name(os.geteuid())}: remove it, or choose another FUNNEL_DATA_DIR."
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops; the kernel drops the lock with its holder."""
        with (self.data / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
