"""What the tests of the sales half share."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from funnel.acts import BadInput
from funnel.annulment import annul
from funnel.machine import Refused
from funnel.models import Event, Journey
from tests.factories import people, run


def undo(journey: Journey, *kinds: str) -> Journey:
    """Annul the journey's live events of some kinds, as a manager; return it fresh."""
    events = Event.objects.live().filter(journey=journey, event__in=kinds)
    annul(events=[event.pk for event in events], actor=people(), at=timezone.now())
    return Journey.objects.get(pk=journey.pk)


def event(journey: Journey, kind: str) -> Event:
    """Return the journey's last live event of a kind."""
    return Event.objects.live().filter(journey=journey, event=kind).order_by("-seq")[0]


def faults(journey: Journey, name: str, inputs: Any) -> set[str]:
    """Return the fields at fault in an act that must be refused as bad input, with nothing written."""
    before = Event.objects.count()
    with pytest.raises(BadInput) as bad:
        run(journey, name, inputs)
    assert Event.objects.count() == before
    return set(bad.value.form.errors)


def missing(journey: Journey, name: str, inputs: Any = None) -> tuple[str, ...]:
    """Return what is missing for an act that must be refused for the journey's data, with nothing written."""
    before = Event.objects.count()
    with pytest.raises(Refused) as refused:
        run(journey, name, inputs)
    assert Event.objects.count() == before
    refusal = refused.value.refusals[journey.pk]
    assert refusal.reason == "data"
    return refusal.missing
