"""Settings: what the role may set, the organisation, people and teams, tokens, one's own profile."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel import access, limits, people, registry
from funnel.access import Permission
from funnel.models import Organisation, Team, User
from funnel.settings_forms import (
    OrganisationForm,
    ProfileForm,
    StageLimitsForm,
    TeamForm,
    TokenForm,
    UserForm,
    tokens_of,
)
from funnel.stages import Role
from funnel.toasts import toast

from .base import address, go, permitted, person, signed_in
from .catalogue import KINDS


def crumbs(*more: tuple[str, str]) -> list[dict[str, str]]:
    """Return the way here from the settings' first page."""
    way = [("funnel:settings", _("Settings")), *more]
    return [{"url": reverse(name), "label": label} for name, label in way]


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show what the person's role may set."""
    user = person(request)
    mine = [
        ("funnel:profile", "circle-user", _("My profile"), _("Name, language, time zone, password.")),
        (
            "funnel:token-list",
            "key-round",
            _("Tokens for programs"),
            _("They work in your name, within their scopes."),
        ),
    ]
    ours: list[tuple[str, str, str, str]] = []
    if access.may(user, Permission.MANAGE_ORGANISATION):
        ours.append(
            (
                "funnel:organisation",
                "building-2",
                _("Organisation"),
                _("Zone, currency, working hours, clocks."),
            )
        )
    if access.may(user, Permission.MANAGE_USERS):
        ours.append(("funnel:user-list", "users", _("Users and teams"), _("Who works here, and as what.")))
    if access.may(user, Permission.MANAGE_CATALOGUE):
        ours.append(
            (
                "funnel:stage-limits",
                "flame",
                _("Stage limits"),
                _("When a journey is stale, and how many are too many."),
            )
        )
    shown = [(address(name), icon, label, words) for name, icon, label, words in ours]
    if access.may(user, Permission.MANAGE_CATALOGUE):
        shown += [
            (reverse("funnel:catalogue", args=[kind.slug]), kind.icon, str(kind.label), str(kind.why))
            for kind in KINDS.values()
        ]
    for provide in registry.settings_pages:
        shown += [
            (url, page["icon"], str(page["label"]), str(page.get("text", "")))
            for page in provide(user)
            if (url := address(page["url_name"]))
        ]
    groups = [
        {"label": _("The organisation"), "pages": shown},
        {"label": _("Yours"), "pages": [(address(name), *rest) for name, *rest in mine]},
    ]
    return render(request, "funnel/settings.html", {"groups": [group for group in groups if group["pages"]]})


