"""When somebody leaves, or changes roles: who takes over what they have open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q

from . import acts, todo_acts
from .machine import Refused
from .models import Journey, Task, User
from .people import change_user
from .stages import DEAL_STAGES, MARKETING, MARKETING_STAGES, SALES, Happening, Role, Stage

TAKERS = {"marketing": MARKETING, "sales": SALES}
"""Half of the funnel → the roles that may take over what is open there."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a person has open: applications with marketing, deals with sales, offers to decide, tasks."""

    marketing: int
    sales: int
    offers: int
    tasks: int

    def __bool__(self) -> bool:
        return bool(self.marketing or self.sales or self.offers or self.tasks)


@dataclass(frozen=True, slots=True)
class Passed:
    """How many journeys, offers and tasks went to others, and how many tasks could not."""

    journeys: int
    offers: int
    tasks: int
    kept: int


def work_of(user: User) -> Work:
    """Return how much a person has open: two queries."""
    owned = Q(owner=user)
    counts = Journey.objects.open().aggregate(
        marketing=Count("pk", filter=owned & Q(stage__in=MARKETING_STAGES | {Stage.HANDED_OFF})),
        sales=Count("pk", filter=owned & Q(stage__in=DEAL_STAGES)),
        offers=Count("pk", filter=Q(offered_to=user, stage=Stage.HANDED_OFF)),
    )
    return Work(**counts, tasks=Task.objects.filter(assignee=user, state=Task.State.OPEN).count())


def takers(half: str, *, besides: User) -> Iterable[User]:
    """Return who may take over what is open in a half of the funnel."""
    people = User.objects.filter(is_active=True, role__in=TAKERS[half]).exclude(pk=besides.pk)
    return people.order_by("name", "username")


@transaction.atomic
def hand_over(
    *,
    actor: User,
    user: User,
    marketing: User | None,
    sales: User | None,
    at: datetime,
    deactivate: bool,
) -> Passed:
    """Give what a person has open to others, and take away their right to sign in where asked.

    What goes to nobody (None) waits for whoever takes it; a task without a journey stays where it is then. Each change
    of owner stands in the ledger. Raises ValidationError where the person is the last administrator, and Refused, with
    nothing written, where a journey may not be given away.
    """
    if deactivate:
        change_user(actor=actor, user=user, is_active=False)
    owned = Journey.objects.open().filter(owner=user)
    groups = (
        (owned.filter(stage__in=MARKETING_STAGES | {Stage.HANDED_OFF}), marketing),
        (owned.filter(stage__in=DEAL_STAGES), sales),
    )
    offers = list(
        Journey.objects.open().filter(offered_to=user, stage=Stage.HANDED_OFF).values_list("pk", flat=True)
    )
    journeys = 0
    new_owner: dict[int, User | None] = {}
    for found, taker in groups:
        ids = list(found.order_by("pk").values_list("pk", flat=True))
        new_owner |= dict.fromkeys(ids, taker)
        if ids:
            owner = taker.username if taker else None
            acts.run(name=Happening.OWNER_CHANGED, journeys=ids, actor=actor, inputs={"owner": owner}, at=at)
            journeys += len(ids)
    if offers:
        taker = sales if sales and sales.role == Role.SALESPERSON else None
        acts.run(
            name="hand_off",
            journeys=offers,
            actor=actor,
            inputs={"salesperson": taker.username} if taker else {},
            at=at,
        )
    tasks, kept = _pass_tasks(actor, user, new_owner, marketing or sales, at)
    return Passed(journeys, len(offers), tasks, kept)


def _pass_tasks(
    actor: User, user: User, owners: dict[int, User | None], otherwise: User | None, at: datetime
) -> tuple[int, int]:
    """Give open tasks to the new owner of their journey, others to whoever takes the rest; return passed and kept."""
    passed = kept = 0
    for task in Task.objects.filter(assignee=user, state=Task.State.OPEN).order_by("pk"):
        taker = owners.get(task.journey_id, otherwise) if task.journey_id else otherwise
        if taker is None:
            kept += 1
            continue
        try:
            with transaction.atomic():
                todo_acts.change(task=task.pk, actor=actor, at=at, assignee=taker)
            passed += 1
        except todo_acts.TaskRefused:
            kept += 1
    return passed, kept


__all__ = ["Passed", "Refused", "Work", "hand_over", "takers", "work_of"]
