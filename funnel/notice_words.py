"""What a notification says: its title, the words that go with it, and where it leads."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Left
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from .client_answers import title_of
from .models import Activity, Journey, Note, Notification
from .stages import Happening

Kind, H = Notification.Kind, Happening

SHORT: Final = {
    Kind.ASSIGNED: pgettext_lazy("kind of notification", "Yours now"),
    Kind.MENTIONED: pgettext_lazy("kind of notification", "Mentions"),
    Kind.SLA: pgettext_lazy("kind of notification", "Deadlines"),
    Kind.OFFERED: pgettext_lazy("kind of notification", "Offers"),
    Kind.DECIDED: pgettext_lazy("kind of notification", "Decisions"),
    Kind.INVITED: pgettext_lazy("kind of notification", "Invitations"),
    Kind.VIEWED: pgettext_lazy("kind of notification", "Opened"),
    Kind.ANSWERED: pgettext_lazy("kind of notification", "Answers"),
    Kind.OVERDUE: pgettext_lazy("kind of notification", "Payments"),
    Kind.PARTNER: pgettext_lazy("kind of notification", "Partners"),
    Kind.TASK: pgettext_lazy("kind of notification", "Tasks"),
    Kind.JOB: pgettext_lazy("kind of notification", "Many at once"),
}
"""What each kind is called where there is little room."""

EXCERPT: Final = 240
"""How many letters of a note or call a notification repeats."""

ICONS: Final[dict[str, str]] = {
    Kind.ASSIGNED: "user-round-check",
    Kind.MENTIONED: "at-sign",
    Kind.SLA: "alarm-clock",
    Kind.OFFERED: "send",
    Kind.DECIDED: "gavel",
    Kind.INVITED: "calendar-plus",
    Kind.VIEWED: "eye",
    Kind.ANSWERED: "message-square-reply",
    Kind.OVERDUE: "banknote",
    Kind.PARTNER: "handshake",
    Kind.TASK: "circle-check",
    Kind.JOB: "list-checks",
}


def with_words(rows: QuerySet[Notification]) -> QuerySet[Notification]:
    """Fetch along what titles and excerpts are made of."""
    note = Note.objects.filter(event=OuterRef("event")).order_by("pk").values(said=Left("text", EXCERPT + 1))
    call = Activity.objects.filter(event=OuterRef("event")).values(said=Left("summary", EXCERPT + 1))
    return rows.select_related(
        "event__actor",
        "event__journey__contact",
        "event__journey__company",
        "task__journey__contact",
        "task__journey__company",
    ).annotate(noted=Subquery(note[:1]), logged=Subquery(call[:1]))


def journey_of(row: Notification) -> Journey | None:
    """Return the journey that a notification is about; None for a task on none, and for a job on many."""
    if row.kind == Kind.JOB:
        return None
    if row.event is not None:
        return row.event.journey
    return row.task.journey if row.task is not None else None


def address(row: Notification) -> str:
    """Return where the notification leads: to the event or the steps on the journey, to a job, or to one's own day."""
    if row.kind == Kind.JOB:
        return reverse("funnel:bulk-job", args=[int(row.key)])
    journey = journey_of(row)
    if journey is None:
        return reverse("funnel:my-day")
    anchor = f"#event-{row.event_id}" if row.kind in {Kind.MENTIONED, Kind.ANSWERED} else ""
    if row.kind == Kind.TASK:
        anchor = "#next-steps"
    return f"{reverse('funnel:journey', args=[journey.pk])}{anchor}"


def title(row: Notification, *, named: bool = True) -> str:
    """Return what happened in one line; without `named` it names neither the journey nor its people."""
    if row.task is not None:
        words = _("A task is due") if row.about == Notification.About.DUE else _("A task for you")
        return f"{words}: {row.task}" if named else words
    words = _words(row)
    if row.kind == Kind.JOB:
        return words
    return f"{words}: {journey_of(row)}" if named else words


def _words(row: Notification) -> str:
    event: Any = row.event
    who = {"who": event.actor or _("the system")}
    match row.kind, event.event:
        case Kind.MENTIONED, _kind:
            return _("%(who)s mentions you") % who
        case Kind.ASSIGNED, H.LEAD_CREATED:
            return _("A new application is yours")
        case Kind.ASSIGNED, _kind:
            return _("%(who)s gives you a journey") % who
        case Kind.SLA, H.HANDED_OFF:
            return _("A handoff has to be decided soon")
        case Kind.SLA, _kind:
            return _("The first answer is almost due")
        case Kind.OFFERED, _kind:
            return _("%(who)s offers you a lead") % who
        case Kind.DECIDED, H.SAL_ACCEPTED:
            return _("%(who)s accepts the handoff") % who
        case Kind.DECIDED, H.SAL_REJECTED:
            return _("%(who)s rejects the handoff") % who
        case Kind.DECIDED, _kind:
            return _("The handoff is withdrawn")
        case Kind.INVITED, H.DEMO_SCHEDULED:
            return _("%(who)s invites you to a demo") % who
        case Kind.INVITED, H.DEMO_CANCELLED:
            return _("%(who)s cancels the demo") % who
        case Kind.INVITED, _kind:
            return _("%(who)s gives you a contract") % who
        case Kind.VIEWED, _kind:
            return _("The client has opened the proposal")
        case Kind.ANSWERED, H.CLIENT_ANSWERED:
            return title_of(event.value, str(event.inputs.get("paper", "")))
        case Kind.ANSWERED, _kind:
            return _("The client has answered the proposal")
        case Kind.OVERDUE, _kind:
            return _("A payment is overdue")
        case Kind.JOB, _kind:
            return _("What you started for many journeys is done")
    return str(event)


def excerpt(row: Notification) -> str:
    """Return the words that somebody wrote, shortened; "" where the title says everything."""
    if row.event is None or row.kind not in {Kind.MENTIONED, Kind.DECIDED, Kind.ANSWERED, Kind.OFFERED}:
        return ""
    noted, logged = getattr(row, "noted", None), getattr(row, "logged", None)
    if not hasattr(row, "noted"):
        found = Note.objects.filter(event=row.event_id).order_by("pk").values_list("text", flat=True).first()
        noted = found or ""
        logged = Activity.objects.filter(event=row.event_id).values_list("summary", flat=True).first()
    return Truncator(logged or noted or "").chars(EXCERPT)
