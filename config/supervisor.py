"""Keeps a few programs running and stops them in order. Why not a ready-made one: docs/adr/0002-supervisor.md.

One thread, and signals taken at one place: so children are forked safely, and a signal is acted on at once.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded.processes import keep_short

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_WATCHED = STOP_SIGNALS | {signal.SIGCHLD}
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

FAST = 10.0  # seconds; a fatal program that ends sooner has failed to start
FAILED_STARTS = 4  # so many in a row of a fatal program and the whole is given up
LONGEST_PAUSE = 60.0  # seconds before another try
TICK = 1.0


class GaveUp(Exception):
    """A fatal program ends again and again right after its start; the message names it and its log."""


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, a TERM, a closed terminal."""


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    seconds_to_stop: float  # after its TERM, before its KILL
    pass_fds: tuple[int, ...] = ()
    fatal: bool = False  # nothing is worth running without it


@dataclass
class _Running:
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = field(default=0.0)


def take_signals() -> None:
    """From now on a signal waits until `Supervisor.wait` asks for it, and interrupts nothing half done."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)


class Supervisor:
    """Programs are started in the order given and stopped in the reverse one."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        environment: Mapping[str, str],
        folder: Path,
        logs: Path,
        tell: Callable[[str], None],
    ) -> None:
        self.programs, self.environment = programs, dict(environment)
        self.folder, self.logs, self.tell = folder, logs, tell
        self._running = {program.name: _Running() for program in programs}
        take_signals()

    def wait(self, seconds: float) -> None:
        """Until a child ends or the time is over; raises Stopped when asked to stop."""
        received = signal.sigtimedwait(_WATCHED, seconds)
        if received and received.si_signo in STOP_SIGNALS:
            raise Stopped

    def run_first(self, command: Sequence[str]) -> int:
        """Run a command to its end, its output going where ours goes; raises Stopped when asked to stop."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_as_child,
        )
        try:
            while process.poll() is None:
                self.wait(TICK)
        except Stopped:
            self._end(process, 10)
            raise
        return process.returncode

    def tick(self) -> None:
        """Start whatever does not run and is due; raises GaveUp."""
        for program in self.programs:
            self._look_after(program, self._running[program.name])

    def stop(self) -> None:
        """Stop all, the last started first, each by its main process; a second Ctrl-C hurries."""
        self._drain_signals()
        for program in reversed(self.programs):
            process = self._running[program.name].process
            if process is not None:
                self._end(process, program.seconds_to_stop)

    def _look_after(self, program: Program, running: _Running) -> None:
        now = time.monotonic()
        if running.process is not None:
            code = running.process.poll()
            if code is None:
                return
            running.process = None
            lived = now - running.started
            running.failures = running.failures + 1 if failed_to_start(program, lived) else 0
            self._failed(program, running, f"ended ({_how(code)}) after {lived:.0f} s")
        if now >= running.again_at:
            try:
                running.process, running.started = self._spawn(program), now
            except OSError as error:  # no process, memory or disk to be had
                running.failures += 1
                self._failed(program, running, f"could not be started ({error.strerror})")
        with suppress(OSError):
            keep_short(self._log(program), size=50 * 1024**2)

    def _failed(self, program: Program, running: _Running, how: str) -> None:
        """Say what happened and when the next try comes; raises GaveUp where a fatal program has had its tries."""
        if program.fatal and running.failures >= FAILED_STARTS:
            log = self._log(program)
            raise GaveUp(
                f"{program.name} ended {running.failures} times right after its start ({last_words(log)}): see {log}."
            )
        pause = pause_after(running.failures)
        running.again_at = time.monotonic() + pause
        self.tell(f"{program.name} {how}; starting it again" + (f" in {pause:.0f} s" if pause >= 1 else ""))

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with self._log(program).open("ab") as log:
            return subprocess.Popen(
                program.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only us; we stop them in order
                preexec_fn=_as_child,
                pass_fds=program.pass_fds,
            )

    def _log(self, program: Program) -> Path:
        return self.logs / f"{program.name}.log"

    def _end(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        if process.poll() is None:
            process.terminate()
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self.wait(min(TICK, max(0.01, deadline - time.monotonic())))
            except Stopped:
                break
        try:
            os.killpg(process.pid, signal.SIGKILL)  # also a child that outlived its parent
        except ProcessLookupError:
            pass
        process.wait()

    def _drain_signals(self) -> None:
        while signal.sigtimedwait(_WATCHED, 0):
            pass


def failed_to_start(program: Program, lived: float) -> bool:
    """Whether a program ended so soon that it cannot have started well; on a busy machine a start takes its time.

    Of a fatal one only what is sure counts, because it ends the whole.
    """
    return lived < (FAST if program.fatal else LONGEST_PAUSE)


def pause_after(failures: int) -> float:
    """Seconds before the next try: none after a program that ran, then half a second, doubled up to a minute."""
    return min(LONGEST_PAUSE, 0.25 * 2 ** min(failures, 10)) if failures else 0.0


def _as_child() -> None:
    """In the child, before it becomes the program: end with the supervisor even when that is killed hard."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def last_words(log: Path) -> str:
    """The last line that a program wrote, as short as a sentence can bear."""
    try:
        with log.open("rb") as lines:
            lines.seek(max(0, log.stat().st_size - 4096))
            said = lines.read().decode(errors="replace").strip().splitlines()
    except OSError:
        said = []
    return said[-1].strip()[:200] if said else "it said nothing"


def _how(code: int) -> str:
    return f"status {code}" if code >= 0 else signal.Signals(-code).name
