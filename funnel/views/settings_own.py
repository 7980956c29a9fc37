"""One's own settings: the profile, and the tokens for programs."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from funnel import people
from funnel.models import User
from funnel.people_forms import ProfileForm, TokenForm, tokens_of
from funnel.settings_log import note
from funnel.stages import Role
from funnel.subjects import PROFILE, TOKEN
from funnel.toasts import toast

from .base import go, person, signed_in
from .editing import add_faults, crumbs, edit


@signed_in
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Change one's own name, language, time zone, and whether single keys act."""
    user = person(request)

    def save(form: ProfileForm, _found: User) -> User:
        saved: User = form.save(commit=False)
        saved.save(update_fields=PROFILE.fields)
        return saved

    with transaction.atomic():
        editing = edit(
            request, PROFILE, user.pk, lambda data, found: ProfileForm(data, instance=found), save=save
        )
    if editing.saved:
        with translation.override(editing.saved.language or translation.get_language()):
            toast(request, _("Your profile is saved."))
        response = go(request, reverse("funnel:profile"))
        # the language of the profile takes the place of one chosen in the bar before
        response.delete_cookie("django_language")
        return response
    context = {
        **(editing.context or {}),
        "title": _("My profile"),
        "lede": f"@{user.username} · {user.get_role_display()}",
        "crumbs": crumbs(),
        "back": reverse("funnel:settings"),
    }
    return render(request, "funnel/settings_profile.html", context, status=editing.status)


@signed_in
@require_POST
def single_keys(request: HttpRequest) -> HttpResponse:
    """Turn the single-key shortcuts on (`on=1`) or off, from the page that has them."""
    user = person(request)
    before = PROFILE.values_of(user)
    User.objects.filter(pk=user.pk).update(single_keys=request.POST.get("on") == "1")
    user.refresh_from_db(fields=["single_keys"])
    note(
        PROFILE,
        key=str(user.pk),
        name=str(user),
        before=before,
        after=PROFILE.values_of(user),
        actor=user,
        at=timezone.now(),
    )
    return HttpResponse(status=204)


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
                with transaction.atomic():
                    token, secret = people.issue_token(actor=user, **form.cleaned_data)
                    values = TOKEN.values_of(token)
                    note(
                        TOKEN,
                        key=str(token.pk),
                        name=str(token),
                        before=None,
                        after=values,
                        actor=user,
                        at=timezone.now(),
                    )
            except ValidationError as fault:
                add_faults(form, fault)
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
    user = person(request)
    found = tokens_of(user).filter(pk=pk).first()
    if found is None:
        raise Http404("no such token")
    with transaction.atomic():
        before = TOKEN.values_of(found)
        people.revoke_token(actor=user, token=found)
        found.refresh_from_db()
        after, at = TOKEN.values_of(found), timezone.now()
        note(TOKEN, key=str(pk), name=str(found), before=before, after=after, actor=user, at=at)
    toast(request, _("The token is revoked: programs that use it are refused from now on."))
    return go(request, reverse("funnel:token-list"))
