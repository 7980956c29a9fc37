"""What the leads show on the page of a journey: the application, and journeys that may be about the same one."""

from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funnel import access, phones, timeline
from funnel.lists import editing
from funnel.models import Event, Journey, User
from funnel.stages import MARKETING_STAGES, Happening, Role, Stage
from partners.models import Partner

from .models import Application

OFFERED: Final = {
    "name": gettext_lazy("Save this name on the contact"),
    "email": gettext_lazy("Save this e-mail on the contact"),
    "phone": gettext_lazy("Save this phone on the contact"),
}
"""What of an application may be saved on the contact's card."""
BACK: Final = (Happening.SAL_REJECTED, Happening.HANDOFF_WITHDRAWN, Happening.REFERRAL_RETURNED)
"""What brings a journey back to marketing."""


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
        offers.append({"label": OFFERED[name], "url": url, "was": editing.mark_of(journey, name)})
    return offers


def comeback(journey: Journey) -> dict[str, Any] | None:
    """Return who gave a journey back to marketing, when, why and in which words; None where nobody did.

    At most two queries.
    """
    if journey.stage not in {Stage.RETURNED, Stage.REFERRED}:
        return None
    kinds = BACK if journey.stage == Stage.RETURNED else (Happening.PARTNER_DECLINED,)
    events = Event.objects.live().filter(journey=journey, event__in=kinds).order_by("-occurred_at", "-seq")
    event = timeline.told(events).first()
    if event is None:
        return None
    return {
        "title": _comeback_title(event),
        "why": timeline.reason_of(event),
        "reason": event.reason,
        "said": timeline.words_of(event),
        "at": event.occurred_at,
    }


def _comeback_title(event: Any) -> str:
    who = {"who": event.actor or _("the system")}
    if event.event == Happening.SAL_REJECTED:
        return _("Returned by %(who)s") % who
    if event.event == Happening.HANDOFF_WITHDRAWN:
        if event.actor_id is None:
            return _("Nobody in sales decided in time")
        return _("Handoff withdrawn by %(who)s") % who
    partner = {"partner": Partner.objects.filter(pk=event.inputs.get("partner")).first() or _("the partner")}
    if event.event == Happening.PARTNER_DECLINED or event.inputs.get("declined"):
        return _("Declined by %(partner)s") % partner
    return _("Taken back from %(partner)s") % partner


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
