"""One value of a journey, changed where it stands in the list; without a script, on a page of its own."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from funnel.choices import reason_in_words
from funnel.lists import cells, editing
from funnel.lists.columns import COLUMNS
from funnel.machine import Refused
from funnel.models import Journey
from funnel.parties import ChangedMeanwhile
from funnel.toasts import toast

from .base import go, is_fragment, journey_of, next_url, person, signed_in


@signed_in
@require_http_methods(["GET", "POST"])
def cell(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Draw the editor of one value, or save it. A stale save is answered with both versions, a faulty one with why."""
    user, journey = person(request), journey_of(request, pk)
    if name not in editing.FIELDS:
        raise Http404("no such value")
    if not editing.may_edit(user, journey, name):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    form = editing.CellForm(data, journey=journey, user=user, name=name)
    status, stale, refusal = 200, False, ""
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                done = editing.save(
                    journey=journey, actor=user, name=name, value=given[name], was=given["was"]
                )
            except ChangedMeanwhile:
                status, stale = 409, True
                journey = journey_of(request, pk)
                # what is saved next is decided on what this shows now
                form.data = {**request.POST.dict(), "was": editing.mark_of(journey, name)}
            except Refused as refused:
                status = 409
                refusal = " ".join(map(reason_in_words, refused.refusals.values()))
            else:
                return _saved(request, pk, name, form, done)
    context: dict[str, Any] = {
        "form": form,
        "field": form[name],
        "journey": journey,
        "stale": stale,
        "stands": editing.in_words(editing.value_of(journey, name)),
        "refusal": refusal,
        "back": next_url(request, reverse("funnel:journey-list")),
        "crumbs": [{"url": reverse("funnel:journey-list"), "label": _("Journeys")}],
    }
    template = "funnel/lists/cell.html#editor" if is_fragment(request) else "funnel/lists/cell.html"
    return render(request, template, context, status=status)


def _saved(
    request: HttpRequest, pk: int, name: str, form: editing.CellForm, done: editing.Saved
) -> HttpResponse:
    """Answer with the cell as it stands now, and an undo."""
    back = next_url(request, reverse("funnel:journey-list"))
    if is_fragment(request):
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{here.path}?{here.query}" if here.path.startswith("/") else back
    if done.undo:
        words = _("%(who)s: “%(field)s” is saved.")
        toast(
            request,
            words % {"who": form.journey, "field": form.fields[name].label},
            undo=f"{done.undo}?{urlencode({'next': back})}",
        )
    if not is_fragment(request):
        return go(request, back)
    # a journey that was given away may be out of sight now
    journey = Journey.objects.with_parties().get(pk=pk)
    column = next(column for column in COLUMNS if column.edits == name)
    reader = cells.Reader.of(person(request), request.organisation, timezone.now())  # type: ignore[attr-defined]
    row = cells.Row(journey, None, None)
    return HttpResponse(cells.inside(column, row, reader, saved=bool(done.undo)))


@signed_in
@require_POST
def undo(request: HttpRequest, act: uuid.UUID) -> HttpResponse:
    """Write back what a save in a cell replaced."""
    back = next_url(request, reverse("funnel:journey-list"))
    try:
        editing.undo(act=act, actor=person(request))
    except editing.CannotUndo as why:
        toast(request, _("Not undone: %(why)s") % {"why": why}, level=messages.ERROR)
    else:
        toast(request, _("Undone."))
    return go(request, back)
