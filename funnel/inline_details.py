"""One detail of a journey at a time, changed where it stands: who may change which, and what when two people do."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from . import machine
from .details_form import DetailsForm
from .models import Contact, FieldChange, Journey, User
from .parties import ChangedMeanwhile, details_of, edit_details

HEADS: Final = frozenset({"name", "company_name", "amount"})
"""What the head of the page says too: after a change of these the whole page is drawn anew."""


def record_of(name: str) -> tuple[str, str]:
    """Return which record a detail stands on ("contact", "company", "journey"), and its name there."""
    if name.startswith("company_"):
        return "company", name.removeprefix("company_")
    return ("journey", name) if name in {"amount", "expected_on"} else ("contact", name)


def value_mark(value: Any) -> str:
    """Return a mark of a value as it stands, by which a stale form is known."""
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:32]


def form_for(journey: Journey, user: User, name: str, given: str | None = None) -> DetailsForm | None:
    """Return the details' form with what is given for one field, the others as they stand; None for no such field."""
    form = DetailsForm(journey=journey, user=user)
    if name not in form.fields or name == "mark":
        return None
    if given is not None:
        data = {key: "" if value is None else str(value) for key, value in details_of(journey).items()}
        form = DetailsForm(data | {name: given}, journey=journey, user=user)
    return form


def faults_of(form: DetailsForm, name: str) -> list[str]:
    """Return what is wrong with one field of a bound form, or with the whole; the other fields stand as they are."""
    return [str(fault) for key in (name, "__all__") for fault in form.errors.get(key, ())]


@transaction.atomic
def edit_field(*, journey: Journey, actor: User, name: str, value: Any, mark: str) -> None:
    """Write one detail, where it still stands as it did when the mark was taken. Raises ChangedMeanwhile."""
    machine.lock([journey.pk])
    Contact.objects.select_for_update(of=("self",)).get(pk=journey.contact_id)
    fresh = Journey.objects.select_related("contact", "company").get(pk=journey.pk)
    if value_mark(details_of(fresh)[name]) != mark:
        raise ChangedMeanwhile
    edit_details(journey=fresh, actor=actor, **{name: value})


def last_change(journey: Journey, name: str) -> FieldChange | None:
    """Return who changed a detail last, as far as that is known: one query."""
    on, field = record_of(name)
    key = {"contact": journey.contact_id, "company": journey.company_id, "journey": journey.pk}[on]
    found = FieldChange.objects.filter(field=field, **{on: key}).select_related("actor")
    return found.order_by("-at", "-pk").first()


def said_at(change: FieldChange | None) -> datetime | None:
    """Return when a detail was changed."""
    return change.at if change else None
