"""Campaigns as marketing sets them up: their names, what they cost by month, and costs from a file."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from funnel.access import Permission
from funnel.models import Campaign, Organisation
from funnel.settings_forms import CampaignForm
from funnel.subjects import CATALOGUES
from funnel.toasts import toast
from funnel.views.base import address, go, permitted, person
from funnel.views.editing import edit
from leads import costs
from leads.cost_forms import CostsFileForm, CostsForm
from leads.models import CampaignCost

CAMPAIGN = CATALOGUES["campaigns"]


def _home() -> str:
    """Where campaigns are listed: with their figures, or without where there are none."""
    return address("kpi:campaigns") or reverse("funnel:catalogue", args=["campaigns"])


def _crumbs() -> list[dict[str, Any]]:
    return [{"url": _home(), "label": _("Campaigns")}]


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def campaign_new(request: HttpRequest) -> HttpResponse:
    """Make a campaign; its costs come next."""
    with transaction.atomic():
        editing = edit(request, CAMPAIGN, None, lambda data, found: CampaignForm(data, instance=found))
    if (saved := editing.saved) is not None:
        toast(request, _("%(what)s: saved.") % {"what": saved}, undo=editing.undo)
        return go(request, reverse("leads:campaign-edit", args=[saved.pk]))
    context = {
        **(editing.context or {}),
        "title": _("New campaign"),
        "crumbs": _crumbs(),
        "back": _home(),
    }
    return render(request, "funnel/settings_form.html", context, status=editing.status)


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def campaign_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a campaign's label, source and use, and what it cost in the months of `?year=`."""
    campaign = get_object_or_404(Campaign, pk=pk)
    organisation = Organisation.current()
    today = timezone.now().astimezone(organisation.zone).date()
    year = _year(request.GET.get("year", ""), today.year)
    stand = dict(
        CampaignCost.objects.filter(campaign=campaign, month__startswith=f"{year:04}-").values_list(
            "month", "amount"
        )
    )
    months = CostsForm(request.POST if request.method == "POST" else None, year=year, stand=stand)

    def save(form: CampaignForm, _found: Campaign | None) -> Campaign:
        if not months.is_valid():
            raise ValidationError([])  # what is wrong stands at the months
        saved: Campaign = form.save()
        changed = {(saved.pk, month): amount for month, amount in months.changed().items()}
        costs.set_costs(costs=changed, actor=person(request), at=timezone.now())
        return saved

    with transaction.atomic():
        editing = edit(
            request, CAMPAIGN, pk, lambda data, found: CampaignForm(data, instance=found), save=save
        )
    if editing.saved:
        toast(request, _("%(what)s: saved.") % {"what": editing.saved}, undo=editing.undo)
        return go(request, request.get_full_path())
    context = {
        **(editing.context or {}),
        "campaign": campaign,
        "name": str(campaign),
        "months": months,
        "year": year,
        "total": sum(stand.values()) if stand else None,
        "currency": organisation.currency,
        "crumbs": _crumbs(),
        "back": _home(),
    }
    return render(request, "leads/campaign_edit.html", context, status=editing.status)


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def costs_import(request: HttpRequest) -> HttpResponse:
    """Take the costs of many campaigns and months from a table; rows that cannot be taken are named."""
    posted = request.method == "POST"
    form = CostsFileForm(request.POST if posted else None, request.FILES if posted else None)
    context: dict[str, Any] = {"form": form, "crumbs": _crumbs(), "back": _home()}
    if posted and form.is_valid():
        found = costs.take(rows=form.cleaned_data["rows"], actor=person(request), at=timezone.now())
        if not found.rejected:
            words = ngettext("%(n)s cost was set.", "%(n)s costs were set.", found.set) % {"n": found.set}
            toast(request, words)
            return go(request, _home())
        context["outcome"] = found
    status = 422 if posted and form.errors else 200
    return render(request, "leads/campaign_costs_import.html", context, status=status)


def _year(text: str, default: int) -> int:
    """Return the year that an address names, where it is one of this age."""
    known = len(text) == 4 and text.isascii() and text.isdigit() and 2000 <= int(text) < 2200
    return int(text) if known else default
