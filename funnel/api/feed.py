"""The ledger as a feed: ordered, complete, resumable, whoever writes meanwhile.

Ids alone would lose events: a transaction that began earlier may commit later. So the feed runs by the number of the
writing transaction, then by id, and shows only what every transaction still running comes after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from funnel import access
from funnel.models import Event, Journey, User
from funnel.stages import Happening
from funnel.timeline import concerning

SETTLED = """
SELECT least(top, min(CASE WHEN whole - top >= 2147483648 THEN whole - 4294967296 ELSE whole END))
  FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS top) snapshot
  LEFT JOIN LATERAL (
       SELECT (top >> 32 << 32) + backend_xid::text::bigint AS whole
         FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL) running ON true
 GROUP BY top
"""
"""The first transaction that may still be writing to this database; activity knows only the lower 32 bits.

A snapshot's own xmin would do but for other databases of the server, whose transactions hold it back too. It must be
asked before the events are read, by a statement of its own: whoever commits in between is then seen.
"""
MAX_PAGE = 200
LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page of the feed after (transaction, id)."""

    request: Request
    user: User
    after: tuple[int, int]
    size: int
    event: str

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the page from the request; raises ValidationError naming the parameter that is wrong."""
        params = request.query_params
        event = params.get("event", "")
        if event and event not in Happening.values:
            raise ValidationError({"event": [_("No such event.")]})
        size = params.get("page_size", "100")
        if not (size.isascii() and size.isdigit() and 1 <= len(size) <= 3 and 1 <= int(size) <= MAX_PAGE):
            raise ValidationError({"page_size": [_("Give a number from 1 to 200.")]})
        return cls(request, request.user, _cursor(params.get("after", "")), int(size), event)

    def events(self) -> QuerySet[Event]:
        xact, key = self.after
        events = Event.objects.filter(Q(xact__gt=xact) | Q(xact=xact, pk__gt=key), xact__lt=_settled())
        if not access.may(self.user, access.Permission.SEE_ALL_JOURNEYS):
            seen = Journey.objects.visible_to(self.user)
            events = concerning(self.user, events.filter(journey__in=seen))
        if self.event:
            events = events.filter(event=self.event)
        return events.order_by("xact", "pk")[: self.size]

    def cursor_after(self, events: Sequence[Event]) -> str:
        last = list(events)[-1:] or None
        xact, key = (last[0].xact, last[0].pk) if last else self.after
        return f"{xact}-{key}"

    def link_after(self, events: Sequence[Event]) -> str:
        query: Any = self.request.query_params.copy()
        query["after"] = self.cursor_after(events)
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")


def _settled() -> int:
    with connection.cursor() as cursor:
        cursor.execute(SETTLED)
        return int(cursor.fetchone()[0])


def _cursor(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    parts = text.split("-")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise ValidationError({"after": [_("This is not a cursor of the feed.")]})
    xact, key = map(int, parts)
    if max(xact, key) >= LIMIT:
        raise ValidationError({"after": [_("This is not a cursor of the feed.")]})
    return xact, key
