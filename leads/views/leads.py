"""An application entered by a colleague, and the first meeting."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.access import Permission
from funnel.acts import BadInput
from funnel.journey_page import reason_in_words
from funnel.lists import editing
from funnel.machine import Refusal, Refused, closed_by
from funnel.models import Journey
from funnel.page_forms import WhenForm
from funnel.parties import ChangedMeanwhile
from funnel.stages import Role, Stage
from funnel.toasts import toast
from funnel.views.base import go, journey_of, next_url, permitted, person, signed_in, undo_act_url
from leads import matching
from leads.act_forms import FirstMeetingForm, StaffCaptureForm
from leads.domain import capture, hold_meeting
from leads.matching import Candidate
from leads.models import Application, new_submission
from leads.panels import OFFERED


@permitted(Permission.EDIT_JOURNEYS)
@require_http_methods(["GET", "POST"])
def lead_create(request: HttpRequest) -> HttpResponse:
    """Enter an application; who may be here already is shown before it is saved."""
    user = person(request)
    if request.method == "GET":
        initial = {"source": "call", "submission": new_submission()}
        if user.role in {Role.FIRST_TOUCH, Role.MARKETER, Role.SALESPERSON}:
            initial["owner"] = user.username
        form = StaffCaptureForm(actor=user, initial=initial | request.GET.dict())
        return _ask(request, form)
    form = StaffCaptureForm(request.POST, actor=user)
    if not form.is_valid():
        return _ask(request, form, status=422)
    if "anyway" not in request.POST and (found := matching.look_up(form.person())):
        return _ask(request, form, found=found)
    result = capture(actor=user, **form.arguments())
    words = _("“%(who)s” is in the funnel.") if result.created else _("“%(who)s” was saved already.")
    toast(request, words % {"who": result.journey})
    for warning in result.warnings:
        toast(request, warning.detail, level=messages.WARNING)
    if Journey.objects.visible_to(user).filter(pk=result.journey.pk).exists():
        return go(request, reverse("funnel:journey", args=[result.journey.pk]))
    return go(request, reverse("leads:inbox"))


def _ask(
    request: HttpRequest, form: StaffCaptureForm, *, found: list[Candidate] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "found": _with_sight(request, found or []),
        "crumbs": [{"url": reverse("leads:inbox"), "label": _("Inbox")}],
    }
    return render(request, "leads/lead_create.html", context, status=status)


def _with_sight(request: HttpRequest, found: list[Candidate]) -> list[tuple[Candidate, bool]]:
    """Tell of each candidate whether the person may see it."""
    ids = [candidate.journey.pk for candidate in found]
    seen = (
        set(Journey.objects.visible_to(person(request)).filter(pk__in=ids).values_list("pk", flat=True))
        if ids
        else set()
    )
    return [(candidate, candidate.journey.pk in seen) for candidate in found]


@permitted(Permission.EDIT_JOURNEYS)
@require_GET
def duplicates(request: HttpRequest, pk: int) -> HttpResponse:
    """List the journeys that may be about the same application: in the journey's page, or a page of its own."""
    journey = journey_of(request, pk)
    found = matching.look_up(matching.person_of(journey), apart_from=journey.pk)
    context = {
        "journey": journey,
        "found": _with_sight(request, found),
        "may_merge": closed_by(journey, "merge", person(request)) is None,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[journey.pk]), "label": str(journey)},
        ],
    }
    part = "_duplicates" if request.headers.get("HX-Request") == "true" else "duplicates"
    return render(request, f"leads/{part}.html", context)


@signed_in
@require_POST
def application_keep(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Save on the contact's card what the person gave otherwise, unless the card was changed since the page was drawn."""
    journey, user = journey_of(request, pk), person(request)
    application = Application.objects.filter(journey=journey).first()
    value = str(application.answers.get(name) or "") if application and name in OFFERED else ""
    if not value or user.role == Role.PARTNER:
        raise Http404("nothing of that name was given")
    back = next_url(request, reverse("funnel:journey", args=[pk]))
    try:
        saved = editing.save(
            journey=journey, actor=user, name=name, value=value, was=request.POST.get("was", "")
        )
    except ChangedMeanwhile:
        words = _("Nothing was saved. Somebody changed these details meanwhile.")
        toast(request, words, level=messages.ERROR)
    else:
        undo = f"{saved.undo}?{urlencode({'next': back})}" if saved.undo else ""
        toast(request, _("“%(value)s” is saved on the contact.") % {"value": value}, undo=undo)
    return go(request, back)


@signed_in
@require_http_methods(["GET", "POST"])
def first_meeting(request: HttpRequest, pk: int) -> HttpResponse:
    """Record the first meeting; on an application nobody has answered yet it is the first response too."""
    journey = journey_of(request, pk)
    user = person(request)
    if request.method == "GET":
        form = FirstMeetingForm(journey=journey, actor=user)
        first = "respond" if journey.stage == Stage.NEW else "hold_first_meeting"
        return _meet(request, journey, form, WhenForm.fresh(journey), refusal=closed_by(journey, first, user))
    when = WhenForm(request.POST)
    form = FirstMeetingForm(request.POST, journey=journey, actor=user)
    if not when.is_valid():
        if {"expected_seq", "drawn_at"} & when.errors.keys():
            raise BadRequest("expected_seq is not a number")
        form.is_valid()
        return _meet(request, journey, form, when, status=422)
    try:
        events = hold_meeting(
            journey=journey.pk,
            actor=user,
            inputs=form,
            at=when.at(journey),
            expected_seq=when.cleaned_data["expected_seq"],
        )
    except BadInput as bad:
        return _meet(request, journey, bad.form, when, status=422)
    except Refused as refused:
        refusal = next(iter(refused.refusals.values()))
        journey = journey_of(request, pk)
        return _meet(request, journey, form, when, status=409, refusal=refusal)
    toast(request, _("%(who)s: first meeting held.") % {"who": journey}, undo=undo_act_url(events))
    return go(request, next_url(request, reverse("funnel:journey", args=[pk])))


def _meet(
    request: HttpRequest,
    journey: Journey,
    form: Any,
    when: WhenForm,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
) -> HttpResponse:
    back = next_url(request, reverse("funnel:journey", args=[journey.pk]))
    if status == 409:
        # the next attempt is made against what this page shows
        when.data = {**when.data.dict(), "expected_seq": str(journey.seq)}
    context = {
        "journey": journey,
        "label": _("Hold first meeting"),
        "target": Stage.MET.label,
        "form": form,
        "when": when,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[journey.pk]), "label": str(journey)},
        ],
        "back": back,
        "refusal": reason_in_words(refusal) if refusal else "",
        "tried": status == 409,
        "shut": bool(refusal and refusal.reason in {"stage", "role"}),
    }
    return render(request, "funnel/journey_act.html", context, status=status)
