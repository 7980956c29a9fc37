"""What the page of one journey says: its path, the one next step, what is missing, what is known, who it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from . import access, formats, phones, registry
from .acts import ACTS
from .choices import GRAVE, ICONS, Choice, Choices, act_label, act_url, choices, reason_in_words
from .client_answers import ClientAnswer, answer_of
from .clock import BusinessClock
from .columns import COLUMNS, column_of
from .inline_details import record_of
from .labels import label_of, page_of
from .models import Journey, Organisation, User
from .past import Past
from .stages import (
    CLOSED_STAGES,
    SALES,
    VOID_STAGES,
    Happening,
    Role,
    Stage,
)

S, H = Stage, Happening

__all__ = [
    "GRAVE",
    "ICONS",
    "act_label",
    "act_url",
    "choices",
    "details",
    "minutes_left",
    "needs",
    "next_step",
    "panels",
    "path",
    "reason_in_words",
    "relatives",
]


# the next step -------------------------------------------------------------------------------------------------------


def next_step(
    journey: Journey, found: Choices, user: User, organisation: Organisation, now: datetime
) -> dict[str, Any] | None:
    """Return the one thing to do now, why, and its buttons; None where nothing is left to do."""
    if (answer := answer_of(journey)) is not None:
        return _after_answer(journey, answer, found)
    choice = found.next
    if choice is None:
        return None
    step: dict[str, Any] = {"title": choice.label, "reason": "", "actions": [], "icon": choice.icon}
    since = _since(journey, organisation, now)
    if choice.open:
        step["reason"] = f"{since} {choice.because}".strip()
        step["actions"].append(_action(choice, primary=True))
    elif waits := [registry.path_waits[path] for path in found.next_missing if path in registry.path_waits]:
        step["title"] = _("Waiting: %(what)s") % {"what": choice.label}
        step["reason"] = f"{since} {waits[0]}"
        step["icon"] = "hourglass"
    elif choice.refusal and choice.refusal.reason == "data":
        missing = found.next_missing
        step["title"] = (
            _("Fill in: %(what)s") % {"what": label_of(missing[0])} if len(missing) == 1 else choice.label
        )
        step["reason"] = "{} {}".format(
            since,
            ngettext(
                "One thing stands between this journey and “%(move)s”: %(what)s.",
                "%(n)s things stand between this journey and “%(move)s”: %(what)s.",
                len(missing),
            )
            % {
                "n": len(missing),
                "move": choice.label,
                "what": ", ".join(label_of(path) for path in missing[:4]),
            },
        ).strip()
        page = next((page for path in missing if (page := page_of(path, journey.pk))), "")
        if page or choice.name in registry.act_pages:
            label = _("Fill in")
            step["actions"].append(
                {
                    "label": label,
                    "url": page or choice.url,
                    "icon": choice.icon,
                    "primary": True,
                    "dialog": False,
                }
            )
        else:
            step["actions"].append(_action(choice, primary=True))
    else:
        step["title"] = _("Waiting: %(what)s") % {"what": choice.label}
        step["reason"] = f"{since} {_whose_turn(journey, choice)}".strip()
        step["icon"] = "hourglass"
    snooze = next((fact for fact in found.facts if fact.name == H.SNOOZED), None)
    if snooze and step["actions"]:
        step["actions"].insert(0, _action(snooze))
    return step


def _after_answer(journey: Journey, answer: ClientAnswer, found: Choices) -> dict[str, Any]:
    """Return the step that a client's answer calls for, filled from the answer."""
    wanted = answer.move(journey.stage)
    choice = next((choice for choice in found.moves if choice.name == wanted and choice.open), None)
    actions = [_action(choice, primary=True)] if choice else []
    if choice and choice.name == "request_contract":
        # nothing is asked: one click leads to the contract with the proposal's lines and amount
        page = act_url("send_contract", journey.pk)[0]
        actions = [{**actions[0], "post": {"expected_seq": journey.seq, "next": page}}]
    if found.next and found.next.open and found.next is not choice:
        actions.insert(0, _action(found.next))
    when = formats.day_time(answer.at)
    reason = f"{when}: {answer.words}" if answer.words else when
    return {"title": answer.title, "reason": reason, "actions": actions, "icon": "message-square-reply"}


def _action(choice: Choice, *, primary: bool = False) -> dict[str, Any]:
    return {
        "label": choice.label,
        "url": choice.url,
        "icon": choice.icon,
        "primary": primary,
        "dialog": choice.dialog,
    }


