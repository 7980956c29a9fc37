"""What the sales half does after an event: tell the people whom it invites."""

from __future__ import annotations

from deals.models import Meeting
from funnel import notify
from funnel.models import Event, Notification
from funnel.stages import Happening

INVITES = (
    Happening.DEMO_SCHEDULED,
    Happening.DEMO_CANCELLED,
    Happening.CONTRACT_REQUESTED,
    Happening.NOTE_LOGGED,
)


def invite(event: Event) -> None:
    """Tell the specialist that a demo counts on them or is off, the lawyer that a contract is theirs."""
    if event.event == Happening.DEMO_CANCELLED:
        invited = set(Meeting.objects.filter(closing_event=event).values_list("specialist", flat=True))
    else:
        invited = {event.inputs.get("specialist"), event.inputs.get("lawyer")}
    notify.tell(invited - {None, event.actor_id}, Notification.Kind.INVITED, event)
