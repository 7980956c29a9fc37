"""What narrows the list and the board: the form that reads it out of an address, and writes it back the same way."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from urllib.parse import urlencode

from django import forms
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from funnel import access, formats
from funnel.access import Permission
from funnel.forms import MoneyField
from funnel.limits import limits, stale
from funnel.models import Campaign, Organisation, Service, Source, User
from funnel.periods import FIRST_YEAR, LAST_YEAR
from funnel.queries import JourneyQuerySet
from funnel.stages import (
    CLOSED_STAGES,
    DEAL_STAGES,
    MARKETING_STAGES,
    OPEN_STAGES,
    VOID_STAGES,
    Role,
    Stage,
)

from .columns import FORMER, USUAL_ORDER, order_choices

STATES: Final = {
    "open": (_("Open"), OPEN_STAGES),
    "marketing": (_("With marketing"), MARKETING_STAGES),
    "sales": (_("With sales"), DEAL_STAGES | {Stage.HANDED_OFF}),
    "closed": (_("Closed"), CLOSED_STAGES),
    "void": (_("Spam and merged"), VOID_STAGES),
    "all": (_("All"), None),
}
CATALOGUES: Final = {"source": Source, "campaign": Campaign, "service": Service}
MINE, NOBODY = "me", "none"
SOON: Final = 30
"""So many working minutes before its end a clock is at risk."""
LOOK_BACK: Final = timedelta(days=60)

NEXT: Final = [
    ("", _("Any next step")),
    ("none", _("Without a next step")),
    ("late", _("Next step overdue")),
    ("today", _("Next step due today or before")),
    ("some", _("With a next step")),
]


def _people() -> Any:
    """Return who works here: ("owner", id, username, name)."""
    name = Coalesce(
        NullIf(F("name"), Value("")),
        NullIf(Trim(Concat("first_name", Value(" "), "last_name")), Value("")),
        Value(""),
        output_field=CharField(),
    )
    return (
        User.objects.filter(is_active=True)
        .exclude(role=Role.PARTNER)
        .order_by()
        .annotate(kind=Value("owner", CharField()), called=name)
        .values_list("kind", "pk", "username", "called")
    )


class JourneyFilter(forms.Form):
    """The filters of the list, as the address states them. A filter that cannot be read is named and left out."""

    q = forms.CharField(label=_("Find"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[(key, label) for key, (label, _stages) in STATES.items()]
    )
    stage = forms.ChoiceField(
        label=_("Stage"), required=False, choices=[("", _("Any stage")), *Stage.choices]
    )
    owner = forms.ChoiceField(label=_("Owner"), required=False)
    source = forms.ChoiceField(label=_("Source"), required=False)
    campaign = forms.ChoiceField(label=_("Campaign"), required=False)
    service = forms.ChoiceField(label=_("Service"), required=False)
    next = forms.ChoiceField(label=_("Next step"), required=False, choices=NEXT)
    clock = forms.ChoiceField(
        label=_("Clock"),
        required=False,
        choices=[("", _("Any clock")), ("risk", _("At risk or over")), ("over", _("Over"))],
    )
    stale = forms.ChoiceField(
        label=_("Too long in stage"),
        required=False,
        choices=[("", _("However long in stage")), ("yes", _("Longer than agreed"))],
    )
    snoozed = forms.ChoiceField(
        label=_("Snoozed"),
        required=False,
        choices=[("", _("Snoozed or not")), ("yes", _("Snoozed")), ("no", _("Not snoozed"))],
    )
    received_from = forms.DateField(label=_("Received from"), required=False)
    received_to = forms.DateField(label=_("Received until"), required=False)
    expected_from = forms.DateField(label=_("Expected from"), required=False)
    expected_to = forms.DateField(label=_("Expected until"), required=False)
    amount_from = MoneyField(label=_("Amount from"), required=False)
    amount_to = MoneyField(label=_("Amount up to"), required=False)
    order = forms.ChoiceField(label=_("Order"), required=False)

    PLAIN: Final = ("q", "state", "stage", "owner", "source")
    """Those that stand above the list; the others open below “More filters”."""
    LIKE_STATE: Final = frozenset({"stage", "clock"})
    """Filters that say themselves which states they mean."""

    def __init__(self, data: Any, *, user: User, organisation: Organisation | None = None) -> None:
        super().__init__(data)
        self.user = user
        self._organisation = organisation
        self.orders: dict[str, list[int]] = {}
        if not access.may(user, Permission.SEE_MONEY):
            del self.fields["amount_from"], self.fields["amount_to"]
        self._name_choices()
        if "order" in self.fields:
            self._choose("order", [("", _("Newest first")), *order_choices(user), *FORMER.items()])
        for field in self.fields.values():
            field.error_messages["invalid_choice"] = _(
                "“%(value)s” is not known here; this filter is left out."
            )

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    def _name_choices(self) -> None:
        """Read people, sources, campaigns and services: one query for the four."""
        parts = [_people()] + [
            model.objects.order_by()
            .annotate(kind=Value(kind, CharField()))
            .values_list("kind", "pk", "key", "label")
            for kind, model in CATALOGUES.items()
        ]
        found: dict[str, list[tuple[str, int, str]]] = {"owner": [], **{kind: [] for kind in CATALOGUES}}
        for kind, pk, key, label in parts[0].union(*parts[1:], all=True):
            words = label or key if kind == "owner" or not label else pgettext("shipped", label)
            found[kind].append((words, pk, key))
        first: dict[str, list[tuple[str, Any]]] = {
            "owner": [("", _("All owners")), (MINE, _("Mine")), (NOBODY, _("Nobody's"))],
            "source": [("", _("All sources"))],
            "campaign": [("", _("All campaigns")), (NOBODY, pgettext_lazy("campaign or service", "None"))],
            "service": [("", _("All services")), (NOBODY, pgettext_lazy("campaign or service", "None"))],
        }
        for kind, rows in found.items():
            rows.sort(key=lambda row: (row[0].casefold(), row[2]))
            own = self.user.pk if kind == "owner" else None
            self._choose(kind, [*first[kind], *((key, words) for words, pk, key in rows if pk != own)])
            self.orders[kind] = [pk for _words, pk, _key in rows]

    def clean(self) -> dict[str, Any]:
        """Leave out days that no calendar of ours has."""
        cleaned = dict(super().clean() or self.cleaned_data)
        for name, value in list(cleaned.items()):
            if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
                self.add_error(name, _("This day is left out: give one of this age."))
                cleaned.pop(name)
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """Return the filters that hold, by name, cleaned; a state is always among them."""
        self.is_valid()
        values = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        # a stage says more than a state does, and one chosen beside it would only contradict
        values["state"] = "all" if self.LIKE_STATE & values.keys() else values.get("state", "open")
        return values

    @property
    def canonical(self) -> str:
        """Return the same filters and order as an address has them: alike for whatever shows alike."""
        values = dict(self.values)
        values["order"] = self.ordering
        if values["state"] == ("all" if self.LIKE_STATE & values.keys() else "open"):
            del values["state"]
        if values["order"] == USUAL_ORDER:
            del values["order"]
        return urlencode({name: _text(values[name]) for name in self.fields if name in values})

    @property
    def organisation(self) -> Organisation:
        """Return the organisation, by whose hours and currency the filters are read: a query where it was not given."""
        return self._organisation or Organisation.current()

    @property
    def shared(self) -> str:
        """Return those filters, as an address has them, that the list and the board have in common."""
        return urlencode(
            {
                name: _text(value)
                for name, value in self.values.items()
                if name in self.fields and name not in {"state", "stage", "order", "half"}
            }
        )

    @property
    def ordering(self) -> str:
        """Return the key of the column that orders the list, with "-" for the falling order."""
        wanted = self.values.get("order") or USUAL_ORDER
        return FORMER.get(wanted, wanted)

    def narrow(self, journeys: JourneyQuerySet) -> JourneyQuerySet:
        """Return the journeys that the filters leave; what is stale asks for what is agreed: a query."""
        values = self.values
        stages = STATES[values["state"]][1]
        if stages is not None:
            journeys = journeys.filter(stage__in=stages)
        if stage := values.get("stage"):
            journeys = journeys.filter(stage=stage)
        if source := values.get("source"):
            journeys = journeys.filter(source__key=source)
        for name in ("campaign", "service"):
            if key := values.get(name):
                journeys = journeys.filter(**({name: None} if key == NOBODY else {f"{name}__key": key}))
        journeys = self._of_owner(journeys, values.get("owner"))
        if snoozed := values.get("snoozed"):
            journeys = journeys.filter(snoozed_until__isnull=snoozed == "no")
        for name, condition in _RANGES.items():
            if name in values:
                journeys = journeys.filter(condition(values[name]))
        if "stale" in values:
            journeys = journeys.filter(stale(limits(), timezone.now()))
        if clock := values.get("clock"):
            journeys = journeys.filter(_clock(clock, self.organisation))
        journeys = _next(journeys, values.get("next", ""))
        return journeys.search(values.get("q", ""), reader=self.user)

    def _of_owner(self, journeys: JourneyQuerySet, owner: str | None) -> JourneyQuerySet:
        match owner:
            case None:
                return journeys
            case "me":
                return journeys.filter(owner=self.user)
            case "none":
                return journeys.filter(owner=None)
            case username:
                return journeys.filter(owner__username=username)

    def chips(self) -> list[tuple[str, str, str]]:
        """Return name, label and words of each filter that narrows the list."""
        found = []
        for name, value in self.values.items():
            if name == "order" or (
                name == "state" and (value == "open" or self.LIKE_STATE & self.values.keys())
            ):
                continue
            found.append((name, str(self.fields[name].label), self._in_words(name, value)))
        return found

    def _in_words(self, name: str, value: Any) -> str:
        if isinstance(value, Decimal):
            return formats.money(value, self.organisation.currency)
        if not isinstance(value, str):
            return formats.full_day(value)
        return str(dict(getattr(self.fields[name], "choices", ())).get(value, value))

    @property
    def further(self) -> list[forms.BoundField]:
        """Return the fields that stand below “More filters”."""
        return [self[name] for name in self.fields if name not in (*self.PLAIN, "order", "half")]

    @property
    def further_used(self) -> int:
        """Return how many of those narrow the list."""
        return len(self.values.keys() & {field.name for field in self.further})


class BoardFilter(JourneyFilter):
    """The filters of the board: those of the list but for the state, and which half of the funnel is folded."""

    half = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("The whole funnel")),
            ("marketing", _("Marketing's half")),
            ("sales", _("Sales' half")),
        ],
    )

    def __init__(self, data: Any, *, user: User, organisation: Organisation | None = None) -> None:
        super().__init__(data, user=user, organisation=organisation)
        for name in ("state", "stage", "order"):
            del self.fields[name]

    @property
    def values(self) -> dict[str, Any]:
        """Return the filters that hold, by name."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        return {"state": "open", **given}

    def chips(self) -> list[tuple[str, str, str]]:
        """Return name, label and words of each filter that narrows the board; folding a half hides nothing."""
        return [chip for chip in super().chips() if chip[0] != "half"]


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def _start_of(day: Any) -> datetime:
    """Return when a day begins for the reader."""
    return timezone.make_aware(datetime.combine(day, time()))


