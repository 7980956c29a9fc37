"""Who sees and may do what: the one place that says so, for the browser and for REST alike."""

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef, Q

from .stages import BOTH, FACTS, LEADERS, MARKETING, MARKETING_STAGES, MOVES, SALES, Role, Stage

if TYPE_CHECKING:
    from .models import Journey, User


class Permission(StrEnum):
    """What a person may do besides the moves, which the table in `stages` gives to roles."""

    SEE_ALL_JOURNEYS = "see_all_journeys"
    SEE_TEAM_JOURNEYS = "see_team_journeys"
    SEE_WORKSPACE = "see_workspace"
    EDIT_JOURNEYS = "edit_journeys"
    MERGE_PARTIES = "merge_parties"
    FILL_BRIEFS = "fill_briefs"
    WRITE_PROPOSALS = "write_proposals"
    WRITE_CONTRACTS = "write_contracts"
    SEE_MONEY = "see_money"
    SEE_COSTS = "see_costs"
    SEE_REPORTS = "see_reports"
    MANAGE_PARTNERS = "manage_partners"
    MANAGE_CATALOGUE = "manage_catalogue"
    IMPORT = "import"
    EXPORT = "export"
    SHARE_VIEWS = "share_views"
    PLAN = "plan"
    UNDO_OTHERS = "undo_others"
    MANAGE_RATES = "manage_rates"
    MANAGE_USERS = "manage_users"
    MANAGE_ORGANISATION = "manage_organisation"


P = Permission

PERMISSIONS: Final[dict[Permission, frozenset[Role]]] = {
    P.SEE_ALL_JOURNEYS: LEADERS | {Role.MARKETER, Role.SERVICE},
    P.SEE_TEAM_JOURNEYS: frozenset({Role.FIRST_TOUCH, Role.SALESPERSON}),
    P.SEE_WORKSPACE: frozenset(Role) - {Role.PARTNER},
    P.EDIT_JOURNEYS: BOTH,
    P.MERGE_PARTIES: MARKETING,
    P.FILL_BRIEFS: MARKETING,
    P.WRITE_PROPOSALS: SALES,
    P.WRITE_CONTRACTS: SALES | {Role.LAWYER},
    P.SEE_MONEY: SALES,
    P.SEE_COSTS: SALES | {Role.MARKETER},
    P.SEE_REPORTS: BOTH,
    P.MANAGE_PARTNERS: MARKETING,
    P.MANAGE_CATALOGUE: LEADERS | {Role.MARKETER},
    P.IMPORT: LEADERS,
    P.EXPORT: LEADERS | {Role.MARKETER},
    P.SHARE_VIEWS: LEADERS | {Role.MARKETER},
    P.PLAN: LEADERS,
    P.UNDO_OTHERS: LEADERS,
    P.MANAGE_RATES: LEADERS,
    P.MANAGE_USERS: frozenset({Role.ADMINISTRATOR}),
    P.MANAGE_ORGANISATION: frozenset({Role.ADMINISTRATOR}),
}


def may(user: "User", permission: Permission) -> bool:
    """Tell whether the user's role carries the permission; nobody signed out or disabled has any."""
    return user.is_authenticated and user.is_active and user.role in PERMISSIONS[permission]


def sees_amounts(user: "User | None") -> bool:
    """Tell whether amounts of journeys and events are shown: to who sees money, and to programs that read the ledger."""
    return user is not None and (may(user, P.SEE_MONEY) or user.role == Role.SERVICE)


def may_move(
    user: "User | None",
    name: str,
    stage: str,
    *,
    kind: str = "",
    owner_id: int | None = None,
    offered_to_id: int | None = None,
) -> bool:
    """Tell whether the role may make the move from the stage; None is the clock, which makes only its own moves.

    A move that answers an offer is for the salesperson to whom the journey is offered (anyone in sales where it is
    offered to no one in particular) and for leaders; an arrow that is the owner's, for the owner and for leaders.
    """
    move = MOVES[name]
    if user is None:
        return move.by_clock
    arc = move.arc(stage, kind)
    if arc is None or user.role not in arc.roles or not user.is_active:
        return False
    if arc.own and not user.leads_everyone and owner_id != user.pk:
        return False
    return not move.offered or user.leads_everyone or offered_to_id in {None, user.pk}


def may_record(user: "User | None", event: str) -> bool:
    """Tell whether the role may record the fact; the clock may record any."""
    return user is None or (user.is_active and user.role in FACTS[event].roles)


def visible_journeys(user: "User") -> Q:
    """Return the condition for the journeys that the user sees.

    Marketers, leaders and service accounts see all; first-touch specialists and salespeople their own, their team's,
    those offered to them and those of their half that nobody owns, and first-touch specialists also what they worked
    on, wherever it went since; specialists and lawyers those they are invited to,
    and partners their referrals, which the apps above add through `registry.visibility`.
    """
    from .models import Event
    from .registry import visibility

    nothing = Q(pk__in=())
    if not user.is_authenticated or not user.is_active:
        return nothing
    shown = Q(annulled_at=None)
    if may(user, P.SEE_ALL_JOURNEYS):
        return shown
    condition = nothing
    if may(user, P.SEE_TEAM_JOURNEYS):
        condition |= Q(owner=user) | Q(offered_to=user)
        if user.team_id:
            condition |= Q(owner__team=user.team_id)
        ownerless = MARKETING_STAGES if user.role == Role.FIRST_TOUCH else {Stage.HANDED_OFF}
        condition |= Q(owner=None, stage__in=ownerless)
        if user.role == Role.SALESPERSON:
            condition |= Q(stage=Stage.HANDED_OFF, offered_to=None)
        else:
            condition |= Q(Exists(Event.objects.filter(journey=OuterRef("pk"), actor=user)))
    for extra in visibility:
        condition |= extra(user)
    return shown & condition


def may_undo(user: "User", *, actor_id: int | None) -> bool:
    """Tell whether the user may annul an event: one's own, or anyone's for leaders."""
    return user.is_active and (may(user, P.UNDO_OTHERS) or actor_id == user.pk)


def may_edit(user: "User", journey: "Journey") -> bool:
    """Tell whether the user may change the details of a journey that is visible to them."""
    return may(user, P.EDIT_JOURNEYS) and journey.stage != Stage.MERGED
