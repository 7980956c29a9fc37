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
from funnel.details_form import DetailsForm
from funnel.models import Journey
from funnel.parties import ChangedMeanwhile, details_of
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
    if inline_details.form_for(journey, user, name) is None:
        raise Http404("no such detail")
    if request.method == "GET":
        if not is_fragment(request):
            return go(request, f"{reverse('funnel:journey-details', args=[pk])}#id_{name}")
        if request.GET.get("row"):
            return _row(request, journey, name)
        return _ask(request, journey, name)
    given = request.POST.get(name, "")
    form = inline_details.form_for(journey, user, name, given)
    if form is None:
        raise Http404("no such detail")
    form.is_valid()
    if faults := inline_details.faults_of(form, name):
        return _ask(request, journey, name, form=form, faults=faults, status=422)
    try:
        inline_details.edit_field(
            journey=journey,
            actor=user,
            name=name,
            value=form.cleaned_data[name],
            mark=request.POST.get("mark", ""),
        )
    except ChangedMeanwhile:
        return _ask(request, journey_of(request, pk), name, form=form, status=409)
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


def _ask(
    request: HttpRequest,
    journey: Journey,
    name: str,
    *,
    form: DetailsForm | None = None,
    faults: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    user = person(request)
    stands = details_of(journey)[name]
    shown = form or DetailsForm(journey=journey, user=user)
    change = inline_details.last_change(journey, name) if status == 409 else None
    mark = request.POST.get("mark", "") if status == 422 else inline_details.value_mark(stands)
    context: dict[str, Any] = {
        "journey": journey,
        "name": name,
        "field": shown[name],
        "label": shown.fields[name].label,
        "faults": faults or [],
        "mark": mark,
        "stale": status == 409,
        "stands": stands,
        "change": change,
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
