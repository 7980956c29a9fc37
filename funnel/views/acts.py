"""The form of any move or fact of the table, for one journey: a page of its own, or a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from funnel import access, acts, contacts, formats, machine, rates, registry
from funnel.access import Permission
from funnel.acts import ACTS, BadInput, Outcome
from funnel.choices import GRAVE, act_label, act_url, reason_in_words
from funnel.forms import Warn
from funnel.labels import label_of, page_of
from funnel.machine import Refusal, Refused
from funnel.models import Event, Journey, Organisation, User
from funnel.page_forms import WhenForm
from funnel.rates import MissingRate
from funnel.settings_forms import MissingRateForm
from funnel.stages import FACTS, MOVES, Happening
from funnel.timeline import stage_name
from funnel.toasts import toast

from .asking import mark_of, unconfirmed
from .base import go, home_of, journey_of, next_url, person, signed_in, undo_act_url

CONTACTS: Final = frozenset({"respond", Happening.ACTIVITY_LOGGED.value})
"""Acts that log a contact: the form tells of those before."""


@signed_in
@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Take the journey through a move."""
    if name not in MOVES or name not in ACTS or name == "capture":
        raise Http404("no such move")
    return _act(request, pk, name)


@signed_in
@require_http_methods(["GET", "POST"])
def fact(request: HttpRequest, pk: int, event: str) -> HttpResponse:
    """Record a fact, which changes no stage."""
    if event not in FACTS or event not in ACTS:
        raise Http404("no such fact")
    return _act(request, pk, event)


