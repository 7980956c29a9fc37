"""Users and teams: invited, changed, let go; what they have open goes to others."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, ProtectedError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel import invitations, leaving, people
from funnel.access import Permission
from funnel.models import Team, User
from funnel.people_forms import HandOverForm, TeamForm, UserForm
from funnel.settings_log import note
from funnel.subjects import PERSON, TEAM
from funnel.toasts import toast

from .base import go, permitted, person
from .editing import add_faults, crumbs, edit, undo_url


@permitted(Permission.MANAGE_USERS)
@require_GET
def user_list(request: HttpRequest) -> HttpResponse:
    """List the people, those who may no longer sign in last, and the teams."""
    users = list(User.objects.select_related("team").order_by("-is_active", "name", "username"))
    context = {
        "users": [(user, invitations.is_pending(user)) for user in users],
        "alone": sum(user.is_active for user in users) == 1,
        "teams": Team.objects.prefetch_related("members"),
        "crumbs": crumbs(),
    }
    return render(request, "funnel/settings_users.html", context)


@permitted(Permission.MANAGE_USERS)
@never_cache
@require_http_methods(["GET", "POST"])
def user_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add a person, who is invited or whose temporary password is shown once, or change one."""
    actor = person(request)
    given: dict[str, Any] = {}

    def save(form: UserForm, found: User | None) -> User:
        cleaned = dict(form.cleaned_data)
        way = cleaned.pop("way", "")
        if found is not None:
            return people.change_user(actor=actor, user=User.objects.get(pk=found.pk), **cleaned)
        cleaned["is_active"] = True
        added, given["password"] = people.create_user(actor=actor, invited=way == "invitation", **cleaned)
        return added

    with transaction.atomic():
        editing = edit(request, PERSON, pk, lambda data, found: UserForm(data, instance=found), save=save)
    if (saved := editing.saved) is not None:
        if pk is not None:
            return _changed(request, saved, editing.undo)
        if given["password"]:
            return _password_page(request, saved, given["password"])
        if invitations.is_pending(saved):
            return _invited(request, saved)
        toast(request, _("%(who)s is added; issue a token for it.") % {"who": saved})
        return go(request, reverse("funnel:token-list"))
    found = User.objects.filter(pk=pk).first() if pk is not None else None  # the form may have spoilt its own
    context = {
        **(editing.context or {}),
        "found": found,
        "pending": found is not None and invitations.is_pending(found),
        "title": str(found) if found else _("New person"),
        "lede": f"@{found.username}" if found else "",
        "work": leaving.work_of(found) if found else None,
        "open_work": people.open_work(found) if found else 0,
        "crumbs": crumbs(("funnel:user-list", _("Users and teams"))),
        "back": reverse("funnel:user-list"),
    }
    return render(request, "funnel/settings_user.html", context, status=editing.status)


def _changed(request: HttpRequest, user: User, undo: str) -> HttpResponse:
    """Thank for a change; whose new role has no business with their open work is asked who takes it over."""
    toast(request, _("%(who)s: saved.") % {"who": user}, undo=undo)
    work = leaving.work_of(user)
    misplaced = (work.marketing and user.role not in leaving.TAKERS["marketing"]) or (
        (work.sales or work.offers) and user.role not in leaving.TAKERS["sales"]
    )
    if undo and user.is_active and misplaced:
        return go(request, reverse("funnel:user-leave", args=[user.pk]) + "?role=1")
    return go(request, reverse("funnel:user-list"))


