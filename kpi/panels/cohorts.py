"""Applications by the month they came in, and the share that had got somewhere by the end of each month since."""

from collections import defaultdict
from datetime import date
from typing import Final

from django.utils.translation import gettext as _

from funnel import formats
from funnel.periods import Period
from kpi import charts
from kpi.panels import facts
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, name, share, span_words
from kpi.panels.frame import count as counted
from kpi.queries import Span
from kpi.values import Rate

GOALS: Final = {"brief": "brief_filled", "sal": "sal_accepted", "won": "contract_signed"}
MOST_SINCE: Final = 12

_COHORTS: Final = """,
lead AS (
    SELECT fact.journey_id, fact.at, fact.day
    FROM span JOIN {facts} AS fact ON fact.at >= span.starts AND fact.at < %(until)s AND fact.event = 'lead_created'
    WHERE fact.nth = 1 AND NOT fact.void AND {kept}
),
goal AS (
    SELECT fact.journey_id, fact.at, fact.day
    FROM span JOIN {facts} AS fact ON fact.at >= span.starts AND fact.at < span.ends AND fact.event = %(goal)s
    WHERE fact.nth = 1 AND NOT fact.void
)
SELECT date_trunc('month', lead.day)::date,
    (extract(year FROM goal.day) - extract(year FROM lead.day)) * 12
        + extract(month FROM goal.day) - extract(month FROM lead.day),
    count(*)
FROM lead LEFT JOIN goal ON goal.journey_id = lead.journey_id AND goal.at >= lead.at
GROUP BY 1, 2
"""


def cohorts(asked: Asked) -> PanelView:
    """The twelve months that end with the asked one, each followed for up to twelve months; `?to=` says whereto."""
    goal = asked.chosen("to", list(GOALS))
    now = asked.organisation.clock.month_at(asked.as_of)
    sizes, reached = _counts(asked, GOALS[goal], now)
    grid = [
        _cohort(asked, goal, month, sizes[month.first], reached[month.first], now) for month in asked.months
    ]
    since = [str(number) for number in range(MOST_SINCE)]
    drawn = charts.cohort_grid(charts.CohortGrid(grid, since, label=_("Cohorts")), width=1080)
    titles = {"brief": _("To brief"), "sal": _("To SAL"), "won": _("To won")}
    return PanelView(
        [
            Picture(
                "cohorts",
                _("Cohorts"),
                drawn,
                "wide",
                tabs=[("to", value, titles[value], value == goal) for value in GOALS],
            )
        ],
        _table(asked, grid),
        period=span_words(asked.months),
    )


def _counts(asked: Asked, event: str, now: Period) -> tuple[dict[date, int], dict[date, dict[int, int]]]:
    """How many came in each month, and how many of them first got there so many months later."""
    starts = asked.span_of(asked.months[0]).starts
    until = asked.span_of(asked.months[-1]).ends
    span = Span("all", starts, max(until, asked.span_of(now).ends))
    sizes: dict[date, int] = defaultdict(int)
    reached: dict[date, dict[int, int]] = defaultdict(dict)
    rows = facts.count(asked, [span], ["lead_created", event], _COHORTS, {"goal": event, "until": until})
    for month, since, number in rows:
        sizes[month] += number
        if since is not None:
            reached[month][int(since)] = number
    return sizes, reached


def _cohort(
    asked: Asked, goal: str, month: Period, size: int, reached: dict[int, int], now: Period
) -> charts.Cohort:
    cells: list[charts.Cell | None] = []
    come = 0
    for since in range(min(MOST_SINCE, _months_between(month, now) + 1) if size else 0):
        come += reached.get(since, 0)
        href = asked.records("leads_valid", month, reached=goal, within=str(since)) if come else ""
        cells.append(charts.Cell(come / size, size, href, since == _months_between(month, now)))
    return charts.Cohort(formats.month(month.first), size, cells, asked.records("leads_valid", month))


def _months_between(first: Period, last: Period) -> int:
    return (last.first.year - first.first.year) * 12 + last.first.month - first.first.month


def _table(asked: Asked, grid: list[charts.Cohort]) -> Table:
    head = [_("Month"), _("Applications")]
    head += [_("Month %(n)s") % {"n": number} for number in range(MOST_SINCE)]
    rows = []
    for cohort in grid:
        cells = [
            share(Rate(round(float(cell.value) * cohort.size), cohort.size), cell.href)
            for cell in cohort.cells
            if cell and cell.value is not None
        ]
        cells += [Cell(None, formats.DASH)] * (MOST_SINCE - len(cells))
        rows.append([name(cohort.label, cohort.href), counted(cohort.size, cohort.href), *cells])
    return Table(head, rows)
