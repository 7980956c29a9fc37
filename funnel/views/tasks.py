"""Tasks: make one, change one, and what is done with it at one press, in place where a script helps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from funnel import formats, todo_acts
from funnel.access import Permission
from funnel.models import Journey, Organisation, Task, User
from funnel.toasts import toast
from funnel.todo import Days, due_before
from funnel.todo_acts import TaskRefused, may_work
from funnel.todo_forms import PutOffForm, TaskForm, initial_of

from . import todo_regions
from .base import go, is_fragment, next_url, permitted, person

ACTS: Final[dict[str, tuple[Callable[..., Task], Any]]] = {
    "complete": (todo_acts.complete, lambda: _("Done: %(what)s")),
    "cancel": (todo_acts.cancel, lambda: _("Cancelled: %(what)s")),
    "reopen": (todo_acts.reopen, lambda: _("Open again: %(what)s")),
}
"""What one press does: the act, and the words when it is done."""


# a task of its own ---------------------------------------------------------------------------------------------------


@permitted(Permission.SEE_WORKSPACE)
@require_http_methods(["GET", "POST"])
def task_new(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Ask for a task, on the journey `pk` or the one that `?journey=` names or on none, and make it."""
    user = person(request)
    journey = _journey(request, pk)
    if request.method == "GET":
        return _form(request, TaskForm(user=user, assignee=request.GET.get("assignee", "")), journey)
    form = TaskForm(request.POST, user=user)
    if not form.is_valid():
        return _form(request, form, journey, status=422)
    try:
        task = todo_acts.create(actor=user, at=timezone.now(), journey=journey, **form.wanted())
    except TaskRefused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        return _form(request, form, journey, status=422)
    words = _("Planned: %(what)s, %(when)s") % {"what": task, "when": formats.due(task.due_at)[1]}
    toast(request, words, undo=_undo_url(request, task))
    return _done(request, task)


def _journey(request: HttpRequest, pk: int | None) -> Journey | None:
    """Return the journey that a new task is for, as the address or the form names it. Raises Http404."""
    wanted = str(pk or "") or request.POST.get("journey") or request.GET.get("journey") or ""
    if not wanted:
        return None
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise Http404("no such journey")
    journey = Journey.objects.visible_to(person(request)).with_parties().filter(pk=int(wanted)).first()
    if journey is None:
        raise Http404("no such journey")
    return journey


@permitted(Permission.SEE_WORKSPACE)
@require_http_methods(["GET", "POST"])
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a task with its history, and change it; who saves an old state of it is shown both."""
    user = person(request)
    found = _task(request, pk)
    if request.method == "GET":
        return _form(request, TaskForm(user=user, task=found), found.journey, task=found)
    form = TaskForm(request.POST, user=user, task=found)
    if not form.is_valid():
        return _form(request, form, found.journey, task=found, status=422)
    try:
        changed = todo_acts.change(
            task=pk, actor=user, at=timezone.now(), version=form.cleaned_data["version"], **form.wanted()
        )
    except TaskRefused as refused:
        if refused.reason == "data":
            form.add_error(refused.field if refused.field in form.fields else None, str(refused))
            return _form(request, form, found.journey, task=found, status=422)
        form.data = form.data.copy()
        if refused.task:  # who saves again has seen what stands now
            form.data["version"] = str(refused.task.version)
        return _form(request, form, found.journey, task=found, status=409, refused=refused)
    toast(request, _("Saved: %(what)s") % {"what": changed}, undo=_undo_url(request, changed))
    return _done(request, changed)


def _task(request: HttpRequest, pk: int) -> Task:
    """Return a task that the person sees, with its people. Raises Http404."""
    tasks = Task.objects.visible_to(person(request)).select_related("created_by", "closed_by")
    found = tasks.with_people().filter(pk=pk).first()
    if found is None:
        raise Http404("no such task")
    return found


def _form(
    request: HttpRequest,
    form: TaskForm,
    journey: Journey | None,
    *,
    task: Task | None = None,
    status: int = 200,
    refused: TaskRefused | None = None,
) -> HttpResponse:
    user = person(request)
    seen = journey is None or task is None or Journey.objects.visible_to(user).filter(pk=journey.pk).exists()
    context = {
        "form": form,
        "task": task,
        "journey": journey if seen else None,
        "region": todo_regions.region_of(request),
        "back": _back(request, journey),
        "workable": task is None or (task.is_open and may_work(user, task)),
        "mine": task is None or may_work(user, task),
        "changes": list(task.changes.select_related("actor")[:12]) if task else [],
        "refused": refused,
        "theirs": _differences(form, refused.task) if refused and refused.task else [],
        "crumbs": [{"url": reverse("funnel:my-day"), "label": _("My day")}],
    }
    answer = render(request, "funnel/task.html", context, status=status)
    if is_fragment(request) and status >= 400:
        answer["HX-Retarget"], answer["HX-Reswap"] = "#dialog", "innerHTML"
    return answer


def _differences(form: TaskForm, current: Task) -> list[tuple[str, str, str]]:
    """Return label, the words that were typed and those that stand now, of each field where they differ."""
    found = []
    now = initial_of(current, Organisation.current())
    for name in ("title", "due_on", "due_time", "kind", "repeat", "assignee", "details"):
        field = form.fields[name]
        typed, stands = form.cleaned_data.get(name), now[name]
        if isinstance(typed, User):
            typed = typed.username
        if (typed or "") != (stands or ""):
            words = dict(getattr(field, "choices", ())) if name in ("kind", "repeat") else {}
            found.append(
                (str(field.label), str(words.get(typed, typed or formats.DASH)), str(words.get(stands, stands or formats.DASH)))
            )  # fmt: skip
    return found


# at one press --------------------------------------------------------------------------------------------------------


@permitted(Permission.SEE_WORKSPACE)
@require_POST
def task_act(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Complete, cancel or reopen a task; draw it anew where it stood."""
    if name not in ACTS:
        raise Http404("no such act")
    act, words = ACTS[name]
    found = _task(request, pk)
    try:
        found = act(task=pk, actor=person(request), at=timezone.now(), version=_version(request))
    except TaskRefused as refused:
        return _refuse(request, found, refused)
    toast(request, words() % {"what": found} + _next_in_words(found), undo=_undo_url(request, found))
    return _done(request, found)


