"""The brief of one journey: work on the draft, decide, fill it and move on."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from briefs import domain, queries
from briefs.links import link_url
from briefs.models import BriefVersion, Verdict
from briefs.page_forms import DraftForm
from briefs.queries import Sheet
from funnel import access, acts
from funnel.access import Permission
from funnel.labels import label_of
from funnel.machine import Refusal, Refused, closed_by
from funnel.models import Journey
from funnel.toasts import toast
from funnel.views.base import go, is_fragment, is_outsider, journey_of, person, signed_in, undo_act_url
from partners import algorithm


def _journey(request: HttpRequest, pk: int) -> Journey:
    if is_outsider(person(request)):
        raise Http404("the brief is ours")
    return journey_of(request, pk)


@signed_in
@require_http_methods(["GET", "POST"])
def brief_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the brief of a journey; save its draft, or fill it, as the button says."""
    journey = _journey(request, pk)
    if request.method == "GET":
        sheet = queries.sheet_of(journey)
        return _page(request, sheet, DraftForm(sheet))
    if not access.may(person(request), Permission.FILL_BRIEFS):
        raise PermissionDenied
    return _save(request, journey)


def _save(request: HttpRequest, journey: Journey) -> HttpResponse:
    """Keep what can be kept of the draft, say what cannot; then fill the brief where that was asked."""
    sheet = queries.sheet_of(journey)
    form = DraftForm(sheet, request.POST)
    valid = form.is_valid()
    if "revision" in form.errors:
        raise BadRequest("revision is not a number")
    seen = request.POST.get("seen", "")
    try:
        saved = domain.save_draft(
            journey=journey.pk,
            actor=person(request),
            at=timezone.now(),
            answers=form.good_answers(),
            verdict=form.cleaned_data.get("verdict"),
            comment=form.cleaned_data.get("comment"),
            revision=int(seen) if seen.isascii() and seen.isdigit() else form.cleaned_data["revision"],
        )
    except domain.Stale as stale:
        return _answer(request, stale.sheet, form, status=409, differing=_differing(stale.sheet, form))
    except Refused as refused:
        return _answer(request, sheet, form, status=409, refusal=refused.refusals[journey.pk])
    if not valid:
        return _answer(request, saved, _again(saved, request), status=422)
    if request.POST.get("act") == "fill":
        return _fill(request, saved)
    if is_fragment(request):
        return _answer(request, saved, form)
    toast(request, _("The draft is saved."))
    return go(request, request.path)


def _again(sheet: Sheet, request: HttpRequest) -> DraftForm:
    """Return the form as it was sent, against what stands now."""
    data = request.POST.copy()
    data["revision"] = str(sheet.revision)
    form = DraftForm(sheet, data)
    form.is_valid()
    return form


