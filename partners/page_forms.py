"""Forms of the partners' pages."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from funnel.cleaning import LineField
from funnel.forms import KeyChoiceField, RowsField
from funnel.models import Service, User
from funnel.stages import Role

from .models import Partner


class CapabilityRow(forms.Form):
    service = KeyChoiceField(
        Service.objects.filter(active=True), label=_("Service"), required=False, empty_label=_("Any service")
    )
    region = LineField(label=_("Region"), required=False, max_length=100)
    language = LineField(label=_("Language"), required=False, max_length=8)


class PeopleField(forms.ModelMultipleChoiceField):
    """People by username, as check boxes."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} · {obj.username}" if obj.name else obj.username


class PartnerForm(forms.ModelForm):
    """A partner, what it takes and who signs in for it."""

    takes_anything = forms.BooleanField(
        label=_("Takes anything"),
        required=False,
        help_text=_("Any service, region and language; otherwise only what is listed below."),
    )
    capabilities = RowsField(CapabilityRow, label=_("What it takes"), required=False, extra=2)
    members = PeopleField(
        User.objects.filter(role=Role.PARTNER, is_active=True),
        label=_("Who signs in for it"),
        required=False,
        help_text=_("People with the role “Partner” who stand for no other one."),
    )

    class Meta:
        model = Partner
        fields = ("key", "name", "active", "capacity", "weight")
        field_classes = {"name": LineField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.instance.pk is not None
        self.fields["key"].disabled = known
        self.fields["name"].required = True
        people = cast(forms.ModelMultipleChoiceField, self.fields["members"])
        free = User.objects.filter(role=Role.PARTNER, is_active=True, partner_member=None)
        people.queryset = (
            (free | User.objects.filter(partner_member__partner=self.instance)) if known else free
        )
        if known:
            able = list(self.instance.capabilities.select_related("service"))
            self.initial["takes_anything"] = any(str(row) == str(_("Anything")) for row in able)
            self.initial["capabilities"] = [
                {
                    "service": row.service.key if row.service else "",
                    "region": row.region,
                    "language": row.language,
                }
                for row in able
                if row.service or row.region or row.language
            ]
            self.initial["members"] = [member.user_id for member in self.instance.members.all()]

    def capabilities_wanted(self) -> list[dict[str, Any]]:
        """Return what the partner takes. The form is valid."""
        rows = list(self.cleaned_data["capabilities"])
        if self.cleaned_data["takes_anything"]:
            rows.append({"service": None, "region": "", "language": ""})
        return rows
