"""What the leads show on the page of a journey: the application, and journeys that may be about the same one."""

from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _

from funnel import access, phones
from funnel.lists import editing
from funnel.models import Journey, User
from funnel.stages import MARKETING_STAGES, Role, Stage

from .models import Application

OFFERED: Final = ("name", "email", "phone")
"""What of an application may be saved on the contact's card."""


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
    rows = [(labels[name], _shown(name, known[name])) for name in ("email", "phone") if reach and known[name]]
    rows += [
        (_("%(label)s, as given") % {"label": labels[name]}, _shown(name, application.answers[name]))
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


def _shown(name: str, value: Any) -> str:
    return phones.marked(str(value)) if name == "phone" else str(value)


def offers_of(application: Application, journey: Journey, user: User) -> list[dict[str, Any]]:
    """Return what the person gave otherwise than the contact's card says, and that may be saved on it: no query."""
    offers = []
    for name in OFFERED:
        value = str(application.answers.get(name) or "")
        if not value or value == getattr(journey.contact, name) or not editing.may_edit(user, journey, name):
            continue
        if name == "phone" and not phones.read(value).compared:
            continue
        url = reverse("leads:application-keep", args=[journey.pk, name])
        offers.append({"value": value, "url": url, "was": editing.mark_of(journey, name)})
    return offers


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
        "offers": offers_of(application, journey, user),
        "note": str(journey.source),
        "meeting_url": meeting,
    }


def duplicates_panel(journey: Journey, user: User) -> dict[str, Any] | None:
    """Return a panel that looks for duplicates once the page stands; in marketing's half, for those who may merge."""
    if journey.stage not in MARKETING_STAGES or not access.may_move(user, "merge", journey.stage):
        return None
    return {"journey": journey}
