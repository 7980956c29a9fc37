"""The plan page as data: which plans a page shows, in rows of months, with what became of them beside each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from funnel import formats
from funnel.models import Organisation, Team, User
from funnel.periods import Period
from funnel.stages import Role
from kpi import plan_numbers, tables
from kpi.measures import Metric
from kpi.metrics import BY_KEY, SECTIONS
from kpi.models import Plan
from kpi.plans import Key
from kpi.queries import Answer, Bucket, Question, Span, answer, windows_of
from kpi.values import Number

ALL: Final = "all"
LAG: Final = timedelta(seconds=5)
"""How far behind the ledger the figures beside the plans may be."""
MOST_ROWS: Final = 60
"""People a page shows; more are narrowed down by their team."""
USUAL: Final = ("leads_valid", "sal_accepted", "deals_won", "payments_net")
"""What is offered to begin with, where nothing is planned yet."""
NOT_ADDED: Final = frozenset({"returning_clients_paying"})
"""Counts of which the year's is not the sum of the months': who comes back twice is one client."""

NOT_OFFERED: Final = frozenset({"quota_attainment"})
"""What is itself a comparison with a plan."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one row of a grid plans: a metric of a scope, under the name that the row bears."""

    metric: Metric
    scope: str
    name: str | Promise
    section: str | Promise = ""

    def key(self, month: str) -> Key:
        return Key(month, self.metric.key, self.scope)


@dataclass(slots=True)
class Cell:
    """One month of a row. `text` stands in its input, `was` (in words `was_text`) is the stored value the reader saw.

    `fact` is None ahead of the month, `reached` the fact ÷ the plan where the two compare by division; `tone` is good
    or bad once the month is over. `standing` is what somebody else has put there meanwhile.
    """

    key: Key
    name: str
    label: str
    text: str
    was_text: str
    was: Decimal | None
    value: Decimal | None
    changed: bool = False
    error: str = ""
    fact: str = ""
    reached: str = ""
    tone: str = ""
    who: str = ""
    at: datetime | None = None
    standing: str | None = None


@dataclass(slots=True)
class Row:
    """A row of the grid; `total` of the year where the months add up, "" elsewhere."""

    line: Line
    cells: list[Cell]
    total: str = ""
    fact_total: str = ""

    @property
    def values(self) -> list[Decimal | None]:
        return [cell.value for cell in self.cells]


@dataclass(frozen=True, slots=True)
class Sum:
    """What rows come to beside the plan of everybody: by month and over the year; `differs` marks the unequal."""

    name: str
    kind: str
    cells: Sequence[tuple[str, bool]]
    total: str


@dataclass(slots=True)
class Grid:
    """The rows of a page in sections, with what was typed into them."""

    year: int
    months: Sequence[Period]
    rows: list[Row]
    sums: list[Sum] = field(default_factory=list)

    @property
    def cells(self) -> Iterable[Cell]:
        return (cell for row in self.rows for cell in row.cells)

    @property
    def faults(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.error or cell.standing is not None]

    @property
    def changed(self) -> int:
        return sum(cell.changed for cell in self.cells)

    @property
    def wanted(self) -> dict[Key, Decimal | None]:
        """What the cells that were changed hold."""
        return {cell.key: cell.value for cell in self.cells if cell.changed}

    @property
    def seen(self) -> dict[Key, Decimal | None]:
        return {cell.key: cell.was for cell in self.cells}

    @property
    def sections(self) -> list[tuple[str | Promise, list[Row]]]:
        found: dict[str | Promise, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.line.section, []).append(row)
        return list(found.items())


def plannable(*, money: bool) -> list[tuple[str | Promise, list[Metric]]]:
    """The metrics that a plan can be made for, by section; `money`: those of money too."""
    found = [
        (title, [one for one in metrics if one.kind not in {"map", "table"} and (money or not one.money)])
        for title, metrics in SECTIONS
    ]
    return [(title, metrics) for title, metrics in found if metrics]


def adds_up(metric: Metric) -> bool:
    """Whether the months of the metric add up to the year, and people to everybody."""
    return metric.kind in {"count", "money"} and metric.key not in NOT_ADDED


