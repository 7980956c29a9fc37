"""What partners' people see: the journeys that are with them now, and nothing else."""

from django.db.models import Q

from funnel.models import User
from funnel.stages import Role

from .models import Referral


def referred_to(user: User) -> Q:
    """Return the condition for the journeys referred to the partner that the user stands for, not declined."""
    if user.role != Role.PARTNER:
        return Q(pk__in=())
    return Q(pk__in=Referral.objects.current().of(user).values("journey"))
