"""Changing what is known about a journey's person and company."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from funnel import access
from funnel.details_form import DetailsForm
from funnel.parties import ChangedMeanwhile, edit_details, mark_of, same_person
from funnel.toasts import toast

from .base import go, journey_of, person, signed_in


@signed_in
@require_http_methods(["GET", "POST"])
def details(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit contact, company and expected amount; a stale form is told so and keeps what was typed."""
    user, journey = person(request), journey_of(request, pk)
    if not access.may_edit(user, journey):
        raise PermissionDenied
    form = DetailsForm(request.POST or None, journey=journey, user=user)
    status, stale = (422 if request.method == "POST" else 200), False
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            edit_details(journey=journey, actor=user, mark=given.pop("mark"), **given)
        except ChangedMeanwhile:
            status, stale = 409, True
            # what is saved next is decided on what this page shows now
            form.data = {**request.POST.dict(), "mark": mark_of(journey)}
        else:
            toast(request, _("The details are saved."))
            return go(request, reverse("funnel:journey", args=[pk]))
    context = {
        "form": form,
        "journey": journey,
        "stale": stale,
        "saved": [(form.fields[name].label, form.initial[name]) for name in form.fields if name != "mark"],
        "shared": same_person(journey),
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[pk]), "label": str(journey)},
        ],
        "back": reverse("funnel:journey", args=[pk]),
    }
    return render(request, "funnel/journey_details.html", context, status=status)
