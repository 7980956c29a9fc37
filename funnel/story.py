"""The rows that a journey's timeline is woven of: events, files and changed fields, read by one key, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, JSONObject, NullIf
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy

from . import access, timeline
from .access import Permission
from .client_answers import with_answers
from .models import Activity, Attachment, Event, FieldChange, Journey, Note, User
from .past import past_rows
from .queries import JourneyQuerySet
from .stages import MONEY_EVENTS, Happening, Role

H, K = Happening, Activity.Kind

PAGE: Final = 30
"""Rows of a page; changes of fields that belong together are drawn as one."""

EVENT, FILE, CHANGE = 2, 1, 0
"""At the same moment an event stands above a file, and a file above a change."""

MEETINGS: Final = (H.FIRST_MEETING_HELD, H.DEMO_SCHEDULED, H.DEMO_HELD, H.DEMO_NO_SHOW, H.DEMO_CANCELLED)
FILTERS: Final[Mapping[str, tuple[str, Any]]] = {
    "": ("list", gettext_lazy("Everything")),
    "notes": ("notebook-pen", gettext_lazy("Notes")),
    "calls": ("phone", gettext_lazy("Calls and messages")),
    "emails": ("mail", gettext_lazy("E-mails")),
    "meetings": ("users", gettext_lazy("Meetings")),
    "files": ("paperclip", gettext_lazy("Files")),
    "stages": ("arrow-right", gettext_lazy("Stages")),
    "money": ("banknote", gettext_lazy("Money")),
    "changes": ("pencil", gettext_lazy("Changes")),
}
"""What the timeline may be narrowed down to → icon and label."""

EVENT_KINDS: Final[Mapping[str, Q]] = {
    "": Q(),
    "notes": Q(event=H.NOTE_LOGGED),
    "calls": Q(activity__kind__in=(K.CALL, K.MESSAGE)),
    "emails": Q(activity__kind=K.EMAIL),
    "meetings": Q(activity__kind=K.MEETING) | Q(event__in=MEETINGS),
    "stages": ~Q(stage_to=""),
    "money": Q(event__in=MONEY_EVENTS),
    "changes": Q(event=H.OWNER_CHANGED),
}
"""The events of each of them; files have none."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a row stands in the order of the timeline: its moment, its kind, its number."""

    at: datetime
    rank: int
    number: int


def filters_for(user: User) -> dict[str, tuple[str, Any]]:
    """Return what somebody may narrow the timeline down to, as FILTERS has it."""
    if user.role == Role.PARTNER:
        return {"": FILTERS[""]}
    money = access.may(user, Permission.SEE_MONEY)
    return {key: words for key, words in FILTERS.items() if key != "money" or money}


def events_of(journey: Journey, show: str, find: str, place: Place | None, outsider: bool) -> Iterable[Any]:
    """Return the events of a page with their words, the files that came with them, and one event more: one query."""
    if show not in EVENT_KINDS:
        return []
    found = Event.objects.filter(EVENT_KINDS[show], journey=journey).exclude(event=H.ANNULLED)
    if outsider:
        found = timeline.of_referral(found)
    if find:
        said = Q(Exists(Note.objects.filter(event=OuterRef("pk"), text__icontains=find)))
        said |= Q(activity__summary__icontains=find) | Q(activity__mail__subject__icontains=find)
        found = found.filter(said)
    found = found.filter(_before(place, EVENT, "occurred_at", "seq"))
    came = Attachment.objects.filter(event=OuterRef("pk"), removed_at=None).order_by("pk")
    found = timeline.told(found).annotate(came_with=_as_json(came, **_FILE))
    return found.order_by("-occurred_at", "-seq")[: PAGE + 1]


def _as_json(rows: Any, **columns: Any) -> ArraySubquery:
    """Return a subquery that gives rows as JSON objects, so that they come with the row they belong to."""
    return ArraySubquery(rows.values(row=JSONObject(**columns)))


def _person(path: str) -> Any:
    return Coalesce(NullIf(F(f"{path}__name"), Value("")), F(f"{path}__username"), Value(""))


