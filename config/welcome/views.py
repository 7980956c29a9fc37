"""The pages of the first run, and of the demo data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import kombu.exceptions
import redis
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config import demo, tasks
from config.env import env
from config.models import Milestone
from funnel import invitations, people
from funnel.access import Permission
from funnel.models import Journey, User
from funnel.settings_log import note
from funnel.stages import Role
from funnel.subjects import ORGANISATION, PERSON
from funnel.toasts import toast
from funnel.views.base import go, is_fragment, permitted, person
from funnel.views.editing import edit
from leads.models import WebForm
from leads.public_forms import PublicForm
from leads.subjects import WEB_FORM

from . import steps
from .forms import FirstOrganisationForm, FirstWebForm, PeopleForm, username_of

Page = tuple[dict[str, Any], int]
"""The context of a step's page and the status of the answer."""


@permitted(Permission.MANAGE_ORGANISATION)
@require_GET
def welcome(request: HttpRequest) -> HttpResponse:
    """Go on where the way was left; at its end, say what comes next."""
    found = steps.progress()
    if found.next:
        return go(request, reverse("welcome:step", args=[found.next]))
    steps.finish()
    context = {"rows": found.rows(), "progress": found, "all": len(steps.STEPS), "demo": demo.state()}
    return render(request, "config/welcome/done.html", context)


