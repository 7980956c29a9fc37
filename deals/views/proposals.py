"""Proposals: the list, the editor, versions side by side, and the paper."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Max, Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deals import pdf
from deals.domain import proposals
from deals.domain.proposals import line_of, totals_of
from deals.forms import ProposalDraftForm, initial_of
from deals.models import Proposal, ProposalVersion
from deals.totals import rows_of
from deals.versions import compare
from funnel import access, currencies
from funnel.access import Permission
from funnel.machine import Refused
from funnel.models import Journey, Organisation
from funnel.paging import keyset
from funnel.stages import DEAL_STAGES, Stage
from funnel.toasts import toast
from funnel.views.base import go, journey_of, permitted, person

from .links import link_of
from .shared import chosen, crumbs, download, tabs

may_write = permitted(Permission.WRITE_PROPOSALS)

STATES = {
    "open": frozenset(DEAL_STAGES),
    "requested": frozenset({Stage.PROPOSAL_REQUESTED}),
    "sent": frozenset({Stage.PROPOSAL_SENT}),
    "objection": frozenset({Stage.OBJECTION}),
}


@may_write
@require_GET
def proposal_list(request: HttpRequest) -> HttpResponse:
    """Show proposals by where they stand."""
    choices = [
        ("open", _("Open deals")),
        ("requested", _("Being prepared")),
        ("sent", _("With the client")),
        ("objection", _("Objections")),
        ("all", _("All")),
    ]
    state = chosen(request, "state", choices)
    found = Proposal.objects.visible_to(person(request)).filter(journey__annulled_at=None)
    if state in STATES:
        found = found.filter(journey__stage__in=STATES[state])
    found = (
        found.select_related("journey__contact", "journey__company", "journey__owner")
        .annotate(seen_at=Max("views__last_at"))
        .prefetch_related(
            Prefetch("versions", ProposalVersion.objects.order_by("-number"), to_attr="newest_first")
        )
    )
    context = {
        "tabs": tabs(request, "state", choices, state),
        "page": keyset(found, request.GET),
        "currency": Organisation.current().currency,
    }
    return render(request, "deals/proposal_list.html", context)


def _proposal(journey: Journey) -> Proposal | None:
    return (
        Proposal.objects.filter(journey=journey)
        .select_related("journey")
        .prefetch_related(
            Prefetch("versions", ProposalVersion.objects.select_related("letter").order_by("-number")),
            "versions__lines",
        )
        .first()
    )


@may_write
@require_http_methods(["GET", "POST"])
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit the draft of a journey's proposal; the last version sent where there is none."""
    journey = journey_of(request, pk)
    if request.method == "GET":
        return _editor(request, journey, None)
    form = ProposalDraftForm(request.POST, journey=journey, actor=person(request))
    if not form.is_valid():
        return _editor(request, journey, form, status=422)
    if request.POST.get("do") == "count":
        return _editor(request, journey, form)
    given = form.cleaned_data
    try:
        draft = proposals.save_draft(
            journey_id=journey.pk,
            actor=person(request),
            at=timezone.now(),
            lines=given["lines"],
            valid_until=given["valid_until"],
            note=given["note"],
            discount=given["discount"] or Decimal(0),
            expected_revision=given["revision"] or 0,
        )
    except Refused as refused:
        words = refused.refusals[journey.pk].detail
        return _editor(request, journey_of(request, pk), form, status=409, refused=words)
    page = reverse("deals:proposal", args=[pk])
    if request.POST.get("do") == "send":
        return go(request, f"{page}?send=1")
    toast(request, _("Version %(number)s is saved as a draft.") % {"number": draft.number})
    return go(request, page)


