"""The partner's portal: what was referred to them, taken or declined, and what became of it. Nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel import acts
from funnel.acts import ACTS, BadInput
from funnel.machine import Refused
from funnel.models import User
from funnel.stages import Happening, Role
from funnel.toasts import toast
from funnel.views.base import go, person, signed_in
from partners.models import PartnerMember, Referral
from partners.panels import referral_panels

ANSWERS = {
    "take": Happening.PARTNER_ACCEPTED,
    "decline": Happening.PARTNER_DECLINED,
    "outcome": Happening.PARTNER_OUTCOME,
}
View = Callable[..., HttpResponse]


def for_partners(view: View) -> View:
    """Let in people with the role of a partner, and nobody else."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if person(request).role != Role.PARTNER:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return signed_in(guarded)


@for_partners
@require_GET
def portal(request: HttpRequest) -> HttpResponse:
    """List what is with the partner now, the undecided first, and what is over."""
    user = person(request)
    member = PartnerMember.objects.select_related("partner").filter(user=user).first()
    current = list(Referral.objects.current().of(user).with_journeys().order_by("referred_at", "pk"))
    standing = Referral.objects.standing().of(user)
    over = list(standing.exclude(pk__in=[row.pk for row in current]).select_related("journey__service")[:50])
    context = {
        "partner": member.partner if member else None,
        "offered": [row for row in current if row.state == Referral.State.OFFERED],
        "taken": [row for row in current if row.state == Referral.State.ACCEPTED],
        "done": [row for row in current if row.state == Referral.State.DONE],
        "over": over,
    }
    return render(request, "partners/portal.html", context)


def _referral(user: User, pk: int) -> Referral:
    """Return a referral that is with the user's partner now. Raises Http404."""
    found = Referral.objects.current().of(user).with_journeys().filter(pk=pk).first()
    if found is None:
        raise Http404("no such referral")
    return found


@for_partners
@require_GET
def referral(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one referral: whom to reach, what they need, and the answers that are open."""
    user = person(request)
    found = _referral(user, pk)
    panels = [
        render_to_string(template, extra, request)
        for template, build in referral_panels
        if (extra := build(found.journey, user)) is not None
    ]
    contact = found.journey.contact
    context = {
        "referral": found,
        "contact": contact,
        "details": [
            (_("Name"), contact.name),
            (_("Company"), found.journey.company),
            (_("E-mail"), contact.email),
            (_("Phone"), contact.phone),
            (_("Service"), found.journey.service),
            (_("Why referred"), found.reason),
        ],
        "panels": panels,
        "crumbs": [{"url": reverse("partners:portal"), "label": _("Referrals")}],
    }
    return render(request, "partners/portal_referral.html", context)


@for_partners
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, pk: int, answer: str) -> HttpResponse:
    """Take or decline a referral, or report its outcome."""
    if answer not in ANSWERS:
        raise Http404("no such answer")
    user = person(request)
    found = _referral(user, pk)
    name, journey = ANSWERS[answer], found.journey
    status, refusal = 200, ""
    form = ACTS[name].form(request.POST if request.method == "POST" else None, journey=journey, actor=user)
    if request.method == "POST":
        try:
            acts.run(name=name, journeys=[journey.pk], actor=user, inputs=form)
        except BadInput:
            status = 422
        except Refused as refused:
            status, refusal = 409, refused.refusals[journey.pk].detail
        else:
            toast(request, _said(answer, found))
            return go(request, reverse("partners:portal"))
    context = {
        "form": form,
        "referral": found,
        "answer": answer,
        "refusal": refusal,
        "crumbs": [{"url": reverse("partners:portal"), "label": _("Referrals")}],
    }
    return render(request, "partners/portal_answer.html", context, status=status)


def _said(answer: str, referral: Referral) -> str:
    words = {
        "take": _("You took %(who)s. Report the outcome when there is one."),
        "decline": _("You declined %(who)s."),
        "outcome": _("The outcome of %(who)s is reported. Thank you."),
    }
    return words[answer] % {"who": referral.journey}
