"""Settings of custom fields, and the form of a journey's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from .access import Permission
from .custom import KEY, CustomFormField
from .models import CustomField, Journey
from .parties import journey_mark
from .settings_log import Subject, register

CUSTOM_FIELDS = register(
    Subject(
        "custom-fields",
        _("Custom fields"),
        "list-plus",
        CustomField,
        ("on", "key", "label", "type", "choices", "listed", "position", "active"),
        Permission.MANAGE_ORGANISATION,
        "funnel:custom-field",
    )
)
MOST_CHOICES = 100


class CustomFieldForm(forms.ModelForm):  # type: ignore[type-arg]
    """A custom field: what it is on, its key and its type never change once it is made."""

    choices = forms.CharField(
        label=_("To choose from"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("One a line; asked for by fields of one of several."),
    )

    class Meta:
        model = CustomField
        fields = ("on", "label", "key", "type", "choices", "listed", "position", "active")
        help_texts = {
            "key": _("What programs call it: small Latin letters, digits and _. It never changes."),
            "listed": _("As a column of the list of contacts or companies."),
            "position": _("Fields stand in the order of these numbers."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["choices"] = "\n".join(self.instance.choices)
        if self.instance.pk:
            for name in ("on", "key", "type"):
                del self.fields[name]
            if self.instance.type != CustomField.Type.CHOICE:
                del self.fields["choices"]
        else:
            self.fields["key"].required = False
            del self.fields["active"]

    def clean_key(self) -> str:
        """Return the key; without one, what the label says in Latin letters, or a number where it has none."""
        key = str(self.cleaned_data["key"]) or slugify(self.cleaned_data.get("label", "")).replace("-", "_")
        if not self.cleaned_data["key"] and not KEY.fullmatch(key):
            key = f"field_{CustomField.objects.count() + 1}"
        if not KEY.fullmatch(key):
            raise ValidationError(_("Give a key of small Latin letters, digits and _."))
        return key

    def clean_choices(self) -> list[str]:
        lines = [" ".join(line.split()) for line in self.cleaned_data["choices"].splitlines()]
        found = list(dict.fromkeys(line for line in lines if line))
        if len(found) > MOST_CHOICES or any(len(line) > 100 for line in found):
            raise ValidationError(_("At most 100 choices of 100 characters."))
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        kind = cleaned.get("type") or self.instance.type
        if kind == CustomField.Type.CHOICE and "choices" in cleaned and not cleaned["choices"]:
            self.add_error("choices", ValidationError(_("Give at least one.")))
        elif kind != CustomField.Type.CHOICE and "choices" in self.fields:
            cleaned["choices"] = []
        return cleaned


class JourneyFieldsForm(forms.Form):
    """The custom fields of a journey, and the mark of what the form was drawn from."""

    mark = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, journey: Journey, fields: Iterable[CustomField]) -> None:
        super().__init__(data, initial={"mark": journey_mark(journey), **journey.custom})
        self.own = list(fields)
        for field in self.own:
            self.fields[field.key] = CustomFormField(field, journey.custom.get(field.key))

    def values(self) -> dict[str, Any]:
        """Return the values by key. The form is valid."""
        return {field.key: self.cleaned_data[field.key] for field in self.own}
