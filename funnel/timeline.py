"""What an event says in words: its item on the timeline."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.postgres.aggregates import StringAgg
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Case, CharField, F, Func, OuterRef, Subquery, Value, When
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import access, formats, registry
from .access import Permission
from .look import stage_colour
from .mentions import marked
from .models import Activity, Event, Mail, Note, Reason, User
from .queries import Among, EventQuerySet
from .rates import origin_words
from .stages import MONEY_EVENTS, Answer, Happening, Role, Stage

H = Happening

ICONS: Final[dict[str, str]] = {
    H.LEAD_CREATED: "inbox",
    H.FIRST_RESPONSE: "message-circle-reply",
    H.FIRST_MEETING_HELD: "users",
    H.BRIEF_FILLED: "clipboard-check",
    H.HANDED_OFF: "send",
    H.PARTNER_HANDOFF: "handshake",
    H.REFERRAL_RETURNED: "corner-down-left",
    H.HANDOFF_WITHDRAWN: "undo-2",
    H.SAL_ACCEPTED: "thumbs-up",
    H.SAL_REJECTED: "thumbs-down",
    H.DEMO_SCHEDULED: "calendar",
    H.DEMO_NO_SHOW: "calendar-x",
    H.DEMO_CANCELLED: "calendar-minus",
    H.DEMO_HELD: "presentation",
    H.SQL_QUALIFIED: "badge-check",
    H.PROPOSAL_REQUESTED: "file-clock",
    H.PROPOSAL_SENT: "file-text",
    H.OBJECTION_RAISED: "message-square-warning",
    H.OBJECTION_RESOLVED: "message-square",
    H.CONTRACT_REQUESTED: "file-clock",
    H.CONTRACT_SENT: "signature",
    H.CONTRACT_SIGNED: "trophy",
    H.LEAD_LOST: "ban",
    H.DEAL_LOST: "ban",
    H.MARKED_SPAM: "shield-ban",
    H.MERGED_INTO: "merge",
    H.UNMERGED: "split",
    H.REOPENED: "rotate-ccw",
    H.OWNER_CHANGED: "user-round-cog",
    H.PAYMENT_RECEIVED: "banknote",
    H.REFUND_PAID: "banknote",
    H.DIRECT_COST: "receipt",
    H.NOTE_LOGGED: "notebook-pen",
    H.ACTIVITY_LOGGED: "phone",
    H.LEGAL_ISSUE_RAISED: "scale",
    H.LEGAL_ISSUE_RESOLVED: "scale",
    H.PASSED_TO_PRODUCT: "split",
    H.PERSONAL_DATA_ERASED: "eraser",
    H.CLIENT_ANSWERED: "message-square-reply",
    H.SNOOZED: "alarm-clock",
    H.WOKEN: "alarm-clock-check",
    H.ANNULLED: "undo-2",
}

ACTIVITY_ICONS: Final[dict[str, str]] = {
    Activity.Kind.CALL: "phone",
    Activity.Kind.MESSAGE: "message-circle",
    Activity.Kind.EMAIL: "mail",
    Activity.Kind.MEETING: "users",
}

REASON_KINDS: Final[dict[str, str]] = {
    H.LEAD_LOST: Reason.Kind.LOST,
    H.DEAL_LOST: Reason.Kind.LOST,
    H.SAL_REJECTED: Reason.Kind.REJECTED,
    H.OBJECTION_RAISED: Reason.Kind.OBJECTION,
    H.PARTNER_HANDOFF: Reason.Kind.REFERRED,
}

DELIVERIES: Final = {"letter": gettext_lazy("by e-mail"), "handed_over": gettext_lazy("handed over")}
"""How what was sent reached the client."""

OUTSIDERS: Final = frozenset(
    {H.PARTNER_HANDOFF, H.PARTNER_ACCEPTED, H.PARTNER_DECLINED, H.PARTNER_OUTCOME, H.REFERRAL_RETURNED}
)
"""The events that concern a partner; the rest of a journey is our own affair."""


def concerning(user: User, events: Any) -> Any:
    """Return the events as far as they concern the reader: all of them, to partners those of their own referral."""
    return of_referral(events) if user.role == Role.PARTNER else events


def of_referral(events: Any) -> Any:
    """Keep what a journey's present partner may read: nothing of the partners it was with before."""
    referred = Event.objects.live().filter(event=H.PARTNER_HANDOFF, journey=OuterRef("journey"))
    return events.filter(event__in=OUTSIDERS, seq__gte=Subquery(referred.order_by("-seq").values("seq")[:1]))


def stage_name(stage: str) -> str:
    """Return what people call a stage; a word of an old history that is none stays as it is."""
    return str(Stage(stage).label) if stage in Stage.values else stage


def is_annulled(event: Any) -> bool:
    """Tell whether a later event annuls this one (loaded with `told`)."""
    return getattr(event, "annulment", None) is not None


class _Ids(Func):
    """The whole numbers of a JSON list, as an array; an empty one where there is no list."""

    template = "ARRAY(SELECT jsonb_array_elements_text(%(expressions)s)::bigint)"
    output_field = ArrayField(BigIntegerField())


