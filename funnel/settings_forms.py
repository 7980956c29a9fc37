"""Forms of the settings: the organisation, the catalogue, stage limits, exchange rates."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import holidays
from babel import Locale
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .formats import day as day_words
from .forms import NumberField
from .limits import Limit
from .models import Campaign, Organisation, Reason, Service, Source
from .models.organisation import Rate
from .rates import CODE, BadFile, rows_of
from .stages import Stage

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
        labels = {"name": _("Company name")}
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
            "referral_hours",
            "meeting_to_brief_days",
            "sal_quality_days",
            "undo_days",
            "link_days",
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


@lru_cache(maxsize=8)
def _countries(language: str) -> tuple[tuple[str, str], ...]:
    """Return the countries whose public holidays are known, by their names in a language."""
    names = Locale.parse(language, sep="-").territories
    known = holidays.list_supported_countries(include_aliases=False)
    return tuple(sorted(((code, names[code]) for code in known if code in names), key=lambda pair: pair[1]))


class HolidaysForm(forms.Form):
    """Whose public holidays to write among the organisation's, and of which year."""

    country = forms.ChoiceField(label=_("Public holidays of"))
    year = forms.IntegerField(label=_("Year"), min_value=2000, max_value=2100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "—"), *_countries(get_language() or "en")]
        self.fields["country"].choices = choices  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.wanted = True  # type: ignore[attr-defined]  # they help to fill in another field

    def days(self) -> list[dt.date]:
        """Return the public holidays asked for. The form is valid."""
        given = self.cleaned_data
        return sorted(holidays.country_holidays(given["country"], years=given["year"]))


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


def rate_field(**options: Any) -> NumberField:
    field = NumberField(max_digits=20, decimal_places=10, **{"label": _("Rate"), **options})
    field.validators.append(MinValueValidator(Decimal("0.0000000001"), _("A rate is above zero.")))
    return field


class MissingRateForm(forms.Form):
    """The rate that an act lacks, asked for beside it; `of` says of which currency and day."""

    of = forms.CharField(max_length=20, widget=forms.HiddenInput)
    rate = rate_field()

    def __init__(self, data: Any = None, *, currency: str, day: dt.date, own: str) -> None:
        of = f"{currency} {day.isoformat()}"
        # what was typed for another currency or day is nothing of this one's
        typed = data is not None and data.get("rate-of") == of and data.get("rate-rate")
        super().__init__(data if typed else None, prefix="rate", initial={"of": of})
        self.fields["rate"].label = _("One %(currency)s in %(own)s") % {"currency": currency, "own": own}
        self.fields["rate"].help_text = _("The rate of %(day)s; it holds until a later day has its own.") % {
            "day": day_words(day)
        }


class RateForm(forms.ModelForm):  # type: ignore[type-arg]
    """What one unit of a currency is worth in the organisation's from a day on."""

    day = forms.DateField(label=_("From"), help_text=_("It holds until a later day has its own."))
    rate = rate_field()

    class Meta:
        model = Rate
        fields = ("currency", "day", "rate")

    def __init__(self, *args: Any, own: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = own
        self.fields["rate"].label = _("One unit in %(own)s") % {"own": own}
        if self.instance.pk:
            for fixed in ("currency", "day"):
                del self.fields[fixed]
            self.initial["rate"] = f"{self.instance.rate.normalize():f}"
        else:
            self.instance.into = own
            self.fields["currency"].widget.attrs |= {
                "placeholder": "USD",
                "autocapitalize": "characters",
                "list": "currencies",
            }

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).strip().upper()
        if not CODE.fullmatch(currency):
            raise ValidationError(_("A currency has three capital letters, such as EUR."))
        if currency == self.own:
            raise ValidationError(_("It is the organisation's own currency."))
        return currency

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if not self.instance.pk and not self.errors:
            there = Rate.objects.filter(currency=cleaned["currency"], into=self.own, day=cleaned["day"])
            if there.exists():
                self.add_error("day", _("That day has a rate already: change it in the list."))
        return cleaned


class RatesFileForm(forms.Form):
    """Many rates at once: a file, or a table pasted from a spreadsheet."""

    MOST_BYTES = 2_000_000

    file = forms.FileField(label=_("CSV file"), required=False)
    text = forms.CharField(
        label=_("Or paste from a spreadsheet"),
        required=False,
        max_length=MOST_BYTES,
        widget=forms.Textarea(
            attrs={
                "rows": 6,
                "spellcheck": "false",
                "placeholder": "date, currency, rate\n2026-03-31, USD, 0.9215",
            }
        ),
        help_text=_("The first line names the columns: date, currency, rate."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.wanted = True  # type: ignore[attr-defined]  # one of the two is

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if self.errors:
            return cleaned
        file, text = cleaned.get("file"), cleaned.get("text", "")
        if bool(file) == bool(text.strip()):
            raise ValidationError(_("Give a file or paste a table: one of the two."))
        if file and file.size > self.MOST_BYTES:
            raise ValidationError({"file": _("The file is larger than 2 MB.")})
        try:
            cleaned["rows"] = list(rows_of(file.read() if file else text.strip().encode()))
        except BadFile as fault:
            words = str(fault)
            raise ValidationError({"file" if file else "text": words[:1].upper() + words[1:]}) from None
        return cleaned


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
    def values(self) -> dict[str, int | None]:
        """Return what a valid form asks for, by the names of the change log: "new.days"."""
        return {name.replace("-", "."): value for name, value in self.cleaned_data.items()}

    @property
    def wanted(self) -> dict[str, Limit]:
        """Return the limits that a valid form asks for."""
        given = self.cleaned_data
        return {
            stage: Limit(given[f"{stage}-days"], given[f"{stage}-chance"], given[f"{stage}-at_once"])
            for stage in self.stages
        }
