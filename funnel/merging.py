"""Two people, or two companies, that turn out to be one: what a merge would do, doing it, and taking it back.

The loser stays as a signpost: whoever comes by its address, key or bookmark is led to the survivor. Nothing of this
stands in the ledger, whose events name journeys; their figures follow, for the client of a journey may be another now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from . import access, registry
from .access import Permission
from .models import (
    Company,
    CompanyMerge,
    Contact,
    ContactMerge,
    FieldChange,
    FormerCompany,
    FormerContact,
    Journey,
    Organisation,
    User,
)
from .parties import CUSTOM, FIELDS, Party, value_of, write
from .party_fields import Reader

LINKED: Final[dict[type[Party], str]] = {Contact: "contact", Company: "company"}
MERGES: Final[dict[type[Party], type[ContactMerge] | type[CompanyMerge]]] = {
    Contact: ContactMerge,
    Company: CompanyMerge,
}

FORMER: Final[dict[type[Party], tuple[Any, tuple[str, ...]]]] = {
    Contact: (FormerContact, ("name", "email", "phone")),
    Company: (FormerCompany, ("name", "domain")),
}
"""What keeps the keys that a merge writes over, and which they are."""


class CannotMerge(Exception):
    """The merge, or its undoing, is refused for the reason given; nothing was written."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A field in which the two differ; `loses` tells whether the loser's value is the one to keep unless told."""

    name: str
    survivor: Any
    loser: Any

    @property
    def loses(self) -> bool:
        return self.survivor in ("", None)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do: fields to choose in, and how many records would move."""

    survivor: Party
    loser: Party
    choices: list[Choice] = field(default_factory=list)
    journeys: int = 0
    open_journeys: int = 0
    contacts: int = 0
    absorbed: int = 0


def preview(*, survivor: Party, loser: Party, actor: User) -> Preview:
    """Tell what merging `loser` into `survivor` would do. Raises CannotMerge where it is not possible."""
    _check(survivor, loser, actor)
    journeys = Journey.objects.filter(**{LINKED[type(loser)]: loser}, annulled_at=None)
    choices = []
    for name in _names(survivor, loser):
        ours, theirs = value_of(survivor, name), value_of(loser, name)
        if ours != theirs and theirs not in ("", None):
            choices.append(Choice(name, ours, theirs))
    return Preview(
        survivor,
        loser,
        choices,
        journeys.count(),
        journeys.open().count(),
        Contact.objects.standing().filter(company=loser).count() if isinstance(loser, Company) else 0,
        type(loser)._default_manager.filter(merged_into=loser.pk).count(),
    )


def _names(survivor: Party, loser: Party) -> list[str]:
    own = dict.fromkeys([*survivor.custom, *loser.custom])
    return [*FIELDS[type(survivor)], *(f"{CUSTOM}{key}" for key in own)]


def _check(survivor: Party, loser: Party, actor: User) -> None:
    if not access.may(actor, Permission.MERGE_PARTIES):
        raise CannotMerge(_("Your role does not merge records."))
    if survivor.pk == loser.pk:
        raise CannotMerge(_("A record cannot be merged into itself."))
    for party in (survivor, loser):
        if party.merged_into_id is not None:
            raise CannotMerge(_("“%(name)s” is merged into another record already.") % {"name": party})
        if getattr(party, "erased_at", None):
            raise CannotMerge(_("The personal data of #%(number)s is erased.") % {"number": party.pk})


def _hold(kind: type[Party], *keys: int) -> dict[int, Any]:
    """Lock journeys of parties, then the parties, each in key order, as every act does; return the parties."""
    linked = {f"{LINKED[kind]}__in": keys}
    list(Journey.objects.filter(**linked).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    rows = kind._default_manager.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    return {party.pk: party for party in rows}


@transaction.atomic
def merge(
    *, survivor: Party, loser: Party, actor: User, at: datetime, keep: Mapping[str, str] | None = None
) -> ContactMerge | CompanyMerge:
    """Fold a person or company into another: journeys, people and what was merged into it before move over.

    `keep` says for a field whose value is kept, "survivor" or "loser"; by default the survivor's, where it has one.
    Raises CannotMerge.
    """
    kind = type(survivor)
    held = _hold(kind, survivor.pk, loser.pk)
    survivor, loser = held[survivor.pk], held[loser.pk]
    _check(survivor, loser, actor)
    written = {}
    for name in _names(survivor, loser):
        ours, theirs = value_of(survivor, name), value_of(loser, name)
        blank = ours in ("", None)
        takes = (keep or {}).get(name, "loser" if blank else "survivor") == "loser"
        if ours != theirs and takes:
            written[name] = theirs
    done = MERGES[kind](
        survivor=survivor,
        loser=loser,
        by=actor,
        at=at,
        kept={name: value_of(survivor, name) for name in written},
        written=written,
    )
    write(survivor, written, actor=actor)
    _move(done, kind, loser.pk, survivor.pk)
    done.save()
    _keep_former(done, kind)
    kind._default_manager.filter(pk=loser.pk).update(merged_into=survivor)
    _tell(done.journeys)
    return done


def _keep_former(done: Any, kind: type[Party]) -> None:
    """Let what the merge wrote over on the survivor's card go on leading to it."""
    model, names = FORMER[kind]
    kept = {name: done.kept[name] for name in names if done.kept.get(name)}
    if kept:
        model.objects.create(**{LINKED[kind]: done.survivor}, merge=done, **kept)


