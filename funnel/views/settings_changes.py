"""Who changed which setting when, and the undo of it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from funnel import access
from funnel.access import Permission
from funnel.models import SettingChange, User
from funnel.settings_log import SUBJECTS, CannotUndo, may_undo, told, undo
from funnel.toasts import toast

from .base import go, next_url, permitted, person, signed_in
from .editing import crumbs, undo_url

PAGE = 50


def subjects_for(user: User) -> list[str]:
    """Return the kinds of settings whose changes the person may read: those that they may change.

    Administrators read of profiles and tokens too.
    """
    everything = access.may(user, Permission.MANAGE_USERS)
    return [
        slug
        for slug, subject in SUBJECTS.items()
        if (everything if subject.permission is None else access.may(user, subject.permission))
    ]


@permitted(Permission.MANAGE_CATALOGUE)
@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    """List the changes of settings, newest first; `?of=` keeps those of one kind, `?before=` pages."""
    user = person(request)
    readable = subjects_for(user)
    chosen = request.GET.get("of", "")
    found = SettingChange.objects.select_related("actor", "undone_by")
    found = found.filter(subject__in=[chosen] if chosen in readable else readable)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    listed = list(found[: PAGE + 1])
    query = f"of={chosen}&" if chosen in readable else ""
    context = {
        "changes": told(listed[:PAGE], user),
        "kinds": sorted((str(SUBJECTS[slug].label), slug) for slug in readable),
        "chosen": chosen if chosen in readable else "",
        "next_url": f"?{query}before={listed[PAGE - 1].pk}" if len(listed) > PAGE else "",
        "crumbs": crumbs(),
    }
    return render(request, "funnel/settings_changes.html", context)


@signed_in
@require_POST
def setting_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo a change of a setting; what has changed since is left alone, and said so."""
    user = person(request)
    change = get_object_or_404(SettingChange, pk=pk)
    if not may_undo(user, change):
        raise PermissionDenied
    # back to where the Undo was pressed, unless it took away what that page is about
    came_from = request.headers.get("Referer", "") if change.before is not None else ""
    here = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    home = came_from if here else reverse("funnel:settings")
    try:
        done = undo(change=change, actor=user, at=timezone.now())
    except CannotUndo as refusal:
        words = _("%(what)s: nothing was undone.") % {"what": change.name}
        toast(request, f"{words} {refusal}", level=messages.ERROR)
    else:
        # what was just undone can be done again, as any change can be undone
        toast(request, _("%(what)s: undone.") % {"what": change.name}, undo=undo_url(done))
    return go(request, next_url(request, home))
