"""The whole journey on one page: stages, roles, moves and the facts that change no stage.

Everything that knows the funnel is derived from these tables: the machine, the buttons and forms, the REST actions,
the permission matrix, the diagram in docs/ and the test matrix. A rule changed here changes at every door.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Label = str | Promise


class Stage(TextChoices):
    """Where a journey stands now, in the order of the funnel."""

    NEW = "new", _("New")
    CONTACTED = "contacted", _("Contacted")
    MET = "met", _("Met")
    BRIEFED = "briefed", _("Briefed")
    HANDED_OFF = "handed_off", _("Handed off")
    RETURNED = "returned", _("Returned")
    ACCEPTED = "accepted", _("Accepted")
    DEMO_SCHEDULED = "demo_scheduled", _("Demo scheduled")
    DEMO_HELD = "demo_held", _("Demo held")
    QUALIFIED = "qualified", _("Qualified")
    PROPOSAL_REQUESTED = "proposal_requested", _("Proposal requested")
    PROPOSAL_SENT = "proposal_sent", _("Proposal sent")
    OBJECTION = "objection", _("Objection")
    CONTRACT_REQUESTED = "contract_requested", _("Contract requested")
    CONTRACT_SENT = "contract_sent", _("Contract sent")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")
    REFERRED = "referred", _("Referred")
    SPAM = "spam", _("Spam")
    MERGED = "merged", _("Merged")


class Role(TextChoices):
    """What a person or a program is here to do."""

    MARKETER = "marketer", _("Marketer")
    FIRST_TOUCH = "first_touch", _("First-touch specialist")
    SALESPERSON = "salesperson", _("Salesperson")
    SPECIALIST = "specialist", _("Specialist")
    LAWYER = "lawyer", _("Lawyer")
    MANAGER = "manager", _("Manager")
    ADMINISTRATOR = "administrator", _("Administrator")
    PARTNER = "partner", _("Partner")
    SERVICE = "service", _("Service account")


class Happening(TextChoices):
    """The vocabulary of the ledger: every event there is."""

    LEAD_CREATED = "lead_created", _("Application received")
    FIRST_RESPONSE = "first_response", _("First response")
    FIRST_MEETING_HELD = "first_meeting_held", _("First meeting held")
    BRIEF_FILLED = "brief_filled", _("Brief filled")
    HANDED_OFF = "handed_off", _("Handed off to sales")
    PARTNER_HANDOFF = "partner_handoff", _("Referred to a partner")
    REFERRAL_RETURNED = "referral_returned", _("Referral returned")
    HANDOFF_WITHDRAWN = "handoff_withdrawn", _("Handoff withdrawn")
    SAL_ACCEPTED = "sal_accepted", _("Accepted by sales")
    SAL_REJECTED = "sal_rejected", _("Rejected by sales")
    DEMO_SCHEDULED = "demo_scheduled", _("Demo scheduled")
    DEMO_NO_SHOW = "demo_no_show", _("Demo missed")
    DEMO_CANCELLED = "demo_cancelled", _("Demo cancelled")
    DEMO_HELD = "demo_held", _("Demo held")
    SQL_QUALIFIED = "sql_qualified", _("Qualified")
    PROPOSAL_REQUESTED = "proposal_requested", _("Proposal requested")
    PROPOSAL_SENT = "proposal_sent", _("Proposal sent")
    OBJECTION_RAISED = "objection_raised", _("Objection raised")
    CONTRACT_REQUESTED = "contract_requested", _("Contract requested")
    CONTRACT_SENT = "contract_sent", _("Contract sent")
    CONTRACT_SIGNED = "contract_signed", _("Contract signed")
    LEAD_LOST = "lead_lost", _("Lead lost")
    DEAL_LOST = "deal_lost", _("Deal lost")
    MARKED_SPAM = "marked_spam", _("Marked as spam")
    MERGED_INTO = "merged_into", _("Merged into another journey")
    REOPENED = "reopened", _("Reopened")
    UNMERGED = "unmerged", _("Unmerged")
    OWNER_CHANGED = "owner_changed", _("Owner changed")
    PAYMENT_RECEIVED = "payment_received", _("Payment received")
    REFUND_PAID = "refund_paid", _("Refund paid")
    DIRECT_COST = "direct_cost", _("Direct cost")
    NOTE_LOGGED = "note_logged", _("Note")
    ACTIVITY_LOGGED = "activity_logged", _("Activity logged")
    OBJECTION_RESOLVED = "objection_resolved", _("Objection resolved")
    LEGAL_ISSUE_RAISED = "legal_issue_raised", _("Legal issue raised")
    LEGAL_ISSUE_RESOLVED = "legal_issue_resolved", _("Legal issue resolved")
    PASSED_TO_PRODUCT = "passed_to_product", _("Passed to another product")
    PERSONAL_DATA_ERASED = "personal_data_erased", _("Personal data erased")
    PARTNER_ACCEPTED = "partner_accepted", _("Partner took the referral")
    PARTNER_DECLINED = "partner_declined", _("Partner declined the referral")
    PARTNER_OUTCOME = "partner_outcome", _("Partner reported the outcome")
    CLIENT_ANSWERED = "client_answered", _("Client answered")
    SNOOZED = "snoozed", _("Snoozed")
    WOKEN = "woken", _("Woken")
    ANNULLED = "annulled", _("Annulled")


S, R, H = Stage, Role, Happening

MARKETING_STAGES: Final = frozenset({S.NEW, S.CONTACTED, S.MET, S.BRIEFED, S.RETURNED})
DEAL_STAGES: Final = frozenset(
    {
        S.ACCEPTED,
        S.DEMO_SCHEDULED,
        S.DEMO_HELD,
        S.QUALIFIED,
        S.PROPOSAL_REQUESTED,
        S.PROPOSAL_SENT,
        S.OBJECTION,
        S.CONTRACT_REQUESTED,
        S.CONTRACT_SENT,
    }
)
OPEN_STAGES: Final = MARKETING_STAGES | DEAL_STAGES | {S.HANDED_OFF}
VOID_STAGES: Final = frozenset({S.SPAM, S.MERGED})
CLOSED_STAGES: Final = frozenset({S.WON, S.LOST, S.REFERRED})
REPEAT: Final = "repeat"
"""The kind of a journey whose client has signed or paid before."""
REOPEN_STAGES: Final = (S.NEW, S.CONTACTED, S.BRIEFED, S.ACCEPTED, S.QUALIFIED)
"""The stages that a journey may be reopened at, nearest first."""
SCHEDULED_FROM: Final = frozenset({S.ACCEPTED, S.DEMO_HELD, S.QUALIFIED, S.PROPOSAL_SENT, S.OBJECTION})
"""The stages that a demo may be scheduled from, and that it leads back to where it does not take place."""

LEADERS: Final = frozenset({R.MANAGER, R.ADMINISTRATOR})
MARKETING: Final = frozenset({R.MARKETER, R.FIRST_TOUCH}) | LEADERS
SALES: Final = frozenset({R.SALESPERSON}) | LEADERS
BOTH: Final = MARKETING | SALES
ANYONE: Final = frozenset(R)


@dataclass(frozen=True, slots=True)
class Arc:
    """One arrow of the diagram: from any of `sources` to `target`, writing `event`, drawn by `roles`.

    `returns` are the stages that the event's value may name, which it then leads back to; without such a value it
    leads to `target`, or where that is None, to what the journey's own past decides (reopen, unmerge).

    `kinds` restricts it to journeys of these kinds, `own` to the journey's owner and leaders. `passing` is the stage
    event that is written first, at the same time, where the arrow leads past another stage.
    """

    sources: frozenset[Stage]
    target: Stage | None
    event: Happening
    roles: frozenset[Role]
    returns: frozenset[Stage] = frozenset()
    kinds: frozenset[str] = frozenset()
    own: bool = False
    passing: Happening | None = None

    def leaves(self, stage: str, kind: str) -> bool:
        """Tell whether the arrow begins at the stage, for a journey of the kind."""
        return stage in self.sources and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Taking:
    """Who becomes the owner of a journey by making a move: people of `roles`, where `unowned` only if nobody owns it."""

    roles: frozenset[Role]
    unowned: bool


@dataclass(frozen=True, slots=True)
class Move:
    """A named transition.

    `requires` are facts that must stand on the journey already, as paths that the apps answer (see `registry`).
    `offered` restricts the move to the salesperson to whom the journey is offered, and to leaders.
    `by_clock` allows the move to the system itself.  `natural` marks the one way forward, shown as the main button.
    `taking` says who becomes the owner by it; nobody where it is None.
    """

    name: str
    label: Label
    arcs: tuple[Arc, ...]
    requires: tuple[str, ...] = ()
    offered: bool = False
    by_clock: bool = False
    natural: bool = False
    taking: Taking | None = None

    def arc(self, stage: str, kind: str = "") -> Arc | None:
        """Return the arrow of this move that leaves `stage` for a journey of the kind, if there is one."""
        return next((arc for arc in self.arcs if arc.leaves(stage, kind)), None)

    @property
    def sources(self) -> frozenset[Stage]:
        return frozenset().union(*(arc.sources for arc in self.arcs))


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that changes no stage, who may record it, and at which stages (by default any that is not void)."""

    event: Happening
    roles: frozenset[Role]
    sources: frozenset[Stage] = frozenset(Stage) - VOID_STAGES
    money: bool = False


