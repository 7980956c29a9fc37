"""What a report may be asked for: the same words and the same refusals in the command, the API and the page."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypedDict

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from funnel.models import Organisation
from funnel.periods import Period
from kpi.choices import Choice, choices
from kpi.rollup import FRESH

CUTS = {
    "source": _("Source"),
    "campaign": _("Campaign"),
    "service": _("Service"),
    "owner": _("Owner"),
    "team": _("Team"),
}
YEARS = (1970, 2199)
LONGEST_DAYS = 3660


class Asked(TypedDict):
    """What a valid form asks for: what `report.build` takes."""

    period: Period
    as_of: datetime
    by: str
    filters: Mapping[str, Sequence[str]]
    lag: timedelta | None


class ValuesField(forms.Field):
    """Every value that an address or a command gives under one name; each once, in order."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        given = [] if value is None else [value] if isinstance(value, str) else value
        return list(dict.fromkeys(str(one) for one in given))


class ReportForm(forms.Form):
    """`month` or `period` (by default the month of `as_of`), `as_of` (by default now) and `by`; filters by cut.

    `source`, `campaign`, `service`, `owner` and `team` take any number of values; "" is whatever has none. `fresh` is
    how far behind the ledger an answer about now may be.
    """

    month = forms.CharField(required=False, max_length=20, label=_("Month"))
    period = forms.CharField(required=False, max_length=40, label=_("Period"))
    as_of = forms.CharField(required=False, max_length=40, label=_("As known at"))
    by = forms.ChoiceField(required=False, choices=[("", _("Whole")), *CUTS.items()], label=_("By"))
    source = ValuesField(required=False, label=CUTS["source"])
    campaign = ValuesField(required=False, label=CUTS["campaign"])
    service = ValuesField(required=False, label=CUTS["service"])
    owner = ValuesField(required=False, label=CUTS["owner"])
    team = ValuesField(required=False, label=CUTS["team"])

    def __init__(
        self, *args: Any, organisation: Organisation, fresh: timedelta = FRESH, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.organisation, self.fresh = organisation, fresh

    @cached_property
    def choices(self) -> Mapping[str, Mapping[str, Choice]]:
        """The values of each cut: one query, only where they are asked for."""
        return choices()

    def clean_month(self) -> Period | None:
        text = self.cleaned_data["month"]
        try:
            return _within(Period.month(text)) if text else None
        except ValueError:
            raise ValidationError(
                gettext("“%(text)s” is not a month: write it as 2026-03."), params={"text": text}
            ) from None

    def clean_period(self) -> Period | None:
        text = self.cleaned_data["period"]
        try:
            return _within(Period.parse(text)) if text else None
        except ValueError:
            raise ValidationError(
                gettext(
                    "“%(text)s” is not a period: write 2026-03, 2026-Q1, 2026 or 2026-03-01..2026-03-15."
                ),
                params={"text": text},
            ) from None

    def clean_as_of(self) -> datetime:
        text = self.cleaned_data["as_of"]
        if not text:
            return timezone.now()
        try:
            # a plus sign in an address that was not quoted arrives as a space
            found = datetime.fromisoformat(text[:10] + text[10:].replace(" ", "+") if "T" in text else text)
            if found.tzinfo is None or not YEARS[0] < found.year < YEARS[1]:
                raise ValueError
        except ValueError:
            raise ValidationError(
                gettext("“%(text)s” is not a moment with its offset: write it as 2026-04-10T00:00+02:00."),
                params={"text": text},
            ) from None
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for cut in CUTS:
            for value in cleaned.get(cut, ()):
                if value not in self.choices[cut] and (value or cut == "source"):
                    message = gettext("There is no “%(text)s” to filter by.") % {"text": value[:60]}
                    self.add_error(cut, message)
                    break
        if self.errors:
            return cleaned
        if cleaned["month"] and cleaned["period"]:
            raise ValidationError({"period": gettext("Give a month or a period, not both.")})
        cleaned["period"] = (
            cleaned["period"] or cleaned["month"] or self.organisation.clock.month_at(cleaned["as_of"])
        )
        return cleaned

    @property
    def asked(self) -> Asked:
        """What a valid form asks for."""
        found = self.cleaned_data
        return {
            "period": found["period"],
            "as_of": found["as_of"],
            "by": found["by"],
            "filters": {cut: found[cut] for cut in CUTS if found[cut]},
            "lag": None if self.data.get("as_of") else self.fresh,
        }


def _within(period: Period) -> Period:
    """Refuse what no business has figures for, and what would take forever."""
    days = (period.until - period.first).days
    if period.first.year <= YEARS[0] or period.until.year >= YEARS[1] or days > LONGEST_DAYS:
        raise ValueError
    return period
