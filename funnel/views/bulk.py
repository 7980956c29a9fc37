"""One act for many rows of a list: asked for first, done at once or by a worker, its refusals told row by row."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from funnel import acts
from funnel.acts import ACTS, BadInput, NotInBulk
from funnel.choices import act_label, reason_in_words
from funnel.lists import jobs
from funnel.lists.bulk import AT_ONCE, BulkForm
from funnel.machine import Refused
from funnel.models import BulkJob, Journey
from funnel.page_forms import PICKER, WhenForm
from funnel.toasts import toast

from .base import go, is_fragment, next_url, person, signed_in, undo_act_url

NAMED: Final = 20
"""So many of the chosen journeys are named before anything is done to them."""


@signed_in
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Do one act with each of the chosen journeys: ask for its inputs first, then report what was refused and why."""
    user = person(request)
    chosen = BulkForm(request.POST, user=user)
    if not chosen.is_valid():
        faults = " ".join(str(fault) for faults in chosen.errors.values() for fault in faults)
        return render(request, "funnel/journey_bulk_fault.html", {"fault": faults}, status=400)
    name, keys = chosen.cleaned_data["act"], chosen.cleaned_data["journeys"]
    if not chosen.matching:
        keys = list(Journey.objects.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True))
    if not keys:
        raise BadRequest("none of these journeys is visible")
    given = "confirmed" in request.POST
    form = ACTS[name].form(request.POST if given else None, journey=None, actor=user)
    when = WhenForm(request.POST) if given else WhenForm(initial=_now())
    if given and when.is_valid():
        if len(keys) > AT_ONCE:
            if form.is_valid():
                return _hand_over(request, name, keys, when)
        else:
            try:
                return _do(request, name, keys, form, when)
            except BadInput:
                pass
            except NotInBulk:
                raise BadRequest("one journey at a time") from None
    context = {
        "act": name,
        "label": act_label(name),
        "form": form,
        "when": when,
        "count": len(keys),
        "keys": [] if chosen.matching else keys,
        "query": request.POST.get("query", "") if chosen.matching else "",
        "matching": chosen.matching,
        "named": _named(keys[-NAMED:]),
        "more": max(0, len(keys) - NAMED),
        "by_worker": len(keys) > AT_ONCE,
        "back": next_url(request, reverse("funnel:journey-list")),
    }
    return render(request, "funnel/journey_bulk.html", context, status=422 if given else 200)


def _named(keys: list[int]) -> list[Journey]:
    found = Journey.objects.filter(pk__in=keys).select_related("contact", "company")
    return list(found.order_by("-created_at", "-pk"))


def _now() -> dict[str, str]:
    now = timezone.localtime().strftime(PICKER)
    return {"occurred_at": now, "drawn_at": now}


def _at(request: HttpRequest, when: WhenForm) -> Any:
    """Return when the act happened, None for now: the picker as it was drawn means now."""
    untouched = request.POST.get("occurred_at") == request.POST.get("drawn_at")
    return None if untouched else when.cleaned_data.get("occurred_at")


def _do(request: HttpRequest, name: str, keys: list[int], form: Any, when: WhenForm) -> HttpResponse:
    """Do the act and tell what became of each journey."""
    try:
        outcome = acts.run(
            name=name, journeys=keys, actor=person(request), inputs=form, at=_at(request, when), mode="each"
        )
        done, refusals, events = outcome.journeys, outcome.refusals, outcome.events
    except Refused as refused:
        done, refusals, events = [], refused.refusals, []
    back = next_url(request, reverse("funnel:journey-list"))
    if done and not refusals:
        words = ngettext("“%(act)s”: %(n)s journey.", "“%(act)s”: %(n)s journeys.", len(done))
        undo = f"{undo_act_url(events)}?{urlencode({'next': back})}" if events else ""
        toast(request, words % {"act": act_label(name), "n": len(done)}, undo=undo)
        return go(request, back)
    context = {
        "label": act_label(name),
        "done": len(done),
        "undo": undo_act_url(events),
        "back": back,
        "refused": refused_rows({pk: reason_in_words(refusal) for pk, refusal in refusals.items()}),
    }
    return render(request, "funnel/journey_bulk_report.html", context, status=200 if done else 409)


def refused_rows(why: dict[int, str]) -> list[dict[str, Any]]:
    """Return the journeys that refused, with why: one query."""
    found = Journey.objects.filter(pk__in=why).select_related("contact", "company").order_by("pk")
    return [{"journey": journey, "why": why[journey.pk]} for journey in found]


# more than a page can wait for ---------------------------------------------------------------------------------------


def _hand_over(request: HttpRequest, name: str, keys: list[int], when: WhenForm) -> HttpResponse:
    given = request.POST.copy()
    for own in ("csrfmiddlewaretoken", "journeys", "act", "next", "confirmed", "query", "matching"):
        given.pop(own, None)
    job = jobs.start(
        act=name,
        journeys=keys,
        inputs=given.urlencode(),
        actor=person(request),
        at=_at(request, when),
        back=next_url(request, reverse("funnel:journey-list")),
    )
    return go(request, reverse("funnel:bulk-job", args=[job.pk]))


def _job_of(request: HttpRequest, pk: int) -> BulkJob:
    """Return a job of one's own; leaders see everybody's."""
    user = person(request)
    jobs_seen = BulkJob.objects.select_related("created_by")
    if not user.leads_everyone:
        jobs_seen = jobs_seen.filter(created_by=user)
    job = jobs_seen.filter(pk=pk).first()
    if job is None:
        raise Http404("no such job")
    return job


@signed_in
@require_GET
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far an act on many journeys is, and in the end what was refused; htmx asks for it every second."""
    found = _job_of(request, pk)
    told = {} if found.is_busy else dict(list(found.refused.items())[:200])
    context = {
        "job": found,
        "label": act_label(found.act),
        "refused": refused_rows({int(pk): why for pk, why in told.items()}),
        "refused_number": len(found.refused),
        "back": found.back or reverse("funnel:journey-list"),
        "crumbs": [{"url": reverse("funnel:journey-list"), "label": _("Journeys")}],
    }
    template = "funnel/bulk_job.html#state" if is_fragment(request) else "funnel/bulk_job.html"
    return render(request, template, context)


@signed_in
@require_POST
def job_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop after the portion under way."""
    found = _job_of(request, pk)
    if not jobs.stop(job=found):
        toast(request, _("It had ended already."), level=messages.INFO)
    return go(request, reverse("funnel:bulk-job", args=[pk]))


@signed_in
@require_POST
def job_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo what was done, as long as nothing rests on it."""
    found = _job_of(request, pk)
    if not jobs.take_back(job=found):
        toast(request, _("There is nothing to undo."), level=messages.INFO)
    return go(request, reverse("funnel:bulk-job", args=[pk]))
