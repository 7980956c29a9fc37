"""The list of journeys: filters in the address, keyset pages, and one act for many rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from funnel import access, acts
from funnel.access import Permission
from funnel.acts import ACTS, BadInput, NotInBulk
from funnel.choices import act_label, reason_in_words
from funnel.journey_page import minutes_left
from funnel.machine import Refused
from funnel.models import Journey, Organisation
from funnel.page_forms import PICKER, BulkForm, JourneyFilter, WhenForm, bulk_choices
from funnel.paging import keyset
from funnel.queries import JourneyQuerySet
from funnel.toasts import toast

from .base import address, go, next_url, person, signed_in, undo_act_url

COUNTED = 1000
"""Beyond so many rows the list says "1,000+": an exact count would cost more than it tells."""


@signed_in
@require_GET
def journey_list(request: HttpRequest) -> HttpResponse:
    """Show the journeys that the person sees, as the address filters and orders them."""
    user = person(request)
    form = JourneyFilter(request.GET, user=user)
    journeys = form.narrow(Journey.objects.visible_to(user))
    by, oldest_first = form.order_by
    total = _total(journeys)
    page = keyset(journeys.with_parties(), request.GET, by=by, oldest_first=oldest_first)
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    context = {
        "filter": form,
        "values": form.values,
        "chips": [(label, words, _without(request, name)) for name, label, words in form.chips()],
        "faults": [fault for faults in form.errors.values() for fault in faults],
        "tabs": _tabs(form.values),
        "page": page,
        "rows": _rows(page.rows, organisation, timezone.now()),
        "total": total,
        "matching": total if len(page.rows) < total <= BulkForm.LIMIT else 0,
        "bulk": bulk_choices(user),
        "new_url": address("leads:lead-create") if access.may(user, Permission.EDIT_JOURNEYS) else "",
        "currency": organisation.currency,
        "sees_money": access.may(user, Permission.SEE_MONEY),
    }
    return render(request, "funnel/journey_list.html", context)


def _without(request: HttpRequest, name: str) -> str:
    """Return the address of this list without one filter, on its first page."""
    query = request.GET.copy()
    for gone in (name, "after", "before"):
        query.pop(gone, None)
    return f"?{query.urlencode()}"


def _total(journeys: JourneyQuerySet) -> int:
    return journeys.order_by()[: COUNTED + 1].count()


def _rows(journeys: list[Journey], organisation: Organisation, now: datetime) -> list[dict[str, Any]]:
    clock = organisation.clock
    return [
        {"journey": journey, "left": minutes_left(journey, organisation, clock, now)} for journey in journeys
    ]


def _tabs(values: dict[str, str]) -> list[dict[str, Any]]:
    tabs = [
        (_("All open"), {}),
        (_("New"), {"stage": "new"}),
        (_("Mine"), {"owner": "me"}),
        (_("Nobody's"), {"owner": "none"}),
        (_("Handoffs"), {"stage": "handed_off"}),
        (_("Snoozed"), {"snoozed": "yes"}),
        (_("Closed"), {"state": "closed"}),
    ]
    plain = {name: value for name, value in values.items() if name not in {"order", "q"}}
    if plain.get("state") == ("all" if "stage" in plain else "open"):
        plain.pop("state")
    return [
        {
            "label": label,
            "url": "?" + "&".join(f"{name}={value}" for name, value in wanted.items()),
            "current": wanted == plain,
        }
        for label, wanted in tabs
    ]


@signed_in
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Do one act with each of the chosen journeys: ask for its inputs first, then report what was refused and why."""
    user = person(request)
    chosen = BulkForm(_given(request), user=user)
    if not chosen.is_valid():
        faults = " ".join(fault for faults in chosen.errors.values() for fault in faults)
        return render(request, "funnel/journey_bulk_fault.html", {"fault": faults}, status=400)
    name = chosen.cleaned_data["act"]
    journeys = list(
        Journey.objects.visible_to(user)
        .filter(pk__in=chosen.cleaned_data["journeys"])
        .select_related("contact", "company")
        .order_by("-created_at", "-pk")
    )
    if not journeys:
        raise BadRequest("none of these journeys is visible")
    given = "confirmed" in request.POST
    form = ACTS[name].form(request.POST if given else None, journey=None, actor=user)
    when = WhenForm(request.POST) if given else WhenForm(initial=_now())
    if given and when.is_valid():
        try:
            return _report(request, name, journeys, form, when)
        except BadInput:
            pass
        except NotInBulk:
            raise BadRequest("one journey at a time") from None
    context = {
        "act": name,
        "label": act_label(name),
        "form": form,
        "when": when,
        "journeys": journeys,
        "back": next_url(request, "/journeys/"),
    }
    return render(request, "funnel/journey_bulk.html", context, status=422 if given else 200)


def _given(request: HttpRequest) -> QueryDict:
    """Return what was posted, with the journeys of all pages where "all that match" was ticked."""
    if request.POST.get("matching") != "1":
        return request.POST
    wanted = JourneyFilter(QueryDict(request.POST.get("query", "")), user=person(request))
    journeys = wanted.narrow(Journey.objects.visible_to(person(request)))
    given = request.POST.copy()
    keys = journeys.order_by("pk").values_list("pk", flat=True)[: BulkForm.LIMIT + 1]
    given.setlist("journeys", [str(key) for key in keys])
    return given


def _now() -> dict[str, str]:
    now = timezone.localtime().strftime(PICKER)
    return {"occurred_at": now, "drawn_at": now}


def _report(
    request: HttpRequest, name: str, journeys: list[Journey], form: Any, when: WhenForm
) -> HttpResponse:
    """Do the act and tell what became of each journey."""
    at = when.cleaned_data.get("occurred_at")
    if request.POST.get("occurred_at") == request.POST.get("drawn_at"):
        at = None
    try:
        outcome = acts.run(
            name=name,
            journeys=[journey.pk for journey in journeys],
            actor=person(request),
            inputs=form,
            at=at,
            mode="each",
        )
        done, refusals, events = outcome.journeys, outcome.refusals, outcome.events
    except Refused as refused:
        done, refusals, events = [], refused.refusals, []
    back = next_url(request, "/journeys/")
    if done and not refusals:
        words = ngettext("“%(act)s”: %(n)s journey.", "“%(act)s”: %(n)s journeys.", len(done))
        toast(request, words % {"act": act_label(name), "n": len(done)}, undo=undo_act_url(events))
        return go(request, back)
    by_key = {journey.pk: journey for journey in journeys}
    context = {
        "label": act_label(name),
        "done": len(done),
        "undo": undo_act_url(events),
        "back": back,
        "refused": [
            {"journey": by_key[pk], "why": reason_in_words(refusal)}
            for pk, refusal in refusals.items()
            if pk in by_key
        ],
    }
    return render(request, "funnel/journey_bulk_report.html", context, status=200 if done else 409)
