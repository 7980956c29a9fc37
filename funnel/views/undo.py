"""Undo of an act, and the annulment of a single event. The ledger keeps both the event and its annulment."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from funnel.annulment import CannotAnnul, annul, last_act
from funnel.models import Event, Journey
from funnel.page_forms import AnnulForm
from funnel.stages import Happening
from funnel.toasts import toast

from .base import go, home_of, journey_of, next_url, person, signed_in


@signed_in
@require_POST
def undo_last(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo the journey's latest act."""
    journey = journey_of(request, pk)
    events = last_act(journey)
    if not events:
        toast(request, _("There is nothing to undo."), level=messages.INFO)
        return go(request, next_url(request, reverse("funnel:journey", args=[pk])))
    return _undo(request, events, next_url(request, ""))


@signed_in
@require_POST
def undo_act(request: HttpRequest, act: uuid.UUID) -> HttpResponse:
    """Undo everything that one act wrote, on however many journeys, as long as nothing rests on it."""
    # one's own acts stay one's own to undo, though the journey may have gone to others with them
    told = Event.objects.filter(
        Q(journey__in=Journey.objects.visible_to(person(request))) | Q(actor=person(request)), act=act
    )
    events = list(told.live().exclude(event=Happening.LEAD_CREATED).order_by("pk"))
    if not events:
        if not told.exists():
            raise Http404("no such act")
        toast(request, _("It is undone already."), level=messages.INFO)
        return go(request, next_url(request, reverse("funnel:journey-list")))
    return _undo(request, events, next_url(request, ""))


def _undo(request: HttpRequest, events: list[Event], back: str) -> HttpResponse:
    try:
        annul(events=[event.pk for event in events], actor=person(request), at=timezone.now())
    except CannotAnnul as reason:
        toast(request, _("Not undone: %(why)s") % {"why": reason}, level=messages.ERROR)
        return go(request, back or _place(request, events))
    count = len({event.journey_id for event in events})
    if count == 1:
        words = _("Undone: %(what)s.") % {"what": ", ".join(str(event) for event in events)}
    else:
        words = ngettext("Undone on %(n)s journey.", "Undone on %(n)s journeys.", count) % {"n": count}
    toast(request, words)
    return go(request, back or _place(request, events))


def _place(request: HttpRequest, events: list[Event]) -> str:
    journeys = {event.journey_id for event in events}
    return home_of(request, journeys.pop()) if len(journeys) == 1 else reverse("funnel:journey-list")


@signed_in
@require_http_methods(["GET", "POST"])
def annul_event(request: HttpRequest, pk: int, event: int) -> HttpResponse:
    """Annul an event with whatever the same act wrote; an application with everything on its journey."""
    journey = journey_of(request, pk)
    chosen = Event.objects.filter(journey=journey, pk=event).first()
    if chosen is None or chosen.event == Happening.ANNULLED:
        raise Http404("no such event")
    together = _together(chosen)
    form = AnnulForm(request.POST or None)
    refused, status = "", 200
    if not together:
        refused, status = _("This event is annulled already."), 409
    elif request.method == "POST":
        if form.is_valid():
            try:
                annul(
                    events=[one.pk for one in together],
                    actor=person(request),
                    at=timezone.now(),
                    comment=form.cleaned_data["comment"],
                )
            except CannotAnnul as reason:
                refused, status = str(reason), 409
            else:
                toast(request, _("Annulled: %(what)s.") % {"what": chosen})
                gone = chosen.event == Happening.LEAD_CREATED
                back = reverse("funnel:journey-list") if gone else reverse("funnel:journey", args=[pk])
                return go(request, back)
        else:
            status = 422
    context = {
        "journey": journey,
        "event": chosen,
        "together": together,
        "everything": chosen.event == Happening.LEAD_CREATED,
        "form": form,
        "refused": refused,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[pk]), "label": str(journey)},
        ],
        "back": reverse("funnel:journey", args=[pk]),
    }
    return render(request, "funnel/event_annul.html", context, status=status)


def _together(event: Event) -> list[Event]:
    """Return the live events that go with this one."""
    live = Event.objects.live().filter(journey=event.journey_id).order_by("seq")
    if event.event != Happening.LEAD_CREATED:
        live = live.filter(act=event.act)
    events = list(live)
    return events if any(one.pk == event.pk for one in events) else []
