"""Form fields as the whole site draws them: label, help, control, fault, tied together for a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django import forms, template
from django.db.models.fields import BLANK_CHOICE_DASH
from django.forms import BaseForm, BoundField
from django.utils.safestring import SafeString

from funnel import formats
from funnel.forms import RowsWidget

register = template.Library()

# Browsers have good pickers for these; Django's own widgets are plain text.
_PICKERS: dict[type[forms.Widget], tuple[str, str]] = {
    forms.DateTimeInput: ("datetime-local", "%Y-%m-%dT%H:%M"),
    forms.DateInput: ("date", "%Y-%m-%d"),
    forms.TimeInput: ("time", "%H:%M"),
}


def _kind(widget: forms.Widget) -> str:
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, RowsWidget) or getattr(widget, "grouped", False):
        return "rows"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    return "control"


def _give_picker(widget: forms.Widget) -> None:
    """Turn a text input for dates into the browser's picker; widgets that chose a type themselves keep it."""
    picker = _PICKERS.get(type(widget))
    if picker and isinstance(widget, forms.TextInput) and widget.input_type == "text":
        widget.input_type, widget.format = picker  # type: ignore[attr-defined]  # the date inputs have one


def _invalid_cells(field: BoundField) -> list[str]:
    """Return the names of the inputs of a rows field that are at fault: its errors are coded "2.price"."""
    faults = field.form.errors.as_data().get(field.name, []) if field.form.is_bound else []
    found = []
    for fault in faults:
        row, dot, column = str(fault.code or "").partition(".")
        if dot and row.isdigit():
            found.append(f"{field.html_name}-{row}-{column}")
    return found


@register.inclusion_tag("_components/field.html")
def form_field(
    field: BoundField,
    label: str = "",
    help: str = "",
    css: str = "",
    autofocus: bool = False,
    **attributes: Any,
) -> dict[str, Any]:
    """Draw one field. Further arguments become attributes of the control, `hx_get` written as `hx-get`."""
    widget = field.field.widget
    kind = _kind(widget)
    _give_picker(widget)
    if getattr(field.field, "empty_label", None) == BLANK_CHOICE_DASH[0][1]:
        field.field.empty_label = formats.DASH
    help_text = help or field.help_text
    errors = list(field.errors)
    described = [f"{field.auto_id}_help"] * bool(help_text) + [f"{field.auto_id}_error"] * bool(errors)
    attrs: dict[str, Any] = {name.replace("_", "-"): value for name, value in attributes.items()}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if errors:
        attrs["aria-invalid"] = "true"
    if autofocus:
        attrs["autofocus"] = True
    if isinstance(widget, RowsWidget):
        attrs["invalid"] = _invalid_cells(field)
    if isinstance(field.field, forms.DecimalField):
        attrs.setdefault("inputmode", "decimal")
    return {
        "field": field,
        "kind": kind,
        "label": label or field.label,
        "help": help_text,
        "css": css,
        "errors": errors,
        "control": lambda: field.as_widget(attrs=attrs),
        "control_id": field.id_for_label or field.auto_id,
        "inline": getattr(widget, "inline", False),
        "cards": getattr(widget, "cards", False),
        "keyed": getattr(widget, "keyed", False),
    }


@register.simple_tag
def bare_control(field: BoundField, label: str, described_by: str = "") -> SafeString:
    """Draw a field's control alone, where a cell has no room for its label: the label is for a screen reader."""
    _give_picker(field.field.widget)
    attrs: dict[str, Any] = {"aria-label": label, "autofocus": True}
    if described_by:
        attrs |= {"aria-invalid": "true", "aria-describedby": described_by}
    if isinstance(field.field, forms.DecimalField):
        attrs["inputmode"] = "decimal"
    return field.as_widget(attrs=attrs)


@register.inclusion_tag("_components/fields.html")
def form_fields(form: BaseForm, *names: str, css: str = "") -> dict[str, Any]:
    """Draw a form's fields, or those named, in order; without names also the hidden ones."""
    fields = [form[name] for name in names] if names else list(form.visible_fields())
    return {"fields": fields, "hidden": [] if names else form.hidden_fields(), "css": css}


@register.inclusion_tag("_components/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """Draw what is wrong with a refused form, each fault a link to its field."""
    return {"faults": list(_faults(form))}


def _faults(form: BaseForm) -> Iterator[dict[str, str]]:
    if not form.is_bound:
        return
    for name, errors in form.errors.items():
        field = form[name] if name in form.fields else None
        for error in errors:
            yield {
                "text": str(error),
                "label": str(field.label) if field else "",
                "target": (field.id_for_label or field.auto_id) if field else "",
            }


@register.filter
def cell_value(value: object) -> str:
    """Return what stands in an input: dates in ISO, nothing for None, numbers with a full stop."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


@register.simple_tag
def hidden(name: str, value: object) -> SafeString:
    """Draw a hidden input: `{% hidden "expected_seq" journey.seq %}`."""
    return forms.HiddenInput().render(name, value)
