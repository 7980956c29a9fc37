"""One process at a time, across machines: advisory locks of the database."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def advisory_lock(name: str, *, using: str = DEFAULT_DB_ALIAS, seconds: float = 600) -> Iterator[None]:
    """Hold `name` for this session, waiting up to `seconds`; raises TimeoutError where it stays taken.

    Asks again and again instead of waiting inside PostgreSQL, where lock_timeout would end the wait.
    """
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    connection = connections[using]
    deadline, told = time.monotonic() + seconds, False
    while not _ask(connection, "SELECT pg_try_advisory_lock(%s)", key):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Another process has held {name!r} for {seconds:.0f} s.")
        if not told:
            sys.stderr.write(f"Waiting for another process to finish {name}\n")
            told = True
        time.sleep(0.2)
    try:
        yield
    except BaseException:
        connection.close()  # drops the lock even where the session is past asking
        raise
    if connection.connection is not None:  # a lost connection has dropped its locks already
        _ask(connection, "SELECT pg_advisory_unlock(%s)", key)


def _ask(connection: BaseDatabaseWrapper, sql: str, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [key])
        return bool(cursor.fetchone()[0])
