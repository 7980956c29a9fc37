"""The list of journeys as a file, for those who may take it with them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from funnel import formats
from funnel.access import Permission
from funnel.lists import arrangement, export, shown
from funnel.lists.filters import JourneyFilter
from funnel.models import Journey, SavedView
from funnel.sheets import csv_file, xlsx_file
from funnel.toasts import toast

from .base import go, permitted, person
from .journey_list import list_query

FILES = {"csv": csv_file, "xlsx": xlsx_file}


@permitted(Permission.EXPORT)
@require_GET
def journey_export(request: HttpRequest, form: str) -> HttpResponse:
    """Download the journeys that the address leaves, in its order, with the columns that the person chose."""
    if form not in FILES:
        raise Http404("no such format")
    user = person(request)
    wanted = JourneyFilter(request.GET, user=user)
    journeys = list_query(Journey.objects.visible_to(user), wanted)
    if journeys.order_by()[: export.MOST + 1].count() > export.MOST:
        words = _("A file has %(most)s rows at most, and this list has more. Narrow it first.")
        toast(request, words % {"most": formats.number(export.MOST)}, level=messages.ERROR)
        return go(request, f"{reverse('funnel:journey-list')}?{request.GET.urlencode()}")
    columns = arrangement.columns_of(user, shown.view_of(request, SavedView.Place.LIST))
    name = f"journeys-{timezone.localdate():%Y-%m-%d}"
    return FILES[form](name, export.head(columns), export.rows(journeys, columns))
