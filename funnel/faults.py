"""What an error of the database or the disk means to whoever asked: try again at once, or later."""

from __future__ import annotations

import errno
from typing import Final

from django.db import InterfaceError, OperationalError

BUSY: Final = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE of what another transaction caused: serialization, deadlock, lock not available."""

AWAY: Final = ("08", "53", "57P", "58")
"""How the SQLSTATE begins of a server that is away, stops, or has run out of room, memory or connections."""

RETRY_BUSY: Final = 1  # seconds, for Retry-After
RETRY_AWAY: Final = 5


def is_busy(error: BaseException) -> bool:
    """Whether another transaction holds the rows: nothing was written, the next try may succeed."""
    return isinstance(error, OperationalError) and _sqlstate(error) in BUSY


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database is away, or a write finds no room on the disk."""
    if isinstance(error, OperationalError | InterfaceError):
        state = _sqlstate(error)
        return not state or state.startswith(AWAY)
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def _sqlstate(error: BaseException) -> str:
    return getattr(error.__cause__, "pgcode", None) or ""
