"""Saved views of the list and the board: saved from an address, renamed, shared, put in order, deleted with an undo."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.access import Permission
from funnel.lists import arrangement, saved, shown
from funnel.lists.forms import ColumnsForm, ViewForm
from funnel.models import SavedView
from funnel.toasts import toast

from .base import go, next_url, permitted, person

for_staff = permitted(Permission.SEE_WORKSPACE)


def _view_of(request: HttpRequest, pk: int) -> SavedView:
    view = saved.visible_to(person(request)).filter(pk=pk).first()
    if view is None:
        raise Http404("no such view")
    return view


def _crumbs() -> list[dict[str, str]]:
    return [{"url": reverse("funnel:views"), "label": _("Saved views")}]


@for_staff
@require_GET
def views(request: HttpRequest) -> HttpResponse:
    """List the views that the person sees, to put in order, change and delete."""
    user = person(request)
    groups = []
    for place, label in SavedView.Place.choices:
        found = [view for view in shown.views_of(request) if view.place == place]
        rows = [
            {
                "view": view,
                "url": saved.url_of(view),
                "colour": shown.colour_of(view),
                "mine": saved.may_change(user, view),
                "is_default": arrangement.default_of(user, place) == view.pk,
                "first": number == 0,
                "last": number == len(found) - 1,
                "up": f"{view.pk}-up",
                "down": f"{view.pk}-down",
            }
            for number, view in enumerate(found)
        ]
        groups.append({"place": place, "label": label, "rows": rows, "url": reverse(saved.PAGES[place])})
    return render(
        request, "funnel/lists/views.html", {"groups": groups, "moved": request.GET.get("moved", "")}
    )


@for_staff
@require_GET
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to the list or board as the view shows it: the short address, to pass on."""
    return HttpResponseRedirect(saved.url_of(_view_of(request, pk)))


@for_staff
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Save the filters of an address as a view; the columns that stand there go with it."""
    user = person(request)
    given = request.POST if request.method == "POST" else request.GET
    place, query = given.get("place", SavedView.Place.LIST), given.get("query", "")
    if place not in SavedView.Place.values:
        raise BadRequest("no such place")
    base = next((v for v in shown.views_of(request) if str(v.pk) == given.get("view", "")), None)
    form = ViewForm(request.POST if request.method == "POST" else None, user=user)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            columns = [column.key for column in arrangement.columns_of(user, base)]
            try:
                made = saved.create(
                    actor=user,
                    name=form.cleaned_data["name"],
                    place=place,
                    query=query,
                    columns=columns if place == SavedView.Place.LIST else [],
                    shared=form.cleaned_data["shared"],
                )
            except ValidationError as fault:
                form.add_error(None, fault)
            else:
                if form.cleaned_data["default"]:
                    arrangement.set_default(user=user, place=place, view=made)
                toast(request, _("The view “%(name)s” is saved.") % {"name": made})
                return go(request, saved.url_of(made))
    words = saved.FILTERS[place](QueryDict(query), user=user).chips()
    context = {
        "form": form,
        "place": place,
        "query": query,
        "base": base,
        "chips": words,
        "back": f"{reverse(saved.PAGES[place])}?{query}",
        "crumbs": _crumbs(),
    }
    return render(request, "funnel/lists/view_form.html", context, status=status)


@for_staff
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a view and choose who sees it; those whom it is shared with may open their list with it."""
    user, found = person(request), _view_of(request, pk)
    mine = saved.may_change(user, found)
    is_default = arrangement.default_of(user, found.place) == found.pk
    initial = {
        "name": found.name,
        "shared": found.shared,
        "default": is_default,
        "version": found.version,
    }
    form = ViewForm(
        request.POST if request.method == "POST" else None, user=user, view=found, initial=initial
    )
    if not mine:
        del form.fields["name"], form.fields["shared"]
    status, stale = 200, False
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                if mine and (given["name"], given["shared"]) != (found.name, found.shared):
                    saved.change(
                        view=found,
                        actor=user,
                        version=given["version"],
                        name=given["name"],
                        shared=given["shared"],
                    )
            except saved.ChangedMeanwhile:
                status, stale = 409, True
                form.data = {**request.POST.dict(), "version": str(found.version)}
            except ValidationError as fault:
                form.add_error(None, fault)
            else:
                if given["default"] != is_default:
                    arrangement.set_default(
                        user=user, place=found.place, view=found if given["default"] else None
                    )
                toast(request, _("Saved."))
                return go(request, next_url(request, reverse("funnel:views")))
    context = {
        "form": form,
        "view": found,
        "mine": mine,
        "stale": stale,
        "chips": saved.FILTERS[found.place](QueryDict(found.query), user=user).chips(),
        "back": next_url(request, reverse("funnel:views")),
        "crumbs": _crumbs(),
    }
    return render(request, "funnel/lists/view_form.html", context, status=status)


