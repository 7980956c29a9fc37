"""Partners as marketing keeps them: what they take, how much, and what became of what was referred."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel.access import Permission
from funnel.models import Journey
from funnel.toasts import toast
from funnel.views.base import go, permitted, person
from partners import domain
from partners.models import Partner, Referral
from partners.page_forms import PartnerForm
from partners.queries import partners_with_figures

PAGE = 50


@permitted(Permission.MANAGE_PARTNERS)
@require_GET
def partner_list(request: HttpRequest) -> HttpResponse:
    """List all partners with this month's referrals and their outcomes."""
    partners = list(partners_with_figures(at=timezone.now()))
    return render(request, "partners/partner_list.html", {"partners": partners})


@permitted(Permission.MANAGE_PARTNERS)
@require_GET
def partner_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one partner: what it takes, its people, its referrals and their outcomes."""
    partner = get_object_or_404(partners_with_figures(at=timezone.now()), pk=pk)
    state = request.GET.get("state", "")
    referrals = Referral.objects.standing().filter(partner=partner).with_journeys()
    if state in Referral.State.values:
        referrals = referrals.filter(state=state)
    page = Paginator(referrals, PAGE).get_page(request.GET.get("page"))
    shown = set(
        Journey.objects.visible_to(person(request))
        .filter(pk__in=[row.journey_id for row in page])
        .values_list("pk", flat=True)
    )
    context = {
        "partner": partner,
        "members": [member.user for member in partner.members.select_related("user")],
        "page": page,
        "shown": shown,
        "state": state,
        "states": Referral.State.choices,
        "crumbs": [{"url": reverse("partners:partner-list"), "label": _("Partners")}],
    }
    return render(request, "partners/partner_detail.html", context)


@permitted(Permission.MANAGE_PARTNERS)
@require_http_methods(["GET", "POST"])
def partner_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add a partner, or change one."""
    partner = get_object_or_404(Partner, pk=pk) if pk else Partner()
    form = PartnerForm(request.POST or None, instance=partner)
    if request.method == "POST" and form.is_valid():
        try:
            domain.save_partner(
                partner=form.instance,
                capabilities=form.capabilities_wanted(),
                members=list(form.cleaned_data["members"]),
            )
        except ValidationError as fault:
            form.add_error(None, fault.messages)  # somebody else took a person meanwhile
        else:
            toast(request, _("%(partner)s is saved.") % {"partner": form.instance})
            return go(request, reverse("partners:partner", args=[form.instance.pk]))
    crumbs: list[dict[str, Any]] = [{"url": reverse("partners:partner-list"), "label": _("Partners")}]
    back = reverse("partners:partner-list")
    if pk:
        back = reverse("partners:partner", args=[pk])
        crumbs.append({"url": back, "label": str(Partner.objects.get(pk=pk))})
    context = {"form": form, "partner": partner if pk else None, "crumbs": crumbs, "back": back}
    return render(
        request, "partners/partner_edit.html", context, status=422 if request.method == "POST" else 200
    )
