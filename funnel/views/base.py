"""What the kernel's pages share: who may come in, which journey is meant, where to go afterwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from funnel import access
from funnel.access import Permission
from funnel.models import Event, Journey, User
from funnel.stages import Role

View: TypeAlias = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Let in people who have signed in; the others sign in first and come back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if is_fragment(request):
            # the page behind a dialog signs in as a whole, not inside the dialog
            behind = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
            return HttpResponseClientRedirect(redirect_to_login(behind).url)
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")

    return guarded


def permitted(permission: Permission) -> Callable[[View], View]:
    """Let in those whose role carries the permission; others get 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not access.may(person(request), permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return signed_in(guarded)

    return decorate


def person(request: HttpRequest) -> User:
    """Return who is signed in."""
    return cast(User, request.user)


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of a page rather than for a whole one."""
    return bool(getattr(request, "htmx", False)) and not request.headers.get("HX-Boosted")


def frame_of(request: HttpRequest) -> str:
    """Return the template that a page extends: the dialog's where htmx asks, else the workspace."""
    return "_dialog.html" if is_fragment(request) else "base.html"


def journey_of(request: HttpRequest, pk: int) -> Journey:
    """Return the journey with its parties where the person may see it: one query. Raises Http404."""
    journey = Journey.objects.visible_to(person(request)).with_parties().filter(pk=pk).first()
    if journey is None:
        raise Http404("no such journey")
    return journey


def next_url(request: HttpRequest, default: str) -> str:
    """Return where a form wants to lead to, if that lies on this site, else `default`."""
    wanted = request.POST.get("next", "") or request.GET.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return default


def go(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to another page, from a page or from a dialog."""
    return HttpResponseClientRedirect(url) if is_fragment(request) else HttpResponseRedirect(url, status=303)


def home_of(request: HttpRequest, pk: int) -> str:
    """Return the address of a journey, or of the list where it has gone to others: one query."""
    if Journey.objects.visible_to(person(request)).filter(pk=pk).exists():
        return reverse("funnel:journey", args=[pk])
    return reverse("funnel:journey-list")


def address(*names: str) -> str:
    """Return the address of the first name that an installed app serves, or ""."""
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


def is_outsider(user: User) -> bool:
    """Tell whether this is someone of another company, who sees a referral but not our words about it."""
    return user.role == Role.PARTNER


def undo_act_url(events: list[Event]) -> str:
    """Return where the Undo of an act posts to; "" where nothing was written."""
    return reverse("funnel:act-undo", args=[events[0].act]) if events else ""