def months_of(year: int) -> list[Period]:
    return Period.parse(f"{year:04}").months()


def lines_by_metric(*, scope: str, planned: Iterable[str], added: Iterable[str], money: bool) -> list[Line]:
    """The rows of one scope: what is planned, what was added and, where that is nothing, what is usual to plan."""
    wanted = {*planned, *added}
    sections = plannable(money=money)
    if not wanted & {metric.key for _title, metrics in sections for metric in metrics}:
        wanted |= set(USUAL)
    return [
        Line(metric, scope, metric.name, title)
        for title, metrics in sections
        for metric in metrics
        if metric.key in wanted
    ]


def lines_by_scope(
    *, metric: Metric, teams: Sequence[Team], people: Sequence[User], planned: Iterable[str]
) -> list[Line]:
    """The rows of one metric: everybody, the teams, the people, and who else is planned for, such as who has left."""
    lines = [Line(metric, ALL, _("Everybody"))]
    lines += [Line(metric, f"team:{team.name}", team.name, _("Teams")) for team in teams]
    lines += [
        Line(metric, f"owner:{person.username}", str(person), _("People")) for person in people[:MOST_ROWS]
    ]
    there = {line.scope for line in lines}
    lines += [
        Line(metric, scope, scope.partition(":")[2], _("Others")) for scope in sorted({*planned} - there)
    ]
    return lines


def people_to_plan(team: str = "") -> list[User]:
    """The people that plans are made for: whoever works in the funnel. One query."""
    people = User.objects.filter(is_active=True).exclude(role__in=[Role.PARTNER, Role.SERVICE])
    if team:
        people = people.filter(team__name=team)
    return sorted(people.select_related("team"), key=lambda person: (str(person).casefold(), person.pk))


def build(
    *,
    year: int,
    lines: Sequence[Line],
    stored: Mapping[Key, Plan],
    texts: Mapping[str, str] | None = None,
    seen: Mapping[str, str] | None = None,
) -> Grid:
    """Return the grid of the lines: what is stored, or what was typed (`texts` by name of the cell).

    `seen` are the values that a form was drawn with, by name; without it they are those stored now.
    """
    months = months_of(year)
    rows = [
        Row(line, [_cell(line, month.name, stored, texts or {}, seen) for month in months]) for line in lines
    ]
    for row in rows:
        if adds_up(row.line.metric):
            row.total = plan_numbers.shown(_sum(row.values), row.line.metric)
    return Grid(year, months, rows)


def _cell(
    line: Line,
    month: str,
    stored: Mapping[Key, Plan],
    texts: Mapping[str, str],
    seen: Mapping[str, str] | None,
) -> Cell:
    key, plan = line.key(month), stored.get(line.key(month))
    name = "|".join(key)
    was = plan.value if plan else None
    if seen is not None:
        was = _read(seen.get(name, ""))
    text = plan_numbers.shown(was, line.metric)
    label = f"{line.name}, {formats.month(date.fromisoformat(f'{month}-01'))}"
    cell = Cell(key, name, label, text, text, was, was)
    if plan:
        cell.at, cell.who = plan.updated_at, str(plan.updated_by or "")
    if name in texts and texts[name].strip() != cell.text:
        cell.text = texts[name].strip()
        try:
            cell.value = plan_numbers.parse(cell.text, line.metric)
        except plan_numbers.NoNumber as fault:
            cell.error = str(fault)
        cell.changed = bool(cell.error) or cell.value != was
    return cell


def _read(text: str) -> Decimal | None:
    """A stored value as the form carries it; what cannot be read was not drawn by us and counts as none."""
    try:
        found = Decimal(text) if text else None
    except ArithmeticError:
        return None
    return found if found is not None and found.is_finite() and found >= 0 else None


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal()) if known else None


# What became of the plans


