"""My day: what is overdue, what today brings, what comes next, and which journeys nobody has a step for."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel import access, todo
from funnel.access import Permission
from funnel.choices import ICONS, act_label, act_url
from funnel.client_answers import answer_of, waiting_for
from funnel.models import Journey, User
from funnel.paging import keyset
from funnel.todo import FORGOTTEN_SHOWN, PARTS, Days

from .base import permitted, person
from .todo_regions import rows_of

COUNTED = 1000


@permitted(Permission.SEE_WORKSPACE)
@require_GET
def my_day(request: HttpRequest) -> HttpResponse:
    """Show one's own day, or for leaders that of `?who=`."""
    return render(request, "funnel/my_day.html", context_of(request, request.GET))


def context_of(request: HttpRequest, query: QueryDict) -> dict[str, Any]:
    """Return what the page and its part show, as the address asks: a fixed number of queries."""
    viewer, now = person(request), timezone.now()
    colleagues = list(todo.colleagues()) if viewer.leads_everyone else []
    who = _whose(viewer, query.get("who", ""), colleagues)
    days = Days.at(now, timezone.get_current_timezone())
    page = keyset(todo.tasks_of(who), query, by="due_at", oldest_first=True)
    done = todo.done_today(who, days)
    rows = rows_of(viewer, [*page.rows, *done])
    listed, finished = rows[: len(page.rows)], rows[len(page.rows) :]
    counts = todo.counts(who, days)
    # who leads looks after everybody's journeys, those that nobody owns among them
    everyone = viewer.leads_everyone and who.pk == viewer.pk
    bare = todo.forgotten(None if everyone else who)
    forgotten = list(bare.select_related("contact", "company", "owner")[: FORGOTTEN_SHOWN + 1])
    answers = list(waiting_for(None if everyone else who)[:FORGOTTEN_SHOWN])
    parts = [
        {
            "key": key,
            "label": label,
            "count": counts[key],
            "rows": [row for row in listed if days.key_of(row.task.due_at) == key],
        }
        for key, label in PARTS.items()
    ]
    return {
        "who": who,
        "own": who.pk == viewer.pk,
        "colleagues": colleagues,
        "parts": parts,
        "page": page,
        "first": not (query.get("after") or query.get("before")),
        "open": sum(counts.values()),
        "done": finished,
        "everyone": everyone,
        "answers": [_answered(journey, viewer) for journey in answers],
        "forgotten": forgotten[:FORGOTTEN_SHOWN],
        "forgotten_number": bare.order_by()[: COUNTED + 1].count() if forgotten else 0,
        "more_forgotten": len(forgotten) > FORGOTTEN_SHOWN,
        "today": timezone.localdate(),
        "here": _address(query),
    }


def _answered(journey: Journey, viewer: User) -> dict[str, Any]:
    """Return a client's answer with its next action, where the viewer may make it."""
    answer = answer_of(journey)
    name = answer.move(journey.stage) if answer else ""
    action: dict[str, Any] | None = None
    if name and access.may_move(viewer, name, journey.stage):
        url, dialog = act_url(name, journey.pk)
        action = {"label": act_label(name), "url": url, "icon": ICONS[name], "dialog": dialog}
        if name == "request_contract":
            page = act_url("send_contract", journey.pk)[0]
            action["post"] = {"expected_seq": journey.seq, "next": page}
    return {"journey": journey, "answer": answer, "action": action}


def _whose(viewer: User, wanted: str, colleagues: list[User]) -> User:
    if not wanted or wanted == viewer.username:
        return viewer
    if not viewer.leads_everyone:
        raise PermissionDenied
    found = next((user for user in colleagues if user.username == wanted), None)
    if found is None:
        raise Http404("no such person")
    return found


def _address(query: QueryDict) -> str:
    words = query.urlencode()
    return reverse("funnel:my-day") + (f"?{words}" if words else "")
