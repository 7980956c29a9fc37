"""Rows of a bar, a cell or a reason: what charts cut a number into beside the five cuts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from babel.dates import get_day_names
from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from kpi.forms import ReportForm

REACHED: Final = {
    "brief": ("brief_filled", _("Brief filled")),
    "sal": ("sal_accepted", _("Accepted by sales")),
    "won": ("contract_signed", _("Won")),
}
LONGEST_MINUTES: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Narrow:
    """Conditions on facts; None or "" where a thing is not asked for.

    `over` and `up_to` are business minutes on the fact's clock, `weekday` is 1 for Monday, the hour is the
    organisation's. `reached` is an event that the journey first came to after the fact and before `before`.
    """

    reason: str | None = None
    weekday: int | None = None
    hour: int | None = None
    over: int | None = None
    up_to: int | None = None
    reached: str = ""
    before: datetime | None = None

    def conditions(self, goals: str, zone: str) -> tuple[str, dict[str, Any]]:
        """The SQL, and its parameters, over `fact`; `goals` is a relation of all events of its journeys."""
        local = "(fact.at AT TIME ZONE %(narrow_zone)s)"
        asked = {
            "fact.reason = %(narrow_reason)s": self.reason is not None,
            f"extract(isodow FROM {local}) = %(narrow_weekday)s": self.weekday is not None,
            f"extract(hour FROM {local}) = %(narrow_hour)s": self.hour is not None,
            "fact.business_s > %(narrow_over)s * 60": self.over is not None,
            "fact.business_s <= %(narrow_up_to)s * 60": self.up_to is not None,
            f"EXISTS (SELECT FROM {goals} AS goal WHERE goal.journey_id = fact.journey_id AND goal.nth = 1"
            " AND goal.event = %(narrow_reached)s AND goal.at >= fact.at AND goal.at < %(narrow_before)s)": bool(
                self.reached
            ),
        }
        parameters = {
            "narrow_reason": self.reason,
            "narrow_weekday": self.weekday,
            "narrow_hour": self.hour,
            "narrow_over": self.over,
            "narrow_up_to": self.up_to,
            "narrow_reached": self.reached,
            "narrow_before": self.before,
            "narrow_zone": zone,
        }
        return " AND ".join(["TRUE", *(words for words, is_asked in asked.items() if is_asked)]), parameters


class NarrowForm(ReportForm):
    """`reason` ("" is none), `weekday` and `hour`, `over` and `up_to` minutes, `reached` `within` so many months."""

    reason = forms.CharField(required=False, max_length=100, strip=False, label=_("Reason"))
    weekday = forms.IntegerField(required=False, min_value=1, max_value=7, label=_("Weekday"))
    hour = forms.IntegerField(required=False, min_value=0, max_value=23, label=_("Hour"))
    over = forms.IntegerField(
        required=False, min_value=0, max_value=LONGEST_MINUTES, label=_("Over, business minutes")
    )
    up_to = forms.IntegerField(
        required=False, min_value=0, max_value=LONGEST_MINUTES, label=_("Up to, business minutes")
    )
    reached = forms.ChoiceField(
        required=False, choices=[(key, words) for key, (_event, words) in REACHED.items()], label=_("Came to")
    )
    within = forms.IntegerField(
        required=False, min_value=0, max_value=120, label=_("Within so many calendar months")
    )

    @property
    def narrow(self) -> Narrow:
        """What a valid form narrows facts down to."""
        found = self.cleaned_data
        month = found["period"].months()[0]
        for _month in range(found["within"] or 0):
            month = month.next()
        return Narrow(
            reason=found["reason"] if "reason" in self.data else None,
            **{name: found[name] for name in ("weekday", "hour", "over", "up_to")},
            reached=REACHED[found["reached"]][0] if found["reached"] else "",
            before=self.organisation.clock.start_of(month.until),
        )

    def is_narrowed(self) -> bool:
        """Whether anything but a report's own words narrows the rows down."""
        names = ("weekday", "hour", "over", "up_to", "reached")
        return "reason" in self.data or any(self.cleaned_data.get(name) not in (None, "") for name in names)

    def narrowed(self) -> Iterator[tuple[str, str, str]]:
        """Each parameter that narrows as (its name in an address, its label, its value in words)."""
        found = self.cleaned_data
        if "reason" in self.data:
            yield "reason", gettext("Reason"), found["reason"] or gettext("Not told")
        if found["weekday"]:
            yield "weekday", gettext("Weekday"), weekdays()[found["weekday"] - 1]
        for name in ("hour", "over", "up_to"):
            if found[name] is not None:
                yield name, str(self.fields[name].label), str(found[name])
        if found["reached"]:
            months = gettext("month %(n)s") % {"n": found["within"] or 0}
            yield "reached", gettext("Came to"), f"{REACHED[found['reached']][1]}, {months}"


def weekdays() -> list[str]:
    """Short names of the days, Monday first, in the reader's language."""
    names = get_day_names("abbreviated", locale=(get_language() or "en").replace("-", "_"))
    return [names[day] for day in range(7)]
