"""The page that a client opens by the link of a proposal. Whoever has the link may come in."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from deals import pdf
from deals.domain import public
from deals.domain.public import CannotAnswer
from deals.forms import AnswerForm
from deals.models import Proposal, ProposalVersion
from deals.totals import sum_up
from funnel.models import Organisation

from .shared import download


def _version(token: str) -> ProposalVersion:
    version = public.standing(token)
    if version is None:
        raise Http404("no such proposal")
    return version


@never_cache
@require_http_methods(["GET", "POST"])
def public_proposal(request: HttpRequest, token: str) -> HttpResponse:
    """Show the last version sent, and take the client's answer to it."""
    version = _version(token)
    form, status, refused = AnswerForm(initial={"version": version.number}), 200, ""
    if request.method == "POST":
        form = AnswerForm(request.POST)
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                if given["version"] != version.number:
                    raise CannotAnswer(
                        _("A newer version of this proposal has been sent; please look at it first.")
                    )
                public.answer(version=version, answer=given["answer"], text=given["text"], at=timezone.now())
            except CannotAnswer as reason:
                refused, status = str(reason), 409
                form = AnswerForm(initial={**given, "version": version.number})
            else:
                response = redirect("deals:public-proposal", token=token)
                response.status_code = 303
                return response
    elif not request.user.is_authenticated:
        public.log_view(version=version, visitor=_visitor(request), at=timezone.now())
    return _page(request, version, form, status=status, refused=refused)


def _visitor(request: HttpRequest) -> str:
    """Return what tells visitors apart without keeping who they are."""
    who = f"{request.META.get('REMOTE_ADDR', '')}\n{request.headers.get('User-Agent', '')}"
    return salted_hmac("deals.proposal_view", who, algorithm="sha256").hexdigest()


def _page(
    request: HttpRequest, version: ProposalVersion, form: AnswerForm, *, status: int, refused: str
) -> HttpResponse:
    organisation = Organisation.current()
    today = timezone.now().astimezone(organisation.zone).date()
    lines = list(version.lines.all())
    proposal = version.proposal
    context = {
        "version": version,
        "proposal": proposal,
        "journey": proposal.journey,
        "lines": lines,
        "totals": sum_up(line.totals for line in lines),
        "organisation": organisation,
        "currency": organisation.currency,
        "form": form,
        "refused": refused,
        "answers": Proposal.Answer.choices,
        "answered": proposal.answer if proposal.answered_version == version.number else "",
        "may_answer": public.may_answer(version),
        "over": bool(version.valid_until and version.valid_until < today),
    }
    return render(request, "deals/public_proposal.html", context, status=status)


@never_cache
@require_GET
def public_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Hand out the last version sent as PDF."""
    version = _version(token)
    content = pdf.proposal(version, organisation=Organisation.current())
    name = _("Proposal %(number)s v%(version)s.pdf") % {
        "number": version.proposal_id,
        "version": version.number,
    }
    return download(content, name=name, kind="application/pdf", inline=True)
