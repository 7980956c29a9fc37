"""What the page of a person or company says: details, journeys, money, everything that happened, who it was before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from . import access, phones, registry, timeline
from .access import Permission
from .merging import FORMER, MERGES
from .models import Company, Contact, CustomField, Event, FieldChange, Journey, User
from .paging import Page, keyset
from .parties import CUSTOM, FIELDS, Party, value_of
from .party_fields import Reader
from .party_kinds import KINDS, PartyKind, kind_of, url_of
from .party_lists import journeys_of, sums_of
from .queries import Among, JourneyQuerySet
from .stages import Happening
from .story import EVENT_KINDS, filters_for
from .sums import SUMS

SHOWN: Final = 50
EVENTS: Final = 30
LATEST: Final = 5


def journeys(party: Party, user: User) -> JourneyQuerySet:
    """Return the journeys of a party that the user sees, the newest first."""
    found: JourneyQuerySet = Journey.objects.visible_to(user).filter(**{kind_of(party).slug: party})
    return found.with_parties().order_by("-created_at", "-pk")


def details(party: Party, fields: Iterable[CustomField], user: User) -> list[tuple[str, Any]]:
    """Return label and value of what is known of a party; custom fields come last, empty ones among them."""
    kind, fields = type(party), list(fields)
    reader = Reader(kind, fields)
    if isinstance(party, Contact) and party.company:
        reader.companies = {party.company.pk: party.company.name}
    names = [
        *FIELDS[kind],
        *(f"{CUSTOM}{field.key}" for field in fields if field.active or _has(party, field)),
    ]
    return [
        (reader.label(name), _linked(party, name, reader.words(name, value_of(party, name))))
        for name in names
    ]


def _linked(party: Party, name: str, words: str) -> Any:
    """Return a value as a link to where it leads: a letter, a call, the company."""
    address = {
        "email": f"mailto:{words}",
        "phone": phones.link(words) if name == "phone" else "",
        "company_id": KINDS["company"].url("page", party.company_id)
        if name == "company_id" and words
        else "",
    }.get(name, "")  # type: ignore[union-attr]
    return format_html('<a class="link" href="{}">{}</a>', address, words) if words and address else words


def _has(party: Party, field: CustomField) -> bool:
    return field.key in party.custom


def figures(party: Party, user: User) -> dict[str, Any]:
    """Return how many journeys of a party the user sees, and what it paid, is worth and has over on them.

    Two queries, or one for who does not see money.
    """
    kind = kind_of(party)
    counts = journeys_of([party.pk], kind, user).get(party.pk, {"all": 0, "open": 0})
    if access.may(user, Permission.SEE_MONEY):
        counts = {**counts, **sums_of([party.pk], kind, user, *SUMS).get(party.pk, dict.fromkeys(SUMS, 0))}
    return counts


def people(company: Company, user: User) -> list[Contact]:
    """Return the people of a company that the user sees: those named in its journeys, and those who belong to it."""
    rows = Contact.objects.visible_to(user).standing().filter(company=company)
    return list(rows.order_by("name", "pk")[: SHOWN + 1])


def picks(user: User, show: str) -> list[dict[str, Any]]:
    """Return what the timeline may be narrowed down to, as links, `show` among them."""
    kinds = {key: words for key, words in filters_for(user).items() if key in EVENT_KINDS}
    return [
        {
            "url": f"?show={key}#timeline" if key else "?#timeline",
            "icon": icon,
            "label": label,
            "on": key == show,
        }
        for key, (icon, label) in kinds.items()
    ]


def story(
    party: Party, user: User, query: QueryDict
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Page[Event]]:
    """Return one page of all that happened on the party's journeys, newest first, and what may narrow it: one query.

    The address names a kind of event to `show`; what it does not know shows everything.
    """
    show = query.get("show", "")
    show = show if show in EVENT_KINDS and show in filters_for(user) else ""
    seen: QuerySet[Journey] = Journey.objects.visible_to(user).filter(**{kind_of(party).slug: party})
    # the journeys are worked out first, and once: their events lie together
    events = Event.objects.filter(Among(F("journey"), ArraySubquery(seen.order_by().values("pk"))))
    events = events.filter(EVENT_KINDS[show]).exclude(event=Happening.ANNULLED)
    told = timeline.told(events).select_related("journey__service")
    page: Page[Event] = keyset(told, query, by="occurred_at", size=EVENTS)
    items = []
    for event in page.rows:
        item = timeline.item_of(event, user)
        item["url"] = reverse("funnel:journey", args=[event.journey_id]) + f"#event-{event.pk}"
        about = [f"#{event.journey_id}", str(event.journey.service or "")]
        item["text"] = " · ".join(part for part in [item["text"], *about] if part)
        items.append(item)
    return items, picks(user, show), page


def changes(
    party: Party, fields: Iterable[CustomField], rows: Iterable[FieldChange], user: User
) -> list[dict[str, Any]]:
    """Return changes of fields as they read: who, when, which field, from what to what. One query for companies."""
    rows = list(rows)
    reader = Reader(type(party), fields)
    keys = [value for row in rows if row.field == "company_id" for value in (row.old, row.new)]
    reader.know_companies(keys)
    return [
        {
            "who": row.actor or _("the system"),
            "at": row.at,
            "label": reader.label(row.field),
            "old": reader.words(row.field, row.old),
            "new": reader.words(row.field, row.new),
        }
        for row in rows
    ]


def former(party: Party) -> list[tuple[str, str]]:
    """Return label and values of the keys that lead to a party since a merge: two queries."""
    model, names = FORMER[type(party)]
    linked, reader = kind_of(party).slug, Reader(type(party), ())
    rows = [
        *type(party)._default_manager.filter(merged_into=party.pk).order_by("pk").values(*names),
        *model.objects.filter(Q(**{linked: party.pk}) | Q(**{f"{linked}__merged_into": party.pk}))
        .order_by("pk")
        .values(*names),
    ]
    found = []
    for name in names:
        values = dict.fromkeys(str(row[name]) for row in rows if row[name] not in ("", getattr(party, name)))
        if values:
            found.append((reader.label(name), ", ".join(reader.words(name, value) for value in values)))
    return found


def merged(party: Party) -> list[Any]:
    """Return the merges that stand into a party, with who made them: one query."""
    merges: Any = MERGES[type(party)].objects
    return list(
        merges.filter(survivor=party, undone_at=None).select_related("loser", "by").order_by("-at", "-pk")
    )


def lookalikes(party: Party, user: User) -> list[tuple[Party, registry.Sureness]]:
    """Return records that may be the same one, with how sure it is and why, as far as the user sees them."""
    kind = kind_of(party)
    find = registry.lookalikes.get(kind.slug)
    found = list(find(party)) if find else []
    keys = [other.pk for other, _like in found]
    seen = set(kind.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()
    return [(other, like) for other, like in found if other.pk in seen]


def crumbs(kind: PartyKind, party: Party | None = None) -> list[dict[str, Any]]:
    """Return the way back: the list, and the record."""
    way = [{"url": kind.url("list"), "label": kind.plural}]
    if party is not None:
        way.append({"url": url_of(party), "label": str(party)})
    return way
