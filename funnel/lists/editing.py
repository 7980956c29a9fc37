"""Changing one value of a journey where it stands, in the list and on its page: read, checked, written, and undone."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.forms.models import ModelChoiceField
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funnel import access, acts, formats, machine, parties
from funnel.acts import ACTS
from funnel.details_form import DetailsForm
from funnel.forms import KeyChoiceField
from funnel.models import Company, Contact, FieldChange, Journey, Organisation, Service, User
from funnel.parties import ChangedMeanwhile
from funnel.stages import Happening

DETAILS: Final = (*parties.CONTACT, *(f"company_{name}" for name in parties.COMPANY), *parties.EXPECTED)
"""What the page of a journey has."""
FIELDS: Final = (
    "name",
    "email",
    "phone",
    "region",
    "company_name",
    "amount",
    "expected_on",
    "owner",
    "service",
)
"""What the list has."""


class CannotUndo(Exception):
    """The value was changed again since, or is not the person's to take back; the message says so."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save did: the address that undoes it, "" where nothing differed."""

    undo: str


class CellForm(forms.Form):
    """One value of a journey. `was` marks what stood there when it was drawn, so that a stale save is seen."""

    was = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, journey: Journey, user: User, name: str, auto_id: str = "cell_%s"
    ) -> None:
        initial = {name: shown_value(journey, name), "was": mark_of(journey, name)}
        super().__init__(data, initial=initial, auto_id=auto_id)
        self.journey, self.user, self.name = journey, user, name
        self.fields[name] = _field(journey, user, name)

    def clean(self) -> dict[str, Any]:
        """Check a detail by the rules of the whole form of details, of which it is one."""
        cleaned = dict(super().clean() or self.cleaned_data)
        if self.name in DETAILS and self.name not in self.errors:
            known = {key: _text(value) for key, value in parties.details_of(self.journey).items()}
            whole = DetailsForm(
                {**known, self.name: self.data.get(self.name, "")}, journey=self.journey, user=self.user
            )
            whole.is_valid()
            for fault in [*whole.errors.get(self.name, ()), *whole.non_field_errors()]:
                self.add_error(self.name, fault)
            if self.name in whole.cleaned_data:
                cleaned[self.name] = whole.cleaned_data[self.name]
        return cleaned


def may_edit(user: User, journey: Journey, name: str) -> bool:
    """Tell whether the person may change this value of a journey that they see."""
    if name not in {*FIELDS, *DETAILS} or not access.may_edit(user, journey):
        return False
    if name == "amount":
        return access.may(user, access.Permission.SEE_MONEY)
    if name == "owner":
        return not machine.check_fact(machine.Locked([journey]), Happening.OWNER_CHANGED, user)
    return not name.startswith("company_") or journey.company_id is not None


def _field(journey: Journey, user: User, name: str) -> forms.Field:
    if name == "owner":
        field = ACTS[Happening.OWNER_CHANGED].form(journey=journey, actor=user).fields["owner"]
        if isinstance(field, ModelChoiceField):
            field.empty_label = _("Nobody")
        return field
    if name == "service":
        known = Service.objects.filter(models.Q(active=True) | models.Q(pk=journey.service_id or 0))
        return KeyChoiceField(known, label=gettext_lazy("Service"), required=False, empty_label=formats.DASH)
    return DetailsForm(journey=journey, user=user).fields[name]


def value_of(journey: Journey, name: str) -> Any:
    """Return what stands there now."""
    if name in {"owner", "service"}:
        return getattr(journey, name)
    return parties.details_of(journey).get(name)


def shown_value(journey: Journey, name: str) -> Any:
    """Return what a form shows of it: of a record, the key by which it is chosen."""
    value = value_of(journey, name)
    return (
        (value.username if isinstance(value, User) else value.key)
        if isinstance(value, User | Service)
        else value
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def mark_of(journey: Journey, name: str) -> str:
    """Return a mark of the value as it stands."""
    return hashlib.sha256(_text(shown_value(journey, name)).encode()).hexdigest()[:16]


def in_words(value: Any) -> str:
    """Return a value as people read it."""
    if value in (None, ""):
        return formats.DASH
    if isinstance(value, Decimal):
        return formats.money(value, Organisation.current().currency)
    return formats.full_day(value) if isinstance(value, date) else str(value)


@transaction.atomic
def save(*, journey: Journey, actor: User, name: str, value: Any, was: str = "") -> Saved:
    """Write one value; with `was`, only where it still stands as it did when that mark was taken.

    The journey and its people are locked before anything is compared, as others may share them.
    Raises PermissionDenied, ChangedMeanwhile, machine.Refused.
    """
    fresh = parties.hold(journey.pk)
    if not may_edit(actor, fresh, name):
        raise PermissionDenied
    if was and was != mark_of(fresh, name):
        raise ChangedMeanwhile
    if name == "owner":
        outcome = acts.run(
            name=Happening.OWNER_CHANGED,
            journeys=[fresh.pk],
            actor=actor,
            inputs={"owner": value.username if value else ""},
        )
        return Saved(reverse("funnel:act-undo", args=[outcome.events[0].act]) if outcome.events else "")
    act = uuid.uuid4()
    if name == "service":
        parties.write(fresh, {"service_id": value.pk if value else None}, actor=actor, act=act)
    else:
        parties.write_details(fresh, {name: value}, actor=actor, act=act)
    changed = FieldChange.objects.filter(act=act).exists()
    return Saved(reverse("funnel:cell-undo", args=[act]) if changed else "")


@transaction.atomic
def undo(*, act: uuid.UUID, actor: User) -> list[FieldChange]:
    """Write back what the changes of one save replaced, as long as nobody has changed it again; return what was undone.

    Raises CannotUndo.
    """
    changes = list(FieldChange.objects.filter(act=act).order_by("-pk"))
    if not changes:
        raise CannotUndo(_("There is nothing to undo."))
    for change in changes:
        record = _held(change)
        if record is None or not access.may_undo(actor, actor_id=change.actor_id):
            raise CannotUndo(_("This change is not yours to undo."))
        if parties.value_of(record, change.field) != _python(record, change.field, change.new):
            raise CannotUndo(_("It has been changed again since."))
        parties.write(record, {change.field: _python(record, change.field, change.old)}, actor=actor)
    return changes


def _held(change: FieldChange) -> Any:
    keys: Mapping[type[models.Model], int | None] = {
        Contact: change.contact_id,
        Company: change.company_id,
        Journey: change.journey_id,
    }
    kind, key = next((kind, key) for kind, key in keys.items() if key is not None)
    return kind._default_manager.select_for_update(of=("self",)).filter(pk=key).first()


def _python(record: models.Model, name: str, value: Any) -> Any:
    """Return a value that was kept as JSON as the field has it."""
    if value is None or name.startswith(parties.CUSTOM):
        return value
    field = record._meta.get_field(name.removesuffix("_id"))
    try:
        # of a reference, the key
        return (field.target_field if field.is_relation else field).to_python(value)
    except ValidationError:
        raise CannotUndo(_("What stood there before is not known any more.")) from None
