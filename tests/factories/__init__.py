"""Possible data for tests: everything here is made by the same domain functions that the doors call."""

from .journeys import STEPS, journey_at, lead, run, take
from .people import organisation, people, team, token
from .times import START, later

__all__ = [
    "START",
    "STEPS",
    "journey_at",
    "later",
    "lead",
    "organisation",
    "people",
    "run",
    "take",
    "team",
    "token",
]