def _whose_turn(journey: Journey, choice: Choice) -> str:
    if choice.name == "accept":
        if journey.offered_to:
            return _("It is %(who)s who decides.") % {"who": journey.offered_to}
        return _("A salesperson decides.")
    arc = choice.move.arc(journey.stage, journey.kind) if choice.move else None
    if arc and arc.roles == SALES:
        return _("This is for sales to do.")
    return _("This is for marketing to do.")


def _since(journey: Journey, organisation: Organisation, now: datetime) -> str:
    left = minutes_left(journey, organisation, organisation.clock, now)
    if left is not None:
        words = (
            _("%(span)s of working time left to answer.")
            if left >= 0
            else _("%(span)s of working time too late.")
        )
        return words % {"span": formats.span(left)}
    return _("%(span)s in the stage “%(stage)s”.") % {
        "span": formats.age(journey.stage_since, now),
        "stage": journey.get_stage_display(),
    }


def minutes_left(
    journey: Journey, organisation: Organisation, clock: BusinessClock, now: datetime
) -> float | None:
    """Return the working minutes left to answer an application or decide on a handoff; None where no clock runs."""
    if journey.stage == S.NEW:
        return organisation.first_response_minutes - clock.business_minutes(journey.created_at, now)
    if journey.stage == S.HANDED_OFF and journey.decide_by:
        if journey.decide_by >= now:
            return clock.business_minutes(now, journey.decide_by)
        return -clock.business_minutes(journey.decide_by, now)
    return None


# the path ------------------------------------------------------------------------------------------------------------


def path(journey: Journey, past: Past, now: datetime) -> list[dict[str, Any]]:
    """Return the steps of the journey: the seven columns with the day each was entered, and how it ended."""
    times = past.entered
    first = [min((times[s] for s in column.stages if s in times), default=None) for column in COLUMNS]
    current = column_of(journey.stage)
    reached = max((place for place, moment in enumerate(first) if moment), default=-1)
    steps = []
    for place, column in enumerate(COLUMNS):
        if column is current:
            state, note = "now", f"{journey.get_stage_display()} · {formats.age(journey.stage_since, now)}"
        elif first[place]:
            # entered once, but left behind by a step back
            state = "done" if current is None or place < COLUMNS.index(current) else "ahead"
            note = formats.day(first[place])
        else:
            state, note = ("skipped" if place < reached else "ahead"), ""
        steps.append({"label": str(column.label), "note": note, "state": state})
    if journey.stage in CLOSED_STAGES | VOID_STAGES:
        tone = journey.stage if journey.stage in CLOSED_STAGES else ""
        steps.append(
            {
                "label": journey.get_stage_display(),
                "note": formats.day(journey.stage_since),
                "state": "now",
                "tone": tone,
            }
        )
    return steps


# what the next stage needs, details, the same client -----------------------------------------------------------------


def needs(journey: Journey, found: Choices, user: User) -> dict[str, Any] | None:
    """Return what the next move needs: what must stand on the journey already, each with whether it does, and what is
    asked for when the move is made. None where no move leads on, or it needs nothing."""
    choice = found.next
    if choice is None or choice.move is None:
        return None
    missing = found.lacking.get(choice.name, ())
    checks = [{"label": label_of(path), "done": False, "url": page_of(path, journey.pk)} for path in missing]
    groups = {path.partition(".")[0] for path in missing}
    checks += [
        {"label": label_of(path), "done": True, "value": pgettext("requirement", "there")}
        for path in choice.move.requires
        if path not in missing and path.partition(".")[0] not in groups
    ]
    asked = _asked(journey, choice, user)
    if not checks and not asked:
        return None
    return {
        "title": _("For “%(move)s”") % {"move": choice.label},
        "checks": checks,
        "note": f"{sum(check['done'] for check in checks)} / {len(checks)}" if checks else "",
        "asked": asked,
        "choice": choice,
    }


def _asked(journey: Journey, choice: Choice, user: User) -> list[str]:
    """Return what the move's own form cannot do without: no query."""
    if choice.name in registry.act_pages or choice.name not in ACTS:
        return []
    form = ACTS[choice.name].form(journey=journey, actor=user)
    return [str(field.label) for field in form.fields.values() if field.required and field.label]


