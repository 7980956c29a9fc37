"""Inputs of acts, declared once: the same form renders HTML, validates JSON and describes itself as JSON schema."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from . import currencies, numbers
from .cleaning import address, line, plain
from .models import Journey, Organisation, Reason, User


class KeyChoiceField(forms.ModelChoiceField):
    """A record named by its key (or username), in HTML and JSON alike."""

    def __init__(self, queryset: Any, *, key: str = "key", **options: Any) -> None:
        super().__init__(queryset, to_field_name=key, **options)
        self.error_messages["invalid_choice"] = _("“%(value)s” is not known here.")

    def to_python(self, value: Any) -> Any:
        """Find the record by its key as it was given, else by the key cleaned: an import keeps keys verbatim."""
        try:
            return super().to_python(value)
        except ValidationError:
            if not isinstance(value, str) or line(value) == value:
                raise
            return super().to_python(line(value))


class ReasonField(KeyChoiceField):
    """A reason of one kind, named by its key."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__(Reason.objects.filter(kind=kind, active=True), **options)


class UserField(KeyChoiceField):
    """An active person of certain roles, named by username."""

    def __init__(self, *, roles: Iterable[str], **options: Any) -> None:
        people = User.objects.filter(is_active=True, role__in=set(roles))
        super().__init__(people, key="username", **options)


