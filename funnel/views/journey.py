"""The page of one journey, and the composer on it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from funnel import access, acts, journey_page, timeline
from funnel.acts import BadInput
from funnel.machine import Refused
from funnel.models import Journey
from funnel.page_forms import ComposerForm, WhenForm
from funnel.stages import Happening
from funnel.toasts import toast

from . import todo_regions
from .base import go, is_outsider, journey_of, person, signed_in, undo_act_url


@signed_in
@require_GET
def journey(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one journey: path, next step, what happened, what is open and what is not."""
    return _show(request, journey_of(request, pk))


def _show(
    request: HttpRequest,
    shown: Journey,
    *,
    composer: ComposerForm | None = None,
    when: WhenForm | None = None,
    status: int = 200,
    refused: str = "",
) -> HttpResponse:
    user, now = person(request), timezone.now()
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    happened = timeline.history(shown, whole="all" in request.GET)
    if not happened.more:
        shown.happened = frozenset(event.event for event in happened.live)
    found = journey_page.choices(shown, user, happened)
    outsider = is_outsider(user)
    context: dict[str, Any] = {
        "journey": shown,
        "crumbs": [{"url": reverse("funnel:journey-list"), "label": _("Journeys")}],
        "steps": journey_page.path(shown, happened, now),
        "next": None if outsider else journey_page.next_step(shown, found, user, organisation, now),
        "choices": found,
        "needs": None if outsider else journey_page.needs(shown, found),
        "details": journey_page.details(shown, user, organisation),
        "relatives": {} if outsider else journey_page.relatives(shown, user),
        "items": timeline.items(shown, happened, user),
        "more": happened.more,
        "outsider": outsider,
        "may_edit": access.may_edit(user, shown),
        "sees_money": access.may(user, access.Permission.SEE_MONEY),
        "currency": organisation.currency,
        "refused": refused,
    }
    if not outsider:
        context |= todo_regions.steps_of(user, shown)
    if (
        access.may_record(user, Happening.NOTE_LOGGED)
        and shown.stage in acts.FACTS[Happening.NOTE_LOGGED].sources
    ):
        context["composer"] = composer or ComposerForm(initial={"direction": "outbound"})
        context["when"] = when or WhenForm.fresh(shown)
    if not outsider:
        context["panels"] = [
            render_to_string(template, {"journey": shown, **extra}, request)
            for template, extra in journey_page.panels(shown, user)
        ]
    return render(request, "funnel/journey.html", context, status=status)


@signed_in
@require_POST
def compose(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note, or log what was said; what was typed survives a refusal."""
    shown = journey_of(request, pk)
    composer, when = ComposerForm(request.POST), WhenForm(request.POST)
    if not (composer.is_valid() and when.is_valid()):
        return _show(request, shown, composer=composer, when=when, status=422)
    name, inputs = composer.act()
    try:
        outcome = acts.run(name=name, journeys=[pk], actor=person(request), inputs=inputs, at=when.at(shown))
    except Refused as refused:
        words = journey_page.reason_in_words(refused.refusals[pk])
        return _show(request, shown, composer=composer, when=when, status=409, refused=words)
    except BadInput as bad:
        words = " ".join(fault for faults in bad.form.errors.values() for fault in faults)
        return _show(request, shown, composer=composer, when=when, status=422, refused=words)
    words = _("The note is saved.") if name == Happening.NOTE_LOGGED else _("It is logged.")
    toast(request, words, undo=undo_act_url(outcome.events))
    return go(request, reverse("funnel:journey", args=[pk]))
