"""The dashboard: every figure of a month beside the month before and the year before."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.access import Permission
from funnel.models import Organisation
from funnel.periods import Period
from funnel.views.base import address, permitted, person
from kpi import report, tables
from kpi.forms import ReportForm
from kpi.metrics import seen_by
from kpi.queries import first_application


@permitted(Permission.SEE_REPORTS)
@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the figures of `?month=` (or `?period=`), cut by `?by=`, as known at `?as_of=`: a fixed number of queries.

    Who may not see money sees the figures without it. A bad parameter is named and answered with 400.
    """
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = ReportForm(request.GET, organisation=organisation)
    context: dict[str, Any] = {"form": form, "organisation": organisation, "zone": organisation.timezone}
    if not form.is_valid():
        return render(request, "kpi/dashboard.html", context, status=400)
    asked = form.asked
    context |= _chooser(asked["period"], organisation, asked["by"])
    if first_application() is None:
        import_url = address("leads:history-import", "leads:import", "leads:capture", "leads:inbox")
        return render(request, "kpi/dashboard.html", context | {"nothing_yet": True, "start_url": import_url})
    metrics = [metric for metric in seen_by(person(request)) if metric.kind not in {"map", "table"}]
    found = report.build(organisation=organisation, metrics=metrics, **asked)
    return render(request, "kpi/dashboard.html", context | tables.page(found) | {"report": found})


def _chooser(period: Period, organisation: Organisation, by: str) -> dict[str, Any]:
    """What the period's chooser shows, and where its arrows lead."""
    month_now = organisation.clock.month_at(timezone.now())
    after = period.next() if period.kind != "range" else None
    return {
        "period": period,
        "by": by,
        "before": period.previous(),
        "after": after if after and after.first <= month_now.first else None,
        "title": tables.title(period),
        "title_before": tables.title(period.previous()),
        "title_year_ago": tables.title(period.year_before()),
    }
