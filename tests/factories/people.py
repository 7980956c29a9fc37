"""The organisation and the people in it."""

from typing import Any

from funnel.models import ApiToken, Organisation, Team, User
from funnel.stages import Role

PASSWORD = "a long enough password"


def organisation(**settings: Any) -> Organisation:
    """Return the organisation with some settings changed: organisation(timezone="Europe/Berlin")."""
    found = Organisation.current()
    for name, value in settings.items():
        setattr(found, name, value)
    found.full_clean()
    found.save()
    return found


def team(name: str = "Team") -> Team:
    """Return the team of that name."""
    return Team.objects.get_or_create(name=name)[0]


def people(role: str = Role.MANAGER, name: str = "", **fields: Any) -> User:
    """Return the person of a role, made at the first call; a name, which is the username, tells several apart."""
    user = User.objects.filter(username=name or role).first()
    if user is None:
        fields.setdefault("email", f"{name or role}@funnel.example")
        user = User.objects.create_user(username=name or role, role=role, **fields)
    return user


def token(user: User, *scopes: str) -> dict[str, str]:
    """Return the headers of a program that comes in as the user: client.get(url, headers=token(user, "read"))."""
    _token, secret = ApiToken.issue(user=user, scopes=list(scopes or ("read", "write")))
    return {"Authorization": f"Bearer {secret}"}
