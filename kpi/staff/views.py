"""Staff activity: the table of people, the rows behind each number, one person's day, and the files."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from funnel import formats
from funnel.access import Permission, may
from funnel.look import stage_colour
from funnel.models import Event, Journey, Organisation, User
from funnel.paging import keyset
from funnel.periods import DAY
from funnel.rates import origin_words
from funnel.sheets import csv_file, xlsx_file
from funnel.stages import MONEY_EVENTS, Stage
from funnel.timeline import ICONS
from funnel.views.base import permitted, person
from funnel.views.todo_regions import rows_of
from kpi.staff.columns import BY_KEY, COLUMNS, Column
from kpi.staff.forms import PERIODS, StaffForm
from kpi.staff.queries import (
    Stretch,
    Work,
    activity,
    day_of,
    events_of,
    journeys_of,
    late_tasks,
    stretch,
    visible_staff,
)


def _organisation(request: HttpRequest) -> Organisation:
    """The organisation, as the frame of the page has read it."""
    found: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    return found


def _columns(user: User) -> list[Column]:
    money = may(user, Permission.SEE_MONEY)
    return [column for column in COLUMNS if money or not column.money]


@permitted(Permission.SEE_REPORTS)
@require_GET
def staff(request: HttpRequest) -> HttpResponse:
    """Show what each person did in the period, and what they have open now: a fixed number of queries."""
    organisation = _organisation(request)
    form = StaffForm(request.GET, user=person(request), organisation=organisation)
    context: dict[str, Any] = {"form": form, "organisation": organisation}
    if not form.is_valid():
        return render(request, "kpi/staff.html", context, status=400)
    columns = _columns(person(request))
    works, whole = _work(request, form, columns)
    context |= _chooser(form) | {
        "columns": columns,
        "rows": [(work, _cells(work, columns, form, organisation)) for work in works],
        "totals": _cells(whole, columns, form, organisation),
        "nothing": not any(whole.number(column) for column in columns),
    }
    return render(request, "kpi/staff.html", context)


@permitted(Permission.SEE_REPORTS)
@require_GET
def staff_file(request: HttpRequest, suffix: str) -> HttpResponse:
    """Send the table as CSV or as a workbook."""
    organisation = _organisation(request)
    form = StaffForm(request.GET, user=person(request), organisation=organisation)
    if not form.is_valid():
        raise Http404("no such period")
    columns = _columns(person(request))
    works, _whole = _work(request, form, columns)
    head = [_("Person"), _("Username"), _("Team")]
    for column in columns:
        head.append(str(column.name))
        if column.kind == "time":
            head[-1] = _("Response time, median business minutes")
            head.append(_("Response time, n"))
        elif column.money:
            head.append(f"{column.name}, {organisation.currency}")
    when = form.when
    write = {"csv": csv_file, "xlsx": xlsx_file}[suffix]
    return write(f"staff-{when.first}-{when.until - DAY}", head, (_line(work, columns) for work in works))


def _line(work: Work, columns: Iterable[Column]) -> list[Any]:
    who = work.person
    line: list[Any] = [str(who), who.username if who else "", str(who.team or "") if who else ""]
    for column in columns:
        if column.kind == "time":
            line += [None if work.minutes is None else round(work.minutes, 1), work.n]
        else:
            line.append(work.number(column))
            line += [work.sums.get(column.key, Decimal())] if column.money else []
    return line


@permitted(Permission.SEE_REPORTS)
@require_GET
def staff_rows(request: HttpRequest, column: str) -> HttpResponse:
    """List the events, journeys or tasks behind a number: as many as the number says, of `?person=` or of all."""
    organisation, user = _organisation(request), person(request)
    form = StaffForm(request.GET, user=user, organisation=organisation)
    chosen = BY_KEY.get(column)
    if chosen is None or chosen not in _columns(user) or not form.is_valid():
        raise Http404("no such number")
    team = form.cleaned_data["team"]
    people = visible_staff(user, team.pk if team else None)
    who = None
    if wanted := request.GET.get("person", ""):
        who = get_object_or_404(people, pk=_key(wanted))
        people = people.filter(pk=who.pk)
    context = _chooser(form) | {
        "column": chosen,
        "who": who,
        "organisation": organisation,
        "back": _address(form, reverse("kpi:staff")),
        "currency": organisation.currency,
    }
    if chosen.kind == "journeys":
        journeys = journeys_of(chosen, people, timezone.now())
        page: Any = keyset(journeys.select_related("contact", "company", "owner"), request.GET, by="stage_since",
                           oldest_first=True)  # fmt: skip
        context |= {"page": page, "total": journeys.count(), "journeys": _shown(user, page.rows)}
    elif chosen.kind == "tasks":
        tasks: Any = late_tasks(people, timezone.now())
        page = keyset(tasks.with_people(), request.GET, by="due_at", oldest_first=True)
        context |= {"page": page, "total": tasks.count(), "tasks": rows_of(user, page.rows)}
    else:
        events = events_of(chosen, people, form.when)
        page = keyset(_told(events), request.GET, by="occurred_at")
        context |= {
            "page": page,
            "total": events.count(),
            "events": _events(request, page.rows, organisation),
        }
    return render(request, "kpi/staff_rows.html", context)


@permitted(Permission.SEE_REPORTS)
@require_GET
def staff_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one person's day, newest first: whatever they recorded that stands."""
    organisation, user = _organisation(request), person(request)
    form = StaffForm(request.GET, user=user, organisation=organisation)
    who = get_object_or_404(visible_staff(user).select_related("team"), pk=pk)
    if not form.is_valid():
        raise Http404("no such day")
    day = form.cleaned_data["date"]
    when = stretch("today", day, organisation.clock)
    page: Any = keyset(_told(day_of(who, when)), request.GET, by="occurred_at")
    context = {
        "who": who,
        "day": day,
        "before": day - DAY,
        "after": day + DAY if day < form.today else None,
        "today": form.today,
        "page": page,
        "events": _events(request, page.rows, organisation),
        "organisation": organisation,
        "crumbs": [{"url": reverse("kpi:staff"), "label": _("Staff activity")}],
    }
    return render(request, "kpi/staff_person.html", context)


