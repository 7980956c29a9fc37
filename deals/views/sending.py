"""The dialog that sends a proposal or contract: by a letter with the link, or handed over by hand."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from deals.act_forms import DeliveryForm, SendContractForm, SendProposalForm
from deals.domain.delivery import Delivery, link_to, proposed
from deals.models import Contract, LegalIssue, Proposal
from funnel import acts, machine
from funnel.acts import BadInput
from funnel.choices import reason_in_words
from funnel.invitations import mail_leaves
from funnel.machine import Refusal, Refused
from funnel.models import Journey, Organisation
from funnel.page_forms import WhenForm
from funnel.stages import SALES
from funnel.toasts import toast
from funnel.views.base import go, journey_of, person, signed_in, undo_act_url

from .shared import crumbs

FORMS: dict[str, type[DeliveryForm]] = {"proposal": SendProposalForm, "contract": SendContractForm}
MODELS: dict[str, Any] = {"proposal": Proposal, "contract": Contract}


@signed_in
@require_http_methods(["GET", "POST"])
def send(request: HttpRequest, pk: int, paper: str) -> HttpResponse:
    """Send the draft as it was saved last: the page before has just saved it."""
    journey = journey_of(request, pk)
    user, move = person(request), f"send_{paper}"
    if user.role not in SALES:
        raise PermissionDenied
    if request.method == "GET":
        refusal = machine.closed_by(journey, move, user) or machine.lacking([journey], move).get(pk)
        return _ask(request, journey, paper, _fresh(request, journey, paper), refusal=refusal)
    form, when = FORMS[paper](request.POST, journey=journey, actor=user), WhenForm(request.POST)
    if not when.is_valid():
        form.is_valid()
        return _ask(request, journey, paper, form, when, status=422)
    letter = request.POST.get("delivery") == Delivery.LETTER
    try:
        outcome = acts.run(
            name=move,
            journeys=[pk],
            actor=user,
            inputs=form,
            at=None if letter else when.at(journey),
            expected_seq=when.cleaned_data["expected_seq"],
        )
    except BadInput:
        return _ask(request, journey, paper, form, when, status=422)
    except Refused as refused:
        fresh = journey_of(request, pk)
        return _ask(request, fresh, paper, form, when, status=409, refusal=refused.refusals[pk])
    words = _("Sent. The letter leaves in a moment.") if letter else _("Recorded as handed over.")
    toast(request, words, undo=undo_act_url(outcome.events))
    return go(request, reverse(f"deals:{paper}", args=[pk]))


def _found(journey: Journey, paper: str) -> Any:
    return MODELS[paper].objects.filter(journey=journey).prefetch_related("versions").first()


def _fresh(request: HttpRequest, journey: Journey, paper: str) -> DeliveryForm:
    user, found = person(request), _found(journey, paper)
    draft = next((version for version in found.versions.all() if version.is_draft), None) if found else None
    letter = proposed(journey, user, paper=paper, number=draft.number if draft else 1)
    initial = {
        "delivery": Delivery.LETTER if letter.to and mail_leaves() else Delivery.HANDED_OVER,
        "to": letter.to,
        "subject": letter.subject,
        "body": letter.body,
        "revision": request.GET.get("revision") or (draft.revision if draft else None),
    }
    return FORMS[paper](initial=initial, journey=journey, actor=user)


def _ask(
    request: HttpRequest,
    journey: Journey,
    paper: str,
    form: DeliveryForm,
    when: WhenForm | None = None,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
) -> HttpResponse:
    found = _found(journey, paper)
    draft = next((version for version in found.versions.all() if version.is_draft), None) if found else None
    if status == 409 and when is not None:
        # the next attempt is made against what this page shows
        when.data = {**when.data.dict(), "expected_seq": str(journey.seq)}  # type: ignore[attr-defined]
    seen = form["revision"].value()
    changed = draft is not None and seen is not None and str(seen) != str(draft.revision)
    if changed:
        words = _("The draft was changed since you opened it; look at it again. Nothing was sent.")
        refusal = Refusal("stale", (), words)
    for name in ("delivery", "to", "subject", "body"):
        # a page has them filled in; only programs leave them out
        form.fields[name].required, form.fields[name].help_text = True, ""
    label = _("Contracts") if paper == "contract" else _("Proposals")
    context = {
        "journey": journey,
        "paper": paper,
        "draft": draft,
        "total": (draft.amount if paper == "contract" else draft.total) if draft else None,
        "currency": getattr(draft, "currency", "") or Organisation.current().currency,
        "form": form,
        "when": when or WhenForm.fresh(journey),
        "crumbs": crumbs(journey, list_name=f"deals:{paper}-list", list_label=label),
        "back": reverse(f"deals:{paper}", args=[journey.pk]),
        "refusal": reason_in_words(refusal) if refusal else "",
        "tried": status == 409,
        "shut": refusal is not None and refusal.reason in {"stage", "role", "data"},
        "changed": changed,
        "link": link_to(found) if found and found.link_revoked_at is None else "",
        "mail_leaves": mail_leaves(),
        "issues": LegalIssue.objects.filter(journey=journey, resolved_at=None).count()
        if paper == "contract"
        else 0,
    }
    return render(request, "deals/send.html", context, status=status)
