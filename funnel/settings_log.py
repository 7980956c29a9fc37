"""Changing settings under the eyes of several people: what each save changed is kept, nobody overwrites unseen what
somebody else has saved, and the last change can be undone.

A kind of setting is a `Subject`; the kernel's stand in `funnel.subjects`, the apps above register theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from . import access
from .access import Permission
from .formats import DASH, full_day, number
from .models import SettingChange, User
from .stages import Label

Values: TypeAlias = dict[str, Any]
"""What a setting says, by field, as JSON has it: dates and amounts are text, references are ids."""
Names: TypeAlias = dict[tuple[Any, Any], str]
"""What records are called, by their model and id."""


class CannotUndo(Exception):
    """The change cannot be undone, for the reason given; nothing was written."""


@dataclass(frozen=True)
class Subject:
    """A kind of setting: the fields of `model` that are watched, and who may change them.

    `page` is the URL name of its form, which takes `arguments` and, where there are several, the key. `removable` ones
    may be taken away again by undoing that they were made. What is no single record overrides what it must.
    """

    slug: str
    label: Label
    icon: str
    model: type[models.Model]
    fields: tuple[str, ...]
    permission: Permission | None = None
    page: str = ""
    arguments: tuple[str, ...] = ()
    single: bool = False
    undoable: bool = True
    removable: bool = True

    def values_of(self, record: Any) -> Values:
        """Return what a record says now."""
        found = {name: getattr(record, self.field(name).attname) for name in self.fields}
        plain: Values = json.loads(json.dumps(found, cls=DjangoJSONEncoder))
        return plain

    def key_of(self, record: Any) -> str:
        return "" if self.single else str(record.pk)

    def name_of(self, record: Any) -> str:
        """Return what a record is called where changes are listed."""
        return str(record)

    def locked(self, key: str) -> Any:
        """Return the record, held to the end of the transaction, or None: one query."""
        rows = self.model._default_manager.select_for_update(of=("self",))
        return rows.filter(pk=1 if self.single else key).first()

    def found(self, key: str) -> Any:
        """Return the record, or None: one query."""
        return self.model._default_manager.filter(pk=1 if self.single else key).first()

    def write(self, record: Any, values: Mapping[str, Any], *, actor: User) -> None:
        """Store values that were kept as JSON. Raises ValidationError where the record may not say so."""
        for name, value in values.items():
            setattr(record, self.field(name).attname, self._value(name, value))
        record.full_clean(exclude=[f.name for f in record._meta.fields if f.name not in values])
        record.save(update_fields=list(values))

    def make(self, key: str, values: Mapping[str, Any]) -> Any:
        """Make again what was taken away, under the id that it had. Raises ValidationError."""
        record = self.model(pk=key)
        for name, value in values.items():
            setattr(record, self.field(name).attname, self._value(name, value))
        record.full_clean()
        record.save(force_insert=True)
        return record

    def address(self, key: str) -> str:
        """Return where the setting is changed, or ""."""
        if not self.page:
            return ""
        return reverse(self.page, args=[*self.arguments, *([] if self.single else [key])])

    def label_of(self, name: str) -> str:
        """Return what a field is called."""
        return capfirst(str(self.field(name).verbose_name))

    def words(self, name: str, value: Any, names: Names) -> str:
        """Say a value as people read it; `names` are those of the records that it may refer to."""
        field = self.field(name)
        if value in (None, "", []):
            return DASH
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(field, models.ForeignKey):
            return names.get((field.related_model, value), f"#{value}")  # type: ignore[arg-type]
        if isinstance(value, list):
            return ", ".join(str(part) for part in value)
        if field.choices:
            return str(dict(field.flatchoices).get(value, value))
        if isinstance(field, models.TimeField):
            return str(value)[:5]
        if isinstance(field, models.DateField) and not isinstance(field, models.DateTimeField):
            return full_day(field.to_python(value))
        if isinstance(field, models.DecimalField):
            return number(value, field.decimal_places)
        return str(value)

    def names_in(self, *told: Mapping[str, Any]) -> Names:
        """Return the names of the records that values refer to: one query for each kind of them."""
        wanted: dict[type[models.Model], set[Any]] = {}
        for values in told:
            for name in self.fields:
                field = self.field(name)
                if values.get(name) is not None and isinstance(field, models.ForeignKey):
                    wanted.setdefault(field.related_model, set()).add(values[name])  # type: ignore[arg-type]
        return {
            (model, pk): str(record)
            for model, ids in wanted.items()
            for pk, record in model._default_manager.in_bulk(ids).items()
        }

    def field(self, name: str) -> Any:
        return self.model._meta.get_field(name)

    def _value(self, name: str, value: Any) -> Any:
        field = self.field(name)
        if value is None:
            return None
        return field.to_python(json.dumps(value) if isinstance(field, ArrayField) else value)


SUBJECTS: Final[dict[str, Subject]] = {}


def register(subject: Subject) -> Subject:
    """Watch a kind of setting from now on."""
    SUBJECTS[subject.slug] = subject
    return subject


def mark_of(values: Values | None) -> str:
    """Return a mark of what a setting says, by which a stale form is known."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def note(
    subject: Subject,
    *,
    key: str,
    name: str,
    before: Values | None,
    after: Values | None,
    actor: User | None,
    at: datetime,
    undoes: SettingChange | None = None,
) -> SettingChange | None:
    """Keep what a save changed; None where it changed nothing."""
    if before is not None and after is not None:
        changed = [field for field in after if before.get(field) != after[field]]
        if not changed:
            return None
        before = {field: before.get(field) for field in changed}
        after = {field: after[field] for field in changed}
    return SettingChange.objects.create(
        subject=subject.slug,
        key=key,
        name=name[:200],
        before=before,
        after=after,
        actor=actor,
        at=at,
        undoes=undoes,
    )