def _editor(
    request: HttpRequest,
    journey: Journey,
    form: forms.Form | None,
    *,
    status: int = 200,
    refused: str = "",
) -> HttpResponse:
    found = _proposal(journey)
    versions = list(found.versions.all()) if found else []
    newest = versions[0] if versions else None
    editable = journey.stage in DEAL_STAGES
    starting = request.GET.get("next") == "1" or form is not None
    if form is None:
        form = ProposalDraftForm(initial=initial_of(newest), journey=journey, actor=person(request))
    draft = newest if newest and newest.is_draft else None
    if status == 409 and form.is_bound:
        # what was typed stays; the next attempt is made against what this page shows
        form.data = {**form.data.dict(), "revision": str(draft.revision if draft else 0)}  # type: ignore[attr-defined]
    organisation = Organisation.current()
    writing = editable and (draft is not None or newest is None or starting)
    context: dict[str, Any] = {
        "journey": journey,
        "crumbs": crumbs(journey, list_name="deals:proposal-list", list_label=_("Proposals")),
        "proposal": found,
        "versions": versions,
        "newest": newest,
        "draft": draft,
        "writing": writing,
        "editable": editable,
        "sending": request.GET.get("send") == "1",
        "form": form,
        "refused": refused,
        "number": draft.number if draft else (newest.number + 1 if newest else 1),
        "currency": organisation.currency,
        "may_send": access.may_move(person(request), "send_proposal", journey.stage),
        "may_request": access.may_move(person(request), "request_proposal", journey.stage),
        "link": link_of(request, found, "proposal"),
        **_counted(form, newest, organisation, writing=writing),
    }
    return render(request, "deals/proposal_edit.html", context, status=status)


def _counted(
    form: forms.Form, newest: ProposalVersion | None, organisation: Organisation, *, writing: bool
) -> dict[str, Any]:
    """Return lines and totals to show: of what was typed where it holds, else of what is stored."""
    if writing and form.is_bound and not {"lines", "discount"} & form.errors.keys():
        digits = currencies.digits(organisation.currency)
        lines = [line_of(row, digits) for row in form.cleaned_data["lines"]]
        discount = form.cleaned_data["discount"] or Decimal(0)
        totals = totals_of(lines, discount=discount, digits=digits)
        return {"lines": lines, "sums": rows_of(totals, discount, organisation.currency)}
    if newest is None:
        return {"lines": []}
    return {"lines": list(newest.lines.all()), "sums": newest.sums, "currency": newest.currency}


@may_write
@require_POST
def proposal_totals(request: HttpRequest, pk: int) -> HttpResponse:
    """Work out what the lines typed so far come to; nothing is saved."""
    journey = journey_of(request, pk)
    form = ProposalDraftForm(request.POST, journey=journey, actor=person(request))
    form.is_valid()
    faults = [fault for name in ("lines", "discount") for fault in form.errors.get(name, ())]
    context: dict[str, Any] = {"currency": Organisation.current().currency, "faults": faults}
    if not faults:
        context |= _counted(form, None, Organisation.current(), writing=True)
    return render(request, "deals/_totals.html", context)


@may_write
@require_GET
def proposal_compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Show two versions side by side: by default the last two."""
    journey = journey_of(request, pk)
    found = _proposal(journey)
    versions = list(found.versions.all()) if found else []
    if len(versions) < 2:
        raise Http404("there is nothing to compare")
    by_number = {version.number: version for version in versions}

    def of(name: str, default: ProposalVersion) -> ProposalVersion:
        given = request.GET.get(name, "")
        return (
            by_number.get(int(given), default)
            if given.isascii() and given.isdigit() and len(given) < 6
            else default
        )

    old, new = of("a", versions[1]), of("b", versions[0])
    context = {
        "journey": journey,
        "crumbs": [
            *crumbs(journey, list_name="deals:proposal-list", list_label=_("Proposals")),
            {"url": reverse("deals:proposal", args=[pk]), "label": _("Proposal")},
        ],
        "versions": versions,
        "old": old,
        "new": new,
        "rows": compare(old, new),
        "difference": new.total - old.total,
        "currency": new.currency,
    }
    return render(request, "deals/proposal_compare.html", context)


@may_write
@require_GET
def proposal_pdf(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Hand out a version as PDF."""
    journey = journey_of(request, pk)
    version = (
        ProposalVersion.objects.filter(proposal__journey=journey, number=number)
        .select_related("proposal__journey__contact", "proposal__journey__company")
        .prefetch_related("lines")
        .first()
    )
    if version is None:
        raise Http404("no such version")
    content = pdf.proposal(version, organisation=Organisation.current())
    name = _("Proposal %(number)s v%(version)s.pdf") % {"number": version.proposal_id, "version": number}
    return download(content, name=name, kind="application/pdf", inline=True)
