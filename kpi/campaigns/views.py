"""The page of campaigns: what each cost in a period and what it brought."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.access import Permission, may
from funnel.models import Organisation
from funnel.periods import Period
from funnel.views.base import address, permitted, person
from kpi import tables
from kpi.campaigns import queries
from kpi.campaigns.queries import Column, Compared, Row
from kpi.forms import ReportForm
from kpi.measures import Metric
from kpi.values import Rate

PAGE: Final = 100
CARDS: Final = ("campaign_cost", "cost_per_lead", "cost_per_sal", "campaign_return")
CARDS_OF_COUNTS: Final = ("leads_valid", "sal_accepted", "sal_quality_cohort_7d", "new_clients")
"""What stands on top: for those who see money, and for those who see counts alone."""
WIDE: Final = {"sal_quality_cohort_7d", "new_clients", "cost_per_client"}
ALWAYS: Final = {"campaign_cost", "leads_valid"}
"""Columns that give way below a wide desk, and those that even a phone keeps."""
UNLISTED: Final = {"campaign_cost", "campaign_return"}
"""Figures that no rows of the ledger stand behind."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as shown, what it rests on, the address of its rows ("" where they are nowhere listed)."""

    column: Column
    figure: str
    sample: str = ""
    maturing: bool = False
    url: str = ""

    @property
    def css(self) -> str:
        return _css(self.column)


@permitted(Permission.SEE_REPORTS)
@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    """Show campaigns over `?month=` or `?period=`, sorted by `?ordering=`: a fixed number of queries.

    Costs and money are shown to those who may see them. A bad parameter is named and answered with 400.
    """
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    user = person(request)
    may_edit = may(user, Permission.MANAGE_CATALOGUE)
    form = ReportForm(request.GET, organisation=organisation)
    context: dict[str, Any] = {"form": form, "zone": organisation.timezone, "may_edit": may_edit}
    if may_edit:
        context |= {"new_url": address("leads:campaign-new"), "costs_url": address("leads:campaign-costs")}
    if not form.is_valid():
        return render(request, "kpi/campaigns.html", context, status=400)
    asked = form.asked
    period = asked["period"]
    found = queries.compared(
        user,
        organisation=organisation,
        period=period,
        as_of=asked["as_of"],
        lag=asked["lag"],
        order=request.GET.get("ordering", ""),
    )
    context |= _chooser(period, organisation) | _table(request, found, period, organisation)
    return render(request, "kpi/campaigns.html", context)


def _table(
    request: HttpRequest, found: Compared, period: Period, organisation: Organisation
) -> dict[str, Any]:
    page = _page(request.GET.get("page", ""), len(found.rows))
    shown = found.rows[(page - 1) * PAGE : page * PAGE]

    def cells(row: Row, cut: str | None) -> list[Cell]:
        return [_cell(column, row, cut, period, organisation.currency) for column in found.columns]

    whole = {cell.column.key: cell for cell in cells(found.whole, None)}
    cards = CARDS if CARDS[0] in whole else CARDS_OF_COUNTS
    return {
        "columns": [(column, _css(column)) for column in found.columns],
        "rows": [(row.campaign, cells(row, row.campaign.key if row.campaign else "")) for row in shown],
        "without": cells(found.without, "") if found.without else None,
        "whole": list(whole.values()),
        "cards": [whole[key] for key in cards if key in whole],
        "sees_costs": CARDS[0] in whole,
        "newer": _with_page(request, page - 1) if page > 1 else "",
        "older": _with_page(request, page + 1) if page * PAGE < len(found.rows) else "",
    }


def _cell(column: Column, row: Row, cut: str | None, period: Period, currency: str) -> Cell:
    value = row.values[column.key]
    shown = tables.cell(column.metric, value, currency)
    sample = shown.sample if column.metric.unit == "percent" and value.figure is not None else ""
    some = value.denominator if isinstance(value, Rate) else value.figure
    linked = bool(some) and value.figure is not None and column.key not in UNLISTED
    url = _records(column.metric, cut, period) if linked else ""
    return Cell(column, shown.figure, sample, column.key in row.maturing, url)


def _css(column: Column) -> str:
    return "num" if column.key in ALWAYS else "num w2 w3" if column.key in WIDE else "num w2"


def _records(metric: Metric, cut: str | None, period: Period) -> str:
    """Return where the rows behind a figure are listed; of a ratio, those that it divides by."""
    place = address("kpi:records")
    asked = {"metric": metric.key, "month" if period.kind == "month" else "period": period.name}
    if cut is not None:
        asked["campaign"] = cut
    if metric.kind == "ratio":
        asked["part"] = "denominator"
    return f"{place}?{urlencode(asked)}" if place else ""


def _chooser(period: Period, organisation: Organisation) -> dict[str, Any]:
    """What the period's chooser shows, and where its arrows lead."""
    after = period.next() if period.kind != "range" else None
    this_month = organisation.clock.month_at(timezone.now())
    return {
        "period": period,
        "title": tables.title(period),
        "before": period.previous(),
        "after": after if after and after.first <= this_month.first else None,
        "running": period.first <= this_month.first < period.until,
        "is_whole": period.first.day == 1 and period.until.day == 1,
        "year": period.first.year,
    }


def _page(text: str, count: int) -> int:
    """Return the page that an address names, where there is such a one."""
    last = max(1, -(-count // PAGE))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= last else 1


def _with_page(request: HttpRequest, page: int) -> str:
    query = request.GET.copy()
    query["page"] = str(page)
    return f"{reverse('kpi:campaigns')}?{query.urlencode()}"
