"""Changing what is known of the people and companies of a journey. None of it lies in the ledger."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from . import machine
from .models import Company, Contact, Journey, User

CONTACT: Final = ("name", "email", "phone", "region")
COMPANY: Final = ("name", "domain", "tax_id", "region")


class ChangedMeanwhile(Exception):
    """Somebody saved other details after they were read; nothing was written."""


def details_of(journey: Journey) -> dict[str, Any]:
    """Return the details that may be edited, by the names that `edit_details` takes."""
    found: dict[str, Any] = {name: getattr(journey.contact, name) for name in CONTACT}
    if journey.company:
        found |= {f"company_{name}": getattr(journey.company, name) for name in COMPANY}
    return found | {"amount": journey.amount}


def mark_of(journey: Journey) -> str:
    """Return a mark of the details as they stand, by which a stale form is known."""
    words = json.dumps(details_of(journey), default=str, sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


@transaction.atomic
def edit_details(*, journey: Journey, actor: User, mark: str = "", **details: Any) -> Journey:
    """Write the details given; with `mark`, only where they still stand as they did when it was taken.

    The contact and the company are shared by all their journeys. Raises ChangedMeanwhile.
    """
    machine.lock([journey.pk])
    contact = Contact.objects.select_for_update(of=("self",)).get(pk=journey.contact_id)
    company = Company.objects.select_for_update().filter(pk=journey.company_id).first()
    fresh = Journey.objects.get(pk=journey.pk)
    fresh.contact, fresh.company = contact, company
    if mark and mark != mark_of(fresh):
        raise ChangedMeanwhile
    _write(contact, {name: details[name] for name in CONTACT if name in details})
    if company:
        _write(
            company, {name: details[f"company_{name}"] for name in COMPANY if f"company_{name}" in details}
        )
    if "amount" in details:
        amount: Decimal | None = details["amount"]
        Journey.objects.filter(pk=journey.pk).update(amount=amount)
        fresh.amount = amount
    return fresh


def _write(record: Contact | Company, values: dict[str, Any]) -> None:
    changed = [name for name, value in values.items() if getattr(record, name) != value]
    for name in changed:
        setattr(record, name, values[name])
    if changed:
        record.save(update_fields=changed)


def same_person(journey: Journey) -> int:
    """Return how many other journeys share the contact, which an edit changes for all of them."""
    return Journey.objects.filter(contact=journey.contact_id, annulled_at=None).exclude(pk=journey.pk).count()
