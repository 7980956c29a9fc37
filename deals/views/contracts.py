"""Contracts: the list, the draft, versions and files, the lawyer, legal issues."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, Q, prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deals import pdf
from deals.domain import contracts
from deals.forms import ContractDraftForm, LawyerForm
from deals.models import Contract, ContractVersion
from deals.panels import status_of
from funnel import access
from funnel.access import Permission
from funnel.machine import Refused
from funnel.models import Journey, Organisation
from funnel.paging import keyset
from funnel.stages import DEAL_STAGES, SALES, Happening, Stage
from funnel.toasts import toast
from funnel.views.base import go, journey_of, permitted, person

from .links import link_of
from .shared import chosen, contract_file_of, crumbs, download, tabs

may_write = permitted(Permission.WRITE_CONTRACTS)

STATES = {
    "open": frozenset({Stage.CONTRACT_REQUESTED, Stage.CONTRACT_SENT}),
    "requested": frozenset({Stage.CONTRACT_REQUESTED}),
    "sent": frozenset({Stage.CONTRACT_SENT}),
    "signed": frozenset({Stage.WON}),
}


@may_write
@require_GET
def contract_list(request: HttpRequest) -> HttpResponse:
    """Show contracts by where they stand."""
    choices = [
        ("open", _("Open")),
        ("requested", _("Being prepared")),
        ("sent", _("With the client")),
        ("signed", _("Signed")),
        ("all", _("All")),
    ]
    state = chosen(request, "state", choices)
    found = Contract.objects.visible_to(person(request)).filter(journey__annulled_at=None)
    if state in STATES:
        found = found.filter(journey__stage__in=STATES[state])
    found = (
        found.select_related("journey__contact", "journey__company", "journey__owner", "lawyer")
        .annotate(
            open_issues=Count("journey__legal_issues", filter=Q(journey__legal_issues__resolved_at=None))
        )
        .prefetch_related(
            Prefetch("versions", ContractVersion.objects.order_by("-number"), to_attr="newest_first")
        )
    )
    context = {
        "tabs": tabs(request, "state", choices, state),
        "page": keyset(found, request.GET),
        "currency": Organisation.current().currency,
    }
    return render(request, "deals/contract_list.html", context)


@may_write
@require_http_methods(["GET", "POST"])
def contract(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit the draft of a journey's contract; show its versions, issues and schedule."""
    journey = journey_of(request, pk)
    if request.method == "GET":
        return _editor(request, journey, None)
    form = ContractDraftForm(request.POST, request.FILES, journey=journey, actor=person(request))
    if not form.is_valid():
        return _editor(request, journey, form, status=422)
    given = form.cleaned_data
    try:
        draft = contracts.save_draft(
            journey_id=journey.pk,
            actor=person(request),
            at=timezone.now(),
            terms=given["terms"],
            amount=given["amount"],
            file=given["file"],
            expected_revision=given["revision"] or 0,
        )
    except Refused as refused:
        words = refused.refusals[journey.pk].detail
        return _editor(request, journey_of(request, pk), form, status=409, refused=words)
    page = reverse("deals:contract", args=[pk])
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
    user = person(request)
    found = (
        Contract.objects.filter(journey=journey)
        .select_related("lawyer", "journey")
        .prefetch_related(
            Prefetch(
                "versions", ContractVersion.objects.select_related("offer", "letter").order_by("-number")
            )
        )
        .first()
    )
    versions = list(found.versions.all()) if found else []
    newest = versions[0] if versions else None
    draft = newest if newest and newest.is_draft else None
    editable = journey.stage in DEAL_STAGES
    starting = request.GET.get("next") == "1" or form is not None
    if form is None:
        form = ContractDraftForm(initial=_initial(newest), journey=journey, actor=user)
    if status == 409 and form.is_bound:
        form.data = {**form.data.dict(), "revision": str(draft.revision if draft else 0)}  # type: ignore[attr-defined]
    organisation = Organisation.current()
    today = timezone.now().astimezone(organisation.zone).date()
    instalments = list(found.instalments.with_paid().order_by("due_on", "position")) if found else []
    context: dict[str, Any] = {
        "journey": journey,
        "crumbs": crumbs(journey, list_name="deals:contract-list", list_label=_("Contracts")),
        "contract": found,
        "versions": versions,
        "newest": newest,
        "draft": draft,
        "writing": editable and (draft is not None or newest is None or starting),
        "editable": editable,
        "sending": request.GET.get("send") == "1",
        "link": link_of(request, found, "contract"),
        **_offered(newest),
        "form": form,
        "refused": refused,
        "number": draft.number if draft else (newest.number + 1 if newest else 1),
        "currency": organisation.currency,
        "issues": list(journey.legal_issues.select_related("raised_by")),
        "may_raise": access.may_record(user, Happening.LEGAL_ISSUE_RAISED),
        "may_send": access.may_move(user, "send_contract", journey.stage),
        "may_sign": access.may_move(user, "sign", journey.stage),
        "lawyer_form": LawyerForm(
            initial={"lawyer": found.lawyer.username if found and found.lawyer else None}
        )
        if user.role in SALES
        else None,
        "instalments": [{"row": row, "status": status_of(row, today)} for row in instalments],
        "sees_money": access.may(user, Permission.SEE_MONEY),
    }
    return render(request, "deals/contract_edit.html", context, status=status)


