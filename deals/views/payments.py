"""The schedule of payments: due, overdue, paid, and plan against fact by month."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from deals import queries
from deals.act_forms import RescheduleForm, early
from deals.domain import payments
from deals.models import Instalment
from deals.panels import status_of
from funnel import access
from funnel.access import Permission
from funnel.forms import Warn
from funnel.machine import Refused
from funnel.models import Organisation
from funnel.stages import Happening
from funnel.toasts import toast
from funnel.views.asking import mark_of, unconfirmed
from funnel.views.base import go, next_url, permitted, person

from .shared import chosen, tabs

may_see = permitted(Permission.SEE_MONEY)


@may_see
@require_GET
def payment_list(request: HttpRequest) -> HttpResponse:
    """Show instalments by status, and the year's plan against fact."""
    user = person(request)
    choices = [("due", _("Due")), ("overdue", _("Overdue")), ("paid", _("Paid")), ("all", _("All"))]
    status = chosen(request, "status", choices)
    organisation = Organisation.current()
    today = timezone.now().astimezone(organisation.zone).date()
    year = _year(request.GET.get("year", ""), today.year)
    found = queries.instalments(user, status=status, today=today).select_related(
        "contract__journey__contact", "contract__journey__company", "contract__journey__owner"
    )
    page = queries.by_day(found, request.GET)
    months = queries.plan_against_fact(user, year=year, organisation=organisation)
    context = {
        "tabs": tabs(request, "status", choices, status),
        "status": status,
        "page": page,
        "rows": [{"row": row, "status": status_of(row, today)} for row in page.rows],
        "sums": queries.open_sums(user, today=today),
        "months": months,
        "plan": sum((month.plan for month in months), queries.ZERO),
        "fact": sum((month.fact for month in months), queries.ZERO),
        "this_month": next((month for month in months if month.month.month == today.month), None)
        if year == today.year
        else None,
        "year": year,
        "today": today,
        "currency": organisation.currency,
        "zone": organisation.timezone,
        "may_record": access.may_record(user, Happening.PAYMENT_RECEIVED),
    }
    return render(request, "deals/payment_list.html", context)


def _year(text: str, default: int) -> int:
    """Return the year that an address names, where it is one of this age."""
    known = len(text) == 4 and text.isascii() and text.isdigit() and 2000 <= int(text) < 2200
    return int(text) if known else default


@may_see
@require_http_methods(["GET", "POST"])
def instalment_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move the day that an instalment is due."""
    instalment = (
        Instalment.objects.visible_to(person(request))
        .with_paid()
        .select_related("contract__journey__contact", "contract__journey__company")
        .filter(pk=pk)
        .first()
    )
    if instalment is None:
        raise Http404("no such instalment")
    journey = instalment.contract.journey
    back = next_url(request, reverse("deals:payment-list"))
    form = RescheduleForm(request.POST or None, initial={"due_on": instalment.due_on})
    refused, status = "", 200
    questions: Sequence[Warn] = ()
    if request.method == "POST":
        status = 422
        if form.is_valid():
            questions = early([form.cleaned_data["due_on"]], instalment.contract.signed_on)
        if form.is_valid() and not unconfirmed(request, questions):
            try:
                moved = payments.reschedule(
                    instalment_id=pk,
                    due_on=form.cleaned_data["due_on"],
                    actor=person(request),
                    at=timezone.now(),
                    why=form.cleaned_data["why"],
                )
            except Refused as reason:
                refused, status = reason.refusals[journey.pk].detail, 409
            else:
                toast(request, _("%(what)s: the day is changed.") % {"what": moved})
                return go(request, back)
    context = {
        "instalment": instalment,
        "journey": journey,
        "form": form,
        "refused": refused,
        "questions": questions,
        "questions_mark": mark_of(questions),
        "back": back,
        "history": list(instalment.reschedules.select_related("actor")[:20]),
        "currency": Organisation.current().currency,
        "crumbs": [{"url": reverse("deals:payment-list"), "label": _("Payments")}],
    }
    return render(request, "deals/instalment_move.html", context, status=status)