def add_facts(grid: Grid, *, organisation: Organisation, at: datetime) -> None:
    """Put the fact beside the plan of each month begun: one answer, or two where rows are teams and people."""
    clock = organisation.clock
    begun = [month for month in grid.months if clock.start_of(month.first) <= at]
    if not begun or not grid.rows:
        return
    spans = [Span(month.name, *clock.period_bounds(month)) for month in begun]
    scopes = list(dict.fromkeys(row.line.scope for row in grid.rows))
    cuts, filters = [""], {}
    if len(scopes) > 1:
        cuts = sorted({scope.partition(":")[0] for scope in scopes} & {"owner", "team"}) or [""]
    elif scopes[0] != ALL:
        kind, _colon, name = scopes[0].partition(":")
        filters = {kind: [name]}
    metrics = list({row.line.metric.key: row.line.metric for row in grid.rows}.values())
    windows = windows_of(organisation)
    days = {month.name: clock.days_begun(month, at) for month in begun}
    given = {"business_days": lambda bucket: days[bucket.span]}
    answers = {
        cut: answer(Question(clock, at, spans, cut, windows, given, filters, LAG), metrics) for cut in cuts
    }
    over = {month.name for month in begun if clock.start_of(month.until) <= at}
    for row in grid.rows:
        _tell(
            row, answers, {month.name for month in begun}, over, organisation.currency, filters=bool(filters)
        )


def _tell(
    row: Row, answers: Mapping[str, Answer], begun: set[str], over: set[str], currency: str, *, filters: bool
) -> None:
    metric = row.line.metric
    kind, _colon, name = row.line.scope.partition(":")
    whole = filters or kind == ALL
    found = next(iter(answers.values())) if whole else answers.get(kind)
    if found is None:  # a scope that a broken form names
        return
    facts: list[Number] = []
    for cell in row.cells:
        if cell.key.month not in begun:
            continue
        values = found.values.get(Bucket(cell.key.month, None if whole else name))
        fact = values[metric.key].figure if values else (0 if adds_up(metric) else None)
        if fact is None:
            continue
        facts.append(fact)
        if not fact and cell.was is None:
            continue
        cell.fact = _short(metric, fact, currency)
        if cell.was:
            if adds_up(metric):
                cell.reached = formats.percent(Decimal(float(fact)) / cell.was)
            if cell.key.month in over:
                ahead = Fraction(fact) - Fraction(cell.was)
                cell.tone = "good" if (ahead >= 0 if metric.good == "up" else ahead <= 0) else "bad"
    if adds_up(metric) and any(facts):
        row.fact_total = _short(metric, sum(facts), currency)


def _short(metric: Metric, fact: Number, currency: str) -> str:
    """The fact as it fits under an input: large sums in thousands."""
    if metric.unit == "money" and abs(float(fact)) >= 10_000:
        return formats.money_short(float(fact), currency)
    return tables.shown(metric, fact, currency)


# What rows come to


def add_sums(grid: Grid, *, people: bool) -> None:
    """Put what the teams and, where all of them are shown, the `people` are planned for beside the plan of everybody."""
    if not grid.rows or not adds_up(grid.rows[0].line.metric):
        return
    metric = grid.rows[0].line.metric
    whole = next((row.values for row in grid.rows if row.line.scope == ALL), [None] * len(grid.months))
    for kind, name in (("team", _("Sum of teams")), ("owner", _("Sum of people"))):
        rows = [row for row in grid.rows if row.line.scope.startswith(f"{kind}:")]
        if not rows or (kind == "owner" and not people):
            continue
        sums = [_sum(values) for values in zip(*(row.values for row in rows), strict=True)]
        cells = [
            (plan_numbers.shown(total, metric), total is not None and all_ is not None and total != all_)
            for total, all_ in zip(sums, whole, strict=True)
        ]
        grid.sums.append(Sum(name, kind, cells, plan_numbers.shown(_sum(sums), metric)))


# Who can be named in the add chooser


def addable(lines: Sequence[Line], *, money: bool) -> list[tuple[str | Promise, list[Metric]]]:
    """The metrics that the page does not show yet, by section."""
    there = {line.metric.key for line in lines} | NOT_OFFERED
    found = [
        (title, [one for one in metrics if one.key not in there]) for title, metrics in plannable(money=money)
    ]
    return [(title, metrics) for title, metrics in found if metrics]


def metric_of(key: str, *, money: bool) -> Metric | None:
    """The metric of that key if a plan can be made for it and the reader may see it."""
    metric = BY_KEY.get(key)
    if metric is None or metric.kind in {"map", "table"} or (metric.money and not money):
        return None
    return metric