def _move(done: Any, kind: type[Party], loser: int, survivor: int) -> None:
    """Lead everything that points at the loser to the survivor, and note what that was."""
    linked = LINKED[kind]
    journeys = Journey.objects.filter(**{linked: loser}).order_by("pk")
    done.journeys = list(journeys.values_list("pk", flat=True))
    journeys.update(**{linked: survivor})
    absorbed = kind._default_manager.filter(merged_into=loser).order_by("pk")
    done.absorbed = list(absorbed.values_list("pk", flat=True))
    absorbed.update(merged_into=survivor)
    if kind is Company:
        people = Contact.objects.filter(company=loser).order_by("pk")
        done.contacts = list(people.values_list("pk", flat=True))
        people.update(company=survivor)


def _tell(journeys: list[int]) -> None:
    for follow in registry.on_client_changed:
        follow(journeys)


# taking it back ------------------------------------------------------------------------------------------------------


def merge_of(loser: Party) -> ContactMerge | CompanyMerge | None:
    """Return the merge that stands of a record, with who made it and the survivor: one query."""
    merges: Any = MERGES[type(loser)].objects
    found: ContactMerge | CompanyMerge | None = (
        merges.filter(loser=loser.pk, undone_at=None).select_related("survivor", "by").first()
    )
    return found


def why_not_undone(merge: Any, actor: User) -> str:
    """Return why a merge cannot be taken back, in words, or "": four queries at most."""
    if not (access.may(actor, Permission.UNDO_OTHERS) or merge.by_id == actor.pk):
        return _("Only the person who merged them, or a manager, may take it back.")
    days = Organisation.current().undo_days
    if (timezone.now() - merge.at).days >= days:
        return _("The undo window of %(days)s days has closed.") % {"days": days}
    if merge.erased_at is not None:
        return _("The personal data was erased since.")
    kind = type(merge.survivor)
    survivor, loser = merge.survivor, merge.loser
    if survivor.merged_into_id is not None:
        return _("“%(name)s” was itself merged into another record since; take that back first.") % {
            "name": survivor
        }
    if loser.merged_into_id != survivor.pk:
        return _("What was merged has been merged on since; take that back first.")
    for name, value in merge.written.items():
        if value_of(survivor, name) != value:
            return _("“%(field)s” was changed since the merge.") % {"field": Reader(kind).label(name)}
    return _gone_elsewhere(merge, kind)


def _gone_elsewhere(merge: Any, kind: type[Party]) -> str:
    checks: list[tuple[Callable[..., Any], str, list[int], str]] = [
        (
            Journey.objects.filter,
            LINKED[kind],
            merge.journeys,
            _("Journey #%(number)s belongs to another record now."),
        ),
        (
            kind._default_manager.filter,
            "merged_into",
            merge.absorbed,
            _("Record #%(number)s, merged in before, stands elsewhere now."),
        ),
    ]
    if kind is Company:
        words = _("Contact #%(number)s belongs to another company now.")
        checks.append((Contact.objects.filter, "company", merge.contacts, words))
    for rows, link, keys, words in checks:
        if keys:
            gone = rows(pk__in=keys).exclude(**{link: merge.survivor_id}).order_by("pk").first()
            if gone is not None:
                return words % {"number": gone.pk}
    return ""


@transaction.atomic
def unmerge(*, loser: Party, actor: User, at: datetime) -> ContactMerge | CompanyMerge:
    """Take a merge back exactly: what had moved goes back, and the survivor says again what it said.

    What came to the survivor since stays with it. Raises CannotMerge, saying what stands in the way.
    """
    kind = type(loser)
    found = merge_of(loser)
    if found is None:
        raise CannotMerge(_("This record is not merged."))
    held = _hold(kind, found.survivor_id, found.loser_id)
    merges: Any = MERGES[kind].objects.select_for_update(of=("self",))
    done = merges.filter(pk=found.pk, undone_at=None).first()
    if done is None:
        raise CannotMerge(_("This record is not merged."))
    done.survivor, done.loser = held[done.survivor_id], held[done.loser_id]
    if why := why_not_undone(done, actor):
        raise CannotMerge(why)
    linked = LINKED[kind]
    Journey.objects.filter(pk__in=done.journeys).update(**{linked: done.loser_id})
    kind._default_manager.filter(pk__in=done.absorbed).update(merged_into=done.loser_id)
    if kind is Company:
        Contact.objects.filter(pk__in=done.contacts).update(company=done.loser_id)
    write(done.survivor, done.kept, actor=actor)
    FORMER[kind][0].objects.filter(merge=done).delete()
    kind._default_manager.filter(pk=done.loser_id).update(merged_into=None)
    done.undone_at, done.undone_by = at, actor
    done.save(update_fields=["undone_at", "undone_by"])
    _tell(done.journeys)
    return done


P = TypeVar("P", Contact, Company)


def standing(party: P) -> P:
    """Hold a party so that nobody merges it away in this transaction; return its survivor if somebody had: one query."""
    rows = type(party)._default_manager.select_for_update(of=("self",), no_key=True)
    held = rows.get(pk=party.pk)
    return rows.get(pk=held.merged_into_id) if held.merged_into_id else held


def forget(contacts: list[int], journeys: list[int], at: datetime) -> None:
    """Empty what merges, custom fields and changes of fields say of people whose data is erased."""
    for side in ("survivor", "loser"):
        merges = ContactMerge.objects.filter(**{f"{side}__in": contacts})
        merges.update(kept={}, written={}, erased_at=at)
    FormerContact.objects.filter(contact__in=contacts).delete()
    FieldChange.objects.filter(Q(contact__in=contacts) | Q(journey__in=journeys)).delete()
    Journey.objects.filter(pk__in=journeys).update(custom={})
