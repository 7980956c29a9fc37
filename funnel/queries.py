"""Questions about journeys and events, readable as business."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db.models import Exists, OuterRef, Q, QuerySet

from .access import visible_journeys
from .stages import CLOSED_STAGES, DEAL_STAGES, OPEN_STAGES, TARGETS, VOID_STAGES, Stage

if TYPE_CHECKING:
    from .models import Event, Journey, User  # noqa: F401  the names that the generics below take

    _JourneyBase = QuerySet["Journey"]
    _EventBase = QuerySet["Event"]
else:
    _JourneyBase = _EventBase = QuerySet


PHONE_DIGITS = 5
"""As many digits make a search a search for a phone."""


class JourneyQuerySet(_JourneyBase):
    def visible_to(self, user: "User") -> Self:
        """Keep what the user may see: see `access.visible_journeys`."""
        return self.filter(visible_journeys(user))

    def open(self) -> Self:
        return self.filter(stage__in=OPEN_STAGES, annulled_at=None)

    def deals(self) -> Self:
        return self.filter(stage__in=DEAL_STAGES, annulled_at=None)

    def closed(self) -> Self:
        return self.filter(stage__in=CLOSED_STAGES, annulled_at=None)

    def valid(self) -> Self:
        """Keep what counts: neither spam nor merged nor withdrawn."""
        return self.filter(annulled_at=None).exclude(stage__in=VOID_STAGES)

    def owned_by(self, user: "User") -> Self:
        return self.filter(owner=user)

    def awaiting(self, user: "User") -> Self:
        """Keep the handoffs that the user may decide on."""
        return self.filter(Q(offered_to=user) | Q(offered_to=None), stage=Stage.HANDED_OFF, annulled_at=None)

    def search(self, text: str) -> Self:
        """Keep the journeys whose people, company or number the text names; a phone in any notation."""
        text = text.strip()
        if not text:
            return self
        digits = re.sub(r"\D", "", text)
        named = (
            Q(contact__name__icontains=text)
            | Q(contact__email__icontains=text)
            | Q(company__name__icontains=text)
            | Q(external_id=text)
        )
        if len(digits) >= PHONE_DIGITS:
            named |= Q(contact__phone__contains=digits)
        number = text.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 19:
            named |= Q(pk=int(number))
        return self.filter(named)

    def stalled(self, *, since: datetime) -> Self:
        return self.open().filter(stage_since__lt=since)

    def with_parties(self) -> Self:
        """Fetch along what every list and page of journeys shows."""
        return self.select_related(
            "contact", "company", "owner", "offered_to", "source", "campaign", "service"
        )


class EventQuerySet(_EventBase):
    def live(self, *, as_of: datetime | None = None) -> Self:
        """Keep the events that no annulment (known at `as_of`) has taken out, annulments themselves left out."""
        annulments: dict[str, Any] = {"annuls": OuterRef("pk")}
        events = self.filter(annuls=None)
        if as_of is not None:
            annulments["recorded_at__lte"] = as_of
            events = events.filter(recorded_at__lte=as_of)
        return events.filter(~Exists(self.model.objects.filter(**annulments)))

    def of_stages(self) -> Self:
        """Keep the events that changed a stage."""
        return self.filter(event__in=TARGETS)

    def in_order(self) -> Self:
        """Order as replay does: by business time, then by sequence number."""
        return self.order_by("journey_id", "occurred_at", "seq")