_FILE: Final = {
    "pk": F("pk"),
    "journey_id": F("journey_id"),
    "name": F("name"),
    "size": F("size"),
    "kind": F("kind"),
    "at": F("at"),
    "uploaded_by_id": F("uploaded_by_id"),
    "who": _person("uploaded_by"),
}
_CHANGE: Final = {
    "pk": F("pk"),
    "contact_id": F("contact_id"),
    "company_id": F("company_id"),
    "journey_id": F("journey_id"),
    "field": F("field"),
    "old": F("old"),
    "new": F("new"),
    "act": F("act"),
    "at": F("at"),
    "actor_id": F("actor_id"),
    "who": _person("actor"),
}


def with_story(journeys: JourneyQuerySet, user: User, query: QueryDict) -> JourneyQuerySet:
    """Fetch along the past, and the files and changes that `chronicle` will ask for: no query of their own."""
    show, find, place = wanted(user, query)
    return with_answers(journeys).annotate(
        past_rows=past_rows(),
        story_files=_as_json(_files(show, find, place), **_FILE),
        story_changes=_as_json(_changes(user, show, find, place), **_CHANGE),
    )


def wanted(user: User, query: QueryDict) -> tuple[str, str, Place | None]:
    """Return the kind, the words and the place that an address asks for; what cannot be read is left out."""
    show, find = query.get("show", ""), query.get("find", "").replace("\x00", " ").strip()[:200]
    if user.role == Role.PARTNER:
        find = ""  # it would tell which words stand in notes that partners do not read
    return (show if show in filters_for(user) else ""), find, _read(query.get("older", ""))


def _files(show: str, find: str, place: Place | None) -> Any:
    """Return the files of the outer journey that came by themselves; of files only, those that came with words too."""
    found = Attachment.objects.filter(
        _before(place, FILE, "at", "pk"), journey=OuterRef("pk"), removed_at=None
    )
    if show not in {"", "files"}:
        found = found.filter(pk=None)
    if show == "":
        found = found.filter(event=None)
    if find:
        found = found.filter(name__icontains=find)
    return found.order_by("-at", "-pk")[: PAGE + 1]


def _changes(user: User, show: str, find: str, place: Place | None) -> Any:
    """Return the changes of the outer journey, its contact and its company."""
    own = Q(journey=OuterRef("pk")) | Q(contact=OuterRef("contact")) | Q(company=OuterRef("company"))
    found = _told_to(user, FieldChange.objects.filter(own, _before(place, CHANGE, "at", "pk")))
    if find or show not in {"", "changes"}:
        found = found.filter(pk=None)
    return found.order_by("-at", "-pk")[: PAGE + 1]


def file_of(row: Mapping[str, Any]) -> Attachment:
    """Return the file that came as JSON, with the name of who attached it as `who`."""
    found = {name: row[name] for name in _FILE if name != "who"}
    file = Attachment(**found | {"at": parse_datetime(row["at"])})
    file.__dict__["who"] = row["who"]
    return file


def change_of(row: Mapping[str, Any]) -> FieldChange:
    """Return the change that came as JSON, with the name of who made it as `who`."""
    found = {name: row[name] for name in _CHANGE if name != "who"}
    change = FieldChange(**found | {"at": parse_datetime(row["at"])})
    change.__dict__["who"] = row["who"]
    return change


def _told_to(user: User, changes: Any) -> Any:
    return changes if access.may(user, Permission.SEE_MONEY) else changes.exclude(field="amount")


def changes_of(journey: Journey, user: User) -> Any:
    """Return the changes of what the journey's page tells of it, its contact and its company, as far as one may see."""
    own = Q(journey=journey) | Q(contact=journey.contact_id)
    if journey.company_id:
        own |= Q(company=journey.company_id)
    return _told_to(user, FieldChange.objects.filter(own))


def _before(place: Place | None, rank: int, moment: str, number: str) -> Q:
    if place is None:
        return Q()
    same = Q(**{moment: place.at})
    if rank == place.rank:
        same &= Q(**{f"{number}__lt": place.number})
    elif rank > place.rank:
        return Q(**{f"{moment}__lt": place.at})
    return Q(**{f"{moment}__lt": place.at}) | same


def _read(text: str) -> Place | None:
    parts = text.split("~")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts[1:]):
        return None
    try:
        at = datetime.fromisoformat(parts[0])
    except ValueError:
        return None
    return Place(at, int(parts[1]), int(parts[2])) if at.tzinfo else None
