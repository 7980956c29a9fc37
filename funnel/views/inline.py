"""One detail of a journey changed where it stands, and what it said before."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel import access, inline_details, journey_page
from funnel.chronicle import field_history, owner_history
from funnel.lists import editing
from funnel.models import Journey
from funnel.parties import ChangedMeanwhile
from funnel.stages import Role
from funnel.toasts import toast

from .base import go, is_fragment, journey_of, person, signed_in

RECORDS = {"contact", "company", "journey"}


@signed_in
@require_http_methods(["GET", "POST"])
def field(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Change one detail in its row; without scripts the form of all details does.

    A stale save writes nothing and shows both versions, to keep theirs or save one's own.
    """
    user, journey = person(request), journey_of(request, pk)
    if not access.may_edit(user, journey):
        raise PermissionDenied
    if name not in editing.DETAILS or not editing.may_edit(user, journey, name):
        raise Http404("no such detail")
    if request.method == "GET":
        if not is_fragment(request):
            return go(request, f"{reverse('funnel:journey-details', args=[pk])}#id_{name}")
        if request.GET.get("row"):
            return _row(request, journey, name)
        return _ask(request, journey, name, _form(request, journey, name))
    form = _form(request, journey, name, request.POST)
    if not form.is_valid():
        return _ask(request, journey, name, form, status=422)
    try:
        editing.save(
            journey=journey,
            actor=user,
            name=name,
            value=form.cleaned_data[name],
            was=form.cleaned_data["was"],
        )
    except ChangedMeanwhile:
        return _ask(request, journey_of(request, pk), name, form, status=409)
    toast(request, _("%(field)s: saved.") % {"field": form.fields[name].label})
    if not is_fragment(request) or name in inline_details.HEADS:
        return go(request, reverse("funnel:journey", args=[pk]))
    return _row(request, journey_of(request, pk), name)


def _row(request: HttpRequest, journey: Journey, name: str) -> HttpResponse:
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    rows = journey_page.details(journey, person(request), organisation)
    row = next((row for row in rows if row["field"] == name), None)
    if row is None:  # a detail that the page does not show, or shows no longer
        return go(request, reverse("funnel:journey", args=[journey.pk]))
    return render(request, "funnel/_detail.html", {"row": row, "may_edit": True, "focus": True})


def _form(request: HttpRequest, journey: Journey, name: str, data: Any = None) -> editing.CellForm:
    return editing.CellForm(data, journey=journey, user=person(request), name=name, auto_id="id_%s")


def _ask(
    request: HttpRequest, journey: Journey, name: str, form: editing.CellForm, *, status: int = 200
) -> HttpResponse:
    stale = status == 409
    context: dict[str, Any] = {
        "journey": journey,
        "name": name,
        "field": form[name],
        "label": form.fields[name].label,
        "faults": form.errors.get(name, []),
        # what is saved next is decided on what this shows now
        "mark": editing.mark_of(journey, name) if stale else form["was"].value(),
        "stale": stale,
        "stands": editing.in_words(editing.value_of(journey, name)),
        "change": inline_details.last_change(journey, name) if stale else None,
        "url": reverse("funnel:journey-field", args=[journey.pk, name]),
    }
    return render(request, "funnel/_detail_form.html", context, status=status)


@signed_in
@require_GET
def history(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Tell what one detail said before, who changed it and when."""
    user, journey = person(request), journey_of(request, pk)
    on, dot, field_name = name.partition(".")
    if user.role == Role.PARTNER or not dot or on not in RECORDS:
        raise Http404("no such detail")
    if name == "journey.owner":
        label, rows = owner_history(journey)
    else:
        label, rows = field_history(journey, user, on, field_name)
    context = {
        "journey": journey,
        "label": label,
        "rows": rows,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[pk]), "label": str(journey)},
        ],
        "back": reverse("funnel:journey", args=[pk]),
    }
    return render(request, "funnel/field_history.html", context)
