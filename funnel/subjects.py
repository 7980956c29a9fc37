"""The settings of the kernel, as their changes are watched: see `funnel.settings_log`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import limits, people
from .access import Permission
from .formats import DASH
from .limits import Limit
from .models import ApiToken, Campaign, Organisation, Reason, Service, Source, StageLimit, Team, User
from .models.organisation import Rate
from .settings_log import Names, Subject, Values, register
from .stages import Stage

P = Permission


class PersonSubject(Subject):
    """People change by the rules of `funnel.people` alone: the last administrator stays, whoever undoes what."""

    def write(self, record: Any, values: Mapping[str, Any], *, actor: User) -> None:
        wanted = dict(values)
        if "team" in wanted:
            wanted["team"] = Team.objects.filter(pk=wanted["team"]).first() if wanted["team"] else None
        people.change_user(actor=actor, user=User.objects.get(pk=record.pk), **wanted)


class TeamSubject(Subject):
    """A team with the people in it."""

    def values_of(self, record: Any) -> Values:
        members = User.objects.filter(team=record.pk).order_by("pk").values_list("pk", flat=True)
        return {"name": record.name, "members": list(members)}

    def write(self, record: Any, values: Mapping[str, Any], *, actor: User) -> None:
        if "name" in values:
            super().write(record, {"name": values["name"]}, actor=actor)
        if "members" in values:
            people.set_members(team=record, members=User.objects.filter(pk__in=values["members"]))

    def make(self, key: str, values: Mapping[str, Any]) -> Any:
        record = super().make(key, {"name": values["name"]})
        people.set_members(team=record, members=User.objects.filter(pk__in=values["members"]))
        return record

    def label_of(self, name: str) -> str:
        return _("Who is in it") if name == "members" else super().label_of(name)

    def words(self, name: str, value: Any, names: Names) -> str:
        if name == "members":
            return ", ".join(names.get((User, pk), f"#{pk}") for pk in value or ()) or DASH
        return super().words(name, value, names)

    def names_in(self, *told: Mapping[str, Any]) -> Names:
        wanted = {pk for values in told for pk in values.get("members") or ()}
        return {(User, pk): str(user) for pk, user in User.objects.in_bulk(wanted).items()} if wanted else {}


class WeekSubject(Subject):
    """The organisation: its days of the week are numbers, which nobody reads."""

    def label_of(self, name: str) -> str:
        return _("Company name") if name == "name" else super().label_of(name)

    def words(self, name: str, value: Any, names: Names) -> str:
        if name == "business_days":
            days = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
            return ", ".join(days[number - 1] for number in value or ()) or DASH
        return super().words(name, value, names)


class LimitsSubject(Subject):
    """The table of stage limits as one setting: a value is called "new.days"."""

    PARTS = ("days", "at_once", "chance")

    def values_of(self, record: Any) -> Values:
        return {
            f"{stage}.{part}": getattr(limit, part)
            for stage, limit in limits.limits().items()
            for part in self.PARTS
        }

    def name_of(self, record: Any) -> str:
        return str(self.label)

    def locked(self, key: str) -> Any:
        # rows of usual limits are not stored; whoever changes any holds the organisation
        return Organisation.objects.select_for_update().get(pk=1)

    def found(self, key: str) -> Any:
        return Organisation.current()

    def write(self, record: Any, values: Mapping[str, Any], *, actor: User) -> None:
        whole = self.values_of(record) | dict(values)
        wanted = {
            stage: Limit(whole[f"{stage}.days"], whole[f"{stage}.chance"], whole[f"{stage}.at_once"])
            for stage in limits.USUAL
        }
        limits.set_limits(wanted=wanted)

    def make(self, key: str, values: Mapping[str, Any]) -> Any:
        raise ValidationError(_("It is no longer there."))

    def label_of(self, name: str) -> str:
        stage, _dot, part = name.partition(".")
        return f"{Stage(stage).label}: {StageLimit._meta.get_field(part).verbose_name}"

    def words(self, name: str, value: Any, names: Names) -> str:
        return DASH if value is None else str(value)

    def names_in(self, *told: Mapping[str, Any]) -> Names:
        return {}


ORGANISATION = register(
    WeekSubject(
        "organisation",
        gettext_lazy("Organisation"),
        "building-2",
        Organisation,
        (
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
        ),
        P.MANAGE_ORGANISATION,
        "funnel:organisation",
        single=True,
    )
)
LIMITS = register(
    LimitsSubject(
        "stage-limits",
        gettext_lazy("Stage limits"),
        "flame",
        StageLimit,
        tuple(f"{stage}.{part}" for stage in limits.USUAL for part in LimitsSubject.PARTS),
        P.MANAGE_CATALOGUE,
        "funnel:stage-limits",
        single=True,
    )
)
CATALOGUES = {
    subject.arguments[0]: register(subject)
    for subject in (
        Subject(
            "source",
            gettext_lazy("Source"),
            "radio-tower",
            Source,
            ("key", "label", "active"),
            P.MANAGE_CATALOGUE,
            "funnel:catalogue-entry",
            ("sources",),
        ),
        Subject(
            "campaign",
            gettext_lazy("Campaign"),
            "megaphone",
            Campaign,
            ("key", "label", "source", "active"),
            P.MANAGE_CATALOGUE,
            "funnel:catalogue-entry",
            ("campaigns",),
        ),
        Subject(
            "service",
            gettext_lazy("Service"),
            "package",
            Service,
            ("key", "label", "active"),
            P.MANAGE_CATALOGUE,
            "funnel:catalogue-entry",
            ("services",),
        ),
        Subject(
            "reason",
            gettext_lazy("Reason"),
            "message-circle-question-mark",
            Reason,
            ("kind", "key", "label", "active"),
            P.MANAGE_CATALOGUE,
            "funnel:catalogue-entry",
            ("reasons",),
        ),
    )
}
PERSON = register(
    PersonSubject(
        "person",
        gettext_lazy("Person"),
        "circle-user",
        User,
        ("username", "name", "email", "role", "team", "takes_handoffs", "is_active"),
        P.MANAGE_USERS,
        "funnel:user",
        removable=False,
    )
)
TEAM = register(
    TeamSubject(
        "team", gettext_lazy("Team"), "users", Team, ("name", "members"), P.MANAGE_USERS, "funnel:team"
    )
)
RATE = register(
    Subject(
        "rate",
        gettext_lazy("Exchange rate"),
        "arrow-left-right",
        Rate,
        ("currency", "into", "day", "rate"),
        P.MANAGE_RATES,
        "funnel:rate",
    )
)
TOKEN = register(
    Subject(
        "token",
        gettext_lazy("Token for programs"),
        "key-round",
        ApiToken,
        ("name", "user", "scopes", "expires_at", "revoked_at"),
        undoable=False,
    )
)
PROFILE = register(
    Subject(
        "profile",
        gettext_lazy("Profile"),
        "circle-user",
        User,
        ("name", "language", "time_zone", "single_keys"),
        undoable=False,
    )
)
