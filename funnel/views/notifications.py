"""Word to a person that something on a journey concerns them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from funnel.models import Journey, Notification
from funnel.paging import keyset
from funnel.toasts import toast

from .base import go, person, signed_in


@signed_in
@require_GET
def notifications(request: HttpRequest) -> HttpResponse:
    """List the notifications, the newest first; `?unread=1` leaves out what was read."""
    user = person(request)
    found = Notification.objects.filter(user=user).select_related(
        "event__actor", "event__journey__contact", "event__journey__company"
    )
    only_unread = request.GET.get("unread") == "1"
    if only_unread:
        found = found.filter(read_at=None)
    page = keyset(found, request.GET)
    seen = set(
        Journey.objects.visible_to(user)
        .filter(pk__in=[row.event.journey_id for row in page.rows])
        .values_list("pk", flat=True)
    )
    context = {
        "page": page,
        "only_unread": only_unread,
        # a journey may have gone to others since: then its name is not told any more
        "rows": [{"row": row, "visible": row.event.journey_id in seen} for row in page.rows],
    }
    return render(request, "funnel/notifications.html", context)


@signed_in
@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark one notification as read, or all of them."""
    unread = Notification.objects.filter(user=person(request), read_at=None)
    one = request.POST.get("notification", "")
    if one:
        if not (one.isascii() and one.isdigit() and len(one) < 19):
            one = "0"
        unread = unread.filter(pk=int(one))
    unread.update(read_at=timezone.now())
    if not one:
        toast(request, _("All are marked as read."))
    return go(request, reverse("funnel:notifications"))
