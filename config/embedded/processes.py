"""Finding, starting and stopping server processes without mistaking one pid for another."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from config.embedded.errors import ServerError, disk_full

# A server inherits nothing from the terminal that happened to start it first.
CLEAN_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/"}


def package_folder(name: str, *, instead: str) -> Path:
    """Where an installed package lies, found without importing it (importing one of them has side effects)."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"{name} is not installed: run `make install`, or set {instead}.")
    return Path(next(iter(spec.submodule_search_locations)))


def arguments(pid: int) -> list[bytes]:
    """The command line of a process; empty where it is gone or a zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def start(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    ready: Callable[[], bool],
    seconds: float,
) -> None:
    """Start a server in a session of its own and wait until `ready()`; raises ServerError."""
    keep_short(log)
    with log.open("ab") as out:
        written = out.tell()
        server = subprocess.Popen(
            [str(part) for part in command],
            env=CLEAN_ENV,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_take_signals if signal.pthread_sigmask(signal.SIG_BLOCK, []) else None,
        )
    deadline = time.monotonic() + seconds
    while not ready():
        if server.poll() is not None:
            raise _did_not_start(name, log, written)
        if time.monotonic() > deadline:
            stop(server.pid, signal.SIGKILL, name=name, seconds=5)
            raise ServerError(f"{name} was not ready after {seconds:.0f} s: see {log}.")
        time.sleep(0.02)


def wait_until(ready: Callable[[], bool], *, name: str, log: Path, seconds: float) -> None:
    """For a server that somebody else has started and that still recovers its data."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise ServerError(f"{name} runs but did not answer within {seconds:.0f} s: see {log}.")
        time.sleep(0.05)


def keep_short(log: Path, *, size: int = 10 * 1024**2) -> None:
    """Put a long log aside (one older copy is kept); whoever writes it in append mode goes on undisturbed."""
    if log.exists() and log.stat().st_size > size:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def _take_signals() -> None:
    """In the child: the supervisor blocks signals to take them one by one, a server must not inherit that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _did_not_start(name: str, log: Path, written: int) -> ServerError:
    with log.open("rb") as lines:
        lines.seek(written)
        said = lines.read().decode(errors="replace")
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return disk_full(log.parent)
    faults = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line or "rror" in line]
    last = (faults or said.splitlines() or ["it said nothing"])[-1].strip()
    return ServerError(f"{name} did not start ({last}): see {log}.")


def stop(pid: int, sign: signal.Signals, *, name: str, seconds: float) -> None:
    """Signal a process and wait until it is gone; raises ServerError where it stays.

    A pidfd, not `kill(pid, 0)`: it tells zombies from the living and cannot hit a reused pid.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, sign)
        if not select.select([handle], [], [], seconds)[0]:
            raise ServerError(f"{name} (pid {pid}) did not stop within {seconds:.0f} s.")
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
