"""Word to a person that something on a journey concerns them: the list, what is new, and which of it they want."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel import notice_words, notify
from funnel.models import Journey, Notification, User
from funnel.notice_form import NoticesForm
from funnel.paging import keyset
from funnel.toasts import toast

from .base import go, person, signed_in
from .editing import crumbs

ANNOUNCED = 3
"""How many new notifications are announced one by one; of more only the number is told."""
COUNTED = 100


@signed_in
@require_GET
def notifications(request: HttpRequest) -> HttpResponse:
    """List the notifications, the newest first; `?unread=1` leaves out what was read, `?kind=` the other kinds."""
    user = person(request)
    found = notice_words.with_words(Notification.objects.filter(user=user))
    only_unread = request.GET.get("unread") == "1"
    if only_unread:
        found = found.filter(read_at=None)
    kind = request.GET.get("kind", "")
    kinds = notify.kinds_for(user)
    if kind in kinds:
        found = found.filter(kind=kind)
    page = keyset(found, request.GET)
    context = {
        "page": page,
        "only_unread": only_unread,
        "kind": kind if kind in kinds else "",
        "kinds": [(one, notice_words.SHORT[one], notice_words.ICONS[one]) for one in kinds],
        "rows": _shown(page.rows, user),
        "unread": _unread(user),
    }
    return render(request, "funnel/notifications.html", context)


def _shown(rows: Iterable[Notification], user: User) -> list[dict[str, Any]]:
    """Return what the page draws of each notification: one query.

    A journey may have gone to others since: then neither its name nor what was said of it is told any more.
    """
    rows = list(rows)
    journeys = {journey.pk for row in rows if (journey := notice_words.journey_of(row))}
    seen = set(Journey.objects.visible_to(user).filter(pk__in=journeys).values_list("pk", flat=True))
    shown = []
    for row in rows:
        journey = notice_words.journey_of(row)
        visible = journey is None or journey.pk in seen
        shown.append(
            {
                "row": row,
                "visible": visible,
                "title": notice_words.title(row, named=visible),
                "excerpt": notice_words.excerpt(row) if visible else "",
                "icon": notice_words.ICONS.get(row.kind, "bell"),
                "actor": row.event.actor if row.event else None,
            }
        )
    return shown


def _unread(user: User) -> int:
    return Notification.objects.filter(user=user, read_at=None)[:COUNTED].count()


@signed_in
@require_GET
def fresh(request: HttpRequest) -> HttpResponse:
    """Tell a page that stays open what is new: the number of unread ones, and those after the one it knows.

    Answers 304 as long as nothing has changed. Two queries, and two more where something has.
    """
    user = person(request)
    unread = _unread(user)
    latest = Notification.objects.filter(user=user).aggregate(last=Max("pk"))["last"] or 0
    mark = f'"{unread}-{latest}-{request.LANGUAGE_CODE}"'  # type: ignore[attr-defined]  # set by LocaleMiddleware
    response: HttpResponse
    if request.headers.get("If-None-Match") == mark:
        response = HttpResponseNotModified()
    else:
        response = JsonResponse({"unread": unread, "latest": latest, "news": _news(request, user)})
    response["ETag"] = mark
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Cookie", "Accept-Language"])
    return response


def _news(request: HttpRequest, user: User) -> list[dict[str, str]]:
    known = request.GET.get("after", "")
    if not (known.isascii() and known.isdigit() and len(known) < 19):
        return []
    found = notice_words.with_words(Notification.objects.filter(user=user, read_at=None, pk__gt=int(known)))
    rows = _shown(found.order_by("-pk")[:ANNOUNCED], user)
    return [
        {
            "title": item["title"],
            "text": item["excerpt"],
            "url": reverse("funnel:notification", args=[item["row"].pk]),
        }
        for item in reversed(rows)
    ]


@signed_in
@require_GET
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to what a notification is about; having been followed, it is read."""
    user = person(request)
    row = notice_words.with_words(Notification.objects.filter(user=user, pk=pk)).first()
    if row is None:
        raise Http404("no such notification")
    if row.read_at is None:
        Notification.objects.filter(pk=row.pk, read_at=None).update(read_at=timezone.now())
    journey = notice_words.journey_of(row)
    if journey is not None and not Journey.objects.visible_to(user).filter(pk=journey.pk).exists():
        toast(request, _("That journey is no longer yours to see."))
        return go(request, reverse("funnel:notifications"))
    return go(request, notice_words.address(row))


@signed_in
@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark one notification as read, or as unread again, or all of them as read."""
    mine = Notification.objects.filter(user=person(request))
    one = request.POST.get("notification", "")
    if not one:
        mine.filter(read_at=None).update(read_at=timezone.now())
        toast(request, _("All are marked as read."))
        return go(request, reverse("funnel:notifications"))
    chosen = mine.filter(pk=int(one) if one.isascii() and one.isdigit() and len(one) < 19 else 0)
    if request.POST.get("unread"):
        chosen.update(read_at=None)
    else:
        chosen.filter(read_at=None).update(read_at=timezone.now())
    query = request.GET.urlencode()
    return go(request, f"{reverse('funnel:notifications')}{'?' if query else ''}{query}")


@signed_in
@require_http_methods(["GET", "POST"])
def choices(request: HttpRequest) -> HttpResponse:
    """Choose which notifications come, and how."""
    user = person(request)
    form = NoticesForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        notify.choose(user=user, wanted=form.wanted)
        toast(request, _("Your notifications are saved."))
        return go(request, reverse("funnel:notices"))
    context = {"form": form, "crumbs": crumbs(("funnel:profile", _("My profile")))}
    return render(
        request, "funnel/settings_notices.html", context, status=422 if request.method == "POST" else 200
    )