class MomentInput(forms.DateTimeInput):
    """A time to come, with buttons that fill in the usual ones."""

    template_name = "funnel/widgets/moment.html"
    input_type = "datetime-local"

    def __init__(self, attrs: Any = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        now, clock = timezone.now(), Organisation.current().clock
        today = now.astimezone(clock.zone).date()

        def opening(days: int) -> datetime:
            return clock.window(clock.nth_business_day(today + timedelta(days=days), 1))[0]

        moments = (
            (_("In an hour"), now + timedelta(hours=1)),
            (_("Next morning"), opening(1)),
            (_("In a week"), opening(7)),
        )
        context["widget"]["moments"] = [
            {"label": label, "at": at, "value": timezone.localtime(at).strftime("%Y-%m-%dT%H:%M")}
            for label, at in moments
        ]
        return context


class RowsWidget(forms.Widget):
    """A small table of inputs: `columns` name it, `rows` hold what was given, with empty ones to fill in."""

    template_name = "funnel/widgets/rows.html"

    def __init__(self, row: type[forms.Form], *, extra: int) -> None:
        super().__init__()
        self.row, self.extra = row, extra

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if name in data:
            return data[name]
        rows, index = [], 0
        while any(f"{name}-{index}-{column}" in data for column in self.row.base_fields):
            row = {column: data.get(f"{name}-{index}-{column}", "") for column in self.row.base_fields}
            if any(value.strip() for value in row.values()):
                rows.append(row)
            index += 1
        return rows

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        given = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
        rows = [*given, *({} for _row in range(self.extra))]
        context["widget"] |= {
            "columns": [
                {
                    "name": column,
                    "label": field.label,
                    "type": _input_type(field),
                    "number": isinstance(field, forms.DecimalField),
                    "required": field.required,
                }
                for column, field in self.row.base_fields.items()
            ],
            "rows": [
                [
                    {
                        "name": f"{name}-{index}-{column}",
                        "value": field.prepare_value(row.get(column, "")),
                        "type": _input_type(field),
                        "number": isinstance(field, forms.DecimalField),
                        "label": field.label,
                        "choices": getattr(field, "choices", None),
                    }
                    for column, field in self.row.base_fields.items()
                ]
                for index, row in enumerate(rows)
            ],
        }
        return context


def _input_type(field: forms.Field) -> str:
    if isinstance(field, forms.DateField):
        return "date"
    return getattr(field.widget, "input_type", "text")


class RowsField(forms.Field):
    """A list of small records, each validated by the form `row`; cleaned to a list of dicts.

    Errors carry the path of the fault as their code: "2.price" is the price of the third row.
    """

    def __init__(
        self, row: type[forms.Form], *, min_rows: int = 0, max_rows: int = 200, extra: int = 3, **options: Any
    ) -> None:
        self.row, self.min_rows, self.max_rows, self.currency = row, min_rows, max_rows, ""
        super().__init__(widget=RowsWidget(row, extra=extra), **options)

    def clean(self, value: Any) -> list[dict[str, Any]]:
        if value in (None, ""):
            value = []
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            raise ValidationError(_("Give a list of records."), code="type")
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")
        if not self.min_rows <= len(value) <= self.max_rows:
            raise ValidationError(
                ngettext_lazy(
                    "Give between %(min)s row and %(max)s rows.",
                    "Give between %(min)s and %(max)s rows.",
                    "min",
                ),
                params={"min": self.min_rows, "max": self.max_rows},
                code="count",
            )
        cleaned, errors = [], []
        with Organisation.held_on():
            for index, row in enumerate(value):
                data, unfit = json_data(row, self.row.base_fields)
                form = self.row(data)
                in_currency(form, self.currency)
                faults = {name: list(found) for name, found in form.errors.items()}
                faults |= {name: fault.messages for name, fault in unfit}
                if not faults:
                    cleaned.append(form.cleaned_data)
                for column, found in faults.items():
                    label = form.fields[column].label if column in form.fields else ""
                    errors += [
                        ValidationError(
                            _("Row %(row)s, %(label)s: %(fault)s"),
                            params={"row": index + 1, "label": label or column, "fault": fault},
                            code=f"{index}.{column}",
                        )
                        for fault in found
                    ]
        if errors:
            raise ValidationError(errors)
        return cleaned


class NumberField(forms.DecimalField):
    """A number in the reader's language; of a program (`numbers.Strict`), a strict decimal. `percent` may end in "%"."""

    widget = forms.TextInput

    def __init__(self, *, percent: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.percent = percent

    def prepare_value(self, value: Any) -> Any:
        return numbers.typed(value)

    def to_python(self, value: Any) -> Decimal | None:
        if isinstance(value, str):
            text = (
                value.strip().removesuffix("%")
                if self.percent and not isinstance(value, numbers.Strict)
                else value
            )
            try:
                value = self.read(text) if text.strip() else None
            except numbers.NoNumber as fault:
                raise ValidationError(str(fault), code="invalid") from None
        return super().to_python(value)

    def read(self, text: str) -> Decimal:
        """Return the number typed. Raises NoNumber."""
        return numbers.read(text)


class MoneyField(NumberField):
    """An amount in the organisation's currency: two decimals, none where that has none, not negative.

    The currency's sign may go with it. `any_currency` leaves the decimals to the form, which is told the currency and
    passes it on by `in_currency`.
    """

    def __init__(
        self, *, positive: bool = False, decimal_places: int = 2, any_currency: bool = False, **options: Any
    ) -> None:
        least = Decimal("0.01") if positive else Decimal(0)
        self.any_currency, self.currency = any_currency, ""
        super().__init__(
            min_value=least, max_digits=12 + decimal_places, decimal_places=decimal_places, **options
        )

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        if not self.any_currency:
            refuse_fraction(amount)
        return amount

    def read(self, text: str) -> Decimal:
        try:
            return numbers.read(text)
        except numbers.NoNumber:  # only a sign needs to know the currency
            return numbers.read(text, own=self.currency or Organisation.current().currency)


def in_currency(form: forms.Form, currency: str) -> None:
    """Let a form's amounts of any currency, its rows' among them, take the sign of this one; blank: the organisation's."""
    for field in form.fields.values():
        if isinstance(field, RowsField) or (isinstance(field, MoneyField) and field.any_currency):
            field.currency = currency


def refuse_fraction(amount: Decimal | None, currency: str = "") -> None:
    """Raise ValidationError where a currency (blank: the organisation's) has no fraction, but the amount has."""
    if amount is None or not amount % 1:
        return
    currency = currency or Organisation.current().currency
    if not currencies.digits(currency):
        words = _("Amounts in %(currency)s have no fraction: give a whole number.")
        raise ValidationError(words, params={"currency": currency}, code="fraction")


class EmailsField(forms.CharField):
    """Several e-mail addresses: a list, or one text with commas or blanks between them; cleaned to a list."""

    MOST = 20

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"max_length": 2000, "widget": forms.TextInput(attrs={"inputmode": "email"}), **options}
        )

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        words = value if isinstance(value, list | tuple) else re.split(r"[\s,;]+", plain(value or ""))
        return list(dict.fromkeys(found for word in words if (found := address(word))))

    def run_validators(self, value: Any) -> None:
        if len(value) > self.MOST or len(", ".join(value)) > 2000:
            words = _("At most %(limit)s addresses.")
            raise ValidationError(words, params={"limit": self.MOST}, code="many")
        for one in value:
            try:
                validate_email(one)
            except ValidationError:
                words = _("“%(value)s” is no e-mail address.")
                raise ValidationError(words, params={"value": one}, code="invalid") from None


