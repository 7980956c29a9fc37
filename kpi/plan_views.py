"""The plan page: a grid of months to be typed or pasted into, files in and out, and the undo of a save."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel import numbers
from funnel.access import Permission, may
from funnel.models import Organisation
from funnel.sheets import csv_file, xlsx_file
from funnel.toasts import toast
from funnel.views.base import go, next_url, permitted, person
from kpi import plan_fill, plan_grid, plans
from kpi.metrics import METRICS
from kpi.models import Plan
from kpi.plan_files import BadFile, lines_of, rows_of
from kpi.plan_forms import (
    CopyForm,
    PasteForm,
    PlanFileForm,
    PlanPageForm,
    SpreadForm,
    seen_of,
    texts_of,
    this_year,
)
from kpi.plan_grid import Grid, Line
from kpi.plan_numbers import shown
from kpi.plans import COLUMNS, Key, Stale

UNDO = "plan_undo"
"""Where the session keeps what the last save replaced."""


class Desk:
    """One look at the plan page: what is asked for, the rows, and the plans stored of this year and the last."""

    def __init__(self, request: HttpRequest, organisation: Organisation) -> None:
        self.request, self.organisation = request, organisation
        self.money = may(person(request), Permission.SEE_MONEY)
        self.may_edit = may(person(request), Permission.PLAN)
        self.form = PlanPageForm(request.GET, this_year=this_year(organisation.zone), money=self.money)
        self.is_valid = self.form.is_valid()
        if not self.is_valid:
            return
        asked = self.form.cleaned_data
        self.year, self.scope, self.metric, self.team = (
            asked["year"],
            asked["scope"],
            asked["metric"],
            asked["team"],
        )
        self.texts = texts_of(request.POST) if self.may_edit else {}
        self.seen = seen_of(request.POST) if "seen" in request.POST else None
        self.stored = plans.stored(months=self._months(self.year), where=self._where)
        self.lines = self._lines(self.stored)

    def _months(self, year: int) -> list[str]:
        return [month.name for month in plan_grid.months_of(year)]

    @property
    def _where(self) -> Q:
        return Q(metric=self.metric.key) if self.metric else Q(scope=self.scope)

    def before(self) -> dict[Key, Plan]:
        """Last year's plans; their rows join those of the page."""
        found = plans.stored(months=self._months(self.year - 1), where=self._where)
        self.lines = self._lines({**self.stored, **found})
        return found

    def _lines(self, stored: dict[Key, Plan]) -> list[Line]:
        keys = [Key(*name.split("|", 2)) for name in self.texts]
        if self.metric is None:
            planned = {key.metric for key in (*stored, *keys)}
            return plan_grid.lines_by_metric(
                scope=self.scope, planned=planned, added=self.form.added, money=self.money
            )
        people = self.form.people_of(self.team)
        scopes = {key.scope for key in (*stored, *keys)}
        there = {f"owner:{one.username}" for one in self.form.people}  # who is left out, is left out
        return plan_grid.lines_by_scope(
            metric=self.metric, teams=self.form.teams, people=people, planned=scopes - there
        )

    def offered(self) -> list[Line]:
        """The rows that a pasted table may name: those of the page and, of one scope, every other metric."""
        if self.metric is not None:
            return self.lines
        every = plan_grid.plannable(money=self.money)
        there = {line.metric.key for line in self.lines}
        return self.lines + [
            Line(metric, self.scope, metric.name, title)
            for title, metrics in every
            for metric in metrics
            if metric.key not in there
        ]

    def grid(self) -> Grid:
        """The grid with what was typed into it."""
        return plan_grid.build(
            year=self.year, lines=self.lines, stored=self.stored, texts=self.texts, seen=self.seen
        )

    def add(self, key: str) -> None:
        """Show the row of a metric, if there is such a one."""
        if plan_grid.metric_of(key, money=self.money):
            self.form.added.append(key)
            self.lines = self._lines(self.stored)

    def fill(self, texts: plan_fill.Texts) -> None:
        """Put texts into cells, and show the rows that they fall into."""
        self.texts |= texts
        self.lines = self._lines(self.stored)


@permitted(Permission.SEE_REPORTS)
@require_http_methods(["GET", "POST"])
def grid(request: HttpRequest) -> HttpResponse:
    """Show a year's plans beside what became of them; save what was typed, or fill cells in for a look before saving.

    All that changed is saved or nothing: 422 where a cell holds no number, 409 where somebody else was faster.
    """
    desk = Desk(request, request.organisation)  # type: ignore[attr-defined]  # set by ReaderMiddleware
    if not desk.is_valid:
        return _page(request, desk, None, status=400)
    if request.method == "GET":
        return _page(request, desk, desk.grid())
    if not desk.may_edit:
        return permitted(Permission.PLAN)(grid)(request)
    act = ACTS.get(request.POST.get("act", "save"), _save)
    return act(request, desk)


