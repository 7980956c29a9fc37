"""Adding and changing the people and programs that work here."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .models import ApiToken, Journey, Team, User
from .models.programs import Scope
from .stages import Role

PERSONAL = ("name", "email", "role", "team", "is_active", "takes_handoffs")


@transaction.atomic
def create_user(
    *, actor: User, username: str, role: str, invited: bool = False, **fields: Any
) -> tuple[User, str]:
    """Add a person; return them with a temporary password, shown only now.

    Who is `invited` chooses a password by a link instead (see `invitations`); a service account has none at all.
    """
    user = User(username=username, role=role, **fields)
    password = "" if role == Role.SERVICE or invited else _password()
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    user.full_clean(exclude=["password"])
    user.save()
    return user, password


@transaction.atomic
def change_user(*, actor: User, user: User, **fields: Any) -> User:
    """Change what `fields` name of a person; disabling one ends their sessions and tokens at the next request.

    Raises ValidationError where it would leave nobody to administer, or lock out whoever is asking.
    """
    locked = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.full_clean(exclude=["password"])
    stays = locked.role == Role.ADMINISTRATOR and locked.is_active
    if locked.pk == actor.pk and not stays:
        raise ValidationError(
            {"role": _("You cannot take your own administration away; another administrator can.")}
        )
    # the other administrators are locked, so that two of them cannot unseat each other at once
    others = (
        User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=locked.pk)
    )
    if user.role == Role.ADMINISTRATOR and not stays and not list(others.order_by("pk").values_list("pk")):
        raise ValidationError({"role": _("This is the last administrator.")})
    locked.save(update_fields=list(fields))
    return locked


def set_members(*, team: Team, members: Iterable[User]) -> None:
    """Let these and nobody else be in a team; whoever was in another leaves it: two statements."""
    wanted = [user.pk for user in members]
    User.objects.filter(team=team).exclude(pk__in=wanted).update(team=None)
    User.objects.filter(pk__in=wanted).exclude(team=team).update(team=team)


@transaction.atomic
def set_temporary_password(*, actor: User, user: User) -> str:
    """Give a person a new password, shown only now; their sessions and tokens end."""
    if user.role == Role.SERVICE:
        raise ValidationError(_("A service account signs in with tokens, not with a password."))
    password = _password()
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def issue_token(
    *, actor: User, user: User, name: str, scopes: list[str], days: int = 0
) -> tuple[ApiToken, str]:
    """Issue a token, good for so many days (0: until it is revoked); return it with its secret, shown only now.

    Raises ValidationError where the actor may not give the scope, or not to this person.
    """
    administers = actor.role == Role.ADMINISTRATOR
    if user.pk != actor.pk and not administers:
        raise ValidationError({"user": _("Only an administrator issues tokens for others.")})
    if Scope.ADMIN in scopes and user.role != Role.ADMINISTRATOR:
        raise ValidationError({"scopes": _("Only an administrator's token may administer.")})
    expires = timezone.now() + timedelta(days=days) if days else None
    return ApiToken.issue(user=user, scopes=scopes, name=name, expires_at=expires)


def revoke_token(*, actor: User, token: ApiToken) -> None:
    """Revoke a token; a revoked one stays as it is."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def open_work(user: User) -> int:
    """Return how many open journeys the person owns: what somebody must take over when they leave."""
    return Journey.objects.open().owned_by(user).count()


def _password() -> str:
    return secrets.token_urlsafe(12)
