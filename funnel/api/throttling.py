"""How often one caller may ask: settings.LIMITS["api_token"], counted in the cache.

A caller is a user, whatever their token. Where the cache is away nobody is refused: a limit that protects the
server's comfort must not become an outage.
"""

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module by its settings

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class CallerThrottle(BaseThrottle):
    """So many requests a period of the clock; the answer to one more says when the next period begins."""

    left = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not request.user or not request.user.is_authenticated:
            return True
        attempts, _slash, period = settings.LIMITS["api_token"].partition("/")
        now, span = time.time(), SECONDS[period]
        key = f"api:{request.user.pk}:{int(now // span)}"
        self.left = span - now % span
        cache.add(key, 0, timeout=span)
        try:
            return int(cache.incr(key)) <= int(attempts)
        except ValueError:
            return True

    def wait(self) -> float:
        return self.left
