"""The lists of people and companies: what narrows and orders them, and what stands in each row."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, cast

from django import forms
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils.translation import gettext_lazy as _

from . import access, custom
from .access import Permission
from .models import Company, CustomField, Journey, User
from .paging import moment, words
from .party_kinds import PartyKind
from .queries import JourneyQuerySet
from .stages import OPEN_STAGES, Role, Stage

MINE: Final = "me"
STATES: Final = {
    "": _("In any state"),
    "open": _("With open journeys"),
    "won": _("Clients"),
    "quiet": _("Without open journeys"),
}
ORDERS: Final = {
    "": _("Newest first"),
    "created": _("Oldest first"),
    "name": _("By name, A to Z"),
    "-name": _("By name, Z to A"),
}
CUSTOM: Final = "f_"
"""What the names of filters by custom fields begin with."""


def valid(journeys: JourneyQuerySet) -> JourneyQuerySet:
    """Keep the journeys that a party's row and page tell of: all but spam and those merged or withdrawn."""
    return journeys.valid()


class PartyFilter(forms.Form):
    """The filters of a list of people or companies, all in the address. What is not known is named and left out."""

    q = forms.CharField(label=_("Find"), required=False, max_length=200)
    state = forms.ChoiceField(label=_("State"), required=False, choices=list(STATES.items()))
    owner = forms.ChoiceField(label=_("Owner of a journey"), required=False)
    company = forms.IntegerField(label=_("Company"), required=False, min_value=1, max_value=2**62)
    order = forms.ChoiceField(label=_("Order"), required=False, choices=list(ORDERS.items()))

    def __init__(self, data: Any, *, kind: PartyKind, user: User, fields: Sequence[CustomField] = ()) -> None:
        super().__init__(data)
        self.kind, self.user = kind, user
        people = User.objects.filter(is_active=True).exclude(role=Role.PARTNER).order_by("name", "username")
        cast(forms.ChoiceField, self.fields["owner"]).choices = [
            ("", _("All owners")),
            (MINE, _("Mine")),
            *((p.username, str(p)) for p in people if p.pk != user.pk),
        ]
        if kind.slug != "contact":
            del self.fields["company"]
        self.own = {f"{CUSTOM}{field.key}": field for field in fields if _narrows(field)}
        for name, field in self.own.items():
            self.fields[name] = forms.ChoiceField(
                label=field.label, required=False, choices=[("", field.label), *_choices(field)]
            )
        for one in self.fields.values():
            one.error_messages["invalid_choice"] = _(
                "“%(value)s” is not known here; this filter is left out."
            )

    @property
    def values(self) -> dict[str, Any]:
        """Return the filters that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def narrow(self, parties: Any) -> Any:
        """Return the parties that the filters leave."""
        values = self.values
        theirs = (
            valid(Journey.objects.visible_to(self.user)).order_by().filter(**{self.kind.slug: OuterRef("pk")})
        )
        match values.get("state"):
            case "open":
                parties = parties.filter(Exists(theirs.filter(stage__in=OPEN_STAGES)))
            case "won":
                parties = parties.filter(Exists(theirs.filter(stage=Stage.WON)))
            case "quiet":
                parties = parties.filter(~Exists(theirs.filter(stage__in=OPEN_STAGES)))
        if owner := values.get("owner"):
            held = {"owner": self.user} if owner == MINE else {"owner__username": owner}
            parties = parties.filter(Exists(theirs.filter(**held)))
        if company := values.get("company"):
            parties = parties.filter(company=company)
        for name, field in self.own.items():
            if name in values:
                parties = parties.filter(custom__contains={field.key: custom.read(field, values[name])})
        return parties.search(values.get("q", ""))

    @property
    def ordering(self) -> dict[str, Any]:
        """Return what `paging.keyset` is to order by."""
        order = self.values.get("order", "")
        if order.endswith("name"):
            return {"by": "sort_name", "oldest_first": order == "name", "read": words}
        return {"by": "created_at", "oldest_first": order == "created", "read": moment}

    def chips(self) -> list[tuple[str, str, str]]:
        """Return name, label and words of each filter that narrows the list."""
        found = []
        for name, value in self.values.items():
            if name == "order":
                continue
            label = dict(getattr(self.fields[name], "choices", ())).get(value, value)
            if name == "company":
                label = Company.objects.filter(pk=value).values_list("name", flat=True).first() or f"#{value}"
            found.append((name, str(self.fields[name].label), str(label)))
        return found


def _narrows(field: CustomField) -> bool:
    return field.active and field.type in {CustomField.Type.CHOICE, CustomField.Type.BOOLEAN}


def _choices(field: CustomField) -> list[tuple[str, Any]]:
    if field.type == CustomField.Type.BOOLEAN:
        return [(value, f"{field.label}: {label}") for value, label in custom.YES_NO[1:]]
    return [(choice, choice) for choice in field.choices]


# the rows ------------------------------------------------------------------------------------------------------------


def rows_of(parties: Sequence[Any], kind: PartyKind, user: User) -> list[dict[str, Any]]:
    """Return each party with its visible journeys counted, the last of them, and what was paid: three queries."""
    keys = [party.pk for party in parties]
    counts = journeys_of(keys, kind, user)
    last = last_of(keys, kind, user)
    money = sums_of(keys, kind, user, "paid") if access.may(user, Permission.SEE_MONEY) else {}
    return [
        {
            "party": party,
            "journeys": counts.get(party.pk, {}).get("all", 0),
            "open": counts.get(party.pk, {}).get("open", 0),
            "last": last.get(party.pk),
            "paid": money.get(party.pk, {}).get("paid"),
        }
        for party in parties
    ]


def journeys_of(keys: Sequence[int], kind: PartyKind, user: User) -> dict[int, dict[str, int]]:
    """Return, by party, how many journeys of it the user sees, all and open: one query."""
    rows = (
        valid(Journey.objects.visible_to(user))
        .filter(**{f"{kind.slug}__in": keys})
        .order_by()
        .values(kind.slug)
        .annotate(all=Count("pk"), open=Count("pk", filter=Q(stage__in=OPEN_STAGES)))
    )
    return {row[kind.slug]: {"all": row["all"], "open": row["open"]} for row in rows}


def last_of(keys: Sequence[int], kind: PartyKind, user: User) -> dict[int, Journey]:
    """Return the newest journey of each party that the user sees: one query."""
    rows = (
        valid(Journey.objects.visible_to(user))
        .filter(**{f"{kind.slug}__in": keys})
        .select_related("owner")
        .order_by(f"{kind.slug}_id", "-created_at", "-pk")
        .distinct(f"{kind.slug}_id")
    )
    return {getattr(journey, f"{kind.slug}_id"): journey for journey in rows}


def sums_of(keys: Sequence[int], kind: PartyKind, user: User, *names: str) -> dict[int, dict[str, Decimal]]:
    """Return sums of each party over the journeys that the user sees, by names of `sums.SUMS`: one query."""
    journeys = valid(Journey.objects.visible_to(user)).filter(**{f"{kind.slug}__in": keys}).order_by()
    rows = journeys.with_sums(*names).values(kind.slug).annotate(**{f"{name}_": Sum(name) for name in names})
    return {row[kind.slug]: {name: row[f"{name}_"] for name in names} for row in rows}
