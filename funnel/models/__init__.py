"""Everything the kernel stores."""

from .activity import Activity, Note, Notification
from .catalogue import Campaign, Reason, Service, Source
from .journey import Event, Journey
from .limits import StageLimit
from .organisation import Organisation
from .outbox import OutboxRow
from .parties import Company, Contact
from .people import Team, User
from .programs import ApiToken, IdempotencyKey

__all__ = [
    "Activity",
    "ApiToken",
    "Campaign",
    "Company",
    "Contact",
    "Event",
    "IdempotencyKey",
    "Journey",
    "Note",
    "Notification",
    "Organisation",
    "OutboxRow",
    "Reason",
    "Service",
    "Source",
    "StageLimit",
    "Team",
    "User",
]
