"""Custom fields: which there are, for those who run the organisation, and a journey's own on its page."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel import access, custom
from funnel.access import Permission
from funnel.custom_forms import CUSTOM_FIELDS, CustomFieldForm, JourneyFieldsForm
from funnel.models import CustomField
from funnel.parties import ChangedMeanwhile, edit_fields, journey_mark
from funnel.toasts import toast

from .base import go, journey_of, permitted, person, signed_in
from .editing import crumbs, edit


@permitted(Permission.MANAGE_ORGANISATION)
@require_GET
def field_list(request: HttpRequest) -> HttpResponse:
    """List the custom fields of contacts, companies and journeys."""
    fields = list(CustomField.objects.all())
    groups = [
        {"value": value, "label": label, "fields": [field for field in fields if field.on == value]}
        for value, label in CustomField.On.choices
    ]
    return render(request, "funnel/settings_fields.html", {"groups": groups, "crumbs": crumbs()})


@permitted(Permission.MANAGE_ORGANISATION)
@require_http_methods(["GET", "POST"])
def field(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Make a custom field, or change what it is called and whether it is in use."""
    wanted = {"on": request.GET.get("on", "")} if pk is None else {}
    with transaction.atomic():
        editing = edit(
            request,
            CUSTOM_FIELDS,
            pk,
            lambda data, found: CustomFieldForm(data, instance=found, initial=wanted),
        )
    back = reverse("funnel:custom-field-list")
    if editing.saved:
        toast(request, _("%(what)s: saved.") % {"what": editing.saved}, undo=editing.undo)
        return go(request, back)
    found = CustomField.objects.filter(pk=pk).first() if pk is not None else None
    if pk is not None and found is None:
        raise Http404("no such field")
    context = {
        **(editing.context or {}),
        "title": str(found) if found else _("New field"),
        "lede": f"{found.get_on_display()} · {found.get_type_display()} · {found.key}" if found else "",
        "crumbs": crumbs(("funnel:custom-field-list", _("Custom fields"))),
        "back": back,
    }
    return render(request, "funnel/settings_form.html", context, status=editing.status)


@signed_in
@require_http_methods(["GET", "POST"])
def journey_fields(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit the custom fields of a journey; a stale form shows both versions and keeps what was typed."""
    user, journey = person(request), journey_of(request, pk)
    if not access.may_edit(user, journey):
        raise PermissionDenied
    fields = custom.fields_of("journey", active=True)
    form = JourneyFieldsForm(request.POST or None, journey=journey, fields=fields)
    status, stale = (422 if request.method == "POST" else 200), []
    if request.method == "POST" and form.is_valid():
        values = form.values()
        try:
            edit_fields(journey=journey, actor=user, values=values, mark=form.cleaned_data["mark"])
        except ChangedMeanwhile:
            status = 409
            stale = [
                (field.label, custom.words(field, values[field.key]), custom.words(field, now))
                for field in fields
                if (now := journey.custom.get(field.key)) != values[field.key]
            ]
            # what is saved next is decided on what this page shows now
            form.data = {**request.POST.dict(), "mark": journey_mark(journey)}
        else:
            toast(request, _("The details are saved."))
            return go(request, reverse("funnel:journey", args=[pk]))
    context = {
        "party": journey,
        "form": form,
        "stale": stale,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[pk]), "label": str(journey)},
        ],
        "back": reverse("funnel:journey", args=[pk]),
    }
    return render(request, "funnel/party_edit.html", context, status=status)