class CurrencyField(forms.CharField):
    """Three letters in either case; blank is the organisation's currency."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{
                "label": _("Currency"),
                "required": False,
                "max_length": 3,
                "help_text": _("Blank: the organisation's. Another one counts at the rate of the day."),
                **options,
            }
        )

    def clean(self, value: Any) -> str:
        code = str(super().clean(value)).upper()
        if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise ValidationError(_("A currency has three capital letters, such as EUR."), code="currency")
        return code


@dataclass(frozen=True, slots=True)
class Warn:
    """Something in valid inputs that is seldom meant: pages ask before they go on, REST tells with its answer."""

    code: str
    detail: str


class ActForm(forms.Form):
    """What an act asks for. `journey` is None where many journeys are acted on at once.

    `rules` is what its JSON schema says of several fields together; `warnings` fill up as the form is cleaned.
    `others` are the fields that name journeys to be held beside those acted on.
    """

    others: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        *args: Any,
        journey: Journey | None = None,
        actor: User | None = None,
        by_program: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.journey, self.actor, self.by_program = journey, actor, by_program
        self.warnings: list[Warn] = []
        self.prepare()

    def prepare(self) -> None:
        """Fit fields to the journey and the actor; for forms whose questions depend on them."""

    @classmethod
    def from_json(cls, inputs: Any, *, journey: Journey | None, actor: User | None) -> "ActForm":
        """Bind JSON inputs; unknown names and values of the wrong shape become errors of the form."""
        if not isinstance(inputs, Mapping):
            form = cls({}, journey=journey, actor=actor, by_program=True)
            form.add_error(None, ValidationError(_("Inputs must be an object."), code="type"))
            return form
        fields = cls(journey=journey, actor=actor).fields
        data, faults = json_data(numbers.sent(inputs), fields)
        form = cls(data, journey=journey, actor=actor, by_program=True)
        for name, fault in faults:
            form.add_error(name if name in form.fields else None, fault)
        return form


class NoInputs(ActForm):
    """An act that needs no more than its name; a comment may go with it."""

    comment = forms.CharField(label=_("Comment"), required=False, max_length=5000, widget=forms.Textarea)


def json_data(
    inputs: Mapping[str, Any], fields: Mapping[str, forms.Field]
) -> tuple[dict[str, Any], list[tuple[str, ValidationError]]]:
    """Return what of a JSON object may be bound to a form, and the faults in the rest as (name, error)."""
    data: dict[str, Any] = {}
    faults: list[tuple[str, ValidationError]] = []
    for name, value in inputs.items():
        field = fields.get(name)
        if field is None:
            words = _("“%(name)s” is not asked for here.")
            faults.append((name, ValidationError(words, params={"name": name}, code="unknown")))
        elif not _fits(field, value):
            faults.append((name, ValidationError(_("A value of another type is expected."), code="type")))
        elif value is not None:
            data[name] = value.isoformat() if isinstance(value, datetime) else value
    return data, faults


def _fits(field: forms.Field, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(field, RowsField | forms.JSONField):
        return True
    if isinstance(field, EmailsField) and isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
        return isinstance(value, list) and all(isinstance(item, str | int) for item in value)
    if isinstance(field, forms.BooleanField):
        return isinstance(value, bool) or value in {"true", "false", "True", "False", "on", ""}
    if isinstance(field, forms.DecimalField | forms.IntegerField | forms.FloatField):
        return isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    if isinstance(field, forms.ModelChoiceField):
        return isinstance(value, str | int) and not isinstance(value, bool)
    return isinstance(value, str)


SCHEMA_ENUM_LIMIT = 100


def json_schema(form: forms.Form) -> dict[str, Any]:
    """Describe a form's inputs as JSON schema (draft 2020-12)."""
    return {
        "type": "object",
        "properties": {name: _field_schema(field) for name, field in form.fields.items()},
        "required": [name for name, field in form.fields.items() if field.required],
        "additionalProperties": False,
        **getattr(form, "rules", {}),
    }


def _field_schema(field: forms.Field) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    if field.label:
        schema["title"] = str(field.label)
    if field.help_text:
        schema["description"] = str(field.help_text)
    match field:
        case RowsField():
            schema |= {"type": "array", "items": json_schema(field.row()), "minItems": field.min_rows}
        case EmailsField():
            address = {"type": "string", "format": "email"}
            schema |= {
                "anyOf": [{"type": "array", "items": address, "maxItems": field.MOST}, {"type": "string"}]
            }
        case forms.ModelMultipleChoiceField():
            schema |= {"type": "array", "items": {"type": "string"}}
        case forms.ModelChoiceField():
            keys = field.queryset.values_list(field.to_field_name or "pk", flat=True)
            known: Sequence[Any] = list(keys[: SCHEMA_ENUM_LIMIT + 1]) if field.queryset is not None else []
            kind = "string" if field.to_field_name else "integer"
            schema |= {"type": kind}
            if len(known) <= SCHEMA_ENUM_LIMIT:
                schema["enum"] = known
        case forms.MultipleChoiceField():
            schema |= {"type": "array", "items": {"type": "string", "enum": _choice_keys(field)}}
        case forms.ChoiceField():
            schema |= {"type": "string", "enum": _choice_keys(field)}
        case forms.BooleanField():
            schema |= {"type": "boolean"}
        case forms.DecimalField() | forms.FloatField():
            schema |= {"type": "number"}
            if field.min_value is not None:
                schema["minimum"] = float(field.min_value)
        case forms.IntegerField():
            schema |= {"type": "integer"}
            if field.min_value is not None:
                schema["minimum"] = field.min_value
        case forms.DateTimeField():
            schema |= {"type": "string", "format": "date-time"}
        case forms.DateField():
            schema |= {"type": "string", "format": "date"}
        case forms.URLField():
            schema |= {"type": "string", "format": "uri", "maxLength": field.max_length}
        case forms.EmailField():
            schema |= {"type": "string", "format": "email"}
        case forms.JSONField():
            schema |= getattr(field, "schema", {"type": "object"})
        case _:
            schema |= {"type": "string"}
            if getattr(field, "max_length", None):
                schema["maxLength"] = field.max_length
            if field.required:
                schema["minLength"] = 1
    return schema


def _choice_keys(field: Any) -> list[str]:
    return [str(key) for key, _label in field.choices if key != ""]
