"""Plans: what is wanted of a metric in a month. Checked the same way wherever they come from."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from funnel.models import Team, User
from kpi.metrics import BY_KEY
from kpi.models import MONTH, Plan

COLUMNS = ("month", "metric", "scope", "value")
VALUE = re.compile(r"[0-9]{1,14}(\.[0-9]{1,4})?")


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


@transaction.atomic
def take(rows: Iterable[tuple[int, Mapping[str, str]]]) -> Outcome:
    """Set the plans of numbered rows of text, replacing those that stand. Good rows land though others are rejected.

    A row that repeats the month, metric and scope of an earlier one is rejected. Four statements for any number.
    """
    names, rejected = known_names(), []
    wanted: dict[tuple[str, str, str], Decimal] = {}
    lines: dict[tuple[str, str, str], int] = {}
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
        key = (month, metric, scope)
        if fault is None and key in lines:
            fault = ("scope", _("Line %(line)s already plans this.") % {"line": lines[key]})
        if fault:
            rejected.append(Rejection(line, *fault))
            continue
        wanted[key], lines[key] = Decimal(value), line
    stand = {(plan.month, plan.metric, plan.scope): plan.value for plan in Plan.objects.all()}
    changed = {key: value for key, value in wanted.items() if stand.get(key) != value}
    Plan.objects.bulk_create(
        [
            Plan(month=month, metric=metric, scope=scope, value=value)
            for (month, metric, scope), value in changed.items()
        ],
        update_conflicts=True,
        unique_fields=["metric", "scope", "month"],
        update_fields=["value"],
        batch_size=1000,
    )
    return Outcome(count, len(changed), len(wanted) - len(changed), rejected)
