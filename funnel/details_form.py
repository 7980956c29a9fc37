"""The form of what is known about a journey's person and company."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from . import access, phones
from .access import Permission
from .cleaning import EmailField, LineField
from .forms import MoneyField
from .models import Journey, User
from .parties import REACHED_BY, details_of, mark_of
from .periods import FIRST_YEAR, LAST_YEAR


class DetailsForm(forms.Form):
    """Contact, company and the expected amount, as far as the role may see them."""

    name = LineField(label=_("Contact"), max_length=200, required=False)
    email = EmailField(label=_("E-mail"), required=False)
    phone = LineField(
        label=_("Phone"),
        max_length=phones.LONGEST,
        required=False,
        help_text=_("In international notation: +49 30 901820."),
    )
    region = LineField(label=_("Region"), max_length=100, required=False)
    company_name = LineField(label=_("Company"), max_length=200)
    company_domain = LineField(label=_("Domain"), max_length=253, required=False)
    company_tax_id = LineField(label=_("Tax number"), max_length=50, required=False)
    company_region = LineField(label=_("Region of the company"), max_length=100, required=False)
    amount = MoneyField(label=_("Expected amount"), required=False)
    expected_on = forms.DateField(label=_("Expected on"), required=False)
    mark = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, journey: Journey, user: User) -> None:
        super().__init__(data, initial={**details_of(journey), "mark": mark_of(journey)})
        if journey.company_id is None:
            for name in [name for name in self.fields if name.startswith("company_")]:
                del self.fields[name]
        if not access.may(user, Permission.SEE_MONEY):
            del self.fields["amount"]

    def clean_phone(self) -> str:
        return phones.phone(str(self.cleaned_data["phone"]), kept=self.initial["phone"])

    def clean_company_domain(self) -> str:
        return str(self.cleaned_data["company_domain"]).lower()

    def clean_expected_on(self) -> date | None:
        day: date | None = self.cleaned_data["expected_on"]
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(_("Give a day of this age."))
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if not self.errors and not any(cleaned.get(name) for name in REACHED_BY):
            raise ValidationError(_("Leave at least a name, an e-mail address or a phone number."))
        return cleaned
