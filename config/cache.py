"""A cache whose loss costs time, never a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
import structlog
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from config import patience

log = structlog.get_logger(__name__)


def _or(fallback: Callable[..., Any], name: str) -> Any:
    def method(self: PatientRedisClient, *args: Any, **kwargs: Any) -> Any:
        if patience.cache.is_out:
            return fallback(*args, **kwargs)
        try:
            with patience.cache.asking():
                return getattr(RedisCacheClient, name)(self, *args, **kwargs)
        except redis.RedisError as error:
            log.warning("cache_away", operation=name, error=str(error))
            return fallback(*args, **kwargs)

    method.__name__ = name
    return method


class PatientRedisClient(RedisCacheClient):
    """Answers "not there" and "not stored" while Redis is away or refuses: out of memory, a full disk."""

    add = _or(lambda *a, **k: True, "add")
    get = _or(lambda key, default=None: default, "get")
    set = _or(lambda *a, **k: None, "set")
    touch = _or(lambda *a, **k: False, "touch")
    delete = _or(lambda *a, **k: False, "delete")
    get_many = _or(lambda *a, **k: {}, "get_many")
    has_key = _or(lambda *a, **k: False, "has_key")
    set_many = _or(lambda *a, **k: [], "set_many")
    delete_many = _or(lambda *a, **k: None, "delete_many")
    clear = _or(lambda *a, **k: False, "clear")
    # `incr` of an absent key raises ValueError in every Django cache: callers are ready for that
    # (an error of Redis would be news to them).

    def incr(self, key: Any, delta: int) -> int:
        if patience.cache.is_out:
            raise ValueError(f"Key {key!r} not found: the cache is away")
        try:
            with patience.cache.asking():
                return int(super().incr(key, delta))
        except redis.RedisError as error:
            log.warning("cache_away", operation="incr", error=str(error))
            raise ValueError(f"Key {key!r} not found: the cache is away") from error


class PatientRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = PatientRedisClient