def _offered(version: ContractVersion | None) -> dict[str, Any]:
    """Return the lines of the proposal that a version of the contract carries: one query where there are any."""
    offer = version.offer if version else None
    if version is None or offer is None:
        return {"lines": []}
    prefetch_related_objects([offer], "lines")
    return {
        "offer": offer,
        "lines": list(offer.lines.all()),
        "sums": offer.sums,
        "differs": version.amount != offer.total,
    }


def _initial(version: ContractVersion | None) -> dict[str, Any]:
    if version is None:
        return {"revision": 0}
    revision = version.revision if version.is_draft else 0
    return {"terms": version.terms, "amount": version.amount, "revision": revision}


@may_write
@require_POST
def contract_lawyer(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the contract to a lawyer, or take it from one."""
    journey = journey_of(request, pk)
    if person(request).role not in SALES:
        raise PermissionDenied
    form = LawyerForm(request.POST)
    if not form.is_valid():
        return _editor(request, journey, None, status=422, refused=" ".join(form.errors["lawyer"]))
    try:
        held = contracts.assign_lawyer(
            journey_id=pk, lawyer=form.cleaned_data["lawyer"], actor=person(request), at=timezone.now()
        )
    except Refused as refused:
        return _editor(request, journey, None, status=409, refused=refused.refusals[pk].detail)
    words = (
        _("The contract goes to %(who)s.") % {"who": held.lawyer}
        if held.lawyer
        else _("The contract has no lawyer any more.")
    )
    toast(request, words)
    return go(request, reverse("deals:contract", args=[pk]))


def _version(request: HttpRequest, pk: int, number: int) -> ContractVersion:
    version = (
        ContractVersion.objects.filter(contract__journey=journey_of(request, pk), number=number)
        .select_related("contract__journey__contact", "contract__journey__company")
        .first()
    )
    if version is None:
        raise Http404("no such version")
    return version


@may_write
@require_GET
def contract_pdf(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Hand out a version as PDF."""
    version = _version(request, pk, number)
    content = pdf.contract(version, organisation=Organisation.current())
    name = _("Contract %(number)s v%(version)s.pdf") % {"number": version.contract_id, "version": number}
    return download(content, name=name, kind="application/pdf", inline=True)


@may_write
@require_GET
def contract_file(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Hand out the file of a version, always as a download."""
    version = _version(request, pk, number)
    if not version.has_file:
        raise Http404("no file")
    return contract_file_of(version)