def may_undo(user: User, change: SettingChange) -> bool:
    """Tell whether the person's role may undo the change; whether it can be undone is seen when it is tried."""
    subject = SUBJECTS.get(change.subject)
    if subject is None or not subject.undoable or (change.before is None and not subject.removable):
        return False
    return subject.permission is not None and access.may(user, subject.permission)


@transaction.atomic
def undo(*, change: SettingChange, actor: User, at: datetime) -> SettingChange | None:
    """Bring a setting back to what it said before a change; only the fields that the change touched are written.

    Raises CannotUndo where one of them says something else by now, or where what was made is in use.
    """
    subject = SUBJECTS[change.subject]
    record = subject.locked(change.key)
    if SettingChange.objects.filter(undoes=change).exists():
        raise CannotUndo(_("It is undone already."))
    if change.after is None:
        return _bring_back(subject, change, actor, at)
    if record is None:
        raise CannotUndo(_("It is no longer there."))
    now = subject.values_of(record)
    if any(now.get(field) != value for field, value in change.after.items()):
        raise CannotUndo(_("Somebody has changed it since: change it by hand."))
    name = subject.name_of(record)
    if change.before is None:
        try:
            record.delete()
        except models.ProtectedError:
            raise CannotUndo(_("It is in use by now: put it out of use instead.")) from None
        return note(
            subject, key=change.key, name=name, before=now, after=None, actor=actor, at=at, undoes=change
        )
    try:
        subject.write(record, change.before, actor=actor)
    except ValidationError as fault:
        raise CannotUndo(" ".join(fault.messages)) from None
    return note(
        subject,
        key=change.key,
        name=subject.name_of(record),
        before=now,
        after=subject.values_of(record),
        actor=actor,
        at=at,
        undoes=change,
    )


def _bring_back(subject: Subject, change: SettingChange, actor: User, at: datetime) -> SettingChange | None:
    try:
        record = subject.make(change.key, change.before or {})
    except ValidationError as fault:
        raise CannotUndo(" ".join(fault.messages)) from None
    return note(
        subject,
        key=change.key,
        name=subject.name_of(record),
        before=None,
        after=subject.values_of(record),
        actor=actor,
        at=at,
        undoes=change,
    )


# for people ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A field of a change in words: what it said and says."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Told:
    """A change in words. `undo` tells whether the reader may undo it, `url` where the setting is changed."""

    change: SettingChange
    kind: str
    icon: str
    verb: str
    lines: Sequence[Line]
    undo: bool
    url: str


def history(subject: Subject, key: str, *, user: User, last: int = 5) -> list[Told]:
    """Return the last changes of one setting in words: one query, and one for each kind of thing that they name."""
    found = SettingChange.objects.select_related("actor", "undone_by").filter(subject=subject.slug, key=key)
    return told(list(found[:last]), user)


def told(changes: Iterable[SettingChange], user: User) -> list[Told]:
    """Put changes into words. Those of apps that are no longer installed are left out."""
    known = [change for change in changes if change.subject in SUBJECTS]
    names = _names(known)
    return [
        Told(
            change=change,
            kind=str(SUBJECTS[change.subject].label),
            icon=SUBJECTS[change.subject].icon,
            verb=_verb(change),
            lines=_lines(change, names),
            undo=not hasattr(change, "undone_by") and may_undo(user, change),
            url=SUBJECTS[change.subject].address(change.key),
        )
        for change in known
    ]


def _names(changes: Iterable[SettingChange]) -> Names:
    found: Names = {}
    by_subject: dict[str, list[Values]] = {}
    for change in changes:
        by_subject.setdefault(change.subject, []).extend([change.before or {}, change.after or {}])
    for slug, values in by_subject.items():
        found |= SUBJECTS[slug].names_in(*values)
    return found


def _lines(change: SettingChange, names: Names) -> list[Line]:
    subject = SUBJECTS[change.subject]
    before, after = change.before or {}, change.after or {}
    return [
        Line(
            subject.label_of(name),
            subject.words(name, before.get(name), names) if change.before is not None else "",
            subject.words(name, after.get(name), names) if change.after is not None else "",
        )
        for name in subject.fields
        if name in before or name in after
    ]


def _verb(change: SettingChange) -> str:
    if change.undoes_id:
        return _("Undone")
    if change.before is None:
        return _("Made")
    return _("Taken away") if change.after is None else _("Changed")