def _next_in_words(task: Task) -> str:
    coming = getattr(task, "followed_by", None) if task.state == Task.State.DONE and task.repeat else None
    return ". " + _("Next: %(when)s") % {"when": formats.day(coming.due_at)} if coming else ""


@permitted(Permission.SEE_WORKSPACE)
@require_POST
def task_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back the latest change of a task, if nothing has been done with it since."""
    found = _task(request, pk)
    version = _version(request)
    if version is None:
        raise BadRequest("version is missing")
    try:
        found = todo_acts.undo(task=pk, actor=person(request), at=timezone.now(), version=version)
    except TaskRefused as refused:
        toast(request, _("Not undone: %(why)s") % {"why": refused}, level=messages.ERROR)
    else:
        toast(request, _("Undone: %(what)s.") % {"what": found})
    return _done(request, found)


@permitted(Permission.SEE_WORKSPACE)
@require_http_methods(["GET", "POST"])
def task_put_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask until when, and make the task due then."""
    found, now = _task(request, pk), timezone.now()
    form = PutOffForm(request.POST if request.method == "POST" else None, task=found, now=now)
    if request.method == "POST" and form.is_valid():
        until, all_day = form.moment()
        try:
            found = todo_acts.put_off(
                task=pk,
                actor=person(request),
                at=now,
                until=until,
                all_day=all_day,
                version=_version(request),
            )
        except TaskRefused as refused:
            return _refuse(request, found, refused)
        words = _("Put off: %(what)s, %(when)s") % {"what": found, "when": formats.due(found.due_at)[1]}
        toast(request, words, undo=_undo_url(request, found))
        return _done(request, found)
    context = {
        "task": found,
        "form": form,
        "choices": form.choices(),
        "region": todo_regions.region_of(request),
        "back": _back(request, found.journey),
        "crumbs": [{"url": reverse("funnel:my-day"), "label": _("My day")}],
    }
    answer = render(request, "funnel/task_put_off.html", context, status=422 if form.is_bound else 200)
    if is_fragment(request) and form.is_bound:
        answer["HX-Retarget"], answer["HX-Reswap"] = "#dialog", "innerHTML"
    return answer


# what they share -----------------------------------------------------------------------------------------------------


def _version(request: HttpRequest) -> int | None:
    """Return which state of the task was acted on, None where that is not told. Raises BadRequest."""
    text = request.POST.get("version") or request.GET.get("version") or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest("version is not a number")
    return int(text)


def _refuse(request: HttpRequest, task: Task, refused: TaskRefused) -> HttpResponse:
    """Say why nothing was written, and draw the task as it stands."""
    toast(request, _("Nothing was saved. %(why)s") % {"why": refused}, level=messages.ERROR)
    return _done(request, task, status=409)


def _done(request: HttpRequest, task: Task, *, status: int = 200) -> HttpResponse:
    """Answer with the part of the page that shows the task, drawn anew, or lead back to the page."""
    drawn = todo_regions.draw(request, task) if is_fragment(request) else None
    if drawn is None:
        return go(request, _back(request, task.journey))
    drawn.status_code = status
    tomorrow = Days.at(timezone.now(), timezone.get_current_timezone()).tomorrow
    counts = {"due": due_before(person(request), tomorrow).count()}
    drawn["HX-Trigger"] = json.dumps({"closeDialog": None, "counts": counts})
    return drawn


def _back(request: HttpRequest, journey: Journey | None) -> str:
    """Return where to go when all is done: where the form says, else the page under the dialog, else the task's own."""
    home = reverse("funnel:my-day") if journey is None else reverse("funnel:journey", args=[journey.pk])
    return next_url(request, todo_regions.page_under(request) or home)


def _undo_url(request: HttpRequest, task: Task) -> str:
    """Return where the Undo of the task's latest change posts to, and comes back from."""
    back = next_url(request, todo_regions.page_under(request))
    query = urlencode({"version": task.version, **({"next": back} if back else {})})
    return f"{reverse('funnel:task-undo', args=[task.pk])}?{query}"
