"""What the page of one journey says: its path, the one next step, what is open and what is not, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from . import access, formats, machine, registry
from .acts import ACTS
from .clock import BusinessClock
from .columns import COLUMNS, column_of
from .labels import label_of, page_of
from .machine import Refusal
from .models import Journey, Organisation, User
from .stages import (
    CLOSED_STAGES,
    DEAL_STAGES,
    FACTS,
    MONEY_EVENTS,
    MOVES,
    SALES,
    VOID_STAGES,
    Happening,
    Move,
    Stage,
)
from .timeline import History, entered

S, H = Stage, Happening

ICONS: Final[dict[str, str]] = {
    "respond": "message-circle-reply",
    "hold_first_meeting": "users",
    "fill_brief": "clipboard-check",
    "hand_off": "send",
    "refer": "handshake",
    "withdraw_handoff": "undo-2",
    "accept": "thumbs-up",
    "reject": "thumbs-down",
    "schedule_demo": "calendar-plus",
    "miss_demo": "calendar-x",
    "hold_demo": "presentation",
    "qualify": "badge-check",
    "request_proposal": "file-clock",
    "send_proposal": "file-text",
    "object": "message-square-warning",
    "request_contract": "file-clock",
    "send_contract": "signature",
    "sign": "trophy",
    "lose": "ban",
    "mark_spam": "shield-ban",
    "merge": "merge",
    "reopen": "rotate-ccw",
    "unmerge": "split",
    H.OWNER_CHANGED: "user-round-cog",
    H.SNOOZED: "alarm-clock",
    H.WOKEN: "alarm-clock-check",
    H.NOTE_LOGGED: "notebook-pen",
    H.ACTIVITY_LOGGED: "phone",
    H.PAYMENT_RECEIVED: "banknote",
    H.REFUND_PAID: "banknote",
    H.DIRECT_COST: "receipt",
    H.OBJECTION_RESOLVED: "message-square",
    H.LEGAL_ISSUE_RAISED: "scale",
    H.LEGAL_ISSUE_RESOLVED: "scale",
    H.PASSED_TO_PRODUCT: "split",
    H.PERSONAL_DATA_ERASED: "eraser",
}

GRAVE: Final = frozenset({"lose", "mark_spam", "merge", "reject", H.PERSONAL_DATA_ERASED.value})
"""Acts that end something: drawn as such, at the end of a menu."""

COMPOSED: Final = frozenset({H.NOTE_LOGGED.value, H.ACTIVITY_LOGGED.value})
"""Facts that the composer above the timeline records."""

_STAGES: Final = list(Stage)
_PLACE: Final[dict[str, float]] = {stage.value: float(place) for place, stage in enumerate(_STAGES)} | {
    # Back from sales a journey stands where its brief is mended; an objection where the next version is made.
    S.RETURNED.value: _STAGES.index(S.MET) + 0.5,
    S.OBJECTION.value: _STAGES.index(S.QUALIFIED) + 0.5,
}


FITS: Final[dict[str, Callable[[str, AbstractSet[str]], bool]]] = {
    H.PAYMENT_RECEIVED: lambda stage, happened: stage in DEAL_STAGES | {S.WON},
    H.REFUND_PAID: lambda stage, happened: H.PAYMENT_RECEIVED in happened,
    H.OBJECTION_RESOLVED: lambda stage, happened: H.OBJECTION_RAISED in happened,
    H.LEGAL_ISSUE_RAISED: lambda stage, happened: stage in DEAL_STAGES,
    H.LEGAL_ISSUE_RESOLVED: lambda stage, happened: H.LEGAL_ISSUE_RAISED in happened,
}
"""Facts that the table allows anywhere, but that a menu offers only where they make sense."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A move or fact as the page offers it: `refusal` says why it is closed."""

    name: str
    label: str
    url: str
    icon: str
    dialog: bool
    refusal: Refusal | None = None
    move: Move | None = None

    @property
    def open(self) -> bool:
        return self.refusal is None

    @property
    def grave(self) -> bool:
        return self.name in GRAVE

    @property
    def why(self) -> str:
        if self.refusal and self.refusal.reason == "stage" and self.move and self.move.sources:
            stages = [str(stage.label) for stage in Stage if stage in self.move.sources]
            return _("Opens at: %(stages)s.") % {"stages": ", ".join(stages)}
        return reason_in_words(self.refusal) if self.refusal else ""


