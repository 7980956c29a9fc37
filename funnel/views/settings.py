"""Settings: what the role may set, the organisation, the limits of the stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from funnel import access, limits, registry
from funnel.access import Permission
from funnel.models import User
from funnel.settings_forms import HolidaysForm, OrganisationForm, StageLimitsForm
from funnel.subjects import LIMITS, ORGANISATION
from funnel.toasts import toast

from .base import address, go, permitted, person, signed_in
from .catalogue import KINDS
from .editing import crumbs, edit

GROUPS = ("organisation", "people", "funnel", "marketing", "mine")
"""The parts of the settings' first page, in their order; an app names one of them with each of its pages."""


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show what the person's role may set."""
    user = person(request)
    labels = {
        "organisation": (_("Organisation"), "building-2"),
        "people": (_("People and programs"), "users"),
        "funnel": (_("Funnel"), "funnel"),
        "marketing": (_("Marketing"), "megaphone"),
        "mine": (_("Yours"), "circle-user"),
    }
    pages = [page for provide in (_pages, *registry.settings_pages) for page in provide(user)]
    groups = []
    for name in GROUPS:
        shown = [
            (url, page["icon"], str(page["label"]), str(page.get("text", "")))
            for page in pages
            if page.get("group", "funnel") == name and (url := page.get("url") or address(page["url_name"]))
        ]
        if shown:
            label, icon = labels[name]
            groups.append({"label": label, "icon": icon, "pages": shown})
    return render(request, "funnel/settings.html", {"groups": groups})


def _pages(user: User) -> Iterator[dict[str, Any]]:
    """Yield the kernel's own pages that the person may use."""
    if access.may(user, Permission.MANAGE_ORGANISATION):
        yield {
            "group": "organisation",
            "url_name": "funnel:organisation",
            "icon": "building-2",
            "label": _("Organisation"),
            "text": _("Zone, currency, working hours, clocks."),
        }
    if access.may(user, Permission.MANAGE_RATES):
        yield {
            "group": "organisation",
            "url_name": "funnel:rate-list",
            "icon": "arrow-left-right",
            "label": _("Exchange rates"),
            "text": _("What other currencies are worth, day by day."),
        }
    if access.may(user, Permission.MANAGE_CATALOGUE):
        yield {
            "group": "organisation",
            "url_name": "funnel:setting-changes",
            "icon": "history",
            "label": _("Changes of settings"),
            "text": _("Who changed what, and when; with undo."),
        }
    if access.may(user, Permission.MANAGE_USERS):
        yield {
            "group": "people",
            "url_name": "funnel:user-list",
            "icon": "users",
            "label": _("Users and teams"),
            "text": _("Who works here, and as what."),
        }
    yield {
        "group": "people" if user.role == "administrator" else "mine",
        "url_name": "funnel:token-list",
        "icon": "key-round",
        "label": _("Tokens for programs"),
        "text": _("They work in your name, within their scopes."),
    }
    if access.may(user, Permission.MANAGE_CATALOGUE):
        yield {
            "group": "funnel",
            "url_name": "funnel:stage-limits",
            "icon": "flame",
            "label": _("Stage limits"),
            "text": _("When a journey is stale, and how many are too many."),
        }
        for kind in KINDS.values():
            yield {
                "group": kind.group,
                "url": reverse("funnel:catalogue", args=[kind.slug]),
                "icon": kind.icon,
                "label": kind.label,
                "text": kind.why,
            }
    yield {
        "group": "mine",
        "url_name": "funnel:profile",
        "icon": "circle-user",
        "label": _("My profile"),
        "text": _("Name, language, time zone, keys, password."),
    }
    yield {
        "group": "mine",
        "url_name": "funnel:notices",
        "icon": "bell",
        "label": _("My notifications"),
        "text": _("What you hear of, and how."),
    }


@permitted(Permission.MANAGE_ORGANISATION)
@require_http_methods(["GET", "POST"])
def organisation(request: HttpRequest) -> HttpResponse:
    """Change the organisation's settings; the button of the holidays only writes them into the form."""
    if request.method == "POST" and request.POST.get("act") == "holidays":
        return _with_holidays(request)
    with transaction.atomic():
        editing = edit(request, ORGANISATION, "", lambda data, found: OrganisationForm(data, instance=found))
    if editing.saved:
        toast(request, _("The organisation's settings are saved."), undo=editing.undo)
        return go(request, reverse("funnel:organisation"))
    return _organisation_page(request, editing.context or {}, status=editing.status)


def _with_holidays(request: HttpRequest) -> HttpResponse:
    """Draw the form as it was typed, with a country's public holidays among the others; nothing is saved."""
    asked = HolidaysForm(request.POST)
    data = request.POST.copy()
    if asked.is_valid():
        there = data.get("holidays", "").split()
        data["holidays"] = "\n".join(sorted({*there, *(day.isoformat() for day in asked.days())}))
    form = OrganisationForm(initial=data, instance=ORGANISATION.found(""))
    # what was typed is shown again as it was, right or wrong: it is judged when it is saved
    form.initial |= {name: data.get(name, "") for name in form.fields}
    form.initial["business_days"] = data.getlist("business_days")
    context = {"form": form, "mark": data.get("mark", ""), "holidays": asked, "unsaved": asked.is_valid()}
    return _organisation_page(request, context, status=200 if asked.is_valid() else 422)


def _organisation_page(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    today = timezone.localdate()
    context = {
        "holidays": HolidaysForm(initial={"year": today.year + (today.month == 12)}),
        "title": _("Organisation"),
        "crumbs": crumbs(),
        "back": reverse("funnel:settings"),
        **context,
    }
    return render(request, "funnel/settings_organisation.html", context, status=status)


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def stage_limits(request: HttpRequest) -> HttpResponse:
    """Change how long a journey may stand at each stage, how many may at once, and its chance of being won."""

    def save(form: StageLimitsForm, record: Any) -> Any:
        limits.set_limits(wanted=form.wanted)
        return record

    with transaction.atomic():
        editing = edit(
            request, LIMITS, "", lambda data, _found: StageLimitsForm(data, found=limits.limits()), save=save
        )
    if editing.saved:
        toast(request, _("The limits of the stages are saved."), undo=editing.undo)
        return go(request, reverse("funnel:stage-limits"))
    context = {**(editing.context or {}), "crumbs": crumbs(), "back": reverse("funnel:settings")}
    return render(request, "funnel/settings_stages.html", context, status=editing.status)
