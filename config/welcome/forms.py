"""What the first run asks."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from funnel.cleaning import EmailField, LineField
from funnel.formats import DASH
from funnel.forms import RowsField
from funnel.models import Organisation, User
from funnel.settings_forms import HolidaysForm, OrganisationForm
from funnel.stages import Role
from leads.models import WebForm
from leads.web_form_forms import WebFormForm

MOST_PEOPLE = 20


class FirstOrganisationForm(OrganisationForm):
    """The few settings that are best right from the beginning."""

    country = forms.ChoiceField(
        label=_("Public holidays of"),
        required=False,
        help_text=_("This year's and next year's stop the clocks; others are added under Settings."),
    )

    class Meta(OrganisationForm.Meta):
        fields: tuple[str, ...] = ("name", "timezone", "currency", "opens", "closes", "business_days")  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["holidays"]
        self.fields["country"].choices = HolidaysForm().fields["country"].choices  # type: ignore[attr-defined]

    def save(self, commit: bool = True) -> Organisation:
        """Store the settings, with the holidays of the country among those that are there."""
        if country := self.cleaned_data["country"]:
            days = set(self.instance.holidays)
            for year in (timezone.localdate().year, timezone.localdate().year + 1):
                asked = HolidaysForm({"country": country, "year": year})
                days |= set(asked.days()) if asked.is_valid() else set()
            self.instance.holidays = sorted(days)
        saved: Organisation = super().save(commit)
        return saved


class PersonRow(forms.Form):
    name = LineField(label=_("Full name"), max_length=150)
    email = EmailField(label=_("E-mail"))
    role = forms.ChoiceField(
        label=_("Role"),
        # a row in which nothing is chosen is an empty one
        choices=[
            ("", DASH),
            *((role.value, role.label) for role in Role if role not in (Role.PARTNER, Role.SERVICE)),
        ],
    )


class PeopleForm(forms.Form):
    people = RowsField(PersonRow, label=_("Who else works here"), extra=3, max_rows=MOST_PEOPLE)

    def clean_people(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.cleaned_data["people"]
        emails = [row["email"].lower() for row in rows]
        known = Q(pk__in=())
        for email in emails:
            known |= Q(email__iexact=email)
        taken = {email.lower() for email in User.objects.filter(known).values_list("email", flat=True)}
        faults = [
            forms.ValidationError(_("Somebody else has this address."), code=f"{number}.email")
            for number, email in enumerate(emails)
            if email in taken or email in emails[:number]
        ]
        if faults:
            raise forms.ValidationError(faults)
        return rows


def username_of(email: str) -> str:
    """Return a free sign-in name made of an address: "ann.berg@…" gives ann.berg."""
    word = re.sub(r"[^\w.+-]", "", email.partition("@")[0].lower())[:100] or "user"
    taken = set(User.objects.filter(username__startswith=word).values_list("username", flat=True))
    name, number = word, 2
    while name in taken:
        name, number = f"{word}{number}", number + 1
    return name


class FirstWebForm(WebFormForm):
    """What the first form says, and where it may stand."""

    class Meta(WebFormForm.Meta):
        fields: tuple[str, ...] = ("title", "intro", "fields_shown", "thanks", "embed_origins")  # type: ignore[assignment]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        del self.fields["redirect_url"]
        self.fields["fields_shown"].widget.inline = True

    @staticmethod
    def first() -> WebForm | None:
        """Return the form that the first run sets up: the one that every installation begins with."""
        return WebForm.objects.order_by("pk").first()
