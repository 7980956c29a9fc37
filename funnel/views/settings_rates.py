"""Rates of exchange: what stands, what stood, one by one and many from a file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel import rates
from funnel.access import Permission
from funnel.models import Organisation
from funnel.models.organisation import Rate
from funnel.settings_forms import RateForm, RatesFileForm
from funnel.settings_log import note
from funnel.subjects import RATE
from funnel.toasts import toast

from .base import go, permitted, person
from .editing import crumbs, edit, undo_url

PAGE = 100
USUAL = ("USD", "EUR", "GBP", "CHF", "CNY", "JPY", "KZT", "PLN", "RUB", "SEK", "TRY", "UAH")
"""Currencies that are offered while one is typed; any other may be."""


def _home() -> list[dict[str, str]]:
    return crumbs(("funnel:rate-list", _("Exchange rates")))


@permitted(Permission.MANAGE_RATES)
@require_GET
def rate_list(request: HttpRequest) -> HttpResponse:
    """List the currencies with the rate that holds now, and when it began."""
    own = Organisation.current().currency
    known = Rate.objects.filter(into=own)
    today = timezone.now().astimezone(Organisation.current().zone).date()
    latest = known.filter(day__lte=today).order_by("currency", "-day").distinct("currency")
    context = {
        "own": own,
        "rates": list(latest),
        "counts": dict(known.values_list("currency").annotate(n=Count("pk")).order_by()),
        "coming": known.filter(day__gt=today).count(),
        "others": Rate.objects.exclude(into=own).count(),
        "today": today,
        "crumbs": crumbs(),
    }
    context["rates"] = [(rate, context["counts"][rate.currency], (today - rate.day).days) for rate in latest]
    return render(request, "funnel/settings_rates.html", context)


@permitted(Permission.MANAGE_RATES)
@require_GET
def rate_history(request: HttpRequest, currency: str) -> HttpResponse:
    """List the rates of one currency by day, the latest first; `?before=` pages by day."""
    own = Organisation.current().currency
    found = Rate.objects.filter(currency=currency, into=own).order_by("-day")
    if not found.exists():
        raise Http404("no rates of this currency")
    if before := _day(request.GET.get("before", "")):
        found = found.filter(day__lt=before)
    listed = list(found[: PAGE + 1])
    context = {
        "currency": currency,
        "own": own,
        "rates": listed[:PAGE],
        "next_url": f"?before={listed[PAGE - 1].day}" if len(listed) > PAGE else "",
        "crumbs": _home(),
    }
    return render(request, "funnel/settings_rate_history.html", context)


def _day(text: str) -> Any:
    try:
        return rates.date.fromisoformat(text)
    except ValueError:
        return None


@permitted(Permission.MANAGE_RATES)
@require_http_methods(["GET", "POST"])
def rate_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add a rate, or correct one; what was frozen at it before stays as it is."""
    own = Organisation.current().currency
    with transaction.atomic():
        editing = edit(request, RATE, pk, lambda data, found: RateForm(data, instance=found, own=own))
    if (saved := editing.saved) is not None:
        toast(request, _("%(what)s: saved.") % {"what": saved.currency}, undo=editing.undo)
        return go(request, reverse("funnel:rate-history", args=[saved.currency]))
    found = editing.record
    context = {
        **(editing.context or {}),
        "title": _("Rate of %(currency)s") % {"currency": found.currency} if found else _("New rate"),
        "lede": found.day if found else "",
        "remove": reverse("funnel:rate-remove", args=[pk]) if found else "",
        "suggestions": () if found else [code for code in USUAL if code != own],
        "crumbs": _home(),
        "back": reverse("funnel:rate-history", args=[found.currency])
        if found
        else reverse("funnel:rate-list"),
    }
    return render(request, "funnel/settings_form.html", context, status=editing.status)


@permitted(Permission.MANAGE_RATES)
@require_POST
def rate_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a rate away; what was frozen at it stays as it is."""
    with transaction.atomic():
        found = get_object_or_404(Rate.objects.select_for_update(), pk=pk)
        change = note(
            RATE,
            key=str(pk),
            name=str(found),
            before=RATE.values_of(found),
            after=None,
            actor=person(request),
            at=timezone.now(),
        )
        currency = found.currency
        found.delete()
    toast(request, _("The rate is taken away."), undo=undo_url(change))
    left = Rate.objects.filter(currency=currency, into=Organisation.current().currency).exists()
    return go(
        request, reverse("funnel:rate-history", args=[currency]) if left else reverse("funnel:rate-list")
    )


@permitted(Permission.MANAGE_RATES)
@require_http_methods(["GET", "POST"])
def rate_import(request: HttpRequest) -> HttpResponse:
    """Take rates from a file or a pasted table; rows that cannot be taken are named."""
    posted = request.method == "POST"
    form = RatesFileForm(request.POST if posted else None, request.FILES if posted else None)
    context: dict[str, Any] = {"form": form, "crumbs": _home(), "back": reverse("funnel:rate-list")}
    if posted and form.is_valid():
        found = rates.take(iter(form.cleaned_data["rows"]), actor=person(request), at=timezone.now())
        words = ngettext("%(n)s rate was set.", "%(n)s rates were set.", found.set) % {"n": found.set}
        if not found.rejected:
            toast(request, words, level=messages.SUCCESS)
            return go(request, reverse("funnel:rate-list"))
        context["outcome"] = found
    return render(
        request, "funnel/settings_rates_import.html", context, status=422 if posted and form.errors else 200
    )
