"""Who may get an account, and how often one may try to sign in."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.base import forms as mfa
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from funnel.models import User
from leads.limits import Limit, client_address

BEGUN = "sign_in_begun"
"""Where the session keeps what the password was when signing in began; a second step comes later."""


class AccountAdapter(DefaultAccountAdapter):
    """Whom an administrator adds signs in; wrong passwords are counted in the database, by address and account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> Any:
        """Remember under which password somebody began to sign in."""
        request.session[BEGUN] = user.get_session_auth_hash()
        return super().pre_login(request, user, **kwargs)

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in, unless password or person were changed between the steps: then it begins anew."""
        if request.session.pop(BEGUN, "") != User.objects.get(pk=user.pk).get_session_auth_hash():
            request.session.flush()
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
        super().login(request, user)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt before the password is looked at; raises ValidationError beyond the limit."""
        self._counted: list[tuple[Limit, str]] = []
        for name, who in [
            ("login_address", client_address(request)),
            ("login_account", account_of(**credentials)),
        ]:
            limit = Limit.named(name)
            if limit.wait(who):
                raise self.validation_error("too_many_login_attempts")
            self._counted.append((limit, who))

    def _rollback_login_failed_rl_usage(self) -> None:
        """A right password is no guess: allauth calls this after it."""
        for limit, who in self._counted:
            limit.give_back(who)

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """Who has reset a password starts anew."""
        Limit.named("login_account").forget(account_of(**credentials))


def account_of(*, username: str = "", email: str = "", **_others: Any) -> str:
    """Return one key for an account, by whichever name it is tried; what is no account counts as typed."""
    typed = (email or username).strip().lower()
    names = User.objects.annotate(u=Lower("username"), e=Lower("email"))
    found = names.filter(Q(u=typed) | Q(e=typed)).order_by("pk").values_list("pk", flat=True).first()
    return f"user:{found}" if found else f"typed:{typed}"


class _CountedCode:
    """Second factors are guessed no more often than passwords."""

    user: User

    def clean_code(self) -> str:
        limit, who = Limit.named("login_account"), f"code:{self.user.pk}"
        if limit.wait(who):
            raise DefaultAccountAdapter().validation_error("too_many_login_attempts")
        code: str = super().clean_code()  # type: ignore[misc]
        limit.give_back(who)
        return code


class AuthenticateForm(_CountedCode, mfa.AuthenticateForm):
    """The code asked for after the password."""


class ReauthenticateForm(_CountedCode, mfa.ReauthenticateForm):
    """The code asked for again before something delicate."""


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Who is known to the company's own sign-in service may come in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True