def _move(
    name: str,
    label: Label,
    sources: set[Stage] | frozenset[Stage],
    target: Stage | None,
    event: Happening,
    roles: frozenset[Role],
    requires: tuple[str, ...] = (),
    offered: bool = False,
    by_clock: bool = False,
    natural: bool = False,
    returns: set[Stage] | frozenset[Stage] = frozenset(),
    taking: Taking | None = None,
) -> Move:
    arc = Arc(frozenset(sources), target, event, roles, frozenset(returns))
    return Move(name, label, (arc,), requires, offered, by_clock, natural, taking)


_FREE: Final = Taking(frozenset({R.MARKETER, R.FIRST_TOUCH}), unowned=True)


_TABLE: Final = (
    # marketing's half
    _move("capture", _("Capture"), frozenset(), S.NEW, H.LEAD_CREATED, ANYONE),
    _move(
        "respond",
        _("Respond"),
        {S.NEW},
        S.CONTACTED,
        H.FIRST_RESPONSE,
        MARKETING,
        natural=True,
        taking=_FREE,
    ),
    _move(
        "hold_first_meeting",
        _("Hold first meeting"),
        {S.CONTACTED},
        S.MET,
        H.FIRST_MEETING_HELD,
        MARKETING,
        natural=True,
        taking=_FREE,
    ),
    _move(
        "fill_brief",
        _("Fill the brief"),
        {S.CONTACTED, S.MET, S.RETURNED},
        S.BRIEFED,
        H.BRIEF_FILLED,
        MARKETING,
        ("brief.answers", "brief.verdict"),
        natural=True,
        taking=_FREE,
    ),
    _move(
        "hand_off",
        _("Hand off to sales"),
        {S.BRIEFED, S.RETURNED, S.HANDED_OFF},
        S.HANDED_OFF,
        H.HANDED_OFF,
        MARKETING,
        ("brief.can_solve",),
        natural=True,
    ),
    _move(
        "refer",
        _("Refer to a partner"),
        {S.CONTACTED, S.MET, S.BRIEFED, S.RETURNED} | DEAL_STAGES,
        S.REFERRED,
        H.PARTNER_HANDOFF,
        BOTH,
    ),
    _move(
        "return_referral",
        _("Return the referral"),
        {S.REFERRED},
        S.RETURNED,
        H.REFERRAL_RETURNED,
        MARKETING | {R.PARTNER},
        by_clock=True,
    ),
    _move(
        "withdraw_handoff",
        _("Withdraw the handoff"),
        {S.HANDED_OFF},
        S.RETURNED,
        H.HANDOFF_WITHDRAWN,
        MARKETING,
        by_clock=True,
    ),
    # sales' half
    Move(
        "accept",
        _("Accept"),
        (
            Arc(frozenset({S.HANDED_OFF}), S.ACCEPTED, H.SAL_ACCEPTED, SALES),
            Arc(
                frozenset({S.NEW}),
                S.ACCEPTED,
                H.SAL_ACCEPTED,
                SALES,
                kinds=frozenset({REPEAT}),
                own=True,
                passing=H.FIRST_RESPONSE,
            ),
        ),
        offered=True,
        natural=True,
        taking=Taking(SALES, unowned=False),
    ),
    _move("reject", _("Reject"), {S.HANDED_OFF}, S.RETURNED, H.SAL_REJECTED, SALES, offered=True),
    _move(
        "schedule_demo",
        _("Schedule a demo"),
        SCHEDULED_FROM | {S.DEMO_SCHEDULED},
        S.DEMO_SCHEDULED,
        H.DEMO_SCHEDULED,
        SALES,
        natural=True,
    ),
    _move(
        "miss_demo",
        _("Demo was missed"),
        {S.DEMO_SCHEDULED},
        S.ACCEPTED,
        H.DEMO_NO_SHOW,
        SALES,
        ("demo.begun",),
        returns=SCHEDULED_FROM,
    ),
    _move(
        "cancel_demo",
        _("Cancel the demo"),
        {S.DEMO_SCHEDULED},
        S.ACCEPTED,
        H.DEMO_CANCELLED,
        SALES,
        ("demo.ahead",),
        returns=SCHEDULED_FROM,
    ),
    _move(
        "hold_demo",
        _("Hold the demo"),
        {S.ACCEPTED, S.DEMO_SCHEDULED},
        S.DEMO_HELD,
        H.DEMO_HELD,
        SALES,
        ("demo.begun",),
        natural=True,
    ),
    _move("qualify", _("Qualify"), {S.DEMO_HELD}, S.QUALIFIED, H.SQL_QUALIFIED, SALES, natural=True),
    _move(
        "request_proposal",
        _("Request a proposal"),
        {S.DEMO_HELD, S.QUALIFIED, S.OBJECTION},
        S.PROPOSAL_REQUESTED,
        H.PROPOSAL_REQUESTED,
        SALES,
        natural=True,
    ),
    _move(
        "send_proposal",
        _("Send the proposal"),
        {S.PROPOSAL_REQUESTED, S.OBJECTION},
        S.PROPOSAL_SENT,
        H.PROPOSAL_SENT,
        SALES,
        ("proposal.version",),
        natural=True,
    ),
    _move(
        "object",
        _("Record an objection"),
        {S.PROPOSAL_SENT, S.CONTRACT_SENT},
        S.OBJECTION,
        H.OBJECTION_RAISED,
        SALES,
    ),
    _move(
        "request_contract",
        _("Request a contract"),
        {S.PROPOSAL_SENT, S.OBJECTION},
        S.CONTRACT_REQUESTED,
        H.CONTRACT_REQUESTED,
        SALES,
        natural=True,
    ),
    _move(
        "send_contract",
        _("Send the contract"),
        {S.CONTRACT_REQUESTED},
        S.CONTRACT_SENT,
        H.CONTRACT_SENT,
        SALES,
        ("contract.version",),
        natural=True,
    ),
    _move("sign", _("Sign"), {S.CONTRACT_SENT}, S.WON, H.CONTRACT_SIGNED, SALES, natural=True),
    # out, and back again
    Move(
        "lose",
        _("Lose"),
        (
            Arc(MARKETING_STAGES, S.LOST, H.LEAD_LOST, MARKETING),
            Arc(frozenset({S.HANDED_OFF}), S.LOST, H.LEAD_LOST, BOTH),
            Arc(DEAL_STAGES, S.LOST, H.DEAL_LOST, SALES),
        ),
    ),
    _move("mark_spam", _("Mark as spam"), {S.NEW, S.CONTACTED}, S.SPAM, H.MARKED_SPAM, MARKETING),
    _move("merge", _("Merge"), frozenset(S), S.MERGED, H.MERGED_INTO, MARKETING, ("merge.no_money",)),
    _move(
        "reopen",
        _("Reopen"),
        {S.LOST, S.RETURNED, S.REFERRED, S.SPAM},
        None,
        H.REOPENED,
        BOTH,
        natural=True,
        returns=frozenset(REOPEN_STAGES),
    ),
    _move("unmerge", _("Unmerge"), {S.MERGED}, None, H.UNMERGED, LEADERS, ("merge.undo_window",)),
)

