"""Who gets which digest: managers and administrators unless they say otherwise, others who may see reports if they ask."""

from collections.abc import Iterable

from django.core import signing

from funnel.access import PERMISSIONS, Permission, may
from funnel.models import User
from kpi.models import DigestChoice

from .periods import KINDS

SALT = "kpi.digest"


def wanted(user: User) -> frozenset[str]:
    """Return the kinds that somebody gets."""
    if not may(user, Permission.SEE_REPORTS) or not user.email:
        return frozenset()
    return chosen(user)


def chosen(user: User) -> frozenset[str]:
    """Return the kinds that somebody has chosen, or would get without having chosen."""
    choice = DigestChoice.objects.filter(user=user).first()
    if choice is None:
        return frozenset(KINDS if user.leads_everyone else ())
    return frozenset(kind for kind in KINDS if getattr(choice, kind))


def choose(*, user: User, kinds: Iterable[str]) -> None:
    """Let somebody get these kinds from now on."""
    kinds = set(kinds)
    DigestChoice.objects.update_or_create(user=user, defaults={kind: kind in kinds for kind in KINDS})


def readers(kind: str) -> list[User]:
    """Return who gets the kind: one query."""
    people = (
        User.objects.filter(is_active=True, role__in=PERMISSIONS[Permission.SEE_REPORTS])
        .exclude(email="")
        .select_related("digest_choice")
        .order_by("pk")
    )
    found = []
    for user in people:
        choice: DigestChoice | None = getattr(user, "digest_choice", None)
        if user.leads_everyone if choice is None else getattr(choice, kind):
            found.append(user)
    return found


def token_of(user: User, kind: str) -> str:
    """Return what a link in a mail carries, to end that kind of mail without signing in."""
    return signing.dumps([user.pk, kind], salt=SALT)


def reader_of(token: str) -> tuple[User, str] | None:
    """Return whose mail of which kind a link is to end; None where it is forged or its reader is gone."""
    try:
        pk, kind = signing.loads(token, salt=SALT)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    user = User.objects.filter(pk=pk).first()
    return (user, kind) if user is not None and kind in KINDS else None