@for_staff
@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a view show what the list shows now: its filters, its order, its columns."""
    user, found = person(request), _view_of(request, pk)
    version = request.POST.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise BadRequest("version is not a number")
    values: dict[str, Any] = {"query": request.POST.get("query", "")}
    if found.place == SavedView.Place.LIST:
        values["columns"] = [column.key for column in arrangement.columns_of(user, found)]
    try:
        changed = saved.change(view=found, actor=user, version=int(version), **values)
    except saved.ChangedMeanwhile:
        words = _("Not saved: somebody changed the view “%(name)s” meanwhile. It shows now what they saved.")
        toast(request, words % {"name": found}, level=messages.ERROR)
        return go(request, saved.url_of(found))
    except ValidationError as fault:
        toast(request, " ".join(fault.messages), level=messages.ERROR)
        return go(request, saved.url_of(found))
    arrangement.forget_columns(user=user, view=changed)
    toast(request, _("The view “%(name)s” is saved.") % {"name": changed})
    return go(request, saved.url_of(changed))


@for_staff
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a view away; the toast brings it back."""
    found = _view_of(request, pk)
    saved.delete(view=found, actor=person(request))
    words = _("The view “%(name)s” is deleted.") % {"name": found}
    toast(request, words, undo=reverse("funnel:view-restore", args=[pk]))
    return go(request, next_url(request, reverse("funnel:views")))


@for_staff
@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring a deleted view back."""
    found = saved.deleted(pk, person(request))
    saved.restore(view=found, actor=person(request))
    toast(request, _("The view “%(name)s” is back.") % {"name": found})
    return go(request, saved.url_of(found))


@for_staff
@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a view one place ahead or behind, for oneself."""
    ways = {"up": -1, "down": 1}
    way = request.POST.get("to", "")
    if way not in ways:
        raise BadRequest("no such way")
    arrangement.move(
        user=person(request), views=shown.views_of(request), view=_view_of(request, pk), by=ways[way]
    )
    return go(request, f"{reverse('funnel:views')}?moved={pk}-{way}")


@for_staff
@require_http_methods(["GET", "POST"])
def columns(request: HttpRequest) -> HttpResponse:
    """Choose the columns of the list and their order, for oneself: for the view that the address names, or in general."""
    user = person(request)
    given = request.POST if request.method == "POST" else request.GET
    base = shown.view_of(request, SavedView.Place.LIST, given)
    form = ColumnsForm(
        request.POST if request.method == "POST" else None,
        user=user,
        shown=arrangement.columns_of(user, base),
    )
    if request.method == "POST":
        if wanted := request.POST.get("move"):
            try:
                form.move(wanted)
            except ValidationError:
                raise BadRequest("no such column") from None
        elif "usual" in request.POST:
            form.reset()
        else:
            arrangement.choose_columns(user=user, view=base, keys=form.ticked)
            return go(request, next_url(request, reverse("funnel:journey-list")))
    context = {
        "form": form,
        "view": base,
        "back": next_url(request, reverse("funnel:journey-list")),
        "crumbs": [{"url": reverse("funnel:journey-list"), "label": _("Journeys")}],
    }
    return render(request, "funnel/lists/columns.html", context)
