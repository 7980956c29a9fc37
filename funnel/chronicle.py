"""The timeline of a journey, page by page: its events, the fields that were changed, the files that were attached.

Three kinds of rows are read by the same key (when, kind, number) and woven into one list, newest first. A page takes
as many queries for a thousand rows as for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from . import access, files, timeline
from .access import Permission
from .mentions import people_in
from .models import (
    Activity,
    Attachment,
    Company,
    Contact,
    CustomField,
    Event,
    FieldChange,
    Journey,
    Note,
    User,
)
from .parties import CUSTOM
from .party_fields import Reader
from .stages import MONEY_EVENTS, Happening, Role

H, K = Happening, Activity.Kind

PAGE: Final = 30
"""Rows of a page; changes of fields that belong together are drawn as one."""
TOGETHER: Final = timedelta(minutes=10)
"""Changes by one person that lie no further apart are drawn as one."""

EVENT, FILE, CHANGE = 2, 1, 0
"""At the same moment an event stands above a file, and a file above a change."""

MEETINGS: Final = (H.FIRST_MEETING_HELD, H.DEMO_SCHEDULED, H.DEMO_HELD, H.DEMO_NO_SHOW)
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

_EVENTS: Final[Mapping[str, Q]] = {
    "": Q(),
    "notes": Q(event=H.NOTE_LOGGED),
    "calls": Q(activity__kind__in=(K.CALL, K.MESSAGE)),
    "emails": Q(activity__kind=K.EMAIL),
    "meetings": Q(activity__kind=K.MEETING) | Q(event__in=MEETINGS),
    "stages": ~Q(stage_to=""),
    "money": Q(event__in=MONEY_EVENTS),
    "changes": Q(event=H.OWNER_CHANGED),
}


@dataclass(frozen=True, slots=True)
class Chronicle:
    """One page of a timeline: items as the component draws them, and the addresses around it ("" where none)."""

    items: list[dict[str, Any]]
    older: str
    newest: str
    show: str
    find: str
    filters: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    at: datetime
    rank: int
    number: int


def chronicle(journey: Journey, user: User, query: QueryDict) -> Chronicle:
    """Return the page of the timeline that the address asks for: `show` a kind, `find` words, `older` than a place."""
    show, find = query.get("show", ""), query.get("find", "").replace("\x00", " ").strip()[:200]
    show = show if show in _filters(user) else ""
    place = _read(query.get("older", ""))
    outsider = user.role == Role.PARTNER
    rows: list[tuple[_Place, Any]] = [
        (_Place(event.occurred_at, EVENT, event.seq), event)
        for event in _events(journey, show, find, place, outsider)
    ]
    if not outsider:
        rows += [(_Place(f.at, FILE, f.pk), f) for f in _files(journey, show, find, place)]
        rows += [(_Place(c.at, CHANGE, c.pk), c) for c in _changes(journey, user, show, find, place)]
    rows.sort(key=lambda row: row[0], reverse=True)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return Chronicle(
        _items(rows, user, journey),
        _address(query, rows[-1][0]) if more else "",
        _address(query, None) if place else "",
        show,
        find,
        [
            {
                "key": key,
                "icon": icon,
                "label": label,
                "url": _address(query, None, show=key),
                "on": key == show,
            }
            for key, (icon, label) in _filters(user).items()
        ],
    )


def _filters(user: User) -> dict[str, tuple[str, Any]]:
    if user.role == Role.PARTNER:
        return {"": FILTERS[""]}
    money = access.may(user, Permission.SEE_MONEY)
    return {key: words for key, words in FILTERS.items() if key != "money" or money}


# the rows ------------------------------------------------------------------------------------------------------------


def _events(journey: Journey, show: str, find: str, place: _Place | None, outsider: bool) -> Iterable[Any]:
    if show not in _EVENTS:
        return []
    found = Event.objects.filter(_EVENTS[show], journey=journey).exclude(event=H.ANNULLED)
    if outsider:
        found = found.filter(event__in=timeline.OUTSIDERS)
    if find:
        said = Q(Exists(Note.objects.filter(event=OuterRef("pk"), text__icontains=find)))
        said |= Q(activity__summary__icontains=find) | Q(activity__mail__subject__icontains=find)
        found = found.filter(said)
    found = found.filter(_before(place, EVENT, "occurred_at", "seq"))
    return timeline.told(found).order_by("-occurred_at", "-seq")[: PAGE + 1]


def _files(journey: Journey, show: str, find: str, place: _Place | None) -> Iterable[Attachment]:
    """Return the files that came by themselves; of files only, those that came with words too."""
    if show not in {"", "files"}:
        return []
    found = Attachment.objects.filter(_before(place, FILE, "at", "pk"), journey=journey, removed_at=None)
    if show == "":
        found = found.filter(event=None)
    if find:
        found = found.filter(name__icontains=find)
    return found.select_related("uploaded_by").order_by("-at", "-pk")[: PAGE + 1]


def _changes(
    journey: Journey, user: User, show: str, find: str, place: _Place | None
) -> Iterable[FieldChange]:
    if show not in {"", "changes"} or find:
        return []
    return (
        changes_of(journey, user)
        .filter(_before(place, CHANGE, "at", "pk"))
        .select_related("actor")
        .order_by("-at", "-pk")[: PAGE + 1]
    )


def changes_of(journey: Journey, user: User) -> Any:
    """Return the changes of what the journey's page tells of it, its contact and its company, as far as one may see."""
    own = Q(journey=journey) | Q(contact=journey.contact_id)
    if journey.company_id:
        own |= Q(company=journey.company_id)
    found = FieldChange.objects.filter(own)
    return found if access.may(user, Permission.SEE_MONEY) else found.exclude(field="amount")