_RANGES: Final[Mapping[str, Any]] = {
    "received_from": lambda day: Q(created_at__gte=_start_of(day)),
    "received_to": lambda day: Q(created_at__lt=_start_of(day + timedelta(days=1))),
    "expected_from": lambda day: Q(expected_on__gte=day),
    "expected_to": lambda day: Q(expected_on__lte=day),
    "amount_from": lambda amount: Q(amount__gte=amount),
    "amount_to": lambda amount: Q(amount__lte=amount),
}


def _next(journeys: JourneyQuerySet, wanted: str) -> JourneyQuerySet:
    match wanted:
        case "none":
            return journeys.without_next_step()
        case "some":
            return journeys.with_next_step()
        case "late":
            return journeys.with_next_step(due_before=timezone.now())
        case "today":
            tomorrow = timezone.localdate() + timedelta(days=1)
            return journeys.with_next_step(due_before=_start_of(tomorrow))
        case _:
            return journeys


def _clock(wanted: str, organisation: Organisation) -> Q:
    """Return the condition for journeys whose running clock is over, or nearly."""
    now = timezone.now()
    spare = SOON if wanted == "risk" else 0
    answer = _opened_before(organisation, now, organisation.first_response_minutes - spare)
    decide = organisation.clock.add_business(now, minutes=spare) if spare else now
    return Q(stage=Stage.NEW, created_at__lt=answer) | Q(stage=Stage.HANDED_OFF, decide_by__lt=decide)


def _opened_before(organisation: Organisation, now: datetime, minutes: float) -> datetime:
    """Return the latest moment since which at least so many working minutes have passed, to the second."""
    if minutes <= 0:
        return now
    clock, first = organisation.clock, now - LOOK_BACK
    seconds = range(int(LOOK_BACK.total_seconds()))
    place = bisect_right(
        seconds,
        -minutes,
        key=lambda second: -clock.business_minutes(first + timedelta(seconds=second), now),
    )
    return first + timedelta(seconds=place)