def details(journey: Journey, user: User, organisation: Organisation) -> list[dict[str, Any]]:
    """Return what is known about the journey, as far as the role may see it.

    Each row has label and value; `field` and `history` where it may be changed in its place and tells what it said
    before, `url` where it leads to a page of its own.
    """
    contact, company = journey.contact, journey.company
    outsider = user.role == Role.PARTNER
    name = contact.name or (_("erased") if contact.erased_at else "")
    rows = [
        _detail(journey, _("Contact"), name, "name", url=_page("funnel:contact", contact.pk)),
        _detail(journey, _("E-mail"), contact.email, "email"),
        _detail(journey, _("Phone"), phones.marked(contact.phone), "phone"),
    ]
    if company:
        page = _page("funnel:company", company.pk)
        rows.append(_detail(journey, _("Company"), company.name, "company_name", url=page))
    else:
        rows.append(_detail(journey, _("Company"), ""))
    rows.append(_detail(journey, _("Service"), journey.service))
    if outsider:
        return [{"label": row["label"], "value": row["value"]} for row in rows]
    rows += [
        _detail(journey, _("Source"), journey.source),
        _detail(journey, _("Campaign"), journey.campaign),
        _detail(journey, _("Kind"), journey.get_kind_display()),
        _detail(journey, _("Owner"), journey.owner, act=H.OWNER_CHANGED, past="journey.owner"),
    ]
    if journey.offered_to_id:
        rows.append(_detail(journey, _("Offered to"), journey.offered_to))
    if access.may(user, access.Permission.SEE_MONEY):
        amount = formats.money(journey.amount, organisation.currency) if journey.amount is not None else ""
        rows.append(_detail(journey, _("Expected amount"), amount, "amount"))
    expected = formats.full_day(journey.expected_on) if journey.expected_on else ""
    rows.append(_detail(journey, _("Expected on"), expected, "expected_on"))
    rows.append(_detail(journey, _("Received"), formats.day_time(journey.created_at)))
    if number := getattr(journey, "contact_attempts", 0):
        rows.append(_detail(journey, _("Attempts to reach the person"), formats.number(number)))
    if journey.snoozed_until:
        rows.append(_detail(journey, _("Snoozed until"), formats.day_time(journey.snoozed_until)))
    return rows


def _detail(
    journey: Journey, label: str, value: Any, field: str = "", *, url: str = "", act: str = "", past: str = ""
) -> dict[str, Any]:
    if field:
        past = ".".join(record_of(field))
    return {
        "label": label,
        "value": value,
        "field": field,
        "url": url if value else "",
        "edit": reverse("funnel:journey-field", args=[journey.pk, field]) if field else "",
        "act": reverse("funnel:journey-fact", args=[journey.pk, act]) if act else "",
        "history": reverse("funnel:field-history", args=[journey.pk, past]) if past else "",
    }


def _page(name: str, key: int) -> str:
    """Return the address of a page of its own, "" where there is none."""
    try:
        return reverse(name, args=[key])
    except NoReverseMatch:
        return ""


def relatives(journey: Journey, user: User) -> dict[str, list[Journey]]:
    """Return the other journeys of the same client, those merged in or passed on, as far as visible: one query."""
    same = Q(contact=journey.contact_id)
    if journey.company_id:
        same |= Q(company=journey.company_id)
    linked = Q(parent=journey.pk) | Q(merged_into=journey.pk)
    linked |= Q(pk__in=[pk for pk in (journey.parent_id, journey.merged_into_id) if pk])
    rows = list(
        Journey.objects.visible_to(user)
        .filter(same | linked)
        .exclude(pk=journey.pk)
        .select_related("contact", "company", "source")
        .order_by("-created_at", "-pk")[:12]
    )
    absorbed = [row for row in rows if row.merged_into_id == journey.pk]
    passed = [row for row in rows if row.parent_id == journey.pk]
    origin = [row for row in rows if row.pk == journey.parent_id]
    survivor = [row for row in rows if row.pk == journey.merged_into_id]
    told = {row.pk for group in (absorbed, passed, origin, survivor) for row in group}
    return {
        "survivor": survivor,
        "origin": origin,
        "absorbed": absorbed,
        "passed": passed,
        "same": [row for row in rows if row.pk not in told],
    }


def panels(journey: Journey, user: User) -> list[tuple[str, Mapping[str, Any]]]:
    """Return template and context of each panel that the apps above show here."""
    shown = []
    for template, build in registry.journey_panels:
        context = build(journey, user)
        if context is not None:
            shown.append((template, context))
    return shown
