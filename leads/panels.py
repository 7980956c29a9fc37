"""What the leads show on the page of a journey: the application, and journeys that may be about the same one."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from funnel import access
from funnel.models import Journey, User
from funnel.stages import MARKETING_STAGES, Role, Stage

from .models import Application


def application_rows(
    application: Application, journey: Journey, *, reach: bool = False
) -> list[tuple[str, str]]:
    """Return label and value of what came with the message; what the contact says as well is not said again.

    With `reach`, how to reach the contact comes first, for pages that do not show it elsewhere.
    """
    labels = {"name": _("Name"), "email": _("E-mail"), "phone": _("Phone"), "company": _("Company")}
    contact = journey.contact
    known = {
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "company": journey.company.name if journey.company else "",
    }
    rows = [(labels[name], known[name]) for name in ("email", "phone") if reach and known[name]]
    rows += [
        (_("%(label)s, as given") % {"label": labels[name]}, str(application.answers[name]))
        for name in labels
        if application.answers.get(name) and application.answers[name] != known[name]
    ]
    if application.form:
        rows.append((_("Web form"), str(application.form)))
    rows += [(key, text) for key, text in sorted(application.utm.items())]
    if application.referrer:
        rows.append((_("Came from"), application.referrer))
    if application.consent_text:
        rows.append((_("Consented to"), application.consent_text))
    return rows


def application_panel(journey: Journey, user: User) -> dict[str, Any] | None:
    """Return the message and what came with it: one query; None for journeys without, and for outsiders."""
    if user.role == Role.PARTNER:
        return None
    application = Application.objects.select_related("form").filter(journey=journey).first()
    may_meet = journey.stage == Stage.NEW and access.may_move(user, "respond", journey.stage)
    meeting = reverse("leads:first-meeting", args=[journey.pk]) if may_meet else ""
    if application is None:
        return None
    return {
        "application": application,
        "rows": application_rows(application, journey),
        "note": str(journey.source),
        "meeting_url": meeting,
    }


def duplicates_panel(journey: Journey, user: User) -> dict[str, Any] | None:
    """Return a panel that looks for duplicates once the page stands; in marketing's half, for those who may merge."""
    if journey.stage not in MARKETING_STAGES or not access.may_move(user, "merge", journey.stage):
        return None
    return {"journey": journey}
