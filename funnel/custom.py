"""Fields that the organisation adds: which there are, how they are asked for, checked, kept and read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import formats, numbers
from .cleaning import line
from .models import CustomField

T = CustomField.Type

LONGEST: Final = 500
KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
DIGITS: Final = 18
YES_NO: Final = [("", "—"), ("true", gettext_lazy("Yes")), ("false", gettext_lazy("No"))]


def fields_of(on: str, *, active: bool = False) -> list[CustomField]:
    """Return the fields of a kind of record ("contact", "company", "journey"), in their order: one query."""
    fields = CustomField.objects.filter(on=on)
    return list(fields.filter(active=True) if active else fields)


def read(field: CustomField, value: Any) -> Any:
    """Return a value in the form it is kept in, None for nothing. Raises ValidationError where it does not fit.

    Takes what JSON has and what forms give: text, numbers, dates, booleans.
    """
    value = line(value) if isinstance(value, str) else value
    if value is None or value == "":
        return None
    match field.type:
        case T.NUMBER:
            return _number(value)
        case T.DATE:
            return _date(value)
        case T.BOOLEAN:
            return _boolean(value)
    if not isinstance(value, str):
        raise ValidationError(_("Give text."))
    if "\x00" in value or len(value) > LONGEST:
        raise ValidationError(_("At most %(most)s characters.") % {"most": LONGEST})
    if field.type == T.CHOICE and value not in field.choices:
        raise ValidationError(_("Choose one of: %(choices)s.") % {"choices": ", ".join(field.choices)})
    return value


def _number(value: Any) -> str:
    try:
        found = numbers.strict(value) if isinstance(value, str) else Decimal(str(value))
    except (numbers.NoNumber, InvalidOperation):
        found = None
    if found is None or not found.is_finite() or isinstance(value, bool):
        raise ValidationError(_("Give a number."))
    exponent = int(found.as_tuple().exponent)
    if abs(found) >= Decimal(10) ** DIGITS or exponent < -DIGITS:
        raise ValidationError(_("The number is too long."))
    plain = f"{found:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _date(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    try:
        return dt.date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValidationError(_("Give a date such as 2026-12-25.")) from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return bool(value == "true")
    raise ValidationError(_("Give yes or no."))


def words(field: CustomField, value: Any) -> str:
    """Return a kept value as it reads; what no longer fits the field reads as it stands."""
    if value is None:
        return ""
    if field.type == T.BOOLEAN and isinstance(value, bool):
        return _("Yes") if value else _("No")
    if field.type == T.NUMBER and (number := formats.as_number(value)) is not None:
        return formats.number(number, max(0, -int(number.as_tuple().exponent)))
    if field.type == T.DATE:
        try:
            return formats.full_day(dt.date.fromisoformat(str(value)))
        except ValueError:
            pass
    return str(value)


class CustomFormField(forms.Field):
    """A custom field in a form; its clean value is in the form that is kept."""

    def __init__(self, field: CustomField, kept: Any = None, **options: Any) -> None:
        self.field, self.kept = field, kept
        super().__init__(label=field.label, required=False, widget=_widget(field, kept), **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, bool):
            return {True: "true", False: "false"}[value]
        return numbers.typed(value) if self.field.type == T.NUMBER else value

    def clean(self, value: Any) -> Any:
        # what was kept stays, though the field may no longer take it
        if value in (self.kept, self.prepare_value(self.kept)):
            return self.kept
        if self.field.type == T.NUMBER and isinstance(value, str) and value.strip():
            try:
                value = numbers.read(value)
            except numbers.NoNumber as fault:
                raise ValidationError(str(fault)) from None
        return read(self.field, value)


def _widget(field: CustomField, kept: Any) -> forms.Widget:
    match field.type:
        case T.DATE:
            return forms.DateInput(attrs={"type": "date"})
        case T.BOOLEAN:
            return forms.Select(choices=YES_NO)
        case T.CHOICE:
            # a choice that is no longer offered stays where it was made
            offered = dict.fromkeys([*field.choices, *([kept] if kept else [])])
            return forms.Select(choices=[("", formats.DASH), *((one, one) for one in offered)])
        case T.NUMBER:
            return forms.TextInput(attrs={"inputmode": "decimal", "maxlength": 40})
    return forms.TextInput(attrs={"maxlength": LONGEST})


def given(fields: Iterable[CustomField], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return custom values given by a program, by key, in the form they are kept in.

    Raises ValidationError by key where one is unknown or does not fit.
    """
    known = {field.key: field for field in fields}
    kept, faults = {}, {}
    for key, value in values.items():
        if key not in known:
            faults[key] = [_("There is no such field.")]
            continue
        try:
            kept[key] = read(known[key], value)
        except ValidationError as fault:
            faults[key] = fault.messages
    if faults:
        raise ValidationError(faults)
    return kept