def _fill(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    journey = sheet.journey
    try:
        outcome = acts.run(name="fill_brief", journeys=[journey.pk], actor=person(request), inputs={})
    except Refused as refused:
        form = _again(sheet, request)
        form.mark_missing(sheet.missing())
        return _answer(request, sheet, form, status=409, refusal=refused.refusals[journey.pk])
    toast(
        request,
        _("%(who)s: the brief is filled. %(verdict)s.")
        % {"who": journey, "verdict": Verdict(sheet.verdict).label},
        undo=undo_act_url(outcome.events),
    )
    return go(request, reverse("funnel:journey", args=[journey.pk]))


def _differing(sheet: Sheet, form: DraftForm) -> list[dict[str, Any]]:
    """Return each thing that stands otherwise than in the form: what it is, theirs, ours."""
    mine = form.good_answers()
    rows: list[dict[str, Any]] = [
        {
            "label": str(row.question),
            "theirs": row.shown,
            "mine": queries.Row(row.question, mine[row.question.key]).shown,
        }
        for row in sheet.rows
        if row.question.key in mine and mine[row.question.key] != row.answer
    ]
    verdict, comment = form.cleaned_data.get("verdict", ""), form.cleaned_data.get("comment", "")
    if verdict != sheet.verdict:
        labels = dict(Verdict.choices)
        rows.append(
            {
                "label": form["verdict"].label,
                "theirs": labels.get(sheet.verdict, ""),
                "mine": labels.get(verdict, ""),
            }
        )
    if comment != sheet.comment:
        rows.append({"label": form["comment"].label, "theirs": sheet.comment, "mine": comment})
    return rows


def _answer(
    request: HttpRequest,
    sheet: Sheet,
    form: DraftForm,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
    differing: list[dict[str, Any]] | None = None,
) -> HttpResponse:
    """Answer an autosave with the state of the draft alone, anything else with the page."""
    context = {
        "sheet": sheet,
        "form": form,
        "differing": differing or [],
        "stale": differing is not None,
        "refusal": _in_words(refusal),
        "missing": [label_of(path) for path in refusal.missing] if refusal else [],
        "still": _still(sheet),
        "autosave": True,
    }
    if is_fragment(request):
        return render(request, "briefs/_state.html", context, status=status)
    return _page(request, sheet, form, context, status=status)


def _still(sheet: Sheet) -> list[dict[str, str]]:
    """Return what a complete brief still lacks, each with the place to give it."""
    lacking = [{"label": str(sheet.questions[key]), "target": f"id_answers-{key}"} for key in sheet.missing()]
    if not sheet.verdict:
        lacking.append({"label": _("Can we solve it?"), "target": "id_verdict"})
    return lacking


def _in_words(refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    if refusal.reason == "data" and refusal.missing:
        return _("The draft is saved, but the brief is not complete yet.")
    return refusal.detail


def _page(
    request: HttpRequest,
    sheet: Sheet,
    form: DraftForm,
    state: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    journey, user = sheet.journey, person(request)
    may_fill = access.may(user, Permission.FILL_BRIEFS)
    now = timezone.now()
    versions = list(
        BriefVersion.objects.filter(brief__journey=journey, withdrawn_at=None).select_related("filled_by")
    )
    shut = closed_by(journey, "fill_brief", user)
    brief = sheet.brief
    link = brief is not None and queries.link_is_open(brief, at=now)
    context = {
        "journey": journey,
        "sheet": sheet,
        "form": form,
        "writes": may_fill and sheet.editable,
        "fills": shut is None,
        "shut": shut.detail if shut and may_fill and sheet.editable else "",
        "still": _still(sheet),
        "versions": versions,
        "candidates": algorithm.propose([journey], at=now)[journey.pk][:3]
        if may_fill and sheet.editable
        else [],
        "link": link_url(brief) if brief and link else "",
        "link_until": brief.link_expires_at if brief and link else None,
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[journey.pk]), "label": str(journey)},
        ],
        **(state or {}),
    }
    return render(request, "briefs/brief_edit.html", context, status=status)


@signed_in
@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the brief to the client by a new link, or close the link."""
    journey = _journey(request, pk)
    if not access.may(person(request), Permission.FILL_BRIEFS):
        raise PermissionDenied
    if request.POST.get("act") == "close":
        domain.close_link(journey=journey.pk)
        toast(request, _("The link is closed: it leads nowhere now."))
    else:
        try:
            domain.open_link(journey=journey.pk, actor=person(request), at=timezone.now())
        except Refused as refused:
            toast(request, refused.refusals[journey.pk].detail, level=messages.ERROR)
        else:
            toast(request, _("The link is open. Send it to the client."))
    return go(request, reverse("briefs:brief-edit", args=[journey.pk]))


@signed_in
@require_GET
def version(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """Show the brief as it was when it was filled."""
    journey = _journey(request, pk)
    found = get_object_or_404(
        BriefVersion.objects.select_related("filled_by"), brief__journey=journey, version=version
    )
    context = {
        "journey": journey,
        "version": found,
        "rows": queries.shown_rows(found),
        "crumbs": [
            {"url": reverse("funnel:journey-list"), "label": _("Journeys")},
            {"url": reverse("funnel:journey", args=[journey.pk]), "label": str(journey)},
            {"url": reverse("briefs:brief-edit", args=[journey.pk]), "label": _("Brief")},
        ],
    }
    return render(request, "briefs/brief_version.html", context)