@permitted(Permission.MANAGE_USERS)
@require_http_methods(["GET", "POST"])
def user_leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand over what somebody has open, and take away their right to sign in."""
    found = get_object_or_404(User, pk=pk)
    actor = person(request)
    work = leaving.work_of(found)
    stays = request.GET.get("role") == "1"
    form = HandOverForm(request.POST or None, user=found, work=work, initial={"deactivate": not stays})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return _handed_over(request, actor, found, form)
            except ValidationError as fault:
                add_faults(form, fault)
            except leaving.Refused as refused:
                form.add_error(None, " ".join(sorted({one.detail for one in refused.refusals.values()})))
    context = {
        "form": form,
        "found": found,
        "work": work,
        "stays": stays,
        "crumbs": crumbs(
            ("funnel:user-list", _("Users and teams")), (reverse("funnel:user", args=[pk]), str(found))
        ),
        "back": reverse("funnel:user", args=[pk]),
    }
    return render(request, "funnel/settings_leave.html", context, status=status)


def _handed_over(request: HttpRequest, actor: User, found: User, form: HandOverForm) -> HttpResponse:
    given, at = form.cleaned_data, timezone.now()
    with transaction.atomic():
        before = PERSON.values_of(PERSON.locked(str(found.pk)))
        passed = leaving.hand_over(
            actor=actor,
            user=found,
            marketing=given.get("marketing"),
            sales=given.get("sales"),
            at=at,
            deactivate=given.get("deactivate", False),
        )
        after = PERSON.values_of(User.objects.get(pk=found.pk))
        change = note(
            PERSON, key=str(found.pk), name=str(found), before=before, after=after, actor=actor, at=at
        )
    words = [_("%(who)s may no longer sign in.") % {"who": found}] if change else []
    if count := passed.journeys + passed.offers:
        words.append(
            ngettext("%(n)s journey handed over.", "%(n)s journeys handed over.", count) % {"n": count}
        )
    if passed.tasks:
        words.append(
            ngettext("%(n)s task handed over.", "%(n)s tasks handed over.", passed.tasks)
            % {"n": passed.tasks}
        )
    if passed.kept:
        words.append(
            ngettext("%(n)s task stays theirs.", "%(n)s tasks stay theirs.", passed.kept) % {"n": passed.kept}
        )
    toast(request, " ".join(words) or _("Nothing was changed."), undo=undo_url(change))
    return go(request, reverse("funnel:user-list"))


@permitted(Permission.MANAGE_USERS)
@never_cache
@require_POST
def user_invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the invitation again."""
    return _invited(request, get_object_or_404(User, pk=pk))


def _invited(request: HttpRequest, user: User) -> HttpResponse:
    """Send the invitation and show its link, for those whom no letter reaches."""
    try:
        invitation = invitations.invite(actor=person(request), user=user)
    except ValidationError as fault:
        toast(request, " ".join(fault.messages), level=messages.ERROR)
        return go(request, reverse("funnel:user", args=[user.pk]))
    context = {
        "found": user,
        "invitation": invitation,
        "leaves": invitations.mail_leaves(),
        "crumbs": crumbs(("funnel:user-list", _("Users and teams"))),
    }
    return render(request, "funnel/settings_invited.html", context)


@permitted(Permission.MANAGE_USERS)
@never_cache
@require_POST
def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person a temporary password, shown once; their sessions and tokens end."""
    found = get_object_or_404(User, pk=pk)
    try:
        password = people.set_temporary_password(actor=person(request), user=found)
    except ValidationError as fault:
        toast(request, " ".join(fault.messages), level=messages.ERROR)
        return go(request, reverse("funnel:user", args=[pk]))
    return _password_page(request, found, password)


def _password_page(request: HttpRequest, user: User, password: str) -> HttpResponse:
    context = {
        "found": user,
        "secret": password,
        "sign_in": request.build_absolute_uri(reverse("account_login")),
        "crumbs": crumbs(("funnel:user-list", _("Users and teams"))),
    }
    return render(request, "funnel/settings_password.html", context)


# teams ---------------------------------------------------------------------------------------------------------------


@permitted(Permission.MANAGE_USERS)
@require_http_methods(["GET", "POST"])
def team_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Make a team, rename it or change who is in it."""

    def save(form: TeamForm, _found: Team | None) -> Team:
        team: Team = form.save()
        people.set_members(team=team, members=form.cleaned_data["members"])
        return team

    with transaction.atomic():
        editing = edit(request, TEAM, pk, lambda data, found: TeamForm(data, instance=found), save=save)
    if editing.saved:
        toast(request, _("%(what)s: saved.") % {"what": editing.saved}, undo=editing.undo)
        return go(request, reverse("funnel:user-list"))
    found = Team.objects.annotate(size=Count("members")).filter(pk=pk).first() if pk is not None else None
    context = {
        **(editing.context or {}),
        "title": str(found) if found else _("New team"),
        "remove": reverse("funnel:team-remove", args=[pk]) if found and not found.size else "",
        "crumbs": crumbs(("funnel:user-list", _("Users and teams"))),
        "back": reverse("funnel:user-list"),
    }
    return render(request, "funnel/settings_form.html", context, status=editing.status)


@permitted(Permission.MANAGE_USERS)
@require_POST
def team_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a team that nobody is in and no figure names."""
    found = get_object_or_404(Team, pk=pk)
    name, before = str(found), TEAM.values_of(found)
    try:
        with transaction.atomic():
            if found.members.exists():
                raise ValidationError(_("Somebody is in the team."))
            found.delete()
            change = note(
                TEAM,
                key=str(pk),
                name=name,
                before=before,
                after=None,
                actor=person(request),
                at=timezone.now(),
            )
    except (ValidationError, ProtectedError):
        words = _("%(what)s stays: people are in it, or figures name it.") % {"what": name}
        toast(request, words, level=messages.ERROR)
    else:
        toast(request, _("%(what)s is taken away.") % {"what": name}, undo=undo_url(change))
    return go(request, reverse("funnel:user-list"))
