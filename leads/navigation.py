"""The leads' entries in the left bar and under the avatar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from funnel import access
from funnel.access import Permission
from funnel.models import User
from funnel.stages import MARKETING

from .queries import waiting_for

COUNTED = 1000


def entries(user: User) -> Iterator[dict[str, Any]]:
    """Yield the inbox with its count for marketing, the web forms for those who set them up, the imports."""
    if user.role in MARKETING:
        yield {
            "url_name": "leads:inbox",
            "icon": "inbox",
            "label": _("Inbox"),
            "weight": 10,
            "count": waiting_for(user).order_by().values("pk")[:COUNTED],
        }
    if access.may(user, Permission.MANAGE_CATALOGUE):
        yield {
            "url_name": "leads:form-list",
            "icon": "panels-top-left",
            "label": _("Web forms"),
            "weight": 860,
            "place": "account",
        }
    if access.may(user, Permission.IMPORT):
        yield {
            "url_name": "leads:import-list",
            "icon": "upload",
            "label": _("Imports"),
            "weight": 870,
            "place": "account",
        }


def settings_pages(user: User) -> Iterator[dict[str, Any]]:
    """Yield the web forms and the imports for those who may use them."""
    if access.may(user, Permission.MANAGE_CATALOGUE):
        yield {
            "group": "marketing",
            "url_name": "leads:form-list",
            "icon": "panels-top-left",
            "label": _("Web forms"),
            "text": _("What people fill in on your site, and what to paste there."),
        }
    if access.may(user, Permission.IMPORT):
        yield {
            "group": "organisation",
            "url_name": "leads:import-list",
            "icon": "upload",
            "label": _("Imports"),
            "text": _("A whole past from two files, checked first, with undo."),
        }
