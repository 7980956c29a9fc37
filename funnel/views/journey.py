"""The page of one journey, and the composer on it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from funnel import access, composer, journey_page, letters, mentions
from funnel.acts import BadInput
from funnel.chronicle import Chronicle, chronicle
from funnel.composer import ComposerForm, Written
from funnel.machine import Refused
from funnel.models import Journey, Organisation
from funnel.page_forms import WhenForm
from funnel.past import past_of
from funnel.stages import Happening, Stage
from funnel.story import with_story
from funnel.toasts import toast

from . import todo_regions
from .acts import done_in_words
from .base import go, is_fragment, is_outsider, journey_of, permitted, person, signed_in, undo_act_url


@signed_in
@require_GET
def journey(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one journey: path, next step, what happened, what is open and what is not; or its timeline alone."""
    shown = _with_story(request, pk)
    if is_fragment(request) and request.headers.get("HX-Target", "") in {"history", "older"}:
        return _timeline(request, shown)
    return show(request, shown)


def _with_story(request: HttpRequest, pk: int) -> Journey:
    """Return the journey with its parties and what its timeline needs of it, where it may be seen. Raises Http404."""
    user = person(request)
    found = Journey.objects.visible_to(user).with_parties().with_attempts().with_meetings().filter(pk=pk)
    shown = with_story(found, user, request.GET).first()
    if shown is None:
        raise Http404("no such journey")
    return shown


def _timeline(request: HttpRequest, shown: Journey) -> HttpResponse:
    told = chronicle(shown, person(request), request.GET)
    template = "funnel/_history.html" if request.headers["HX-Target"] == "history" else "funnel/_older.html"
    return render(request, template, {"journey": shown, "told": told})


def show(
    request: HttpRequest,
    shown: Journey,
    *,
    form: ComposerForm | None = None,
    when: WhenForm | None = None,
    status: int = 200,
    refused: str = "",
) -> HttpResponse:
    """Draw the whole page, with what was typed and why it was refused."""
    if "story_files" not in shown.__dict__:
        shown = _with_story(request, shown.pk)
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    with Organisation.held(organisation):
        context = _context(request, shown, organisation, form, when)
        return render(request, "funnel/journey.html", {**context, "refused": refused}, status=status)


def _context(
    request: HttpRequest,
    shown: Journey,
    organisation: Organisation,
    form: ComposerForm | None,
    when: WhenForm | None,
) -> dict[str, Any]:
    user, now = person(request), timezone.now()
    past = past_of(shown)
    found = journey_page.choices(shown, user, past)
    outsider = is_outsider(user)
    told: Chronicle = chronicle(shown, user, request.GET)
    context: dict[str, Any] = {
        "journey": shown,
        "crumbs": [{"url": reverse("funnel:journey-list"), "label": _("Journeys")}],
        "steps": journey_page.path(shown, past, now),
        "next": None if outsider else journey_page.next_step(shown, found, user, organisation, now),
        "choices": found,
        "needs": None if outsider else journey_page.needs(shown, found, user),
        "details": journey_page.details(shown, user, organisation),
        "relatives": {} if outsider else journey_page.relatives(shown, user),
        "told": told,
        "outsider": outsider,
        "may_edit": access.may_edit(user, shown),
        "sees_money": access.may(user, access.Permission.SEE_MONEY),
        "currency": organisation.currency,
    }
    if not outsider:
        context |= todo_regions.steps_of(user, shown)
    if composer.may_write(shown, user):
        context |= {
            "composer": form or _fresh(shown),
            "when": when or WhenForm.fresh(shown),
            "kinds": composer.kinds(),
            "may_answer": composer.may_answer(shown, user),
            "undo_seconds": letters.UNDO_SECONDS,
        }
    if not outsider:
        context["panels"] = [
            render_to_string(template, {"journey": shown, **extra}, request)
            for template, extra in journey_page.panels(shown, user)
        ]
    return context


def _fresh(shown: Journey) -> ComposerForm:
    has_address = bool(shown.contact.email)
    initial = {
        "kind": composer.NOTE,
        "direction": "outbound",
        "way": composer.Way.SEND if has_address else composer.Way.OUTBOUND,
        "answers": True,
    }
    return ComposerForm(initial=initial, journey=shown)


@signed_in
@require_POST
def compose(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note, log what was said, or send a letter; what was typed survives a refusal."""
    shown = journey_of(request, pk)
    form, when = ComposerForm(request.POST, request.FILES, journey=shown), WhenForm(request.POST)
    if not (form.is_valid() and when.is_valid()):
        return show(request, shown, form=form, when=when, status=422)
    try:
        written = composer.save(form, actor=person(request), at=when.at(shown))
    except Refused as refused:
        words = journey_page.reason_in_words(refused.refusals[pk])
        return show(request, journey_of(request, pk), form=form, when=when, status=409, refused=words)
    except BadInput as bad:
        words = " ".join(fault for faults in bad.form.errors.values() for fault in faults)
        return show(request, shown, form=form, when=when, status=422, refused=words)
    except ValidationError as fault:
        return show(request, shown, form=form, when=when, status=422, refused=" ".join(fault.messages))
    toast(request, _done(written), undo=undo_act_url(written.outcome.events))
    return go(request, reverse("funnel:journey", args=[pk]))


def _done(written: Written) -> str:
    if written.letter:
        return _("The letter goes out in %(seconds)s seconds.") % {"seconds": letters.UNDO_SECONDS}
    if written.name == Happening.NOTE_LOGGED:
        return _("The note is saved.")
    if written.name == "respond" and written.outcome.journeys[0].stage != Stage.NEW:
        return done_in_words(written.outcome.journeys[0], written.name)
    return _("It is logged.")


@permitted(access.Permission.SEE_WORKSPACE)
@require_GET
def mention(request: HttpRequest) -> HttpResponse:
    """Offer the colleagues whose names begin as the query says, for the composer's @."""
    people = mentions.suggested(request.GET.get("q", ""), to=person(request))
    return render(request, "funnel/_mentions.html", {"people": people})


@signed_in
@require_GET
def subject(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the subject with which a letter goes on with the last one, as plain text."""
    shown = journey_of(request, pk)
    if is_outsider(person(request)):
        raise Http404("not for partners")
    return HttpResponse(letters.suggested_subject(shown), content_type="text/plain; charset=utf-8")
