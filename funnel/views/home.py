"""The first page after signing in: what each role comes for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from funnel import registry
from funnel.stages import LEADERS, Role, Stage

from .base import address, person, signed_in

# The first of these that an installed app serves.
HOMES: dict[str, tuple[str, ...]] = {
    Role.MARKETER: ("leads:inbox",),
    Role.FIRST_TOUCH: ("leads:inbox",),
    Role.SALESPERSON: ("deals:handoffs", "deals:handoff-list", "deals:board", "deals:pipeline"),
    Role.PARTNER: ("partners:portal",),
    **dict.fromkeys(LEADERS, ("kpi:dashboard",)),
}
FIRST_STAGE = {
    Role.MARKETER: Stage.NEW,
    Role.FIRST_TOUCH: Stage.NEW,
    Role.SALESPERSON: Stage.HANDED_OFF,
}


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the page that the person's role starts the day with."""
    for begin in registry.first_run:
        if first := begin(person(request)):
            return HttpResponseRedirect(first)
    role = Role(person(request).role)
    url = address(*HOMES.get(role, ()))
    if not url:
        url = reverse("funnel:journey-list")
        if stage := FIRST_STAGE.get(role):
            url += f"?stage={stage.value}"
    return HttpResponseRedirect(url)
