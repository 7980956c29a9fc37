"""How the web is served. `make up` and the container image use the same file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from config.env import MEMORY, env

# `make up` listens by itself and hands the socket down: a restart of the web refuses nobody.
bind = env("FUNNEL_BIND", default=f"{env('HOST', default='127.0.0.1')}:{env('PORT', default='8000')}")
workers = env.int("WEB_WORKERS", default=min(4, os.cpu_count() or 1))
threads = 4
worker_class = "gthread"
preload_app = True  # the workers share the memory of the loaded code
timeout = 60
graceful_timeout = 8
keepalive = 5
control_socket_disable = True
worker_tmp_dir = MEMORY if Path(MEMORY).is_dir() else None  # a full disk must not stop the heartbeat
forwarded_allow_ips = "127.0.0.1"
limit_request_line = 8190


def child_exit(server: Any, worker: Any) -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