def _before(place: _Place | None, rank: int, moment: str, number: str) -> Q:
    if place is None:
        return Q()
    same = Q(**{moment: place.at})
    if rank == place.rank:
        same &= Q(**{f"{number}__lt": place.number})
    elif rank > place.rank:
        return Q(**{f"{moment}__lt": place.at})
    return Q(**{f"{moment}__lt": place.at}) | same


def _read(text: str) -> _Place | None:
    parts = text.split("~")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts[1:]):
        return None
    try:
        at = datetime.fromisoformat(parts[0])
    except ValueError:
        return None
    return _Place(at, int(parts[1]), int(parts[2])) if at.tzinfo else None


def _address(query: QueryDict, place: _Place | None, **changed: str) -> str:
    wanted = QueryDict(mutable=True)
    for name in ("show", "find"):
        if value := changed.get(name, query.get(name, "")):
            wanted[name] = value
    if place is not None:
        wanted["older"] = f"{place.at.isoformat()}~{place.rank}~{place.number}"
    return f"?{wanted.urlencode()}"


# the items -----------------------------------------------------------------------------------------------------------


def _items(rows: list[tuple[_Place, Any]], user: User, journey: Journey) -> list[dict[str, Any]]:
    events = [row for _place, row in rows if isinstance(row, Event)]
    changes = [row for _place, row in rows if isinstance(row, FieldChange)]
    outsider = user.role == Role.PARTNER
    people = {} if outsider else people_in(timeline.words_of(event) for event in events)
    attached = {} if outsider else _attached(events, user)
    readers = _readers(changes)
    items: list[dict[str, Any]] = []
    last: FieldChange | None = None
    for _place, row in rows:
        if isinstance(row, FieldChange):
            line = _line(row, readers, journey)
            if last is not None and _belongs(row, last):
                items[-1]["changes"].append(line)
            else:
                items.append(_change_item(row, line))
            last = row
            continue
        last = None
        if isinstance(row, Attachment):
            items.append(_file_item(row, user))
        else:
            items.append({**timeline.item_of(row, user, people), "files": attached.get(row.pk, [])})
    for item in items:
        if "changes" in item:
            count = len(item["changes"])
            words = ngettext("%(n)s field changed", "%(n)s fields changed", count)
            item["title"] = words % {"n": count} if count > 1 else _("Changed: %(what)s") % item["changes"][0]
    return items


def _attached(events: list[Event], user: User) -> dict[int, list[dict[str, Any]]]:
    """Return the files that came with events: one query, none where there are no events."""
    found: dict[int, list[dict[str, Any]]] = {}
    if not events:
        return found
    rows = Attachment.objects.filter(event__in=events, removed_at=None)
    for row in rows.order_by("pk"):
        if row.event_id is not None:
            found.setdefault(row.event_id, []).append(file_words(row, user))
    return found


