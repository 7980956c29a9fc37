"""The panels of the dashboard: each a page, a fragment for the page around it, and a table to download."""

import re
from typing import Any
from unicodedata import normalize

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from funnel.access import Permission
from funnel.models import Organisation
from funnel.sheets import csv_file, xlsx_file
from funnel.views.base import is_fragment, permitted
from kpi import tables
from kpi.dashboards import controls
from kpi.dashboards.forms import DashboardForm
from kpi.dashboards.pages import EVERY
from kpi.dashboards.panels import scope_of
from kpi.panels import PANELS, Asked, Panel, PanelView, asked_of
from kpi.panels.frame import CHOICES

FILES = {"csv": csv_file, "xlsx": xlsx_file}


@permitted(Permission.SEE_REPORTS)
@require_GET
def panel(request: HttpRequest, key: str) -> HttpResponse:
    """Show one panel for the period, filters and moment of the address; `?format=csv|xlsx` downloads its table.

    `&chart=` downloads the numbers of one of its further charts instead.

    Raises Http404 for a panel that there is not and PermissionDenied for money to those who may not see it; a bad
    parameter is named and answered with 400.
    """
    found = PANELS.get(key)
    if found is None:
        raise Http404("no such panel")
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = DashboardForm(request.GET, organisation=organisation, trends=tuple(EVERY))
    if not form.is_valid():
        return render(request, _template(request), {"panel": found, "form": form}, status=400)
    asked = asked_of(request, form)
    if found.money and not asked.money:
        raise PermissionDenied
    view = found.build(asked)
    if file := FILES.get(request.GET.get("format", "")):
        name, head, rows = _table(request, found, view)
        return file(_file_name(name, asked), head, rows)
    context = _context(request, form, found, asked, view)
    if not is_fragment(request):
        context |= _page(request, form, found, asked)
    return render(request, _template(request), context)


def _template(request: HttpRequest) -> str:
    return "kpi/panels/content.html" if is_fragment(request) else "kpi/panels/page.html"


def _context(
    request: HttpRequest, form: DashboardForm, found: Panel, asked: Asked, view: PanelView
) -> dict[str, Any]:
    return {
        "panel": found,
        "form": form,
        "asked": asked,
        "view": view,
        "pictures": [
            (
                picture,
                [
                    {"url": _with(request, **{choice: value}), "label": label, "is_current": is_current}
                    for choice, value, label, is_current in picture.tabs
                ],
                {
                    suffix: _with(request, format=suffix, **({"chart": picture.name} if place else {}))
                    for suffix in FILES
                },
            )
            for place, picture in enumerate(view.pictures)
        ],
        "covers": view.period or tables.title(asked.period),
        "csv_url": _with(request, format="csv"),
        "xlsx_url": _with(request, format="xlsx"),
    }


def _table(request: HttpRequest, found: Panel, view: PanelView) -> tuple[str, list[str], list[list[Any]]]:
    """What is downloaded: name, head and rows of the panel's table, or of the further chart that is asked for."""
    for picture in view.pictures[1:]:
        if picture.name == request.GET.get("chart"):
            table = picture.drawn.table
            head = [table.head[0] or picture.title, *table.head[1:]] if table.head else [picture.title]
            return picture.name, head, [row.plain for row in table.rows]
    return found.key, list(map(str, view.table.head)), view.table.plain_rows()


def _page(request: HttpRequest, form: DashboardForm, found: Panel, asked: Asked) -> dict[str, Any]:
    """What stands around the panel where it is a page of its own: period, filters and the other panels."""
    carried = _carried(request)
    return controls.of(request, form, scope_of(asked)) | {
        "crumbs": [{"url": f"{reverse('kpi:dashboard')}?{carried}", "label": _("Dashboard")}],
        "others": [
            (one, f"{reverse('kpi:panel', args=[one.key])}?{carried}", one.key == found.key)
            for one in PANELS.values()
            if asked.money or not one.money
        ],
    }


def _with(request: HttpRequest, **changes: str) -> str:
    """The panel's own address with some parameters changed: a fragment stands in a page of another address."""
    query: QueryDict = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"


def _carried(request: HttpRequest) -> str:
    """Period, moment and filters, without what belongs to one panel alone."""
    query: QueryDict = request.GET.copy()
    for name in (*CHOICES, "format"):
        query.pop(name, None)
    return query.urlencode()


def _file_name(name: str, asked: Asked) -> str:
    """The panel, its period and the filters, in letters that any file system takes."""
    parts = [name, asked.period.name]
    parts += [f"{cut}-{'+'.join(values) or 'none'}" for cut, values in asked.filters.items()]
    plain = normalize("NFKD", "_".join(parts))
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", plain)[:120]
