"""The brief on other pages: the journey's, and the referral's in the partner's portal."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from funnel import access
from funnel.access import Permission
from funnel.models import Journey, User
from funnel.views.base import is_outsider

from . import queries


def on_journey(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show how far the draft is while it is worked on, and what the last filled brief says."""
    if is_outsider(user):
        return None
    version = queries.standing(journey)
    sheet = queries.sheet_of(journey) if journey.stage in queries.EDITABLE else None
    rows = [row for row in queries.shown_rows(version) if row["shown"]][:5] if version else []
    note = f"{sheet.answered} / {sheet.required}" if sheet else ""
    return {
        "journey": journey,
        "sheet": sheet,
        "version": version,
        "rows": rows,
        "note": note,
        "writes": sheet is not None and access.may(user, Permission.FILL_BRIEFS),
    }


def on_referral(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show the partner what the client needs: the answers as they were frozen, else as the draft has them."""
    version = queries.standing(journey)
    if version:
        rows = queries.shown_rows(version)
    else:
        rows = [{"label": str(row.question), "shown": row.shown} for row in queries.sheet_of(journey).rows]
    answered = [row for row in rows if row["shown"]]
    return {"rows": answered} if answered else None


def settings_pages(user: User) -> Iterator[dict[str, Any]]:
    """Yield the page of templates for those who may change them."""
    if access.may(user, Permission.MANAGE_CATALOGUE):
        yield {
            "url_name": "briefs:template-list",
            "icon": "clipboard-list",
            "label": _("Brief templates"),
            "text": _("What is asked for each service before sales may take over."),
        }
