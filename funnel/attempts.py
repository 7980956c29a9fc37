"""How many outward contacts a journey took up to and including its first response, from the live ledger."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from .stages import Happening


def of_journeys() -> Any:
    """Return the expression that counts them, to annotate journeys with.

    What the client said of their own accord does not count; an imported response counts without its contact.
    """
    from .models import Event

    live = Event.objects.live().order_by()
    answers = live.filter(event=Happening.FIRST_RESPONSE)
    own = answers.filter(journey=OuterRef("journey"))
    earlier = Q(occurred_at__lt=OuterRef("occurred_at")) | Q(
        occurred_at=OuterRef("occurred_at"), seq__lt=OuterRef("seq")
    )
    tried = (
        live.filter(~Q(inputs__contains={"direction": "inbound"}), event=Happening.ACTIVITY_LOGGED)
        .filter(~Exists(own.filter(earlier)), ~Exists(own.filter(act=OuterRef("act"))))
        .filter(journey=OuterRef("pk"))
    )
    number = tried.values("journey").annotate(number=Count("pk")).values("number")
    answered = Exists(answers.filter(journey=OuterRef("pk")))
    return Coalesce(Subquery(number, output_field=IntegerField()), Value(0)) + Case(
        When(answered, then=Value(1)), default=Value(0), output_field=IntegerField()
    )
