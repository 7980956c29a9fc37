"""Entries of the left bar: partners for marketing, the portal for partners."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from funnel import access
from funnel.access import Permission
from funnel.models import User
from funnel.stages import Role

from .models import Referral


def entries(user: User) -> Iterator[dict[str, Any]]:
    """Yield what the person may use; for a partner with the number of referrals that wait for an answer."""
    if user.role == Role.PARTNER:
        yield {
            "url_name": "partners:portal",
            "icon": "handshake",
            "label": _("Referrals"),
            "weight": 10,
            "count": Referral.objects.current().of(user).filter(state=Referral.State.OFFERED).count(),
        }
    elif access.may(user, Permission.MANAGE_PARTNERS):
        yield {"url_name": "partners:partner-list", "icon": "handshake", "label": _("Partners"), "weight": 70}
