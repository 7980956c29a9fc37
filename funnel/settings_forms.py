"""Forms of the settings: the organisation, people, catalogue, tokens, one's own profile."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from .limits import Limit
from .models import ApiToken, Campaign, Organisation, Reason, Service, Source, Team, User
from .models.programs import Scope
from .stages import Role, Stage

DAYS: Final = [
    (1, _("Monday")),
    (2, _("Tuesday")),
    (3, _("Wednesday")),
    (4, _("Thursday")),
    (5, _("Friday")),
    (6, _("Saturday")),
    (7, _("Sunday")),
]


def zones() -> list[tuple[str, str]]:
    """Return the time zones that people choose from: places, without the old names of offsets."""
    places = {
        name
        for name in zoneinfo.available_timezones()
        if re.match(r"^(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/", name)
    }
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in sorted(places))]


def _languages() -> list[tuple[str, str]]:
    return [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


class OrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Zone, currency, working hours and clocks; every figure and clock depends on them."""

    timezone = forms.ChoiceField(label=_("Time zone"), help_text=_("Figures and months are counted in it."))
    business_days = forms.TypedMultipleChoiceField(
        label=_("Business days"), coerce=int, choices=DAYS, widget=forms.CheckboxSelectMultiple
    )
    holidays = forms.CharField(
        label=_("Holidays"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("One date a line, as 2026-12-25."),
    )

    class Meta:
        model = Organisation
        fields = (
            "name",
            "timezone",
            "currency",
            "opens",
            "closes",
            "business_days",
            "holidays",
            "first_response_minutes",
            "handoff_hours",
            "meeting_to_brief_days",
            "sal_quality_days",
            "undo_days",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = zones()
        if self.instance.timezone not in dict(known):
            known.append((self.instance.timezone, self.instance.timezone))
        field = self.fields["timezone"]
        field.choices = known  # type: ignore[attr-defined]
        self.fields["business_days"].widget.inline = True  # type: ignore[attr-defined]
        self.initial["holidays"] = "\n".join(day.isoformat() for day in sorted(self.instance.holidays))

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_holidays(self) -> list[dt.date]:
        days, faults = set(), []
        for word in re.split(r"[\s,;]+", self.cleaned_data["holidays"]):
            if not word:
                continue
            try:
                days.add(dt.date.fromisoformat(word))
            except ValueError:
                faults.append(word)
        if faults:
            raise ValidationError(
                _("Not a date: %(words)s. Write it as 2026-12-25."), params={"words": ", ".join(faults[:5])}
            )
        return sorted(days)


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person as an administrator sees them."""

    class Meta:
        model = User
        fields = ("username", "name", "email", "role", "team", "takes_handoffs", "is_active")
        labels = {"is_active": _("May sign in"), "username": _("Sign-in name"), "team": _("Team")}
        help_texts = {
            "is_active": _("Taken away, it ends their sessions and tokens at once."),
            "username": _("Letters, digits and @ . + - _; it names the person in reports and imports."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # the key by which imports and reports name them never changes
            del self.fields["username"]

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip()
        if email and User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Somebody else has this address."))
        return email


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Team
        fields = ("name",)


class _KeyedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Something with a key that never changes once it is made, and a label that may."""

    key = forms.SlugField(
        label=_("Key"),
        max_length=100,
        help_text=_("Latin letters, digits, - and _. Programs and imports use it; it never changes."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for fixed in ("key", "kind"):
                self.fields.pop(fixed, None)
        else:
            self.fields.pop("active", None)


class SourceForm(_KeyedForm):
    class Meta:
        model = Source
        fields = ("key", "label", "active")


class CampaignForm(_KeyedForm):
    class Meta:
        model = Campaign
        fields = ("key", "label", "source", "active")
        labels = {"source": _("Source")}


class ServiceForm(_KeyedForm):
    class Meta:
        model = Service
        fields = ("key", "label", "active")


class ReasonForm(_KeyedForm):
    class Meta:
        model = Reason
        fields = ("kind", "key", "label", "active")


class TokenForm(forms.Form):
    """A token for oneself or, by an administrator, for a program's service account."""

    user = forms.ModelChoiceField(User.objects.none(), label=_("Acts as"), empty_label=None)
    name = forms.CharField(label=_("What it is for"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True)
        if actor.role != Role.ADMINISTRATOR:
            people = people.filter(pk=actor.pk)
            self.fields["scopes"].choices = [  # type: ignore[attr-defined]
                choice for choice in Scope.choices if choice[0] != Scope.ADMIN
            ]
        self.fields["user"].queryset = people  # type: ignore[attr-defined]
        self.fields["user"].initial = actor.pk
        self.fields["scopes"].widget.inline = True  # type: ignore[attr-defined]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """What people say of themselves: their name, language and time zone."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_("Times are shown in it; figures stay in the organisation's."),
    )

    class Meta:
        model = User
        fields = ("name", "language", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = zones()
        if self.instance.time_zone and self.instance.time_zone not in dict(known):
            known.append((self.instance.time_zone, self.instance.time_zone))
        self.fields["language"].choices = [("", _("The browser's")), *_languages()]  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [("", _("The organisation's")), *known]  # type: ignore[attr-defined]


def tokens_of(user: User) -> Any:
    """Return the tokens that a person may see: an administrator everyone's, others their own."""
    tokens = ApiToken.objects.select_related("user").order_by("-pk")
    return tokens if user.role == Role.ADMINISTRATOR else tokens.filter(user=user)


class StageLimitsForm(forms.Form):
    """Three numbers for each open stage; the form is drawn as one table."""

    def __init__(self, *args: Any, found: Mapping[str, Limit], **options: Any) -> None:
        super().__init__(*args, **options)
        self.stages = list(found)
        for stage, limit in found.items():
            label = Stage(stage).label
            for name, field in {
                "days": forms.IntegerField(label=_("Stale after, days"), min_value=1, max_value=365),
                "at_once": forms.IntegerField(
                    label=_("At most at once"), min_value=1, max_value=9999, required=False
                ),
                "chance": forms.IntegerField(label=_("Chance, per cent"), min_value=0, max_value=100),
            }.items():
                field.initial = getattr(limit, name)
                field.label = f"{label}: {field.label}"
                self.fields[f"{stage}-{name}"] = field

    @property
    def rows(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return each stage with its bound fields: days, at once, chance."""
        return [
            (stage, [self[f"{stage}-{name}"] for name in ("days", "at_once", "chance")])
            for stage in self.stages
        ]

    @property
    def wanted(self) -> dict[str, Limit]:
        """Return the limits that a valid form asks for."""
        given = self.cleaned_data
        return {
            stage: Limit(given[f"{stage}-days"], given[f"{stage}-chance"], given[f"{stage}-at_once"])
            for stage in self.stages
        }