MOVES: Final[Mapping[str, Move]] = {move.name: move for move in _TABLE}

_STAFF: Final = BOTH | {R.SPECIALIST, R.LAWYER}

FACTS: Final[Mapping[str, Fact]] = {
    fact.event.value: fact
    for fact in (
        Fact(H.OWNER_CHANGED, BOTH),
        Fact(H.PAYMENT_RECEIVED, SALES, money=True),
        Fact(H.REFUND_PAID, SALES, money=True),
        Fact(H.DIRECT_COST, SALES, money=True),
        Fact(H.NOTE_LOGGED, _STAFF | {R.SERVICE}),
        Fact(H.ACTIVITY_LOGGED, _STAFF | {R.SERVICE}),
        Fact(H.OBJECTION_RESOLVED, SALES),
        Fact(H.LEGAL_ISSUE_RAISED, SALES | {R.LAWYER}),
        Fact(H.LEGAL_ISSUE_RESOLVED, SALES | {R.LAWYER}),
        Fact(H.PASSED_TO_PRODUCT, BOTH),
        Fact(H.PERSONAL_DATA_ERASED, LEADERS, frozenset(S)),
        Fact(H.PARTNER_ACCEPTED, LEADERS | {R.PARTNER}, frozenset({S.REFERRED})),
        Fact(H.PARTNER_DECLINED, LEADERS | {R.PARTNER}, frozenset({S.REFERRED})),
        Fact(H.PARTNER_OUTCOME, LEADERS | {R.PARTNER}, frozenset({S.REFERRED})),
        Fact(H.CLIENT_ANSWERED, frozenset(), DEAL_STAGES),
        Fact(H.SNOOZED, BOTH, OPEN_STAGES),
        Fact(H.WOKEN, BOTH, OPEN_STAGES),
    )
}
"""The facts that may be recorded by name; `annulled` has a door of its own."""

