"""The pages of the settings as they all work: a form for one record, refused where somebody else saved meanwhile, with
what both wrote side by side; what each save changed is kept, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from funnel import access
from funnel.models import SettingChange
from funnel.settings_log import Subject, Values, history, mark_of, note

from .base import person


@dataclass(frozen=True, slots=True)
class Version:
    """A field on which two people differ: what stands now, and what this one wrote."""

    label: str
    stands: str
    yours: str


@dataclass
class Editing:
    """One record and its form, from reading to saving.

    `saved` is the record once it is; `change` what the save changed, None where nothing. `status` and `context` are
    for the answer otherwise: 200, 422 for a faulty form, 409 for a stale one.
    """

    form: Any
    record: Any
    saved: Any = None
    change: SettingChange | None = None
    status: int = 200
    context: dict[str, Any] | None = None

    @property
    def undo(self) -> str:
        """Where the Undo of the save posts to; "" where nothing was changed."""
        return undo_url(self.change)


def crumbs(*more: tuple[str, str]) -> list[dict[str, str]]:
    """Return the way here from the settings' first page; further steps are URL names or addresses with their labels."""
    way = [("funnel:settings", _("Settings")), *more]
    return [{"url": name if name.startswith("/") else reverse(name), "label": label} for name, label in way]


def undo_url(change: SettingChange | None) -> str:
    """Return where the Undo of a change posts to; "" for none."""
    return reverse("funnel:setting-undo", args=[change.pk]) if change else ""


def edit(
    request: HttpRequest,
    subject: Subject,
    key: str | int | None,
    make_form: Callable[..., BaseForm],
    *,
    save: Callable[[Any, Any], Any] | None = None,
) -> Editing:
    """Draw the form of a record, or save it: to be called within a transaction.

    `make_form(data, record)` returns the form, bound where there is data; `save(form, record)` stores a valid one and
    returns the record (a ModelForm's own `save` by default). A ValidationError of `save` is shown in the form. A key of None
    makes a new record. Raises Http404 where there is no such record.
    """
    user, posted = person(request), request.method == "POST"
    record = None
    if key is not None:
        record = subject.locked(str(key)) if posted else subject.found(str(key))
        if record is None:
            raise Http404("no such setting")
    before = subject.values_of(record) if record is not None else None
    form: Any = make_form(request.POST if posted else None, record)
    editing = Editing(form, record)
    versions: list[Version] = []
    if posted:
        editing.status = 422
        if form.is_valid():
            versions = _differing(request, subject, form, before)
            if versions:
                editing.status = 409
            else:
                _save(editing, subject, user, before, save)
    shown_key = subject.key_of(record) if record is not None else ""
    seen = access.may(user, subject.permission) if subject.permission else True
    editing.context = {
        "form": form,
        "mark": mark_of(before) if before is not None else "",
        "versions": versions,
        "history": history(subject, shown_key, user=user) if record is not None and seen else [],
    }
    return editing


def _save(
    editing: Editing,
    subject: Subject,
    user: Any,
    before: Values | None,
    save: Callable[[Any, Any], Any] | None,
) -> None:
    form = editing.form
    try:
        saved = save(form, editing.record) if save else form.save()
    except ValidationError as fault:
        add_faults(form, fault)
        return
    editing.saved = saved
    editing.change = note(
        subject,
        key=subject.key_of(saved),
        name=subject.name_of(saved),
        before=before,
        after=subject.values_of(saved),
        actor=user,
        at=timezone.now(),
    )


def add_faults(form: Any, fault: ValidationError) -> None:
    """Show the faults of a domain function at the form's fields, those of others above them."""
    if not hasattr(fault, "error_dict"):
        form.add_error(None, fault)
        return
    for name, messages in fault.message_dict.items():
        form.add_error(name if name in form.fields else None, messages)


def _differing(request: HttpRequest, subject: Subject, form: Any, stands: Values | None) -> list[Version]:
    """Return where a stale form differs from what stands; nothing where it is fresh, or says the same."""
    given = request.POST.get("mark", "")
    if stands is None or not given or given == mark_of(stands):
        return []
    yours = typed(subject, form)
    names = subject.names_in(stands, yours)
    return [
        Version(
            subject.label_of(name),
            subject.words(name, stands[name], names),
            subject.words(name, value, names),
        )
        for name, value in yours.items()
        if stands.get(name) != value
    ]


def typed(subject: Subject, form: Any) -> Mapping[str, Any]:
    """Return what a valid form asks for, as values of the subject."""
    if hasattr(form, "values"):
        return form.values  # type: ignore[no-any-return]
    whole = subject.values_of(form.instance)
    return {name: value for name, value in whole.items() if name in form.cleaned_data}