def file_words(row: Attachment, user: User) -> dict[str, Any]:
    """Return what a page draws of a file."""
    keys = [row.journey_id, row.pk]
    return {
        "name": row.name,
        "size": filesizeformat(row.size),
        "icon": _file_icon(row.kind),
        "url": reverse("funnel:file", args=keys),
        "remove_url": reverse("funnel:file-remove", args=keys) if files.may_remove(user, row) else "",
    }


def _file_icon(kind: str) -> str:
    for start, icon in (
        ("image/", "file-image"),
        ("audio/", "file-headphone"),
        ("video/", "file-play"),
        ("application/zip", "file-archive"),
        ("text/csv", "file-spreadsheet"),
    ):
        if kind.startswith(start):
            return icon
    return "file-spreadsheet" if "sheet" in kind or "excel" in kind else "file-text"


def _file_item(row: Attachment, user: User) -> dict[str, Any]:
    return {
        "id": f"file-{row.pk}",
        "title": _("File"),
        "icon": "paperclip",
        "who": row.uploaded_by or _("the system"),
        "text": "",
        "at": row.at,
        "files": [file_words(row, user)],
    }


def _belongs(row: FieldChange, last: FieldChange) -> bool:
    """Tell whether a change belongs to the newer one before it: one save, or one person within minutes."""
    return row.act == last.act or (row.actor_id == last.actor_id and last.at - row.at <= TOGETHER)


def _change_item(row: FieldChange, line: dict[str, str]) -> dict[str, Any]:
    return {
        "id": f"change-{row.pk}",
        "icon": "pencil",
        "who": row.actor or _("the system"),
        "text": "",
        "at": row.at,
        "changes": [line],
    }


def _readers(changes: Iterable[FieldChange]) -> dict[str, Reader]:
    """Return who names fields and reads their values: at most one query for custom fields, one for companies."""
    changes = list(changes)
    own: list[CustomField] = []
    if any(change.field.startswith(CUSTOM) for change in changes):
        own = list(CustomField.objects.all())
    readers = {
        kind.__name__.lower(): Reader(kind, [field for field in own if field.on == kind.__name__.lower()])
        for kind in (Contact, Company, Journey)
    }
    keys = [value for change in changes if change.field == "company_id" for value in (change.old, change.new)]
    if keys:
        readers["contact"].know_companies(keys)
    return readers


def _on(change: FieldChange) -> str:
    return "contact" if change.contact_id else "company" if change.company_id else "journey"


def _line(change: FieldChange, readers: Mapping[str, Reader], journey: Journey) -> dict[str, str]:
    on = _on(change)
    reader, name = readers[on], change.field
    label = reader.label(name)
    return {
        "what": _("Company: %(field)s") % {"field": label} if on == "company" else label,
        "old": reader.words(name, change.old),
        "new": reader.words(name, change.new),
        "url": reverse("funnel:field-history", args=[journey.pk, f"{on}.{name}"]),
    }


def field_history(journey: Journey, user: User, on: str, name: str) -> tuple[str, list[dict[str, Any]]]:
    """Return what a field of the journey, its contact or company is called, and its changes, the newest first."""
    found = changes_of(journey, user).filter(field=name, **{f"{on}__isnull": False})
    changes = list(found.select_related("actor").order_by("-at", "-pk")[:200])
    readers = _readers(changes)
    label = readers[on].label(name)
    if on == "company":
        label = _("Company: %(field)s") % {"field": label}
    rows = [
        {
            "who": change.actor or _("the system"),
            "at": change.at,
            "old": readers[on].words(name, change.old),
            "new": readers[on].words(name, change.new),
        }
        for change in changes
    ]
    return label, rows


def owner_history(journey: Journey) -> tuple[str, list[dict[str, Any]]]:
    """Return the owners that the ledger knows of, the newest first: one query."""
    told = Event.objects.live().filter(journey=journey, event__in=(H.LEAD_CREATED, H.OWNER_CHANGED))
    rows: list[dict[str, Any]] = []
    before: User | None = None
    for event in told.select_related("actor", "owner").in_order():
        if event.event == H.OWNER_CHANGED:
            who = event.actor or _("the system")
            rows.append(
                {"who": who, "at": event.occurred_at, "old": str(before or ""), "new": str(event.owner or "")}
            )
        before = event.owner
    return _("Owner"), rows[::-1]
