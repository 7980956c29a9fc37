"""Custom fields over REST: their definitions, and their values on the records that have them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from funnel import custom
from funnel.access import Permission
from funnel.custom_forms import CUSTOM_FIELDS
from funnel.models import CustomField

from .watched import WatchedResource


@extend_schema_field({"type": "object", "additionalProperties": True})
class CustomValues(serializers.JSONField):
    """Custom fields by key; a change names only those that change, null empties one."""

    def __init__(self, on: str, **options: Any) -> None:
        self.on = on
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Give an object of values by key."))
        return custom.given(custom.fields_of(self.on, active=True), data)


class CustomFieldSerializer(serializers.ModelSerializer[CustomField]):
    """A custom field. `on`, `key` and `type` never change once it is made."""

    class Meta:
        model = CustomField
        fields = ("id", "on", "key", "label", "type", "choices", "listed", "position", "active")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None:
            for name in ("on", "key", "type"):
                if attrs.get(name, getattr(self.instance, name)) != getattr(self.instance, name):
                    raise serializers.ValidationError({name: [_("It never changes.")]})
        kind = attrs.get("type") or getattr(self.instance, "type", CustomField.Type.TEXT)
        choices = attrs.get("choices", getattr(self.instance, "choices", []))
        if kind == CustomField.Type.CHOICE and not choices:
            raise serializers.ValidationError({"choices": [_("Give at least one.")]})
        if kind != CustomField.Type.CHOICE and choices:
            raise serializers.ValidationError({"choices": [_("Only fields of one of several have choices.")]})
        return attrs

    def validate_key(self, value: str) -> str:
        if not custom.KEY.fullmatch(value):
            raise serializers.ValidationError(_("Give a key of small Latin letters, digits and _."))
        return value


class CustomFieldViewSet(WatchedResource):
    """What the organisation wants to know besides; everyone inside reads it, administrators change it."""

    permission = Permission.SEE_WORKSPACE
    change_permission = Permission.MANAGE_ORGANISATION
    subject = CUSTOM_FIELDS
    serializer_class = CustomFieldSerializer
    queryset = CustomField.objects.all()
    filterset_fields = ("on", "active")