# What the pages share


def _work(request: HttpRequest, form: StaffForm, columns: list[Column]) -> tuple[list[Work], Work]:
    team = form.cleaned_data["team"]
    people = visible_staff(person(request), team.pk if team else None)
    return activity(people, columns, form.when, clock=form.organisation.clock, now=timezone.now())


def _chooser(form: StaffForm) -> dict[str, Any]:
    when, period, day = form.when, form.cleaned_data["period"], form.cleaned_data["date"]
    return {
        "period": period,
        "periods": PERIODS,
        "day": day,
        "team": form.cleaned_data["team"],
        "title": _title(period, when),
        "before": when.first - DAY,
        "after": when.until if when.until <= form.today else None,
    }


def _title(period: str, when: Stretch) -> str:
    if period == "today":
        return formats.full_day(when.first)
    if period == "month":
        return formats.month(when.first)
    return f"{formats.day(when.first)} – {formats.full_day(when.until - DAY)}"


def _address(form: StaffForm, path: str, **more: Any) -> str:
    """An address with the page's period, date and team."""
    query = form.query.copy()
    for name in (*query,):
        if name not in form.fields:
            del query[name]
    for name, value in more.items():
        query[name] = value
    return f"{path}?{query.urlencode()}" if query else path


def _cells(
    work: Work, columns: Iterable[Column], form: StaffForm, organisation: Organisation
) -> list[dict[str, Any]]:
    """The numbers of a row as the table shows them, each with the address of its rows ("" for none)."""
    found = []
    for column in columns:
        number = work.number(column)
        more = {"person": work.person.pk} if work.person else {}
        words, small = formats.number(number), ""
        if column.kind == "time":
            words = (
                _("%(n)s min") % {"n": formats.number(work.minutes, 0)} if work.minutes is not None else ""
            )
            small = _("n = %(n)s") % {"n": formats.number(number)} if number else ""
        elif amount := work.sums.get(column.key):
            small = formats.money_short(amount, organisation.currency)
        url = _address(form, reverse("kpi:staff-rows", args=[column.key]), **more) if number else ""
        found.append(
            {
                "words": words or formats.DASH,
                "small": small,
                "url": url,
                "bad": column.key in {"stuck", "late"} and number,
            }
        )
    return found


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _told(events: QuerySet[Event]) -> QuerySet[Event]:
    return events.select_related("actor", "activity", "journey__contact", "journey__company")


def _shown(user: User, journeys: list[Journey]) -> list[tuple[Journey, bool]]:
    """The journeys, and whether the user may open each: one query."""
    visible = set(
        Journey.objects.visible_to(user)
        .filter(pk__in=[journey.pk for journey in journeys])
        .values_list("pk", flat=True)
    )
    return [(journey, journey.pk in visible) for journey in journeys]


def _events(request: HttpRequest, events: list[Any], organisation: Organisation) -> list[dict[str, Any]]:
    """What happened, in words; the client of a journey that the reader may not see is not named."""
    user = person(request)
    money = may(user, Permission.SEE_MONEY)
    visible = dict(_shown(user, [event.journey for event in events]))
    return [_item(event, visible[event.journey], organisation, money=money) for event in events]


def _item(event: Any, visible: bool, organisation: Organisation, *, money: bool) -> dict[str, Any]:
    logged = getattr(event, "activity", None)
    here = event.occurred_at.astimezone(organisation.zone)
    item: dict[str, Any] = {
        "event": event,
        "title": logged.get_kind_display() if logged else event.get_event_display(),
        "icon": ICONS.get(event.event, "circle-dot"),
        "colour": stage_colour(event.stage_to) if event.stage_to else "",
        "stage": Stage(event.stage_to).label if event.stage_to in Stage.values else "",
        "day": formats.day(here.date()),
        "time": f"{here:%H:%M}",
        "visible": visible,
    }
    if money and event.amount is not None and event.event in MONEY_EVENTS:
        item["amount"] = formats.money(event.amount, event.currency or organisation.currency)
        item["origin"] = origin_words(event.inputs.get("original"))
    if applied := getattr(event, "applied_at", None):
        minutes = organisation.clock.business_minutes(applied, event.occurred_at)
        item["minutes"] = formats.number(minutes, 1)
    return item
