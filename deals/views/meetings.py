"""The calendar of demos."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deals import calendar
from deals.models import Meeting
from funnel.models import Organisation
from funnel.paging import keyset
from funnel.stages import Role
from funnel.views.base import person, signed_in

from .shared import chosen, download, tabs


@signed_in
@require_GET
def meeting_list(request: HttpRequest) -> HttpResponse:
    """Show the demos to come, those that wait to be closed, or those behind."""
    user = person(request)
    if user.role == Role.PARTNER:
        raise PermissionDenied
    choices = [("next", _("To come")), ("open", _("To be closed")), ("past", _("Held, missed, cancelled"))]
    state = chosen(request, "state", choices)
    now = timezone.now()
    meetings = Meeting.objects.visible_to(user).select_related(
        "journey__contact", "journey__company", "journey__owner", "specialist"
    )
    if state == "next":
        meetings = meetings.scheduled().filter(starts_at__gt=now)
    elif state == "open":
        meetings = meetings.scheduled().filter(starts_at__lte=now)
    else:
        meetings = meetings.exclude(state=Meeting.State.SCHEDULED)
    page = keyset(meetings, request.GET, by="starts_at", oldest_first=state != "past")
    context = {"tabs": tabs(request, "state", choices, state), "state": state, "page": page}
    return render(request, "deals/meeting_list.html", context)


@signed_in
@require_GET
def meeting_ics(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out a meeting for any calendar."""
    user = person(request)
    meeting = (
        Meeting.objects.visible_to(user)
        .select_related("journey__contact", "journey__company", "specialist", "organiser")
        .filter(pk=pk)
        .first()
    )
    if meeting is None or user.role == Role.PARTNER:
        raise Http404("no such meeting")
    content = calendar.invitation(meeting, organisation=Organisation.current())
    return download(content, name=f"meeting-{meeting.pk}.ics", kind="text/calendar; charset=utf-8")
