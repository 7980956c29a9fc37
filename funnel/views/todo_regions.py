"""The parts of pages that show tasks, and are drawn anew when something was done with one: "day" and "next-steps"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from funnel import todo, todo_acts
from funnel.models import Journey, Task, User
from funnel.stages import Stage

from .base import is_fragment, person

DAY, STEPS = "day", "next-steps"
REGIONS: Final = frozenset({DAY, STEPS})


@dataclass(frozen=True, slots=True)
class Row:
    """A task as a list shows it. `seen`: the reader sees its journey, or the task itself; `workable`: may change it."""

    task: Task
    seen: bool
    workable: bool


def region_of(request: HttpRequest) -> str:
    """Return the part of the page from which a dialog was opened, "" for none."""
    wanted = request.POST.get("region") or request.GET.get("region") or ""
    return wanted if wanted in REGIONS else ""


def page_under(request: HttpRequest) -> str:
    """Return the address on this site of the page that a dialog or a part lies on, "" for none."""
    if not is_fragment(request):
        return ""
    try:
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return ""
    address = f"{here.path}?{here.query}" if here.query else here.path
    return address if url_has_allowed_host_and_scheme(address, None) else ""


def draw(request: HttpRequest, task: Task) -> HttpResponse | None:
    """Return the part of the page that htmx asks for, with the task as it stands; None where it asks for none."""
    _path, _mark, query = page_under(request).partition("?")
    target = request.headers.get("HX-Target", "")
    if target == DAY:
        from .my_day import context_of

        return render(request, "funnel/my_day.html#day", context_of(request, QueryDict(query)))
    if target == STEPS and task.journey is not None:
        return render(request, "funnel/_next_steps.html", steps_of(person(request), task.journey))
    return None


def steps_of(user: User, journey: Journey) -> dict[str, Any]:
    """Return what the next steps of a journey show: one query, and another where a demo is scheduled."""
    planned, finished = todo.of_journey(journey)
    return {
        "journey": journey,
        "meeting": todo.next_meeting(journey) if journey.stage == Stage.DEMO_SCHEDULED else None,
        "planned": [Row(task, seen=True, workable=todo_acts.may_work(user, task)) for task in planned],
        "finished": [Row(task, seen=True, workable=todo_acts.may_work(user, task)) for task in finished],
        "today": timezone.localdate(),
        "may_plan": todo.may_plan(user, journey),
    }


def rows_of(user: User, tasks: list[Task]) -> list[Row]:
    """Return the rows of tasks, each with whether its journey is still to be seen: one query."""
    wanted = {task.journey_id for task in tasks if task.journey_id is not None}
    seen = set(Journey.objects.visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True))
    return [
        Row(
            task,
            seen=task.journey_id in seen if task.journey_id else todo.is_own(user, task),
            workable=todo_acts.may_work(user, task),
        )
        for task in tasks
    ]
