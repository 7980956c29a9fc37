"""Rows of a bar, a cell or a reason: what charts cut a number into beside the five cuts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from babel.dates import get_day_names
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from funnel.periods import Period
from kpi import sql, tables
from kpi.forms import ReportForm

REACHED: Final = {
    "brief": ("brief_filled", _("Brief filled")),
    "sal": ("sal_accepted", _("Accepted by sales")),
    "won": ("contract_signed", _("Won")),
}
RESOLVED: Final = {"yes": _("Resolved"), "no": _("Open")}
DUE: Final = {"all": _("With those to come"), "overdue": _("Overdue")}
LONGEST_MINUTES: Final = 10_000_000
TAKEN: Final[Mapping[str, tuple[str, ...]]] = {
    "fact": ("reason", "resolved", "weekday", "hour", "over", "up_to", "reached"),
    "visit": (),
    "payer": ("first_paid", "first_paid_before", "first_source"),
    "worth": ("first_paid", "first_paid_before", "first_source"),
    "client": ("first_paid", "first_paid_before", "first_source"),
    "instalment": ("due",),
}
"""What the rows of each relation can be narrowed down by."""
IS_RESOLVED: Final = """EXISTS (
    SELECT FROM funnel_event met
    WHERE met.journey_id = fact.journey_id AND met.event = 'objection_resolved' AND met.occurred_at >= fact.at
        AND met.recorded_at <= %(as_of)s AND met.id NOT IN (
            SELECT undo.annuls_id FROM funnel_event undo
            WHERE undo.event = 'annulled' AND undo.annuls_id IS NOT NULL AND undo.recorded_at <= %(as_of)s
        )
)"""
"""Whether an objection was resolved, over `fact`."""
LEFT: Final = """(fact.amount - coalesce((
    SELECT sum(share.amount) FROM deals_paymentshare share WHERE share.instalment_id = fact.id
), 0))"""
"""What of an instalment has not come in yet, over `fact`."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """Conditions on rows; None or "" where a thing is not asked for.

    Of facts: `over` and `up_to` are business minutes on the fact's clock, `weekday` is 1 for Monday, the hour is the
    organisation's. `reached` is an event that the journey first came to after the fact and before `before`; `resolved`
    is whether an objection was. Of clients: whose first payment came from `paid_from` on and before `paid_before`, and
    whose first application came from `first_source`. Of instalments: `due` is a key of `DUE`.
    """

    reason: str | None = None
    resolved: str = ""
    weekday: int | None = None
    hour: int | None = None
    over: int | None = None
    up_to: int | None = None
    reached: str = ""
    before: datetime | None = None
    paid_from: datetime | None = None
    paid_before: datetime | None = None
    first_source: str | None = None
    due: str = ""

    def conditions(self, goals: str, zone: str) -> tuple[str, dict[str, Any]]:
        """The SQL, and its parameters, over `fact`; `goals` is a relation of all events of its journeys."""
        local = "(fact.at AT TIME ZONE %(narrow_zone)s)"
        asked = {
            "fact.reason = %(narrow_reason)s": self.reason is not None,
            IS_RESOLVED: self.resolved == "yes",
            f"NOT {IS_RESOLVED}": self.resolved == "no",
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
        return _all_of(asked), parameters

    def clients(self, relation: str) -> tuple[str, dict[str, Any]]:
        """The SQL, and its parameters, over a relation of money that tells its `client` and their `first_at`."""
        asked = {
            f"{relation}.first_at >= %(narrow_paid_from)s": self.paid_from is not None,
            f"{relation}.first_at < %(narrow_paid_before)s": self.paid_before is not None,
            f"""{relation}.client IN (
                SELECT origin.client FROM ({sql.origins(relation)}) AS origin
                LEFT JOIN funnel_source source ON source.id = origin.source_id
                WHERE coalesce(source.key, '') = %(narrow_first_source)s
            )""": self.first_source is not None,
        }
        return _all_of(asked), {
            "narrow_paid_from": self.paid_from,
            "narrow_paid_before": self.paid_before,
            "narrow_first_source": self.first_source,
        }


def _all_of(asked: Mapping[str, bool]) -> str:
    return " AND ".join(["TRUE", *(words for words, is_asked in asked.items() if is_asked)])


class NarrowForm(ReportForm):
    """`reason` ("" is none), `weekday` and `hour`, `over` and `up_to` minutes, `reached` `within` so many months.

    `resolved` is yes or no; `first_paid` a period and `first_paid_before` one before which clients first paid,
    `first_source` where they came from first ("" is none); `due` says which instalments.
    """

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
    resolved = forms.ChoiceField(required=False, choices=list(RESOLVED.items()), label=_("Objection"))
    first_paid = forms.CharField(required=False, max_length=40, label=_("First payment"))
    first_paid_before = forms.CharField(required=False, max_length=40, label=_("First payment before"))
    first_source = forms.CharField(required=False, max_length=100, strip=False, label=_("First source"))
    due = forms.ChoiceField(required=False, choices=list(DUE.items()), label=_("Instalments"))

    def clean_first_paid(self) -> Period | None:
        return self._period("first_paid")

    def clean_first_paid_before(self) -> Period | None:
        return self._period("first_paid_before")

    def _period(self, name: str) -> Period | None:
        text = self.cleaned_data[name]
        try:
            return Period.parse(text) if text else None
        except ValueError:
            words = gettext(
                "“%(text)s” is not a period: write 2026-03, 2026-Q1, 2026 or 2026-03-01..2026-03-15."
            )
            raise ValidationError(words, params={"text": text}) from None

    @property
    def narrow(self) -> Narrow:
        """What a valid form narrows facts down to."""
        found = self.cleaned_data
        month = found["period"].months()[0]
        for _month in range(found["within"] or 0):
            month = month.next()
        clock, paid, earlier = self.organisation.clock, found["first_paid"], found["first_paid_before"]
        ends = [clock.start_of(paid.until)] if paid else []
        ends += [clock.start_of(earlier.first)] if earlier else []
        return Narrow(
            reason=found["reason"] if "reason" in self.data else None,
            **{name: found[name] for name in ("resolved", "weekday", "hour", "over", "up_to", "due")},
            reached=REACHED[found["reached"]][0] if found["reached"] else "",
            before=clock.start_of(month.until),
            paid_from=clock.start_of(paid.first) if paid else None,
            paid_before=min(ends, default=None),
            first_source=found["first_source"] if "first_source" in self.data else None,
        )

    def narrowed_by(self) -> list[str]:
        """The parameters that narrow the rows down, beside a report's own words."""
        names = {name for taken in TAKEN.values() for name in taken}
        return sorted(
            name
            for name in names
            if self.cleaned_data.get(name) not in (None, "")
            or (name in ("reason", "first_source") and name in self.data)
        )

    def narrowed(self) -> Iterator[tuple[str, str, str]]:
        """Each parameter that narrows as (its name in an address, its label, its value in words)."""
        found = self.cleaned_data
        if "reason" in self.data:
            yield "reason", gettext("Reason"), found["reason"] or gettext("Not told")
        if found["resolved"]:
            yield "resolved", gettext("Objection"), str(RESOLVED[found["resolved"]])
        if found["weekday"]:
            yield "weekday", gettext("Weekday"), weekdays()[found["weekday"] - 1]
        for name in ("hour", "over", "up_to"):
            if found[name] is not None:
                yield name, str(self.fields[name].label), str(found[name])
        if found["reached"]:
            months = gettext("month %(n)s") % {"n": found["within"] or 0}
            yield "reached", gettext("Came to"), f"{REACHED[found['reached']][1]}, {months}"
        for name in ("first_paid", "first_paid_before"):
            if found[name]:
                yield name, str(self.fields[name].label), tables.title(found[name])
        if "first_source" in self.data:
            source = self.choices["source"].get(found["first_source"])
            words = source.label if source else found["first_source"] or gettext("Not told")
            yield "first_source", gettext("First source"), words
        if found["due"]:
            yield "due", gettext("Instalments"), str(DUE[found["due"]])


def weekdays() -> list[str]:
    """Short names of the days, Monday first, in the reader's language."""
    names = get_day_names("abbreviated", locale=(get_language() or "en").replace("-", "_"))
    return [names[day] for day in range(7)]
