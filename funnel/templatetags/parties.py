"""Links to people and companies in templates: `{% load parties %}{% party_url contact %}`."""

from __future__ import annotations

from django import template

from funnel.parties import Party
from funnel.party_kinds import kind_of

register = template.Library()


@register.simple_tag
def party_url(party: Party, page: str = "page") -> str:
    """Return the address of a page of a person or company: itself, "edit", "merge", "changes" …"""
    return kind_of(party).url(page, party.pk)
