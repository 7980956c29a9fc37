"""Load from loopback, bounded in time and in count: a few clients, one request after another each."""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from config.env import BASE_DIR

Request = tuple[str, Any]
"""Path and JSON body of a POST."""


@dataclass(frozen=True, slots=True)
class Served:
    """An application under gunicorn, alike for both sides of a comparison."""

    port: int
    headers: Mapping[str, str]

    def per_second(
        self, requests: Callable[[], Request], *, clients: int, seconds: float, good: int
    ) -> float:
        """Return the answers of status `good` a second; raises RuntimeError where any other came."""
        answers: Counter[int] = Counter()
        tally = threading.Lock()
        end = time.monotonic() + seconds

        def client() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            seen: Counter[int] = Counter()
            while time.monotonic() < end:
                path, body = requests()
                connection.request(
                    "POST", path, json.dumps(body), {**self.headers, "Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                answer.read()
                seen[answer.status] += 1
            connection.close()
            with tally:
                answers.update(seen)

        threads = [threading.Thread(target=client) for _index in range(clients)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if set(answers) != {good}:
            raise RuntimeError(f"answers other than {good}: {dict(answers)}")
        return answers[good] / (time.monotonic() - began)


@contextmanager
def served(
    application: str, *, environment: Mapping[str, str], headers: Mapping[str, str]
) -> Iterator[Served]:
    """Serve a WSGI application with one worker of four threads on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            application,
            "-b",
            f"127.0.0.1:{port}",
            "-k",
            "gthread",
            "-w",
            "1",
            "--threads",
            "4",
            "--no-control-socket",
            "--log-level",
            "error",
        ],
        cwd=BASE_DIR,
        env={**environment, "FUNNEL_PROCESS": "web"},
    )
    try:
        _wait(port, process)
        yield Served(port, headers)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        process_wait = threading.Event()
        process_wait.wait(0.1)
    raise RuntimeError("the application did not come up")
