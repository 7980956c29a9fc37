"""What clients answered to proposals and contracts, as long as nobody has acted on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from .models import Event, Journey, Note, User
from .queries import JourneyQuerySet
from .stages import DEAL_STAGES, MOVES, Answer, Happening


def title_of(answer: str, paper: str) -> str:
    """Return what happened in one line."""
    contract = paper == "contract"
    match answer:
        case Answer.ACCEPTED:
            return _("The client accepts the contract") if contract else _("The client accepts the proposal")
        case Answer.CHANGES if contract:
            return _("The client asks to change the contract")
        case Answer.CHANGES:
            return _("The client asks to change the proposal")
    return _("The client declines the contract") if contract else _("The client declines the proposal")


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """The client's latest answer at the stage where the journey stands: to what, when, with which words."""

    answer: Answer
    paper: str
    version: int | None
    at: datetime
    words: str

    @property
    def title(self) -> str:
        """Return the answer in one line."""
        words = title_of(self.answer, self.paper)
        return f"{words} (v{self.version})" if self.version else words

    @property
    def good(self) -> bool:
        return self.answer == Answer.ACCEPTED

    def move(self, stage: str) -> str:
        """Return the move that follows from it; "" where the stage does not allow it."""
        if self.answer != Answer.ACCEPTED:
            name = "object"
        else:
            name = "sign" if self.paper == "contract" else "request_contract"
        return name if MOVES[name].arc(stage) else ""


def _events() -> Any:
    return Event.objects.live().filter(
        journey=OuterRef("pk"), event=Happening.CLIENT_ANSWERED, occurred_at__gte=OuterRef("stage_since")
    )


def with_answers(journeys: JourneyQuerySet) -> JourneyQuerySet:
    """Fetch along what `answer_of` reads: no query of its own."""
    said = Note.objects.filter(event=OuterRef("pk")).order_by("pk").values("text")[:1]
    row = JSONObject(
        value=F("value"),
        paper=F("inputs__paper"),
        version=F("inputs__version"),
        at=F("occurred_at"),
        words=Subquery(said),
    )
    latest = _events().order_by("-occurred_at", "-seq").values(row=row)[:1]
    return journeys.annotate(client_answer=Subquery(latest))


def answer_of(journey: Journey) -> ClientAnswer | None:
    """Return the answer that waits to be acted on, of a journey loaded `with_answers`; None where there is none."""
    row: Mapping[str, Any] | None = journey.__dict__.get("client_answer")
    if row is None or row["value"] not in Answer.values or journey.stage not in DEAL_STAGES:
        return None
    at = parse_datetime(row["at"])
    if at is None:
        return None
    return ClientAnswer(
        Answer(row["value"]), row["paper"] or "proposal", row["version"], at, row["words"] or ""
    )


def waiting_for(user: User | None) -> JourneyQuerySet:
    """Return the deals of a person, or for None of everybody, whose client has answered and waits for the next step."""
    deals = Journey.objects.valid().filter(Exists(_events()), stage__in=DEAL_STAGES)
    deals = deals.owned_by(user) if user else deals
    return with_answers(deals).with_parties().order_by("stage_since", "pk")
