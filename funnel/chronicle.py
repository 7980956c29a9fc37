"""The timeline of a journey, page by page: its events, the fields that were changed, the files that were attached.

Three kinds of rows are read by the same key (when, kind, number) and woven into one list, newest first. A page takes
as many queries for a thousand rows as for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import files, timeline
from .models import Attachment, Company, Contact, CustomField, Event, FieldChange, Journey, User
from .parties import CUSTOM
from .party_fields import Reader
from .stages import Happening, Role
from .story import (
    CHANGE,
    EVENT,
    FILE,
    PAGE,
    Place,
    change_of,
    changes_of,
    events_of,
    file_of,
    filters_for,
    wanted,
)

H = Happening

TOGETHER: Final = timedelta(minutes=10)
"""Changes by one person that lie no further apart are drawn as one."""


@dataclass(frozen=True, slots=True)
class Chronicle:
    """One page of a timeline: items as the component draws them, and the addresses around it ("" where none)."""

    items: list[dict[str, Any]]
    older: str
    newest: str
    show: str
    find: str
    filters: list[dict[str, Any]]


def chronicle(journey: Journey, user: User, query: QueryDict) -> Chronicle:
    """Return the page of the timeline that the address asks for: `show` a kind, `find` words, `older` than a place.

    The journey comes from `story.with_story` with the same query: one query more for the events, and one where their
    words name colleagues.
    """
    show, find, place = wanted(user, query)
    outsider = user.role == Role.PARTNER
    rows: list[tuple[Place, Any]] = [
        (Place(event.occurred_at, EVENT, event.seq), event)
        for event in events_of(journey, show, find, place, outsider)
    ]
    if not outsider:
        kept = journey.__dict__
        rows += [(Place(f.at, FILE, f.pk), f) for f in map(file_of, kept["story_files"] or ())]
        rows += [(Place(c.at, CHANGE, c.pk), c) for c in map(change_of, kept["story_changes"] or ())]
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
            for key, (icon, label) in filters_for(user).items()
        ],
    )


def _address(query: QueryDict, place: Place | None, **changed: str) -> str:
    wanted = QueryDict(mutable=True)
    for name in ("show", "find"):
        if value := changed.get(name, query.get(name, "")):
            wanted[name] = value
    if place is not None:
        wanted["older"] = f"{place.at.isoformat()}~{place.rank}~{place.number}"
    return f"?{wanted.urlencode()}"


# the items -----------------------------------------------------------------------------------------------------------


def _items(rows: list[tuple[Place, Any]], user: User, journey: Journey) -> list[dict[str, Any]]:
    changes = [row for _place, row in rows if isinstance(row, FieldChange)]
    outsider = user.role == Role.PARTNER
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
            came = [] if outsider else [file_words(file_of(file), user) for file in row.came_with or ()]
            items.append({**timeline.item_of(row, user), "files": came})
    for item in items:
        if "changes" in item:
            count = len(item["changes"])
            words = ngettext("%(n)s field changed", "%(n)s fields changed", count)
            item["title"] = words % {"n": count} if count > 1 else _("Changed: %(what)s") % item["changes"][0]
    return items


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
        "who": row.__dict__["who"] or _("the system"),
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
        "who": row.__dict__["who"] or _("the system"),
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
