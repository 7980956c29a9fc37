"""The page that a client opens by the link of a proposal or contract. Whoever has the link may come in."""

from __future__ import annotations

from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from deals import pdf
from deals.act_forms import AnswerForm
from deals.domain import public
from deals.domain.public import LinkClosed, Version
from deals.models import ContractVersion, ProposalVersion
from funnel import acts
from funnel.acts import BadInput
from funnel.machine import Refused
from funnel.models import Organisation
from funnel.stages import Happening

from .shared import contract_file_of, download


def _version(token: str) -> Version:
    version = public.opened(token, at=timezone.now())
    if version is None:
        raise Http404("no such paper")
    return version


def _closed(request: HttpRequest, closed: LinkClosed) -> HttpResponse:
    context = {"organisation": Organisation.current(), "why": closed.why}
    return render(request, "deals/public_closed.html", context, status=410)


@never_cache
@require_http_methods(["GET", "POST"])
def public_paper(request: HttpRequest, token: str) -> HttpResponse:
    """Show the last version sent, and take the client's answer to it."""
    try:
        version = _version(token)
        if request.method == "POST":
            return _answer(request, token, version)
    except LinkClosed as closed:  # before it was opened, or while the answer was on its way
        return _closed(request, closed)
    if isinstance(version, ProposalVersion) and not request.user.is_authenticated:
        public.log_view(version=version, visitor=_visitor(request), at=timezone.now())
    contact = public.paper_of(version).journey.contact
    return _page(request, version, AnswerForm(initial={"version": version.number, "name": contact.name}))


def _answer(request: HttpRequest, token: str, version: Version) -> HttpResponse:
    given = {**request.POST.dict(), "paper": public.name_of(version)}
    form = AnswerForm(given)
    if not form.is_valid():
        return _page(request, version, form, status=422)
    journey = public.paper_of(version).journey_id
    try:
        acts.run(name=Happening.CLIENT_ANSWERED, journeys=[journey], actor=None, inputs=form)
    except BadInput as bad:
        return _page(request, version, AnswerForm(bad.form.data), status=422)
    except Refused as refused:
        refusal = refused.refusals[journey]
        words = _("This proposal is closed.") if refusal.reason == "stage" else refusal.detail
        fresh = _version(token)
        form = AnswerForm(initial={**form.cleaned_data, "version": fresh.number})
        return _page(request, fresh, form, status=409, refused=words)
    response = redirect("deals:public-proposal", token=token)
    response.status_code = 303
    return response


def _visitor(request: HttpRequest) -> str:
    """Return what tells visitors apart without keeping who they are."""
    who = f"{request.META.get('REMOTE_ADDR', '')}\n{request.headers.get('User-Agent', '')}"
    return salted_hmac("deals.proposal_view", who, algorithm="sha256").hexdigest()


def _page(
    request: HttpRequest, version: Version, form: AnswerForm, *, status: int = 200, refused: str = ""
) -> HttpResponse:
    organisation = Organisation.current()
    paper, name = public.paper_of(version), public.name_of(version)
    offer = version if isinstance(version, ProposalVersion) else version.offer
    prefetch_related_objects([offer] if offer else [], "lines")
    lines = list(offer.lines.all()) if offer else []
    today = timezone.now().astimezone(organisation.zone).date()
    context: dict[str, Any] = {
        "version": version,
        name: paper,
        "token": paper.token,
        "journey": paper.journey,
        "lines": lines,
        "sums": offer.sums if offer else [],
        "organisation": organisation,
        "currency": offer.currency if offer else organisation.currency,
        "form": form,
        "refused": refused,
        "may_answer": public.may_answer(version),
        "over": isinstance(version, ProposalVersion) and version.is_over(today),
    }
    return render(request, f"deals/public_{name}.html", context, status=status)


@never_cache
@require_GET
def public_pdf(request: HttpRequest, token: str, paper: str) -> HttpResponse:
    """Hand out the last version sent as PDF."""
    try:
        version = _version(token)
    except LinkClosed as closed:
        return _closed(request, closed)
    if public.name_of(version) != paper:
        raise Http404("no such paper")
    organisation = Organisation.current()
    if isinstance(version, ProposalVersion):
        content = pdf.proposal(version, organisation=organisation)
        name = _("Proposal %(number)s v%(version)s.pdf")
    else:
        content = pdf.contract(version, organisation=organisation)
        name = _("Contract %(number)s v%(version)s.pdf")
    words = {"number": public.paper_of(version).pk, "version": version.number}
    return download(content, name=name % words, kind="application/pdf", inline=True)


@never_cache
@require_GET
def public_file(request: HttpRequest, token: str) -> HttpResponse:
    """Hand out the file of the contract's last version sent, always as a download."""
    try:
        version = _version(token)
    except LinkClosed as closed:
        return _closed(request, closed)
    if not isinstance(version, ContractVersion) or not version.has_file:
        raise Http404("no file")
    return contract_file_of(version)
