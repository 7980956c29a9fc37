"""What the people of the demo expect of their open deals, and the views that they share."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from funnel import parties
from funnel.lists import saved
from funnel.models import Journey, SavedView, User
from funnel.stages import DEAL_STAGES

VIEWS: Final = (
    ("manager", "Late next steps", "list", "next=late", (), "everyone"),
    (
        "manager",
        "Deals by expected day",
        "list",
        "state=sales&order=expected",
        ("stage", "owner", "amount", "expected", "next", "service"),
        "everyone",
    ),
    ("marketer", "From fairs", "list", "source=event", (), "everyone"),
    ("sales", "My deals", "board", "owner=me&half=sales", (), "team"),
)
"""Whose, name, place, filters, columns (none for the usual ones), seen by whom."""


def arrange(rng: Random, until: datetime) -> None:
    """Let the salespeople expect something of each open deal, and save a few views."""
    seller = User.objects.get(username="sales")
    for journey in Journey.objects.filter(stage__in=DEAL_STAGES).with_parties().order_by("pk"):
        details: dict[str, Any] = {"expected_on": (until + timedelta(days=rng.randrange(5, 90))).date()}
        if journey.amount is None:
            details["amount"] = Decimal(rng.randrange(20, 400) * 100)
        parties.edit_details(journey=journey, actor=journey.owner or seller, **details)
    for username, name, place, query, columns, shared in VIEWS:
        owner = User.objects.get(username=username)
        if not SavedView.objects.filter(owner=owner, name=name).exists():
            saved.create(
                actor=owner, name=name, place=place, query=query, columns=list(columns), shared=shared
            )