def _act(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    journey = journey_of(request, pk)
    if request.method == "POST":
        return _do(request, journey, name)
    if name in registry.act_pages:
        return go(request, act_url(name, pk)[0])
    form = ACTS[name].form(journey=journey, actor=person(request), initial=_suggested(request))
    return _ask(
        request, journey, name, form, WhenForm.fresh(journey), refusal=_closed(request, journey, name)
    )


def _suggested(request: HttpRequest) -> dict[str, str]:
    """Return what the address fills in beforehand: a link may name the reason or the stage."""
    return {name: value for name, value in request.GET.items() if name != "next"}


def _closed(request: HttpRequest, journey: Journey, name: str) -> Refusal | None:
    """Tell beforehand why the act would be refused, so that nobody fills in a form for nothing."""
    user = person(request)
    if name in MOVES:
        return machine.closed_by(journey, name, user)
    return machine.check_fact(machine.Locked([journey]), name, user).get(journey.pk)


def _do(request: HttpRequest, journey: Journey, name: str) -> HttpResponse:
    user = person(request)
    when = WhenForm(request.POST)
    form = ACTS[name].form(request.POST, request.FILES, journey=journey, actor=user)
    if not when.is_valid():
        if "expected_seq" in when.errors or "drawn_at" in when.errors:
            raise BadRequest("expected_seq is not a number")
        form.is_valid()
        return _ask(request, journey, name, form, when, status=422)
    if form.is_valid() and unconfirmed(request, form.warnings) and not _closed(request, journey, name):
        return _ask(request, journey, name, form, when, status=422, questions=form.warnings)
    act = partial(
        acts.run,
        name=name,
        journeys=[journey.pk],
        actor=user,
        inputs=form,
        at=when.at(journey),
        expected_seq=when.cleaned_data["expected_seq"],
    )
    try:
        outcome = _with_rate(request, act)
    except BadInput as bad:
        return _ask(request, journey, name, bad.form, when, status=422)
    except MissingRate as missing:
        refusal = missing.refusals[journey.pk]
        given = {"refusal": refusal, "questions": form.warnings, "lacks": missing}
        return _ask(request, journey_of(request, journey.pk), name, form, when, status=409, **given)
    except Refused as refused:
        refusal = refused.refusals.get(journey.pk) or next(iter(refused.refusals.values()))
        journey = journey_of(request, journey.pk)
        return _ask(request, journey, name, form, when, status=409, refusal=refusal)
    moved = name not in MOVES or any(event.stage_to for event in outcome.events)
    words = done_in_words(outcome.journeys[0], name) if moved else _("The attempt is logged.")
    if outcome.events:
        toast(request, words, undo=undo_act_url(outcome.events))
    else:
        toast(request, _("Nothing had to be changed."), level=messages.INFO)
    wanted = next_url(request, "")
    own = reverse("funnel:journey", args=[journey.pk])
    # a journey that was handed on may be out of sight now
    return go(request, home_of(request, journey.pk) if wanted in {"", own} else wanted)


def _with_rate(request: HttpRequest, act: Callable[[], Outcome]) -> Outcome:
    """Do the act; where it lacks a rate that was typed beside it by who may set rates, with that: both or neither."""
    user = person(request)
    try:
        return act()
    except MissingRate as missing:
        form = _rate_form(request, missing)
        if form is None or not form.is_valid():
            raise
        with transaction.atomic():
            rates.set_missing(
                currency=missing.currency,
                day=missing.day,
                rate=form.cleaned_data["rate"],
                actor=user,
                at=timezone.now(),
            )
            return act()


def _rate_form(request: HttpRequest, missing: MissingRate) -> MissingRateForm | None:
    """Return the form of the rate that is missing, None for who may not set rates."""
    if not access.may(person(request), Permission.MANAGE_RATES):
        return None
    own = Organisation.current().currency
    return MissingRateForm(request.POST, currency=missing.currency, day=missing.day, own=own)


def _who_sets_rates() -> list[User]:
    roles = access.PERMISSIONS[Permission.MANAGE_RATES]
    return list(User.objects.filter(is_active=True, role__in=roles).order_by("name", "username")[:5])


def done_in_words(journey: Journey, name: str) -> str:
    """Return what a toast says after the act."""
    if name in MOVES:
        return _("%(who)s: now “%(stage)s”.") % {"who": journey, "stage": stage_name(journey.stage)}
    return _("%(what)s: saved.") % {"what": act_label(name)}


def _ask(
    request: HttpRequest,
    journey: Journey,
    name: str,
    form: forms.Form,
    when: WhenForm,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
    questions: Sequence[Warn] = (),
    lacks: MissingRate | None = None,
) -> HttpResponse:
    """Draw the form, with what to confirm and the rate that it `lacks`.

    After a refusal with what was typed, what happened meanwhile, and the journey as it stands.
    """
    if status == 409:
        # the next attempt is made against what this page shows
        when.data = {**when.data.dict(), "expected_seq": str(journey.seq)}
    context: dict[str, Any] = {
        "journey": journey,
        "name": name,
        "label": act_label(name),
        "target": _target(journey, name),
        "form": form,
        "when": when,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[journey.pk]), "label": str(journey)},
        ],
        "back": next_url(request, reverse("funnel:journey", args=[journey.pk])),
        "grave": name in GRAVE,
        "refusal": reason_in_words(refusal) if refusal else "",
        "missing": _missing(refusal, journey),
        "moved_by": _moved_by(journey) if refusal and refusal.reason in {"stage", "stale"} else "",
        "tried": status == 409,
        "questions": questions,
        "questions_mark": mark_of(questions),
        "lacks": refusal.detail if lacks and refusal else "",
        "rate_form": _rate_form(request, lacks) if lacks else None,
        "rate_setters": _who_sets_rates() if lacks else [],
        "shut": bool(refusal and refusal.reason in {"stage", "role"}),
        "tries": contacts.last_tries([journey.pk]).get(journey.pk, ()) if name in CONTACTS else (),
    }
    return render(request, "funnel/journey_act.html", context, status=status)


def _missing(refusal: Refusal | None, journey: Journey) -> list[dict[str, str]]:
    """Return what is missing that has a page of its own, with the address where it is filled in."""
    pages = {label_of(path): page_of(path, journey.pk) for path in (refusal.missing if refusal else ())}
    return [{"label": label, "url": url} for label, url in pages.items() if url]


def _target(journey: Journey, name: str) -> str:
    """Return the stage that the move leads to, in words; "" where it depends on the answers."""
    arc = MOVES[name].arc(journey.stage, journey.kind) if name in MOVES else None
    return stage_name(arc.target) if arc and arc.target and not arc.returns else ""


def _moved_by(journey: Journey) -> str:
    last = (
        Event.objects.live()
        .filter(journey=journey)
        .select_related("actor")
        .order_by("-recorded_at", "-seq")
        .first()
    )
    if last is None:
        return ""
    return _("Last change: %(what)s, by %(who)s, %(when)s.") % {
        "what": last.get_event_display(),
        "who": last.actor or _("the system"),
        "when": formats.day_time(last.occurred_at),
    }
