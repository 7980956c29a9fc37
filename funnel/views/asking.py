"""Asking before something is saved that is seldom meant: the answer holds for these very words."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from django.http import HttpRequest

from funnel.forms import Warn

FIELD = "confirmed"


def mark_of(warnings: Sequence[Warn]) -> str:
    """Name the warnings: others, or other words, have another mark."""
    return sha256("\n".join(f"{one.code} {one.detail}" for one in warnings).encode()).hexdigest()[:16]


def unconfirmed(request: HttpRequest, warnings: Sequence[Warn]) -> bool:
    """Tell whether there is something that the person has not said yes to yet."""
    return bool(warnings) and request.POST.get(FIELD) != mark_of(warnings)
