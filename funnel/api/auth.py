"""How programs sign in: a bearer token with scopes, or the browser's session with CSRF."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from funnel.models import ApiToken, User
from funnel.models.programs import Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module by its settings

USED_EVERY = timedelta(minutes=1)
"""How exactly a token's last use is kept: a write at each request would cost more than it tells."""


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`: one query, and a write at most once a minute."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = request.headers.get("Authorization", "").split()
        if not words or words[0].lower() != "bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed(_("The header must read “Bearer”, a space, and the token."))
        token = ApiToken.alive().select_related("user").filter(digest=ApiToken.digest_of(words[1])).first()
        if token is None:
            raise AuthenticationFailed(_("The token is unknown, expired or revoked."))
        now = timezone.now()
        if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """Reading needs the scope read, writing write, capturing capture or write, administering admin.

    A view names another by `write_scopes`. A session has every scope; the role limits both doors alike.
    """

    message = _("The token lacks the scope that this needs.")

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        token = request.auth
        if not isinstance(token, ApiToken):
            return True
        wanted: Any = (
            {Scope.READ} if request.method in SAFE_METHODS else getattr(view, "write_scopes", {Scope.WRITE})
        )
        return not {str(scope) for scope in wanted}.isdisjoint(token.scopes)