TARGETS: Final[Mapping[str, Stage | None]] = {
    arc.event.value: arc.target for move in _TABLE for arc in move.arcs
}
"""Stage event → the stage it leads to; None where replay decides."""

RETURNS: Final[Mapping[str, frozenset[str]]] = {
    arc.event.value: frozenset(stage.value for stage in arc.returns)
    for move in _TABLE
    for arc in move.arcs
    if arc.returns
}
"""Stage event → the stages that its value may name instead."""

PASSED: Final[Mapping[str, frozenset[str]]] = {
    arc.event.value: frozenset({arc.passing.value}) for move in _TABLE for arc in move.arcs if arc.passing
}
"""Stage event → the one that its move may write first, and takes along when it is annulled."""

MONEY_EVENTS: Final = frozenset({H.CONTRACT_SIGNED, H.PAYMENT_RECEIVED, H.REFUND_PAID, H.DIRECT_COST})
"""Events whose value is an amount in the organisation's currency."""


class Answer(TextChoices):
    """What a client makes of a proposal or a contract: the values of `client_answered`."""

    ACCEPTED = "accepted", _("Accepted")
    CHANGES = "changes", _("Asked to change it")
    DECLINED = "declined", _("Declined")


WORDS: Final[Mapping[str, frozenset[str]]] = {H.CLIENT_ANSWERED.value: frozenset(Answer.values)}
"""Event → the only values that it may have; other events take any."""


def half(stage: str) -> str:
    """Return "marketing", "sales", "closed" or "void"; the handoff belongs to sales, whose clock is running."""
    if stage in MARKETING_STAGES:
        return "marketing"
    if stage in VOID_STAGES:
        return "void"
    return "closed" if stage in CLOSED_STAGES else "sales"