def told(events: EventQuerySet) -> Any:
    """Fetch along what is told of events: who, the words, whom they name, the letter, the reason, the annulment."""
    people = User.objects.filter(
        Among(F("pk"), _Ids(KeyTransform("mentions", OuterRef("inputs"))))
    ).order_by()
    notes = Note.objects.filter(event=OuterRef("pk")).order_by().values("event")
    kinds = Case(
        *(When(event=event, then=Value(kind)) for event, kind in REASON_KINDS.items()),
        default=Value(""),
        output_field=CharField(),
    )
    reasons = Reason.objects.filter(key=OuterRef("reason"), kind=OuterRef("reason_kind"))
    return (
        events.select_related("actor", "owner", "activity__mail", "annulment__actor", "source")
        .annotate(reason_kind=kinds)
        .annotate(
            said=Subquery(notes.annotate(all=StringAgg("text", Value("\n"), order_by="pk")).values("all")),
            reason_label=Subquery(reasons.values("label")[:1]),
            people=ArraySubquery(people.values(row=JSONObject(username=F("username"), name=F("name")))),
        )
    )


def item_of(event: Any, user: User) -> dict[str, Any]:
    """Return the timeline's item of an event for a reader: who did what when, in words, marked where it is annulled."""
    activity = getattr(event, "activity", None)
    annulled = is_annulled(event)
    item: dict[str, Any] = {
        "id": f"event-{event.pk}",
        "title": _title(event, activity),
        "icon": ACTIVITY_ICONS.get(activity.kind, "phone")
        if activity
        else ICONS.get(event.event, "circle-dot"),
        "colour": _colour(event),
        "who": event.actor or _("the system"),
        "text": _text(event, money=access.may(user, Permission.SEE_MONEY)),
        "at": event.occurred_at,
        "annulled": annulled,
    }
    if user.role == Role.PARTNER:
        return item
    names = {person["username"]: person["name"] or person["username"] for person in event.people or ()}
    item["said"] = marked(words_of(event), names)
    if mail := getattr(activity, "mail", None):
        item["letter"] = _letter(mail)
    if annulled:
        item["text"] = _annulled_by(event)
    elif access.may_undo(user, actor_id=event.actor_id):
        item["annul_url"] = reverse("funnel:event-annul", args=[event.journey_id, event.pk])
    return item


def words_of(event: Any) -> str:
    """Return what was said and noted with an event (loaded with `told`)."""
    activity = getattr(event, "activity", None)
    return "\n".join(part for part in (activity.summary if activity else "", event.said or "") if part)


def _letter(mail: Mail) -> dict[str, Any]:
    gone = mail.state in {Mail.State.DEAD, Mail.State.DROPPED, Mail.State.UNSURE}
    return {
        "subject": mail.subject,
        "to": ", ".join(filter(None, (mail.to, mail.copy))),
        "state": mail.get_state_display() if mail.state != Mail.State.SENT else "",
        "tone": "bad" if mail.state == Mail.State.DEAD else "warn" if gone else "",
    }


def _title(event: Any, activity: Activity | None) -> str:
    if activity:
        return str(activity.get_kind_display())
    return str(event.get_event_display())


def _colour(event: Any) -> str:
    return stage_colour(event.stage_to) if event.stage_to else ""


def _text(event: Any, *, money: bool) -> str:
    parts: list[str] = []
    match event.event:
        case H.LEAD_CREATED:
            parts.append(str(event.source))
        case H.OWNER_CHANGED:
            parts.append(str(event.owner) if event.owner else _("nobody"))
        case H.REOPENED | H.UNMERGED:
            parts.append(stage_name(event.stage_to))
        case H.MERGED_INTO:
            parts.append(_("journey #%(number)s") % {"number": event.value})
        case H.SNOOZED:
            until = parse_datetime(str(event.inputs.get("until", "")))
            parts.append(_("until %(when)s") % {"when": formats.day_time(until)})
        case H.PROPOSAL_SENT | H.CONTRACT_SENT:
            if (number := event.value.removeprefix("v")).isdigit():
                parts.append(_("version %(number)s") % {"number": number})
            if (way := event.inputs.get("delivery")) in DELIVERIES:
                parts.append(str(DELIVERIES[way]))
        case H.CLIENT_ANSWERED if event.value in Answer.values:
            parts.append(str(Answer(event.value).label))
            if version := event.inputs.get("version"):
                parts.append(_("version %(number)s") % {"number": version})
        case H.ACTIVITY_LOGGED:
            direction = event.inputs.get("direction", "")
            if direction in Activity.Direction.values:
                parts.append(str(Activity.Direction(direction).label))
            outcome = event.inputs.get("outcome", "")
            if outcome in Activity.Outcome.values and outcome not in {"reached", "sent"}:
                parts.append(str(Activity.Outcome(outcome).label))
    if event.amount is not None and event.event in MONEY_EVENTS and money:
        parts.append(formats.money(event.amount, event.currency))
        if origin := origin_words(event.inputs.get("original")):
            parts.append(origin)
    if reason := reason_of(event):
        parts.append(reason)
    return " · ".join(parts)


def reason_of(event: Any) -> str:
    """Return what people call the reason of an event (loaded with `told`); "" where it has none."""
    if event.reason_label:
        return _(event.reason_label)
    return str(registry.reason_words.get(event.event, {}).get(event.reason, event.reason))


def _annulled_by(event: Any) -> str:
    return _("annulled by %(who)s on %(when)s") % {
        "who": event.annulment.actor or _("the system"),
        "when": formats.day_time(event.annulment.occurred_at),
    }
