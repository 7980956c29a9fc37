"""What the sales half does after an event: tell the people whom it invites."""

from __future__ import annotations

from funnel import notify
from funnel.models import Event, Notification
from funnel.stages import Happening

INVITES = (Happening.DEMO_SCHEDULED, Happening.CONTRACT_REQUESTED, Happening.NOTE_LOGGED)


def invite(event: Event) -> None:
    """Tell the specialist that a demo counts on them, the lawyer that a contract is theirs."""
    invited = {event.inputs.get("specialist"), event.inputs.get("lawyer")} - {None, event.actor_id}
    notify.tell(invited, Notification.Kind.INVITED, event)
