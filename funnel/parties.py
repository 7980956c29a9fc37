"""Changing what is known of people, companies and journeys by hand. None of it lies in the ledger.

What was changed, by whom, is kept beside the records (`FieldChange`), and goes with the person at an erasure.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from . import machine
from .models import Company, Contact, FieldChange, Journey, User

Party = Contact | Company

CONTACT: Final = ("name", "email", "phone", "region")
REACHED_BY: Final = ("name", "email", "phone")
"""A person keeps at least one of these."""
COMPANY: Final = ("name", "domain", "tax_id", "region")
EXPECTED: Final = ("amount", "expected_on")
"""What is expected of a journey."""
FIELDS: Final[dict[type[Party], tuple[str, ...]]] = {
    Contact: ("name", "email", "phone", "company_id", "region", "language"),
    Company: COMPANY,
}
"""What is known of a party besides its custom fields, in the order in which it is shown."""
CUSTOM: Final = "custom."
"""What the names of custom fields begin with, where they stand among others."""


class ChangedMeanwhile(Exception):
    """Somebody saved other details after they were read; nothing was written."""


# one record ----------------------------------------------------------------------------------------------------------


def value_of(record: Party | Journey, name: str) -> Any:
    """Return what a record says in a field; of a custom field, None where it says nothing."""
    if name.startswith(CUSTOM):
        return record.custom.get(name.removeprefix(CUSTOM))
    return getattr(record, name)


def values_of(party: Party) -> dict[str, Any]:
    """Return what is known of a party, by field, custom fields that are filled in among them."""
    found = {name: getattr(party, name) for name in FIELDS[type(party)]}
    return found | {f"{CUSTOM}{key}": value for key, value in party.custom.items()}


def party_mark(party: Party) -> str:
    """Return a mark of a party as it stands, by which a stale form is known."""
    return _mark(values_of(party))


def _mark(values: Mapping[str, Any]) -> str:
    words = json.dumps(values, default=str, sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def write(
    record: Party | Journey,
    values: Mapping[str, Any],
    *,
    actor: User | None,
    act: uuid.UUID | None = None,
) -> list[FieldChange]:
    """Write the fields that differ and keep what they said before: two statements, none where nothing differs.

    The caller holds the record. A custom field given as None or "" is emptied.
    """
    kind = type(record).__name__.lower()
    act = act or uuid.uuid4()
    changes, columns, custom = [], set(), dict(record.custom)
    for name, value in values.items():
        old = value_of(record, name)
        own = name.startswith(CUSTOM)
        if own and value == "":
            value = None
        if old == value:
            continue
        if own:
            key = name.removeprefix(CUSTOM)
            custom = {k: v for k, v in custom.items() if k != key} | ({} if value is None else {key: value})
            columns.add("custom")
        else:
            setattr(record, name, value)
            columns.add(name.removesuffix("_id") if name == "company_id" else name)
        changes.append(FieldChange(**{kind: record}, field=name, old=old, new=value, actor=actor, act=act))
    if changes:
        record.custom = custom
        record.save(update_fields=columns)
        FieldChange.objects.bulk_create(changes)
    return changes


@transaction.atomic
def edit_party(*, party: Party, actor: User | None, values: Mapping[str, Any], mark: str = "") -> Party:
    """Write what is given of a person or company; with `mark`, only where it still stands as it did then.

    Raises ChangedMeanwhile, also where the party was merged away meanwhile.
    """
    held = type(party)._default_manager.select_for_update(of=("self",)).get(pk=party.pk)
    if held.merged_into_id is not None or (mark and mark != party_mark(held)):
        raise ChangedMeanwhile
    write(held, values, actor=actor)
    return held


def journey_mark(journey: Journey) -> str:
    """Return a mark of a journey's custom fields as they stand, by which a stale form is known."""
    return _mark(journey.custom)


@transaction.atomic
def edit_fields(
    *, journey: Journey, actor: User | None, values: Mapping[str, Any], mark: str = ""
) -> Journey:
    """Write custom fields of a journey, by key; with `mark`, only where they still stand as they did then.

    Raises ChangedMeanwhile.
    """
    held = machine.lock([journey.pk])[0]
    if mark and mark != journey_mark(held):
        raise ChangedMeanwhile
    write(held, {f"{CUSTOM}{key}": value for key, value in values.items()}, actor=actor)
    return held


# the details of a journey --------------------------------------------------------------------------------------------


def details_of(journey: Journey) -> dict[str, Any]:
    """Return the details that may be edited, by the names that `edit_details` takes."""
    found: dict[str, Any] = {name: getattr(journey.contact, name) for name in CONTACT}
    if journey.company:
        found |= {f"company_{name}": getattr(journey.company, name) for name in COMPANY}
    return found | {name: getattr(journey, name) for name in EXPECTED}


def mark_of(journey: Journey) -> str:
    """Return a mark of the details as they stand, by which a stale form is known."""
    return _mark(details_of(journey))


def hold(key: int) -> Journey:
    """Lock a journey, its contact and its company, in this order, and return it with them as they stand: within a
    transaction. What is compared after this cannot change until it ends.
    """
    journey = machine.lock([key])[0]  # its people may be others than when it was read
    journey.contact = Contact.objects.select_for_update(of=("self",)).get(pk=journey.contact_id)
    journey.company = Company.objects.select_for_update().filter(pk=journey.company_id).first()
    return journey


@transaction.atomic
def edit_details(
    *, journey: Journey, actor: User, mark: str = "", act: uuid.UUID | None = None, **details: Any
) -> Journey:
    """Write the details given; with `mark`, only where they still stand as they did when it was taken.

    What is changed is kept under `act`. The contact and the company are shared by all their journeys. Raises ChangedMeanwhile.
    """
    fresh = hold(journey.pk)
    if mark and mark != mark_of(fresh):
        raise ChangedMeanwhile
    write_details(fresh, details, actor=actor, act=act or uuid.uuid4())
    return fresh


def write_details(journey: Journey, details: Mapping[str, Any], *, actor: User, act: uuid.UUID) -> None:
    """Write details of a journey that is held. Raises ChangedMeanwhile where nothing would be left to reach them by."""
    person = {name: details[name] for name in CONTACT if name in details}
    if person and not any(person.get(name, getattr(journey.contact, name)) for name in REACHED_BY):
        raise ChangedMeanwhile
    write(journey.contact, person, actor=actor, act=act)
    if journey.company:
        firm = {name: details[f"company_{name}"] for name in COMPANY if f"company_{name}" in details}
        write(journey.company, firm, actor=actor, act=act)
    write(journey, {name: details[name] for name in EXPECTED if name in details}, actor=actor, act=act)


def same_person(journey: Journey) -> int:
    """Return how many other journeys share the contact, which an edit changes for all of them."""
    return Journey.objects.filter(contact=journey.contact_id, annulled_at=None).exclude(pk=journey.pk).count()
