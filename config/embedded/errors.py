"""What can go wrong, each in one sentence for the person at the terminal."""

from __future__ import annotations

import errno
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Less than this and PostgreSQL cannot even lay out an empty cluster (40 MB) and its first WAL segments.
FREE_TO_CREATE = 160 * 1024**2
FREE_TO_START = 32 * 1024**2


class ServerError(Exception):
    """An embedded server cannot be had; the message is one sentence that says why and what to do."""


def user_name(uid: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"user {uid}"


def check_free_space(folder: Path, *, needed: int) -> None:
    """Raises ServerError before anything is half written."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise disk_full(folder, free=free)


def disk_full(folder: Path, *, free: int | None = None) -> ServerError:
    left = f" ({free // 1024**2} MB left)" if free is not None else ""
    return ServerError(
        f"The disk that holds the data folder {folder} is full{left}: "
        "free some space, or choose another folder with FUNNEL_DATA_DIR."
    )


@contextmanager
def clear_sentences(folder: Path) -> Iterator[None]:
    """Turns the operating system's refusals about the data folder into a ServerError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(folder) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise ServerError(
                f"The data folder {folder} cannot be written ({error.strerror}: {error.filename or folder}): "
                "change its permissions, or choose another with FUNNEL_DATA_DIR."
            ) from error
        if error.errno == errno.ENOENT and not folder.exists():
            raise ServerError(f"The data folder {folder} is not there any more.") from error
        if error.errno in {errno.ENOTDIR, errno.EEXIST}:
            raise ServerError(
                f"The data folder {folder} is not a folder: choose another with FUNNEL_DATA_DIR."
            ) from error
        raise
