"""How colleagues set up a web form."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .models import WebForm, validate_origin
from .subjects import WEB_FORM

MAX_ORIGINS = 50


class LinesField(forms.CharField):
    """One value a line."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = [line.strip().rstrip("/").lower() for line in super().clean(value).splitlines()]
        return list(dict.fromkeys(line for line in lines if line))


class WebFormForm(forms.ModelForm):  # type: ignore[type-arg]
    fields_shown = forms.MultipleChoiceField(
        label=_("Fields"), choices=WebForm.Field.choices, widget=forms.CheckboxSelectMultiple
    )
    embed_origins = LinesField(
        label=_("Sites that may embed it"),
        required=False,
        max_length=10_000,
        help_text=_("One address a line, such as https://www.company.com."),
    )
    redirect_url = forms.URLField(
        label=_("Page to go to afterwards"),
        required=False,
        max_length=500,
        assume_scheme="https",
        help_text=_("Instead of the words of thanks."),
    )

    class Meta:
        model = WebForm
        fields = (
            "title",
            "slug",
            "intro",
            "source",
            "campaign",
            "service",
            "fields_shown",
            "consent_text",
            "double_opt_in",
            "thanks",
            "redirect_url",
            "embed_origins",
            "phone_region",
            "assignment",
            "team",
            "active",
        )
        widgets = {
            "intro": forms.Textarea(attrs={"rows": 2}),
            "consent_text": forms.Textarea(attrs={"rows": 2}),
            "thanks": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["fields_shown"] = self.instance.fields

    @property
    def values(self) -> dict[str, Any]:
        """Return what a valid form asks for, by the names of the change log."""
        whole = WEB_FORM.values_of(self.instance)
        return {name: value for name, value in whole.items() if name in self.cleaned_data or name == "fields"}

    def clean_fields_shown(self) -> list[str]:
        return [name for name in WebForm.Field.values if name in self.cleaned_data["fields_shown"]]

    def clean_redirect_url(self) -> str:
        url: str = self.cleaned_data["redirect_url"]
        if url and not url.startswith(("http://", "https://")):
            raise ValidationError(_("Give an address that begins with https://."))
        return url

    def clean_embed_origins(self) -> list[str]:
        origins: list[str] = self.cleaned_data["embed_origins"]
        if len(origins) > MAX_ORIGINS:
            raise ValidationError(_("Give at most %(n)s sites."), params={"n": MAX_ORIGINS})
        for origin in origins:
            validate_origin(origin)
        return origins

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        shown = cleaned.get("fields_shown", [])
        if "fields_shown" in cleaned and not {"email", "phone"} & set(shown):
            self.add_error("fields_shown", _("Ask for an e-mail address or a phone number."))
        elif cleaned.get("double_opt_in") and "email" not in shown:
            self.add_error("double_opt_in", _("Confirming by e-mail needs the field “E-mail”."))
        else:
            self.instance.fields = shown
        return cleaned
