"""Where custom fields stand on pages that are not theirs: a journey's page, and the first page of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from . import access, custom
from .access import Permission
from .models import Journey, User
from .stages import Role


def on_journey(journey: Journey, user: User) -> dict[str, Any] | None:
    """Return the custom fields of a journey for its page: one query; None where there are none."""
    if user.role == Role.PARTNER:
        return None
    fields = [field for field in custom.fields_of("journey") if field.active or field.key in journey.custom]
    if not fields:
        return None
    return {
        "own_fields": [(field.label, custom.words(field, journey.custom.get(field.key))) for field in fields],
        "may_edit": access.may_edit(user, journey),
    }


def settings_pages(user: User) -> Iterator[dict[str, Any]]:
    """Yield the page of custom fields for those who run the organisation."""
    if access.may(user, Permission.MANAGE_ORGANISATION):
        yield {
            "group": "organisation",
            "url_name": "funnel:custom-field-list",
            "icon": "list-plus",
            "label": _("Custom fields"),
            "text": _("What you want to know besides, about people, companies and journeys."),
        }
