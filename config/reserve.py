"""Space set aside on the data folder's disk, given to PostgreSQL when the disk is full.

PostgreSQL stops, and cannot start, where it finds no room for its log. The reserve lets it go on until somebody
has made room.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

SIZE: Final = 64 * 1024**2  # bytes; four segments of PostgreSQL's log
LOW: Final = 24 * 1024**2  # bytes free; with less the reserve is given up
NAME: Final = "reserve"


def keep(data: Path) -> str:
    """Take the reserve where there is room, give it up where the disk is full; return what to tell, or "".

    Raises nothing: a reserve that cannot be taken is missing, no more.
    """
    reserve = data / NAME
    with suppress(OSError):
        free = shutil.disk_usage(data).free
        if free < LOW and reserve.exists():
            reserve.unlink()
            return (
                f"The disk of {data} is full: the reserve of {SIZE // 1024**2} MB is given to the database."
            )
        if free > 4 * SIZE and not reserve.exists():
            _take(reserve)
    return ""


def disk_state(data: Path) -> str:
    """Return "ok", or how much is left on a disk that is full."""
    usage = shutil.disk_usage(data)
    return (
        "ok"
        if usage.free >= LOW and not _given_up(data, usage.free)
        else f"full ({usage.free // 1024**2} MB left)"
    )


def _given_up(data: Path, free: int) -> bool:
    """Whether the room that is left is the reserve itself."""
    return free < LOW + SIZE and not (data / NAME).exists()


def _take(reserve: Path) -> None:
    part = reserve.with_suffix(".part")
    try:
        with part.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, SIZE)
        part.rename(reserve)
    finally:
        part.unlink(missing_ok=True)
