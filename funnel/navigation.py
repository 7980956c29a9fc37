"""The kernel's own entries in the left bar and under the avatar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from . import todo
from .models import Notification, User
from .party_kinds import KINDS
from .stages import Role

UNREAD = 100
"""The bar counts no more."""


def entries(user: User) -> Iterator[dict[str, Any]]:
    """Yield what the person's role may use, with what is unread and what is due today to be counted."""
    tomorrow = todo.Days.at(timezone.now(), timezone.get_current_timezone()).tomorrow
    if user.role != Role.PARTNER:
        yield {
            "url_name": "funnel:my-day",
            "icon": "circle-check-big",
            "label": _("My day"),
            "weight": 15,
            "count": todo.due_before(user, tomorrow),
            "live": "due",
        }
        yield {"url_name": "funnel:journey-list", "icon": "users", "label": _("Journeys"), "weight": 30}
        yield {"url_name": "funnel:board", "icon": "square-kanban", "label": _("Pipeline"), "weight": 35}
        for kind in KINDS.values():
            yield {
                "url_name": f"funnel:{kind.slug}-list",
                "icon": kind.icon,
                "label": kind.plural,
                "weight": 37,
            }
    yield {
        "url_name": "funnel:notifications",
        "icon": "bell",
        "label": _("Notifications"),
        "weight": 90,
        "count": Notification.objects.filter(user=user, read_at=None).order_by().values("pk")[:UNREAD],
        "live": "news",
    }
    yield {
        "url_name": "funnel:settings",
        "icon": "settings",
        "label": _("Settings"),
        "weight": 900,
        "place": "account",
    }
    yield {
        "url_name": "funnel:profile",
        "icon": "circle-user",
        "label": _("My profile"),
        "weight": 910,
        "place": "account",
    }
