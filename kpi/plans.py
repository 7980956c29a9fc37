"""Plans: what is wanted of a metric in a month. Checked the same way wherever they come from."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from funnel.models import Team, User
from kpi.metrics import BY_KEY
from kpi.models import MONTH, Plan

COLUMNS = ("month", "metric", "scope", "value")
VALUE = re.compile(r"[0-9]{1,14}(\.[0-9]{1,4})?")


class Key(NamedTuple):
    """What one plan is about; there is at most one plan of it."""

    month: str
    metric: str
    scope: str


class Stale(Exception):
    """Plans that somebody else has changed since they were looked at: the plan that stands, None where it is gone."""

    def __init__(self, standing: Mapping[Key, Plan | None]) -> None:
        super().__init__(standing)
        self.standing = standing


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken: its line in the file (the head is line 1), the column at fault and why."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """rows = set + unchanged + rejected."""

    rows: int
    set: int
    unchanged: int
    rejected: Sequence[Rejection]


@dataclass(frozen=True, slots=True)
class Names:
    """The teams and people that a scope may name."""

    teams: frozenset[str]
    owners: frozenset[str]


def known_names() -> Names:
    """The names that scopes may carry now: two queries."""
    return Names(
        frozenset(Team.objects.values_list("name", flat=True)),
        frozenset(User.objects.values_list("username", flat=True)),
    )


def faults(*, month: str, metric: str, scope: str, names: Names) -> Iterator[tuple[str, str]]:
    """The columns of a plan that are wrong, and why."""
    if not MONTH.fullmatch(month):
        yield "month", _("“%(text)s” is not a month: write it as 2026-03.") % {"text": month[:40]}
    if metric not in BY_KEY or BY_KEY[metric].kind in {"map", "table"}:
        yield (
            "metric",
            _("There is no metric “%(text)s” that a plan can be made for.") % {"text": metric[:60]},
        )
    kind, colon, name = scope.partition(":")
    if scope != "all" and not (colon and kind in {"team", "owner"} and name):
        yield "scope", _("“%(text)s” is neither all, team:NAME nor owner:NAME.") % {"text": scope[:60]}
    elif kind == "team" and name not in names.teams:
        yield "scope", _("There is no team “%(text)s”.") % {"text": name[:60]}
    elif kind == "owner" and name not in names.owners:
        yield "scope", _("There is no user “%(text)s”.") % {"text": name[:60]}


def faults_of(keys: Collection[Key]) -> dict[Key, str]:
    """The plans that cannot be made, and why: two queries."""
    names = known_names()
    found = {key: next(faults(**key._asdict(), names=names), None) for key in keys}
    return {key: fault[1] for key, fault in found.items() if fault}


@transaction.atomic
def take(
    rows: Iterable[tuple[int, Mapping[str, str]]], *, actor: User | None = None, at: datetime | None = None
) -> Outcome:
    """Set the plans of numbered rows of text, replacing those that stand. Good rows land though others are rejected.

    A row that repeats the month, metric and scope of an earlier one is rejected. Five statements for any number.
    Without an `actor` the command line has done it; `at` is now unless given.
    """
    _lock()
    names, rejected = known_names(), []
    wanted: dict[Key, Decimal] = {}
    lines: dict[Key, int] = {}
    count = 0
    for line, row in rows:
        count += 1
        month, metric, scope, value = (row.get(column, "").strip() for column in COLUMNS)
        fault = next(faults(month=month, metric=metric, scope=scope, names=names), None)
        if fault is None and not VALUE.fullmatch(value):
            fault = (
                "value",
                _("“%(text)s” is not a number from 0 up, such as 44000 or 0.35.") % {"text": value[:40]},
            )
        key = Key(month, metric, scope)
        if fault is None and key in lines:
            fault = ("scope", _("Line %(line)s already plans this.") % {"line": lines[key]})
        if fault:
            rejected.append(Rejection(line, *fault))
            continue
        wanted[key], lines[key] = Decimal(value), line
    stand = {key_of(plan): plan.value for plan in Plan.objects.all()}
    changed = {key: value for key, value in wanted.items() if stand.get(key) != value}
    _write(changed, actor=actor, at=at or timezone.now())
    return Outcome(count, len(changed), len(wanted) - len(changed), rejected)


@transaction.atomic
def change(
    *,
    wanted: Mapping[Key, Decimal | None],
    seen: Mapping[Key, Decimal | None],
    actor: User | None,
    at: datetime,
) -> dict[Key, Decimal | None]:
    """Set plans, or take them away where None is wanted; return what stood before, of those that changed.

    `seen` is what whoever wants this looked at: what is missing there was not planned then. Raises Stale, and changes
    nothing, where another value stands by now that is not the wanted one either. The keys must be without fault
    (`faults_of`), the values not negative. Four statements for any number.
    """
    _lock()
    standing = {
        key_of(plan): plan
        for plan in Plan.objects.filter(
            month__in={key.month for key in wanted}, metric__in={key.metric for key in wanted}
        ).select_related("updated_by")
    }
    stale: dict[Key, Plan | None] = {}
    before: dict[Key, Decimal | None] = {}
    for key, value in wanted.items():
        plan = standing.get(key)
        now = plan.value if plan else None
        if now == value:
            continue
        if now != seen.get(key):
            stale[key] = plan
        before[key] = now
    if stale:
        raise Stale(stale)
    _write({key: value for key in before if (value := wanted[key]) is not None}, actor=actor, at=at)
    gone = [standing[key].pk for key in before if wanted[key] is None]
    if gone:
        Plan.objects.filter(pk__in=gone).delete()
    return before


def key_of(plan: Plan) -> Key:
    return Key(plan.month, plan.metric, plan.scope)


def stored(*, months: Collection[str], where: Q | None = None) -> dict[Key, Plan]:
    """The plans of the months with who changed them last: one query."""
    plans = Plan.objects.filter(where or Q(), month__in=months).select_related("updated_by")
    return {key_of(plan): plan for plan in plans}


def _lock() -> None:
    """Keep other writers of plans waiting until this transaction ends, so that nobody overwrites what they never saw."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE kpi_plan IN SHARE ROW EXCLUSIVE MODE")


def _write(values: Mapping[Key, Decimal], *, actor: User | None, at: datetime) -> None:
    Plan.objects.bulk_create(
        [
            Plan(**key._asdict(), value=value, updated_at=at, updated_by=actor)
            for key, value in values.items()
        ],
        update_conflicts=True,
        unique_fields=["metric", "scope", "month"],
        update_fields=["value", "updated_at", "updated_by"],
        batch_size=1000,
    )