@dataclass(slots=True)
class Choices:
    """Every move of the table for one journey and person, open or not, and the facts that may be recorded."""

    moves: list[Choice]
    facts: list[Choice]
    next: Choice | None = None
    next_missing: tuple[str, ...] = ()
    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def open(self) -> list[Choice]:
        return [choice for choice in self.moves if choice.open]

    @property
    def others(self) -> list[Choice]:
        """Return the open moves besides the one that the page puts first."""
        return [choice for choice in self.open if choice is not self.next]

    @property
    def closed(self) -> list[Choice]:
        return [choice for choice in self.moves if not choice.open]


def reason_in_words(refusal: Refusal) -> str:
    """Return why an act is closed; what is missing is called by its name."""
    if refusal.reason == "data" and refusal.missing and "occurred_at" not in refusal.missing:
        return _("Still missing: %(what)s.") % {"what": ", ".join(map(label_of, refusal.missing))}
    return refusal.detail


# acts and where they are done ----------------------------------------------------------------------------------------


def act_url(name: str, journey_id: int) -> tuple[str, bool]:
    """Return where an act is done, and whether its form may stand in a dialog."""
    if page := registry.act_pages.get(name):
        try:
            return reverse(page, args=[journey_id]), False
        except NoReverseMatch:
            pass
    kind = "funnel:journey-move" if name in MOVES else "funnel:journey-fact"
    return reverse(kind, args=[journey_id, name]), True


def act_label(name: str) -> str:
    """Return what a button that does this says."""
    if name in MOVES:
        return str(MOVES[name].label)
    return str(
        {
            H.OWNER_CHANGED: _("Change the owner"),
            H.PAYMENT_RECEIVED: _("Record a payment"),
            H.REFUND_PAID: _("Record a refund"),
            H.DIRECT_COST: _("Record a cost"),
            H.NOTE_LOGGED: _("Write a note"),
            H.ACTIVITY_LOGGED: _("Log a call, message or meeting"),
            H.OBJECTION_RESOLVED: _("Resolve the objection"),
            H.LEGAL_ISSUE_RAISED: _("Raise a legal issue"),
            H.LEGAL_ISSUE_RESOLVED: _("Resolve a legal issue"),
            H.PASSED_TO_PRODUCT: _("Pass to another product"),
            H.PERSONAL_DATA_ERASED: _("Erase personal data"),
            H.PARTNER_ACCEPTED: _("Take the referral"),
            H.PARTNER_DECLINED: _("Decline the referral"),
            H.PARTNER_OUTCOME: _("Report the outcome"),
            H.SNOOZED: _("Snooze"),
            H.WOKEN: _("Wake"),
        }[H(name)]
    )


def _choice(name: str, journey: Journey, refusal: Refusal | None) -> Choice:
    url, dialog = act_url(name, journey.pk)
    return Choice(name, act_label(name), url, ICONS.get(name, "circle-dot"), dialog, refusal, MOVES.get(name))


def choices(journey: Journey, user: User, happened: History) -> Choices:
    """Work out every move from the table, and the facts; one query for each requirement of the moves at this stage."""
    refusals: dict[str, Refusal | None] = {}
    wanted: dict[str, tuple[str, ...]] = {}
    for name, move in MOVES.items():
        if name == "capture" or name not in ACTS:
            continue
        refusals[name] = machine.closed_by(journey, name, user)
        if move.arc(journey.stage) is not None and (refusals[name] is None or move.natural):
            wanted[name] = move.requires
    answers = _missing({path for paths in wanted.values() for path in paths}, journey, happened)
    lacking = {
        name: tuple(dict.fromkeys(p for path in paths for p in answers[path]))
        for name, paths in wanted.items()
    }
    for name, paths in lacking.items():
        if refusals[name] is None and paths:
            words = _("Still missing: %(what)s.") % {"what": ", ".join(map(label_of, paths))}
            refusals[name] = Refusal("data", paths, words)
    moves = [_choice(name, journey, refusal) for name, refusal in refusals.items()]
    moves.sort(key=lambda choice: choice.grave)
    found = Choices(moves, _facts(journey, user, happened), lacking=lacking)
    forward = _forward(journey)
    found.next = next((choice for name in forward for choice in moves if choice.name == name), None)
    if found.next:
        found.next_missing = lacking.get(found.next.name, ())
    return found


def _missing(paths: set[str], journey: Journey, happened: History) -> dict[str, Sequence[str]]:
    """Ask each requirement once; what the loaded history answers is not asked of the database."""
    answers: dict[str, Sequence[str]] = {}
    for path in sorted(paths):
        if path == "merge.no_money" and not happened.more:
            money = any(event.event in MONEY_EVENTS for event in happened.live)
            answers[path] = [path] if money else []
        elif path in registry.requirements:
            answers[path] = registry.requirements[path]([journey], {}).get(journey.pk, [])
        else:
            answers[path] = []
    return answers


