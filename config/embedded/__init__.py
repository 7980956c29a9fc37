"""PostgreSQL and Redis of one's own, under the data folder: nothing to install, nothing to configure.

Each is used unless `DATABASE_URL` or `REDIS_URL` names another. Whoever needs them calls `acquire()`; the
last user out stops them. Locks held by the kernel count the users, so a process that is killed is counted
out at once, and the servers run in sessions of their own, so that Ctrl-C in a terminal never reaches them.
"""

from __future__ import annotations

import os

from config.embedded.errors import ServerError
from config.embedded.servers import MANAGED, Servers
from config.env import data_folder

__all__ = ["MANAGED", "ServerError", "Servers", "acquire", "database_url_given", "redis_url_given", "servers"]


def database_url_given() -> bool:
    return bool(os.environ.get("DATABASE_URL"))


def redis_url_given() -> bool:
    return bool(os.environ.get("REDIS_URL"))


def servers(*, test: bool = False) -> Servers:
    """The embedded servers of this data folder; nothing is started yet."""
    return Servers(data_folder(), postgres=not database_url_given(), redis=not redis_url_given(), test=test)


def acquire(*, test: bool = False) -> Servers | None:
    """Start what is missing and hold it until this process ends.

    Returns None where another process (named by the environment) holds the servers for this one, or where
    both are external. Raises ServerError with one clear sentence.
    """
    wanted = servers(test=test)
    if os.environ.get(MANAGED) == str(wanted.data) or not (wanted.postgres or wanted.redis):
        return None
    return wanted.acquire()
