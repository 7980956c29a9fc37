"""What the acts of the sales half are usually given."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from django.utils import timezone

from briefs import queries
from deals.models import Meeting
from funnel.models import Journey
from funnel.stages import Role

from .journeys import STEPS
from .people import people
from .times import START, later

LINES: list[dict[str, Any]] = [
    {
        "description": "Датчик давления PT-100",
        "unit": "pcs",
        "quantity": "3",
        "unit_price": "199.99",
        "tax": "20",
    },
    {"description": "Commissioning", "quantity": "1.5", "unit_price": "800", "discount": "10", "tax": "20"},
]
TOTAL = "2015.96"
"""What LINES come to: 599.97 + 119.99 tax, 1080.00 + 216.00 tax."""

_ANSWERS = {"number": 1, "date": "2026-04-01", "bool": True}


def answered(journey: Journey) -> dict[str, Any]:
    """Return an answer to every question that the brief requires, and the verdict that leads to sales."""
    sheet = queries.sheets([journey])[journey.pk]
    answers = {
        key: question.choices[0] if question.kind == "choice" else _ANSWERS.get(question.kind, "Яркий ответ")
        for key, question in sheet.questions.items()
        if question.required
    }
    return {"answers": answers, "verdict": "can_solve"}


def salesperson(journey: Journey) -> dict[str, Any]:
    return {"salesperson": people(Role.SALESPERSON).username}


_SLOTS = itertools.count(1)


def begun(journey: Journey) -> dict[str, Any]:
    """Return a demo at an hour of its own before anything else happened: nobody is busy then, and it may be held."""
    return {
        "starts_at": later(START, hours=-(1600 + next(_SLOTS) % 6000)).isoformat(),
        "place": "Their plant",
    }


def called_off(journey: Journey) -> dict[str, Any]:
    """Return why a demo does not take place, having made it one that is still to come."""
    Meeting.objects.scheduled().filter(journey=journey).update(
        starts_at=timezone.now() + dt.timedelta(days=1)
    )
    return {"reason": "They are moving house."}


def soon(**span: float) -> str:
    return (timezone.now() + dt.timedelta(**(span or {"days": 1}))).isoformat()


STEPS.update(
    {
        "fill_brief": answered,
        "hand_off": salesperson,
        "accept": lambda journey: {},
        "reject": lambda journey: {"reason": "not_ready", "comment": "They only wanted a catalogue."},
        "schedule_demo": begun,
        "miss_demo": lambda journey: {},
        "cancel_demo": called_off,
        "hold_demo": lambda journey: {"outcome": "interested"},
        "qualify": lambda journey: {
            "need": "Pressure on line 2",
            "budget": "25000",
            "authority": "The chief engineer decides",
            "timing": "Before summer",
        },
        "request_proposal": lambda journey: {},
        "send_proposal": lambda journey: {"lines": LINES},
        "object": lambda journey: {"reason": "price", "said": "Too expensive by a fifth."},
        "request_contract": lambda journey: {},
        "send_contract": lambda journey: {"terms": "Delivery in four weeks.", "amount": TOTAL},
        "sign": lambda journey: {"signed_on": timezone.now().date().isoformat(), "amount": TOTAL},
        "objection_resolved": lambda journey: {"resolution": "Showed what a stop of the line costs."},
        "legal_issue_raised": lambda journey: {"text": "Penalty clause"},
        "legal_issue_resolved": lambda journey: {"resolution": "Capped at five per cent"},
        "payment_received": lambda journey: {"amount": "100"},
        "refund_paid": lambda journey: {"amount": "40"},
        "direct_cost": lambda journey: {"amount": "15.50", "kind": "travel"},
    }
)