def _facts(journey: Journey, user: User, happened: History) -> list[Choice]:
    found = []
    kinds = {event.event for event in happened.live}
    for name, fact in FACTS.items():
        if name in COMPOSED or name not in ACTS or journey.stage not in fact.sources:
            continue
        if not access.may_record(user, name):
            continue
        if name == H.WOKEN and journey.snoozed_until is None:
            continue
        if name in FITS and not (FITS[name](journey.stage, kinds) or happened.more):
            continue
        found.append(_choice(name, journey, None))
    return sorted(found, key=lambda choice: choice.grave)


def _forward(journey: Journey) -> list[str]:
    """Return the natural moves that lead on from here, the nearest first; reopening where nothing else does."""
    here = _PLACE[journey.stage]
    ahead = []
    for name, move in MOVES.items():
        arc = move.arc(journey.stage)
        if not move.natural or arc is None:
            continue
        if arc.target is None:
            ahead.append((float("inf"), name))
        elif _PLACE[arc.target] > here:
            ahead.append((_PLACE[arc.target], name))
    return [name for _place, name in sorted(ahead, key=lambda pair: pair[0])]


# the next step -------------------------------------------------------------------------------------------------------


def next_step(
    journey: Journey, found: Choices, user: User, organisation: Organisation, now: datetime
) -> dict[str, Any] | None:
    """Return the one thing to do now, why, and its buttons; None where nothing is left to do."""
    choice = found.next
    if choice is None:
        return None
    step: dict[str, Any] = {"title": choice.label, "reason": "", "actions": [], "icon": choice.icon}
    since = _since(journey, organisation, now)
    if choice.open:
        step["reason"] = since
        step["actions"].append(_action(choice, primary=True))
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
    arc = choice.move.arc(journey.stage) if choice.move else None
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
    if journey.stage == S.HANDED_OFF and organisation.handoff_hours:
        return organisation.handoff_hours * 60 - clock.business_minutes(journey.stage_since, now)
    return None


# the path ------------------------------------------------------------------------------------------------------------


def path(journey: Journey, happened: History, now: datetime) -> list[dict[str, Any]]:
    """Return the steps of the journey: the seven columns with the day each was entered, and how it ended."""
    times = entered(journey, happened)
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


def needs(journey: Journey, found: Choices) -> dict[str, Any] | None:
    """Return what the next move asks to stand on the journey, each thing with whether it does."""
    choice = found.next
    if choice is None or choice.move is None or not choice.move.requires:
        return None
    missing = found.lacking.get(choice.name, ())
    checks = [{"label": label_of(path), "done": False, "url": page_of(path, journey.pk)} for path in missing]
    groups = {path.partition(".")[0] for path in missing}
    checks += [
        {"label": label_of(path), "done": True, "value": pgettext("requirement", "there")}
        for path in choice.move.requires
        if path not in missing and path.partition(".")[0] not in groups
    ]
    return {
        "title": _("For “%(move)s”") % {"move": choice.label},
        "checks": checks,
        "note": f"{sum(check['done'] for check in checks)} / {len(checks)}",
    }


def details(journey: Journey, user: User, organisation: Organisation) -> list[tuple[str, Any]]:
    """Return label and value of what is known about the journey, as far as the role may see it."""
    contact = journey.contact
    rows: list[tuple[str, Any]] = [
        (_("Contact"), contact.name or (_("erased") if contact.erased_at else "")),
        (_("E-mail"), contact.email),
        (_("Phone"), contact.phone),
        (_("Company"), journey.company),
        (_("Source"), journey.source),
        (_("Campaign"), journey.campaign),
        (_("Service"), journey.service),
        (_("Kind"), journey.get_kind_display()),
        (_("Owner"), journey.owner),
    ]
    if journey.offered_to_id:
        rows.append((_("Offered to"), journey.offered_to))
    if access.may(user, access.Permission.SEE_MONEY):
        amount = formats.money(journey.amount, organisation.currency) if journey.amount is not None else ""
        rows.append((_("Expected amount"), amount))
    rows.append((_("Received"), formats.day_time(journey.created_at)))
    if journey.snoozed_until:
        rows.append((_("Snoozed until"), formats.day_time(journey.snoozed_until)))
    return rows


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
