"""Every move and fact as a page offers it to one person: open or not and why, and where it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from . import access, machine, registry
from .acts import ACTS
from .labels import label_of
from .machine import Refusal
from .models import Journey, User
from .past import Past
from .stages import (
    DEAL_STAGES,
    FACTS,
    MONEY_EVENTS,
    MOVES,
    Happening,
    Move,
    Stage,
)

S, H = Stage, Happening

ICONS: Final[dict[str, str]] = {
    "respond": "message-circle-reply",
    "hold_first_meeting": "users",
    "fill_brief": "clipboard-check",
    "hand_off": "send",
    "refer": "handshake",
    "return_referral": "corner-down-left",
    "withdraw_handoff": "undo-2",
    "accept": "thumbs-up",
    "reject": "thumbs-down",
    "schedule_demo": "calendar-plus",
    "miss_demo": "calendar-x",
    "cancel_demo": "calendar-minus",
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
    H.CLIENT_ANSWERED: "message-square-reply",
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
    H.PARTNER_DECLINED: lambda stage, happened: False,  # the move return_referral records it
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
    because: str = ""
    """Why this one comes next, where the table alone does not say it."""

    @property
    def open(self) -> bool:
        return self.refusal is None

    @property
    def shut(self) -> bool:
        """Tell whether stage or role close the move, so that no input would open it."""
        return self.refusal is not None and self.refusal.reason in {"stage", "role"}

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
        ahead = self.next.name if self.next else ""
        return [choice for choice in self.open if choice.name != ahead]

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
            H.CLIENT_ANSWERED: _("Answer as the client"),
            H.SNOOZED: _("Snooze"),
            H.WOKEN: _("Wake"),
        }[H(name)]
    )


def choice_of(name: str, journey: Journey, refusal: Refusal | None = None) -> Choice:
    """Return a move or fact as a page offers it."""
    url, dialog = act_url(name, journey.pk)
    return Choice(name, act_label(name), url, ICONS.get(name, "circle-dot"), dialog, refusal, MOVES.get(name))


def choices(journey: Journey, user: User, past: Past) -> Choices:
    """Work out every move from the table, and the facts; one query for each requirement of the moves at this stage."""
    refusals: dict[str, Refusal | None] = {}
    wanted: dict[str, tuple[str, ...]] = {}
    for name, move in MOVES.items():
        if name == "capture" or name not in ACTS:
            continue
        refusals[name] = machine.closed_by(journey, name, user)
        if move.arc(journey.stage, journey.kind) is not None and (refusals[name] is None or move.natural):
            wanted[name] = move.requires
    answers = _missing({path for paths in wanted.values() for path in paths}, journey, past)
    lacking = {
        name: tuple(dict.fromkeys(p for path in paths for p in answers[path]))
        for name, paths in wanted.items()
    }
    for name, paths in lacking.items():
        if refusals[name] is None and paths:
            words = _("Still missing: %(what)s.") % {"what": ", ".join(map(label_of, paths))}
            refusals[name] = Refusal("data", paths, words)
    moves = [choice_of(name, journey, refusal) for name, refusal in refusals.items()]
    moves.sort(key=lambda choice: choice.grave)
    found = Choices(moves, _facts(journey, user, past), lacking=lacking)
    forward = _forward(journey)
    ahead = [choice for name in forward for choice in moves if choice.name == name]
    found.next = next((choice for choice in ahead if not choice.shut), next(iter(ahead), None))
    found.next = steered(journey, moves) or found.next
    if found.next:
        found.next_missing = lacking.get(found.next.name, ())
    return found


def steered(journey: Journey, moves: Sequence[Choice]) -> Choice | None:
    """Return the move to make next where an app knows better than the table, and the person may make it."""
    for steer in registry.steers:
        if (way := steer(journey)) is None:
            continue
        choice = next((choice for choice in moves if choice.name == way.move and choice.open), None)
        if choice is not None:
            url = f"{choice.url}?{urlencode(way.inputs)}" if way.inputs else choice.url
            return replace(choice, label=way.label, url=url, because=way.why)
    return None


def _missing(paths: set[str], journey: Journey, past: Past) -> dict[str, Sequence[str]]:
    """Ask each requirement once; what the past answers is not asked of the database."""
    answers: dict[str, Sequence[str]] = {}
    for path in sorted(paths):
        if path == "merge.no_money":
            answers[path] = [] if past.kinds.isdisjoint(MONEY_EVENTS) else [path]
        elif path in registry.requirements:
            answers[path] = registry.requirements[path]([journey], {}).get(journey.pk, [])
        else:
            answers[path] = []
    return answers


def _facts(journey: Journey, user: User, past: Past) -> list[Choice]:
    found = []
    for name, fact in FACTS.items():
        if name in COMPOSED or name not in ACTS or journey.stage not in fact.sources:
            continue
        if not access.may_record(user, name):
            continue
        if name == H.WOKEN and journey.snoozed_until is None:
            continue
        if name in FITS and not FITS[name](journey.stage, past.kinds):
            continue
        found.append(choice_of(name, journey, None))
    return sorted(found, key=lambda choice: choice.grave)


def _forward(journey: Journey) -> list[str]:
    """Return the natural moves that lead on from here, the nearest first; reopening where nothing else does."""
    here = _PLACE[journey.stage]
    ahead = []
    for name, move in MOVES.items():
        arc = move.arc(journey.stage, journey.kind)
        if not move.natural or arc is None:
            continue
        if arc.target is None:
            ahead.append((float("inf"), name))
        elif _PLACE[arc.target] > here:
            ahead.append((_PLACE[arc.target], name))
    return [name for _place, name in sorted(ahead, key=lambda pair: pair[0])]
