"""The list of journeys: filters, order and view in the address, keyset pages, the columns that the person chose."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel import access
from funnel.access import Permission
from funnel.lists import arrangement, cells, shown
from funnel.lists.bulk import BulkForm, bulk_choices
from funnel.lists.columns import CLIENT, SORTS, Column, ordered
from funnel.lists.filters import JourneyFilter
from funnel.models import Journey, SavedView
from funnel.paging import keyset
from funnel.paging import ordered as whole
from funnel.queries import JourneyQuerySet

from .base import address, is_outsider, person, signed_in

COUNTED = 1000
"""Beyond so many rows the list says "1,000+": an exact count would cost more than it tells."""


@signed_in
@require_GET
def journey_list(request: HttpRequest) -> HttpResponse:
    """Show the journeys that the person sees, as the address filters and orders them."""
    user = person(request)
    if is_outsider(user):  # who owns what, and what we plan, is ours to know
        return HttpResponseRedirect(reverse("funnel:home"))
    if not request.GET and (own := shown.default_url(request, SavedView.Place.LIST)):
        return HttpResponseRedirect(own)
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = JourneyFilter(request.GET, user=user, organisation=organisation)
    journeys = form.narrow(Journey.objects.visible_to(user))
    total = journeys.order_by()[: COUNTED + 1].count()
    columns = arrangement.columns_of(user, shown.view_of(request, SavedView.Place.LIST))
    counted = any(column.key == "attempts" for column in columns)
    listed, words = ordered(journeys, form.ordering, form.orders, with_attempts=counted)
    page = keyset(listed, request.GET, **words)
    reader = cells.Reader.of(user, organisation, timezone.now())
    bulk = bulk_choices(user)
    context = {
        "filter": form,
        "values": form.values,
        "chips": [(label, words, without(request, name)) for name, label, words in form.chips()],
        "faults": [fault for faults in form.errors.values() for fault in faults],
        "tabs": shown.tabs(request, SavedView.Place.LIST, form),
        "view": shown.state(request, SavedView.Place.LIST, form),
        "board_query": form.shared or "half=",
        "heads": heads(request, columns, form.ordering),
        "page": page,
        "rows": cells.rows(page.rows, columns, reader),
        "reader": reader,
        "total": total,
        "matching": total if bulk and len(page.rows) < total else 0,
        "matching_limit": BulkForm.MATCHING,
        "bulk": bulk,
        "new_url": address("leads:lead-create") if access.may(user, Permission.EDIT_JOURNEYS) else "",
        "import_url": address("leads:import-list") if access.may(user, Permission.IMPORT) else "",
        "may_export": access.may(user, Permission.EXPORT),
    }
    return render(request, "funnel/journey_list.html", context)


def without(request: HttpRequest, name: str) -> str:
    """Return the address of this list or board without one filter, on its first page."""
    query = request.GET.copy()
    for gone in (name, "after", "before"):
        query.pop(gone, None)
    # an address without anything opens the person's own view
    return f"?{query.urlencode() or 'state=open'}"


def heads(request: HttpRequest, columns: list[Column], order: str) -> list[dict[str, Any]]:
    """Return the heads of the columns: a link that orders by the column, then the other way round."""
    now = order.removeprefix("-")
    found = []
    for column in (CLIENT, *columns):
        head: dict[str, Any] = {
            "label": column.label,
            "css": cells.css_of(column),
            "direction": "",
            "url": "",
        }
        if column.key in SORTS:
            wanted = f"{SORTS[column.key].first}{column.key}"
            if column.key == now:
                head["direction"] = "descending" if order.startswith("-") else "ascending"
                wanted = now if order.startswith("-") else f"-{now}"
            query = request.GET.copy()
            for place in ("after", "before"):
                query.pop(place, None)
            query["order"] = wanted
            head["url"] = f"?{query.urlencode()}"
        found.append(head)
    return found


def list_query(journeys: JourneyQuerySet, form: JourneyFilter) -> JourneyQuerySet:
    """Return the journeys of the whole list in its order, for downloads."""
    listed, words = ordered(form.narrow(journeys), form.ordering, form.orders)
    return whole(listed, words["by"], rising=words["oldest_first"], nullable=words["nullable"])
