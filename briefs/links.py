"""Addresses of the clients' own links to briefs."""

from django.conf import settings
from django.urls import reverse

from .models import Brief


def link_url(brief: Brief) -> str:
    """Return the whole address by which the client comes in; "" where no link is open."""
    if not brief.link_key:
        return ""
    return settings.PUBLIC_URL + reverse("briefs:client-brief", args=[brief.link_key])