@permitted(Permission.MANAGE_ORGANISATION)
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Leave the way: it does not come up by itself again, and stays under Settings."""
    steps.finish(left=True)
    toast(request, _("The first steps wait under Settings."))
    return go(request, "/")


@permitted(Permission.MANAGE_ORGANISATION)
@never_cache
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, key: str) -> HttpResponse:
    """Show a step, skip it, or do it and go on."""
    if key not in DOERS:
        raise Http404("no such step")
    if request.method == "POST" and request.POST.get("act") == "skip":
        steps.mark(key, skipped=True)
        return _onward(request)
    answer = DOERS[key](request)
    if isinstance(answer, HttpResponse):
        return answer
    context, status = answer
    found = steps.progress()
    context |= {
        "key": key,
        "step": next(one for one in steps.STEPS if one.key == key),
        "rows": found.rows(key),
        "progress": found,
        "all": len(steps.STEPS),
    }
    return render(request, f"config/welcome/{key}.html", context, status=status)


def _onward(request: HttpRequest) -> HttpResponse:
    return go(request, reverse("welcome:welcome"))


def _organisation(request: HttpRequest) -> Page | HttpResponse:
    with transaction.atomic():
        editing = edit(
            request, ORGANISATION, "", lambda data, found: FirstOrganisationForm(data, instance=found)
        )
    if editing.saved:
        steps.mark("organisation")
        toast(request, _("The organisation's settings are saved."), undo=editing.undo)
        return _onward(request)
    return editing.context or {}, editing.status


def _people(request: HttpRequest) -> Page | HttpResponse:
    if request.method == "GET":
        return {"form": PeopleForm(), "colleagues": _colleagues()}, 200
    form = PeopleForm(request.POST)
    if not form.is_valid():
        return {"form": form, "colleagues": _colleagues()}, 422
    invited = []
    for row in form.cleaned_data["people"]:
        with transaction.atomic():
            added = _add(person(request), row)
        # a letter once sent cannot be taken back: it goes when the person is there for good
        invited.append((added, invitations.invite(actor=person(request), user=added)))
    steps.mark("people")
    if not invited:
        return _onward(request)
    leaves = invitations.mail_leaves() and all(invitation.sent for _user, invitation in invited)
    return {"invited": invited, "leaves": leaves, "days": invited[0][1].days}, 200


def _add(actor: User, row: Mapping[str, Any]) -> User:
    name = username_of(row["email"])
    added, _none = people.create_user(actor=actor, username=name, invited=True, is_active=True, **row)
    values, at = PERSON.values_of(added), timezone.now()
    note(PERSON, key=str(added.pk), name=str(added), before=None, after=values, actor=actor, at=at)
    return added


def _colleagues() -> list[User]:
    return list(User.objects.exclude(role__in=(Role.SERVICE, Role.PARTNER)).order_by("pk")[:50])


def _form(request: HttpRequest) -> Page | HttpResponse:
    web_form = FirstWebForm.first()
    if web_form is None:
        raise Http404("no web form")
    with transaction.atomic():
        editing = edit(request, WEB_FORM, web_form.pk, lambda data, found: FirstWebForm(data, instance=found))
    if editing.saved:
        steps.mark("form")
        if request.POST.get("act") == "save":
            toast(
                request, _("The web form “%(title)s” is saved.") % {"title": editing.saved}, undo=editing.undo
            )
            return go(request, reverse("welcome:step", args=["form"]) + "#embed")
        return _onward(request)
    stored = WebForm.objects.get(pk=web_form.pk)  # as it stands: the form may have spoilt the other
    context: dict[str, Any] = {**(editing.context or {}), "web_form": stored}
    context["address"] = settings.PUBLIC_URL + reverse("leads:form", args=[stored.slug])
    context["frame"] = render_to_string("leads/snippet_frame.html", context)
    fields = PublicForm(web_form=stored).shown_fields()
    context["html"] = render_to_string("leads/snippet_form.html", {**context, "fields": fields})
    return context, editing.status


def _data(request: HttpRequest) -> Page | HttpResponse:
    if request.method == "POST":
        steps.mark("data")
        return _onward(request)
    return {"demo": demo.state(), "journeys": Journey.objects.exists(), "here": request.path}, 200


DOERS: Mapping[str, Callable[[HttpRequest], Page | HttpResponse]] = {
    "organisation": _organisation,
    "people": _people,
    "form": _form,
    "data": _data,
}


# demo data -----------------------------------------------------------------------------------------------------------


@permitted(Permission.MANAGE_ORGANISATION)
@require_GET
def demo_page(request: HttpRequest) -> HttpResponse:
    """Show how the demo stands; the part that changes while it is loaded is asked for again every two seconds."""
    context = {"demo": demo.state(), "journeys": Journey.objects.exists()}
    template = "config/welcome/_demo.html" if is_fragment(request) else "config/welcome/demo.html"
    return render(request, template, context)


@permitted(Permission.MANAGE_ORGANISATION)
@require_POST
def demo_load(request: HttpRequest) -> HttpResponse:
    """Ask a worker to load the demo, where there is nothing yet."""
    if Journey.objects.exists() or Milestone.objects.filter(name=demo.NAME).exists():
        words = _("The demo goes into an empty installation only, and only once.")
        toast(request, words, level=messages.ERROR)
    elif not demo.state().is_busy:
        demo.tell("waiting")
        _ask_worker(lambda: tasks.load_demo.delay(env.int("DEMO_JOURNEYS", default=300)))
    return go(request, reverse("welcome:demo"))


@permitted(Permission.MANAGE_ORGANISATION)
@require_POST
def demo_remove(request: HttpRequest) -> HttpResponse:
    """Ask a worker to take the demo out."""
    found = demo.state()
    if (found.phase == "loaded" and found.removable) or found.phase == "failed":
        demo.tell("removing")
        _ask_worker(lambda: tasks.remove_demo.delay(person(request).pk))
    elif not found.is_busy:
        words = _("There is no demo data here that could be told from yours.")
        toast(request, words, level=messages.ERROR)
    return go(request, reverse("welcome:demo"))


def _ask_worker(send: Callable[[], object]) -> None:
    """Send a message to a worker, or say on the page that none can be reached."""
    try:
        send()
    except (kombu.exceptions.OperationalError, redis.RedisError):
        demo.tell("failed", error=_("The worker cannot be reached. Try again in a minute."))