def _save(request: HttpRequest, desk: Desk) -> HttpResponse:
    at = timezone.now()
    found = desk.grid()
    refused = plans.faults_of(list(found.wanted))
    for cell in found.cells:
        cell.error = cell.error or refused.get(cell.key, "")
    if found.faults:
        return _page(request, desk, found, status=422)
    try:
        before = plans.change(wanted=found.wanted, seen=found.seen, actor=person(request), at=at)
    except Stale as stale:
        _show_standing(found, stale)
        return _page(request, desk, found, status=409)
    if not before:
        toast(request, _("Nothing has changed."), level=messages.INFO)
    else:
        words = ngettext("%(n)s figure saved.", "%(n)s figures saved.", len(before)) % {"n": len(before)}
        toast(request, words, undo=_remember(request, before, found.wanted))
    return go(request, request.get_full_path())


def _show_standing(found: Grid, stale: Stale) -> None:
    """Put beside each stale cell what stands now; saving again will replace that knowingly."""
    for cell in found.cells:
        if cell.key in stale.standing:
            plan = stale.standing[cell.key]
            metric = next(row.line.metric for row in found.rows if cell in row.cells)
            cell.was = plan.value if plan else None
            cell.standing = cell.was_text = shown(cell.was, metric)
            cell.who = str(plan.updated_by or "") if plan else ""
            cell.at = plan.updated_at if plan else None


def _remember(
    request: HttpRequest, before: dict[Key, Decimal | None], after: dict[Key, Decimal | None]
) -> str:
    """Keep what a save replaced, and return where its Undo posts to."""
    code = secrets.token_urlsafe(8)
    changes = [[*key, _text(value), _text(after[key])] for key, value in before.items()]
    request.session[UNDO] = {"code": code, "changes": changes}
    return reverse("kpi:plan-undo", args=[code])


def _text(value: Decimal | None) -> str:
    return "" if value is None else str(value)


@permitted(Permission.PLAN)
@require_POST
def undo(request: HttpRequest, code: str) -> HttpResponse:
    """Put back what the last save replaced, unless somebody has changed it since."""
    kept = request.session.get(UNDO) or {}
    if kept.get("code") != code:
        toast(request, _("This can no longer be undone."), level=messages.ERROR)
        return go(request, next_url(request, reverse("kpi:plan-grid")))
    value = {Key(*key): (before, after) for *key, before, after in kept["changes"]}
    wanted = {key: Decimal(before) if before else None for key, (before, _after) in value.items()}
    seen = {key: Decimal(after) if after else None for key, (_before, after) in value.items()}
    try:
        plans.change(wanted=wanted, seen=seen, actor=person(request), at=timezone.now())
        toast(request, _("The plan is as it was before."))
        del request.session[UNDO]
    except Stale:
        toast(request, _("Nothing was undone: the plan has been changed since."), level=messages.ERROR)
    return go(request, _behind(request) or next_url(request, reverse("kpi:plan-grid")))


def _behind(request: HttpRequest) -> str:
    """The plan page that the Undo was pressed on, or ""."""
    place = request.headers.get("Referer", "")
    path = place.partition(request.get_host())[2]
    return path if path.startswith(reverse("kpi:plan-grid")) else ""


# Filling in: nothing is saved, the cells are shown as typed


def _add(request: HttpRequest, desk: Desk) -> HttpResponse:
    desk.add(request.POST.get("row_of", ""))
    return _page(request, desk, desk.grid())


