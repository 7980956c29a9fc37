"""Forms of the pages of people and companies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language_info, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from . import phones
from .cleaning import EmailField, LineField
from .custom import CustomFormField
from .details_form import DetailsForm
from .models import Company, Contact, CustomField
from .parties import CUSTOM, FIELDS, Party, party_mark, value_of


class PartyForm(forms.Form):
    """What is known of a person or company, custom fields among it, and the mark of what it was drawn from."""

    mark = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, party: Party, fields: Iterable[CustomField]) -> None:
        self.party = party
        super().__init__(data, initial={"mark": party_mark(party)})
        for name in FIELDS[type(party)]:
            if name in self.fields:
                self.initial[name] = value_of(party, name)
        self.own = {f"{CUSTOM}{field.key}": field for field in fields}
        for name, field in self.own.items():
            kept = value_of(party, name)
            self.fields[name] = CustomFormField(field, kept)
            self.initial[name] = kept

    def values(self) -> dict[str, Any]:
        """Return what `parties.edit_party` takes. The form is valid."""
        return {name: value for name, value in self.cleaned_data.items() if name != "mark"}


class ContactForm(PartyForm):
    """A person. The company is named, or given by its number: “#12”."""

    name = LineField(label=_("Name"), max_length=200, required=False)
    email = EmailField(label=_("E-mail"), required=False)
    phone = LineField(
        label=_("Phone"),
        max_length=phones.LONGEST,
        required=False,
        help_text=_("In international notation: +49 30 901820."),
    )
    company = LineField(
        label=_("Company"),
        max_length=200,
        required=False,
        help_text=_("Its name, or its number such as #12. Journeys keep the company that they came with."),
    )
    region = LineField(label=_("Region"), max_length=100, required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)

    field_order = ["name", "email", "phone", "company", "region", "language"]

    def __init__(self, data: Any = None, *, party: Contact, fields: Iterable[CustomField]) -> None:
        super().__init__(data, party=party, fields=fields)
        self.initial["company"] = party.company.name if party.company else ""
        known = {code: get_language_info(code)["name_local"] for code, _name in settings.LANGUAGES}
        if party.language:
            known.setdefault(party.language, party.language)
        self.fields["language"].choices = [("", "—"), *known.items()]  # type: ignore[attr-defined]

    clean_phone = DetailsForm.clean_phone

    def clean_company(self) -> int | None:
        """Return the key of the company meant; one of a new name is made when the form is saved."""
        text = str(self.cleaned_data["company"])
        now: Company | None = self.party.company  # type: ignore[union-attr]
        if not text:
            return None
        if now is not None and text == now.name:
            return now.pk
        number = text.removeprefix("#")
        standing = Company.objects.standing()
        if number != text and number.isascii() and number.isdigit() and len(number) < 19:
            found = list(standing.filter(pk=int(number)))
            if not found:
                raise ValidationError(_("There is no company of that number."))
            return found[0].pk
        found = list(standing.filter(name__iexact=text).order_by("pk")[:2])
        if len(found) > 1:
            raise ValidationError(
                _(
                    "Several companies are called that; give the number of the one you mean, such as #%(number)s."
                ),
                params={"number": found[0].pk},
            )
        self.new_company = "" if found else text
        return found[0].pk if found else None

    new_company = ""

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        external = self.party.external_id  # type: ignore[union-attr]
        if not (self.errors or external or any(cleaned.get(name) for name in ("name", "email", "phone"))):
            raise ValidationError(_("Leave at least a name, an e-mail address or a phone number."))
        return cleaned

    def values(self) -> dict[str, Any]:
        values = super().values()
        company = values.pop("company")
        if self.new_company:
            company = Company.objects.create(name=self.new_company).pk
        return values | {"company_id": company}


class CompanyForm(PartyForm):
    """An organisation."""

    name = LineField(label=pgettext_lazy("company", "Name"), max_length=200)
    domain = LineField(label=_("Domain"), max_length=253, required=False)
    tax_id = LineField(label=_("Tax number"), max_length=50, required=False)
    region = LineField(label=_("Region"), max_length=100, required=False)

    def clean_domain(self) -> str:
        return str(self.cleaned_data["domain"]).lower()


FORMS: dict[type[Party], Any] = {Contact: ContactForm, Company: CompanyForm}


class KeepForm(forms.Form):
    """Which of two values is kept, field by field."""

    def __init__(self, data: Any = None, *, choices: Iterable[Any], words: Any, labels: Any) -> None:
        super().__init__(data)
        self.names = []
        for choice in choices:
            self.names.append(choice.name)
            field = self.fields[f"keep_{choice.name}"] = forms.ChoiceField(
                label=labels(choice.name),
                required=False,
                initial="loser" if choice.loses else "survivor",
                widget=forms.RadioSelect,
                choices=[
                    ("survivor", words(choice.name, choice.survivor) or "—"),
                    ("loser", words(choice.name, choice.loser)),
                ],
            )
            field.widget.inline = True  # type: ignore[attr-defined]
            field.wanted = True  # type: ignore[attr-defined]  # one of the two always holds

    def keep(self) -> dict[str, str]:
        """Return the side whose value is kept, by field. The form is valid."""
        return {name: side for name in self.names if (side := self.cleaned_data[f"keep_{name}"])}