@permitted(Permission.MANAGE_ORGANISATION)
@require_http_methods(["GET", "POST"])
def organisation(request: HttpRequest) -> HttpResponse:
    """Change the organisation's settings."""
    with transaction.atomic():
        stored = (
            Organisation.objects.select_for_update() if request.method == "POST" else Organisation.objects
        )
        found = stored.get(pk=1)
        form = OrganisationForm(request.POST or None, instance=found)
        if request.method == "POST" and form.is_valid():
            form.save()
            toast(request, _("The organisation's settings are saved."))
            return go(request, reverse("funnel:organisation"))
    context = {
        "form": form,
        "title": _("Organisation"),
        "crumbs": crumbs(),
        "back": reverse("funnel:settings"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "funnel/settings_organisation.html", context, status=status)


@permitted(Permission.MANAGE_CATALOGUE)
@require_http_methods(["GET", "POST"])
def stage_limits(request: HttpRequest) -> HttpResponse:
    """Change how long a journey may stand at each stage, how many may at once, and its chance of being won."""
    form = StageLimitsForm(request.POST or None, found=limits.limits())
    if request.method == "POST" and form.is_valid():
        limits.set_limits(wanted=form.wanted)
        toast(request, _("The limits of the stages are saved."))
        return go(request, reverse("funnel:stage-limits"))
    context = {"form": form, "crumbs": crumbs(), "back": reverse("funnel:settings")}
    status = 422 if request.method == "POST" else 200
    return render(request, "funnel/settings_stages.html", context, status=status)


# people --------------------------------------------------------------------------------------------------------------


@permitted(Permission.MANAGE_USERS)
@require_GET
def user_list(request: HttpRequest) -> HttpResponse:
    """List the people, those who may no longer sign in last, and the teams."""
    users = User.objects.select_related("team").order_by("-is_active", "name", "username")
    context = {"users": users, "teams": Team.objects.prefetch_related("members"), "crumbs": crumbs()}
    return render(request, "funnel/settings_users.html", context)


@permitted(Permission.MANAGE_USERS)
@never_cache
@require_http_methods(["GET", "POST"])
def user_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add a person, whose temporary password is shown once, or change one."""
    found = get_object_or_404(User, pk=pk) if pk is not None else None
    form = UserForm(request.POST or None, instance=found, initial=None if found else {"is_active": True})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            if found is None:
                added, password = people.create_user(actor=person(request), **given)
                if not password:
                    toast(request, _("%(who)s is added; issue a token for it.") % {"who": added})
                    return go(request, reverse("funnel:token-list"))
                return _password_page(request, added, password)
            before = User.objects.get(pk=found.pk)
            people.change_user(actor=person(request), user=before, **given)
        except ValidationError as fault:
            form.add_error(None, fault) if not hasattr(fault, "error_dict") else _add(form, fault)
        else:
            toast(request, _("%(who)s: saved.") % {"who": found})
            return go(request, reverse("funnel:user-list"))
    context = {
        "form": form,
        "found": found,
        "title": str(found) if found else _("New person"),
        "lede": f"@{found.username}" if found else "",
        "open_work": people.open_work(found) if found else 0,
        "crumbs": crumbs(("funnel:user-list", _("Users and teams"))),
        "back": reverse("funnel:user-list"),
    }
    return render(
        request, "funnel/settings_user.html", context, status=422 if request.method == "POST" else 200
    )


def _add(form: Any, fault: ValidationError) -> None:
    """Show the faults of the domain at the form's fields, and those of fields that it does not ask for above them."""
    for name, messages in fault.message_dict.items():
        form.add_error(name if name in form.fields else None, messages)


@permitted(Permission.MANAGE_USERS)
@never_cache
@require_POST
def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person a temporary password, shown once; their sessions and tokens end."""
    found = get_object_or_404(User, pk=pk)
    try:
        password = people.set_temporary_password(actor=person(request), user=found)
    except ValidationError as fault:
        toast(request, " ".join(fault.messages))
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


@permitted(Permission.MANAGE_USERS)
@require_http_methods(["GET", "POST"])
def team_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Make a team or rename it."""
    found = get_object_or_404(Team, pk=pk) if pk is not None else None
    form = TeamForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        toast(request, _("%(what)s: saved.") % {"what": saved})
        return go(request, reverse("funnel:user-list"))
    context = {
        "form": form,
        "title": str(found) if found else _("New team"),
        "crumbs": crumbs(("funnel:user-list", _("Users and teams"))),
        "back": reverse("funnel:user-list"),
    }
    return render(
        request, "funnel/settings_form.html", context, status=422 if request.method == "POST" else 200
    )


# tokens --------------------------------------------------------------------------------------------------------------


@signed_in
@never_cache
@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """List the tokens that the person may see, and issue one; its secret is shown once."""
    user = person(request)
    form = TokenForm(request.POST or None, actor=user)
    secret, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _token, secret = people.issue_token(actor=user, **form.cleaned_data)
            except ValidationError as fault:
                _add(form, fault)
            else:
                form, status = TokenForm(actor=user), 200
    context = {
        "form": form,
        "secret": secret,
        "tokens": tokens_of(user),
        "crumbs": crumbs(),
        "everyone": user.role == Role.ADMINISTRATOR,
    }
    return render(request, "funnel/settings_tokens.html", context, status=status)


@signed_in
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a token."""
    found = tokens_of(person(request)).filter(pk=pk).first()
    if found is None:
        raise Http404("no such token")
    people.revoke_token(actor=person(request), token=found)
    toast(request, _("The token is revoked: programs that use it are refused from now on."))
    return go(request, reverse("funnel:token-list"))


# oneself -------------------------------------------------------------------------------------------------------------


@signed_in
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Change one's own name, language and time zone."""
    user = User.objects.get(pk=person(request).pk)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(user.language or translation.get_language()):
            toast(request, _("Your profile is saved."))
        response = go(request, reverse("funnel:profile"))
        # the language of the profile takes the place of one chosen in the bar before
        response.delete_cookie("django_language")
        return response
    context = {
        "form": form,
        "title": _("My profile"),
        "lede": f"@{user.username} · {user.get_role_display()}",
        "crumbs": crumbs(),
        "back": reverse("funnel:settings"),
    }
    return render(
        request, "funnel/settings_profile.html", context, status=422 if request.method == "POST" else 200
    )
