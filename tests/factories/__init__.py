"""Possible data for tests: everything here is made by the same domain functions that the doors call."""

from . import deals  # noqa: F401  adds its steps
from .briefs import ANSWERS, brief, template
from .journeys import STEPS, journey_at, lead, run, take
from .partners import partner, partner_person
from .people import organisation, people, team, token
from .times import START, later

__all__ = [
    "ANSWERS",
    "START",
    "STEPS",
    "brief",
    "journey_at",
    "later",
    "lead",
    "organisation",
    "partner",
    "partner_person",
    "people",
    "run",
    "take",
    "team",
    "template",
    "token",
]