def _paste(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = PasteForm(request.POST)
    if not form.is_valid():
        return _page(request, desk, desk.grid(), status=422, paste_form=form)

    def read() -> plan_fill.Texts:
        texts, problems = plan_fill.pasted(form.cleaned_data["table"], lines=desk.offered(), year=desk.year)
        for problem in problems:
            messages.warning(request, problem)
        return texts

    return _filled(request, desk, read, paste_form=form)


def _copy(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = CopyForm(request.POST)
    if not form.is_valid():
        return _page(request, desk, desk.grid(), status=422, copy_form=form)
    before = desk.before()
    percent = form.cleaned_data["percent"]
    return _filled(
        request, desk, lambda: plan_fill.copied(before, lines=desk.lines, year=desk.year, percent=percent)
    )


def _spread(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = SpreadForm(request.POST, rows=_rows(desk))
    if not form.is_valid():
        return _page(request, desk, desk.grid(), status=422, spread_form=form)
    line = next(one for one in desk.lines if _row_name(one) == form.cleaned_data["row"])

    def share() -> plan_fill.Texts:
        total = form.number_for(line.metric)
        if form.cleaned_data["how"] == "evenly":
            return plan_fill.spread(total, line=line, year=desk.year)
        weights = plan_fill.seasons(line, year=desk.year, organisation=desk.organisation, at=timezone.now())
        return plan_fill.spread(total, line=line, year=desk.year, weights=weights)

    return _filled(request, desk, share, spread_form=form)


def _filled(
    request: HttpRequest, desk: Desk, fill: Callable[[], plan_fill.Texts], **forms: Any
) -> HttpResponse:
    try:
        desk.fill(fill())
    except plan_fill.CannotFill as why:
        return _page(request, desk, desk.grid(), status=422, cannot=str(why), **forms)
    return _page(request, desk, desk.grid(), filled=True)


ACTS: dict[str, Callable[[HttpRequest, Desk], HttpResponse]] = {
    "save": _save,
    "paste": _paste,
    "copy": _copy,
    "spread": _spread,
    "add": _add,
}


def _row_name(line: Line) -> str:
    return f"{line.metric.key}|{line.scope}"


def _rows(desk: Desk) -> list[tuple[str, str]]:
    return [(_row_name(line), str(line.name)) for line in desk.lines]


def _page(
    request: HttpRequest, desk: Desk, found: Grid | None, *, status: int = 200, **extra: Any
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": desk.form,
        "may_edit": desk.may_edit,
        "organisation": desk.organisation,
        "money": desk.money,
        **extra,
    }
    if found is not None:
        plan_grid.add_facts(found, organisation=desk.organisation, at=timezone.now())
        if desk.metric is not None:
            whole = not desk.team and len(desk.form.people) <= plan_grid.MOST_ROWS
            plan_grid.add_sums(found, people=whole)
        context |= _of_grid(desk, found)
        context.setdefault("paste_form", PasteForm())
        context.setdefault("copy_form", CopyForm())
        context.setdefault("spread_form", SpreadForm(rows=_rows(desk)))
    return render(request, "kpi/plan_grid.html", context, status=status)


def _of_grid(desk: Desk, found: Grid) -> dict[str, Any]:
    seen = {cell.name: str(cell.was) for cell in found.cells if cell.was is not None}
    decimal, _group = numbers.separators()
    people = desk.form.people_of(desk.team)
    return {
        "grid": found,
        "seen": json.dumps(seen),
        "year": desk.year,
        "scope": desk.scope,
        "metric": desk.metric,
        "team": desk.team,
        "add": plan_grid.addable(desk.lines, money=desk.money) if desk.metric is None else [],
        "choices": plan_grid.plannable(money=desk.money),
        "decimal": decimal,
        "now": desk.organisation.clock.month_at(timezone.now()).name,
        "latest": _latest(found),
        "left_out": max(0, len(people) - plan_grid.MOST_ROWS) if desk.metric else 0,
    }


def _latest(found: Grid) -> tuple[str, datetime] | None:
    """Who changed the page's plans last, and when."""
    told = [(cell.at, cell.who) for cell in found.cells if cell.at is not None]
    if not told:
        return None
    at, who = max(told)
    return who or _("the command line"), at


# Files


@permitted(Permission.PLAN)
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Take a CSV file of plans; the report names each row that was not taken by line, column and reason."""
    form = PlanFileForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"crumbs": [{"url": reverse("kpi:plan-grid"), "label": _("Plan")}]}
    if request.method == "POST" and form.is_valid():
        try:
            context["outcome"] = plans.take(
                rows_of(form.cleaned_data["file"].read()), actor=person(request), at=timezone.now()
            )
        except BadFile as fault:
            words = _("Nothing was saved: %(why)s") % {"why": fault}
            form.add_error("file", words)
    return render(
        request, "kpi/plan_import.html", context | {"form": form}, status=422 if form.errors else 200
    )


@permitted(Permission.SEE_REPORTS)
@require_GET
def download(request: HttpRequest, year: str, suffix: str) -> HttpResponse:
    """Send a year's plans as CSV, which the upload takes back, or as a workbook: what the reader may see of them."""
    try:
        months = [month.name for month in plan_grid.months_of(int(year))]
    except ValueError:
        raise Http404("no such year") from None
    found = Plan.objects.filter(month__in=months)
    if not may(person(request), Permission.SEE_MONEY):
        found = found.exclude(metric__in=[metric.key for metric in METRICS if metric.money])
    write = {"csv": csv_file, "xlsx": xlsx_file}[suffix]
    return write(f"plan-{year}", COLUMNS, lines_of(found))
