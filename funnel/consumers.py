"""What the kernel itself does after an event: tell the people whom it concerns."""

from . import notify as notices
from .mentions import ids_of
from .models import Event, Journey, Notification, User
from .stages import Happening

Kind = Notification.Kind

TELLS = (
    Happening.LEAD_CREATED,
    Happening.OWNER_CHANGED,
    Happening.HANDED_OFF,
    Happening.SAL_ACCEPTED,
    Happening.SAL_REJECTED,
    Happening.HANDOFF_WITHDRAWN,
)
SAYS = (Happening.NOTE_LOGGED, Happening.ACTIVITY_LOGGED)
"""What is written in words, in which colleagues may be mentioned."""


def concerns_somebody(event: Event) -> bool:
    """Tell whether there may be anybody to tell: of most applications that come in, nobody is the owner yet."""
    return event.event != Happening.LEAD_CREATED or event.owner_id not in {None, event.actor_id}


def notify(event: Event) -> None:
    """Tell the new owner, the salesperson offered a lead, or the marketer whose handoff was decided."""
    for kind, people in _concerned(event).items():
        notices.tell(people - {None, event.actor_id}, kind, event)


def _concerned(event: Event) -> dict[str, set[int | None]]:
    match event.event:
        case Happening.HANDED_OFF:
            return {Kind.OFFERED: {event.inputs.get("salesperson")}}
        case Happening.SAL_ACCEPTED | Happening.SAL_REJECTED:
            return {Kind.DECIDED: {_last_actor(event, Happening.HANDED_OFF)}}
        case Happening.HANDOFF_WITHDRAWN:
            people = {_last_actor(event, Happening.HANDED_OFF), event.inputs.get("salesperson")}
            return {Kind.DECIDED: people}
        case _:
            return {Kind.ASSIGNED: {event.owner_id}}


def _last_actor(event: Event, kind: str) -> int | None:
    return (
        Event.objects.live()
        .filter(journey=event.journey_id, event=kind, seq__lt=event.seq)
        .order_by("-seq")
        .values_list("actor_id", flat=True)
        .first()
    )


def mentions_somebody(event: Event) -> bool:
    """Tell whether a note or call names colleagues; the others need no delivery."""
    return bool(ids_of(event))


def tell_mentioned(event: Event) -> None:
    """Tell the colleagues whom a note or call names, as far as they see the journey."""
    people = User.objects.filter(pk__in=ids_of(event), is_active=True).exclude(pk=event.actor_id)
    seeing = {
        user.pk for user in people if Journey.objects.visible_to(user).filter(pk=event.journey_id).exists()
    }
    notices.tell(seeing, Kind.MENTIONED, event)
