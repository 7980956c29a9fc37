"""What the kernel itself does after an event: tell the people whom it concerns."""

from .models import Event, Notification
from .stages import Happening

TELLS = (
    Happening.OWNER_CHANGED,
    Happening.HANDED_OFF,
    Happening.SAL_ACCEPTED,
    Happening.SAL_REJECTED,
    Happening.HANDOFF_WITHDRAWN,
)


def notify(event: Event) -> None:
    """Tell the new owner, the salesperson offered a lead, or the marketer whose handoff was decided."""
    for user_id in _concerned(event) - {None, event.actor_id}:
        Notification.objects.get_or_create(user_id=user_id, event=event)


def _concerned(event: Event) -> set[int | None]:
    match event.event:
        case Happening.HANDED_OFF:
            return {event.inputs.get("salesperson")}
        case Happening.SAL_ACCEPTED | Happening.SAL_REJECTED:
            return {_last_actor(event, Happening.HANDED_OFF)}
        case Happening.HANDOFF_WITHDRAWN:
            return {_last_actor(event, Happening.HANDED_OFF), event.inputs.get("salesperson")}
        case _:
            return {event.owner_id}


def _last_actor(event: Event, kind: str) -> int | None:
    return (
        Event.objects.live()
        .filter(journey=event.journey_id, event=kind, seq__lt=event.seq)
        .order_by("-seq")
        .values_list("actor_id", flat=True)
        .first()
    )
