"""What the demo's organisation wants to know besides: fields of its own, filled in here and there, and a merge."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from funnel.merging import merge
from funnel.models import Company, Contact, CustomField, Journey
from funnel.parties import edit_fields, edit_party
from funnel.stages import OPEN_STAGES

from .people import Cast

T, On = CustomField.Type, CustomField.On
FIELDS: Final[tuple[tuple[str, str, str, str, list[str], bool], ...]] = (
    (
        On.COMPANY,
        "industry",
        "Industry",
        T.CHOICE,
        ["Manufacturing", "Retail", "Logistics", "Services"],
        True,
    ),
    (On.COMPANY, "employees", "Employees", T.NUMBER, [], True),
    (On.CONTACT, "position", "Position", T.TEXT, [], True),
    (On.CONTACT, "decides", "Decides on money", T.BOOLEAN, [], False),
    (On.JOURNEY, "deadline", "Client's deadline", T.DATE, [], False),
)
POSITIONS: Final = (
    "Head of IT",
    "Managing director",
    "Финансовый директор",
    "Purchasing",
    "Head of logistics",
)
FILLED: Final = 0.6
"""So many of the newest records have their fields filled in."""
NEWEST: Final = 80


def know(cast: Cast, rng: Random, until: datetime) -> None:
    """Define the fields, fill them in on the newest records, and merge two people of one name."""
    for place, (on, key, label, kind, choices, listed) in enumerate(FIELDS):
        CustomField.objects.get_or_create(
            on=on,
            key=key,
            defaults={
                "label": label,
                "type": kind,
                "choices": choices,
                "listed": listed,
                "position": 10 * (place + 1),
            },
        )
    actor = cast.users["manager"]
    for company in Company.objects.standing().order_by("-pk")[:NEWEST]:
        values = {
            "custom.industry": rng.choice(FIELDS[0][4]),
            "custom.employees": str(rng.randrange(8, 2400)),
        }
        _fill(rng, company, actor, values)
    for contact in Contact.objects.standing().order_by("-pk")[:NEWEST]:
        _fill(
            rng,
            contact,
            actor,
            {"custom.position": rng.choice(POSITIONS), "custom.decides": rng.random() < 0.5},
        )
    for journey in Journey.objects.filter(stage__in=OPEN_STAGES).order_by("-pk")[:NEWEST]:
        day = (until + timedelta(days=rng.randrange(20, 160))).date().isoformat()
        if rng.random() < FILLED:
            edit_fields(journey=journey, actor=actor, values={"deadline": day})
    _merge_namesakes(actor, until)


def _fill(rng: Random, party: Contact | Company, actor: Any, values: dict[str, Any]) -> None:
    if rng.random() < FILLED:
        edit_party(party=party, actor=actor, values=values)


def _merge_namesakes(actor: Any, until: datetime) -> None:
    """Merge the two newest people who are called the same: they turned out to be one."""
    seen: dict[str, Contact] = {}
    people = Contact.objects.standing().filter(erased_at=None).exclude(name="").order_by("-pk")
    for contact in people[: 4 * NEWEST]:
        if (newer := seen.setdefault(contact.name, contact)) is not contact:
            merge(survivor=newer, loser=contact, actor=actor, at=until)
            return
