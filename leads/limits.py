"""How often one address may try: counted in the database, so exactly, and whatever happens to Redis."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from .models import Attempts

_PERIODS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_COUNT: Final = """
INSERT INTO leads_attempts AS kept (key, since, count) VALUES (%(key)s, %(now)s, 1)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN kept.since <= %(ended)s THEN 1 ELSE least(kept.count, 1000000) + 1 END,
    since = CASE WHEN kept.since <= %(ended)s THEN excluded.since ELSE kept.since END
RETURNING count, since
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts a period, from the first one on."""

    name: str
    attempts: int
    period: timedelta

    @classmethod
    def named(cls, name: str) -> "Limit":
        """Return the limit that settings.LIMITS gives as "10/h" or "10/hour"."""
        attempts, _slash, period = settings.LIMITS[name].partition("/")
        return cls(name, int(attempts), _PERIODS[period[:1]])

    def wait(self, who: str, *, now: datetime | None = None) -> int:
        """Count an attempt; return 0 where it is within the limit, else the seconds until the next one may be made.

        One statement, atomic: of any number at once exactly so many pass as the limit says. It is kept whatever
        becomes of the request, so call it outside a transaction.
        """
        now = now or timezone.now()
        values = {"key": _hashed(f"{self.name}:{who}"), "now": now, "ended": now - self.period}
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, values)
            count, since = cursor.fetchone()
        if count <= self.attempts:
            return 0
        return max(1, int((since + self.period - now).total_seconds()) + 1)

    def give_back(self, who: str) -> None:
        """Take back one attempt that was counted: it was no guess."""
        Attempts.objects.filter(key=_hashed(f"{self.name}:{who}"), count__gt=0).update(count=F("count") - 1)

    def forget(self, who: str) -> None:
        """Begin to count anew."""
        Attempts.objects.filter(key=_hashed(f"{self.name}:{who}")).delete()


def _hashed(text: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def client_address(request: HttpRequest) -> str:
    """Return whom to count a request for: the address that the outermost trusted proxy saw.

    Headers are believed only for as many proxies as settings.NUM_PROXIES says: what a caller writes there before them
    counts for nothing. An IPv6 network of 64 bits is one caller.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.NUM_PROXIES:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if hops:
            address = hops[-min(settings.NUM_PROXIES, len(hops))]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if found.version == 6:
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def forget_old() -> int:
    """Remove the counts whose period is long over; return how many."""
    return Attempts.objects.filter(since__lt=timezone.now() - 2 * _PERIODS["d"]).delete()[0]
