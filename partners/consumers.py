"""Word to the people whom a referral concerns."""

from funnel import notify as notices
from funnel.models import Event, Notification
from funnel.stages import Happening

from .domain import ANSWERS
from .models import PartnerMember, Referral

TELLS = (Happening.PARTNER_HANDOFF, *ANSWERS)


def notify(event: Event) -> None:
    """Tell the partner's people of a referral and of its recall, and whoever referred it of their answer."""
    notices.tell(_concerned(event) - {event.actor_id}, Notification.Kind.PARTNER, event)


def _concerned(event: Event) -> set[int]:
    if event.event == Happening.PARTNER_HANDOFF:
        return _people(event)
    if event.event == Happening.REFERRAL_RETURNED and event.inputs.get("declined"):
        return set()  # that the partner declines has been told
    referred = Referral.objects.filter(pk=event.inputs.get("referral"))
    people = {actor for actor in referred.values_list("event__actor_id", flat=True) if actor is not None}
    return people | _people(event) if event.event == Happening.REFERRAL_RETURNED else people


def _people(event: Event) -> set[int]:
    members = PartnerMember.objects.filter(partner=event.inputs.get("partner"), user__is_active=True)
    return set(members.values_list("user_id", flat=True))
