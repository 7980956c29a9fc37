"""PostgreSQL and Redis of one's own, under the data folder: nothing to install, nothing to configure.

Each is used unless `DATABASE_URL` or `REDIS_URL` names another. Whoever needs them calls `acquire()`; the
last user out stops them. Locks held by the kernel count the users, so a process that is killed is counted
out at once, and the servers run in sessions of their own, so that Ctrl-C in a terminal never reaches them.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

import environ
from django.core.exceptions import ImproperlyConfigured

from config.embedded.errors import ServerError
from config.embedded.servers import MANAGED, Servers
from config.env import data_folder

__all__ = [
    "MANAGED",
    "ServerError",
    "Servers",
    "acquire",
    "database_url_given",
    "parse_database_url",
    "redis_url_given",
    "servers",
]


def database_url_given() -> bool:
    return bool(os.environ.get("DATABASE_URL"))


def redis_url_given() -> bool:
    return bool(os.environ.get("REDIS_URL"))


def parse_database_url(url: str) -> dict[str, Any]:
    """Django's settings for an address of PostgreSQL; raises ServerError where it is none."""
    fault = ServerError("DATABASE_URL must look like postgres://user:password@host:5432/name.")
    if not url.startswith(("postgres://", "postgresql://")):
        raise fault
    try:
        parsed: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, ImproperlyConfigured):
        raise fault from None
    if not parsed.get("NAME"):
        raise fault
    parsed["HOST"] = unquote(parsed["HOST"])  # a socket's folder is written %2Flike%2Fthis
    return parsed


def servers(*, test: bool = False) -> Servers:
    """The embedded servers of this data folder; nothing is started yet."""
    return Servers(data_folder(), postgres=not database_url_given(), redis=not redis_url_given(), test=test)


def acquire(*, test: bool = False) -> Servers | None:
    """Start what is missing and hold it until this process ends.

    Returns None where another process (named by the environment) holds the servers for this one, or where
    both are external. Raises ServerError with one clear sentence.
    """
    if database_url_given():
        parse_database_url(os.environ["DATABASE_URL"])
    wanted = servers(test=test)
    if os.environ.get(MANAGED) == str(wanted.data) or not (wanted.postgres or wanted.redis):
        return None
    return wanted.acquire()
