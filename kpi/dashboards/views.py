"""The dashboards' pages: everything above the fold counted together, the panels below it fetched as they come in sight."""

from dataclasses import replace
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel import access
from funnel.access import Permission
from funnel.models import Organisation, User
from funnel.sheets import csv_book, xlsx_book
from funnel.views.base import address, is_fragment, permitted, person
from kpi import rollup
from kpi.forms import ReportForm
from kpi.measures import Metric
from kpi.metrics import seen_by
from kpi.panels import asked_of
from kpi.queries import first_application

from . import controls, exports, sections
from .attention import attention
from .cards import cards
from .estimated import plans_and_estimates
from .figures import Scope, count
from .forms import DashboardForm
from .pages import EVERY, FUNNEL, MANAGEMENT, MARKETING, SALES, VIEWS, View
from .shown import versus

BOOKS: Final = {"csv": csv_book, "xlsx": xlsx_book}


@permitted(Permission.SEE_REPORTS)
@require_GET
def management(request: HttpRequest) -> HttpResponse:
    """Show the management's figures of a period: see `_dashboard`."""
    return _dashboard(request, MANAGEMENT)


@permitted(Permission.SEE_REPORTS)
@require_GET
def marketing(request: HttpRequest) -> HttpResponse:
    """Show marketing's figures of a period: see `_dashboard`."""
    return _dashboard(request, MARKETING)


@permitted(Permission.SEE_REPORTS)
@require_GET
def sales(request: HttpRequest) -> HttpResponse:
    """Show the figures of sales of a period: see `_dashboard`."""
    return _dashboard(request, SALES)


def _dashboard(request: HttpRequest, view: View) -> HttpResponse:
    """Show a period (`?month=`, `?period=`) of what is filtered by, as known at `?as_of=`: a fixed number of queries.

    Who may not see money sees the figures without it. A bad parameter is named and answered with 400.
    """
    user = person(request)
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    trends = seen(user, view.trends)
    form = DashboardForm(
        request.GET, organisation=organisation, trends=tuple(metric.key for metric in trends)
    )
    context: dict[str, Any] = {
        "view": view,
        "views": VIEWS,
        "form": form,
        "tab": "dashboard",
        "zone": organisation.timezone,
        "currency": organisation.currency,
    }
    if not form.is_valid():
        faults = [(name, words) for name, every in form.errors.get_json_data().items() for words in every]
        context["faults"] = [(name, words["message"]) for name, words in faults]
        return render(request, "kpi/dashboard.html", context, status=400)
    scope = scope_of(form)
    context |= controls.of(request, form, scope)
    context |= _content(user, view, form, scope, trends)
    if context["is_empty"] and first_application() is None:
        import_url = address("leads:history-import", "leads:import", "leads:capture", "leads:inbox")
        context |= {"nothing_yet": True, "start_url": import_url}
    return render(request, "kpi/dashboard.html", context)


def scope_of(form: DashboardForm) -> Scope:
    """Return what a valid form asks for."""
    asked = form.asked
    return Scope(form.organisation, asked["period"], asked["as_of"], asked["filters"], asked["lag"])


def seen(user: User, keys: tuple[str, ...]) -> list[Metric]:
    """Return the metrics of these keys that the user may see, in order."""
    return seen_by(user, [EVERY[key] for key in keys])


def _content(
    user: User, view: View, form: DashboardForm, scope: Scope, trends: list[Metric]
) -> dict[str, Any]:
    shown = seen(user, view.cards)
    money = access.may(user, Permission.SEE_MONEY)
    followed = EVERY[form.cleaned_data["trend"] or trends[0].key]
    wanted = {metric.key: metric for metric in (*shown, followed, *(EVERY[key] for key, *_ in FUNNEL))}
    figures = count(scope, list(wanted.values()))
    plans, estimated = plans_and_estimates(figures, [*shown, followed])
    behind = figures.found.from_ledger and scope.known_at is None
    progress = rollup.progress() if behind else None
    funnel = sections.funnel(figures)
    return {
        "cards": cards(figures, shown, plans, estimated),
        "versus": versus(scope.period, scope.period.kind),
        "trend": sections.trend(figures, followed, plans, estimated),
        "trend_note": estimated.note(figures, followed),
        "trend_metric": followed,
        "trend_tabs": controls.trend_tabs(form, trends, followed),
        "trend_files": controls.files(form, "trend", trend=followed.key),
        "funnel": funnel,
        "funnel_files": controls.files(form, "funnel"),
        "is_running": scope.is_running,
        "is_rebuilding": progress is not None and not progress.finished,
        "progress": progress,
        "is_empty": funnel.is_empty,
        "results_url": controls.panel_url(form, "results", by=form.cleaned_data["by"] or view.by),
        "exports": {
            suffix: reverse("kpi:dashboard-export", args=[view.key, suffix])
            + controls.address_with(form.query)
            for suffix in BOOKS
        },
        "attention_url": f"{reverse('kpi:attention')}?{form.query.urlencode()}",
        "panels": controls.panels(form, view, money=money),
    }


@permitted(Permission.SEE_REPORTS)
@require_GET
def export(request: HttpRequest, key: str, suffix: str) -> HttpResponse:
    """Download a whole dashboard for the period, filters and moment of the address. Raises Http404 for an unknown one."""
    user = person(request)
    view = next((view for view in VIEWS if view.key == key), None)
    if view is None:
        raise Http404("no such dashboard")
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = DashboardForm(request.GET, organisation=organisation, trends=tuple(EVERY))
    if not form.is_valid():
        raise BadRequest("; ".join(f"{name}: {words[0]}" for name, words in form.errors.items()))
    asked = replace(asked_of(request, form), choices={"by": form.cleaned_data["by"] or view.by})
    found = exports.sheets(asked, view, seen(user, view.cards))
    return BOOKS[suffix](exports.file_name(asked, view), found)


@permitted(Permission.SEE_REPORTS)
@require_GET
def needs_attention(request: HttpRequest) -> HttpResponse:
    """Show what waits for somebody now, of what the reader sees and filters by: a fragment for htmx, else a page."""
    user = person(request)
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = ReportForm(request.GET, organisation=organisation)
    context: dict[str, Any] = {"form": form, "currency": organisation.currency}
    if form.is_valid():
        money = access.may(user, Permission.SEE_MONEY)
        context["attention"] = attention(
            user, organisation, form.asked["filters"], money=money, now=timezone.now()
        )
    template = "kpi/_attention.html" if is_fragment(request) else "kpi/attention.html"
    return render(request, template, context, status=200 if form.is_valid() else 400)
