"""The client's link of a proposal or contract, as staff see and change it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from deals.domain import links
from deals.domain.links import Paper
from deals.models import Contract, Proposal
from funnel.stages import SALES
from funnel.toasts import toast
from funnel.views.base import go, journey_of, person, signed_in

MODELS: dict[str, type[Paper]] = {"proposal": Proposal, "contract": Contract}


def link_of(request: HttpRequest, paper: Paper | None, name: str) -> dict[str, Any] | None:
    """Return what a page shows of the link; None while nothing was sent. The versions are loaded."""
    if paper is None or all(version.is_draft for version in paper.versions.all()):
        return None
    return {
        "state": paper.link_state(timezone.now()),
        "url": request.build_absolute_uri(reverse("deals:public-proposal", args=[paper.token])),
        "expires_at": paper.sent.link_expires_at,
        "may_change": person(request).role in SALES,
        "action": reverse(f"deals:{name}-link", args=[paper.journey_id]),
        "answered": paper.answered,
        "views": list(paper.views.all()[:10]) if isinstance(paper, Proposal) else None,
    }


@signed_in
@require_POST
def change_link(request: HttpRequest, pk: int, paper: str) -> HttpResponse:
    """Revoke the client's link, or make a new one."""
    journey = journey_of(request, pk)
    user = person(request)
    if user.role not in SALES:
        raise PermissionDenied
    found = MODELS[paper].objects.filter(journey=journey, versions__state="sent").first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404("nothing was sent")
    match request.POST.get("do"):
        case "revoke":
            links.revoke(paper=found, at=timezone.now())
            toast(request, _("The client's link is revoked."))
        case "replace":
            links.replace(paper=found, actor=user, at=timezone.now())
            toast(request, _("There is a new link; the old one is closed. Send it to the client yourself."))
        case _:
            raise BadRequest("do is revoke or replace")
    return go(request, reverse(f"deals:{paper}", args=[pk]))
