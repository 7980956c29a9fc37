"""The forms of tasks: what to do, by when, by whom; and putting it off."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from . import recurrence
from .forms import KeyChoiceField
from .models import Organisation, Task, User
from .todo import colleagues

LATER: Final = {
    "hour": (_("In an hour"), "clock"),
    "tomorrow": (_("Tomorrow"), "sunrise"),
    "monday": (_("On Monday"), "calendar"),
    "week": (_("In a week"), "calendar-days"),
}
"""How far a task is put off at one press: words and icon."""


class TaskForm(forms.Form):
    """A task. A day and a time are those of the reader; a day alone is the assignee's."""

    title = forms.CharField(label=_("What to do"), max_length=200)
    due_on = forms.DateField(
        label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    due_time = forms.TimeField(
        label=_("Time"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Blank: any time of the day."),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Task.Kind.choices, required=False)
    repeat = forms.ChoiceField(
        label=pgettext_lazy("task", "Repeat"), choices=Task.Repeat.choices, required=False
    )
    assignee = KeyChoiceField(
        User.objects.none(), key="username", label=_("Assigned to"), required=False, empty_label=None
    )
    details = forms.CharField(
        label=_("Details"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    version = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, user: User, task: Task | None = None, assignee: str = "") -> None:
        organisation = Organisation.current()
        self.user, self.task, self.organisation = user, task, organisation
        if task is None:
            today = timezone.localdate()
            initial = {"due_on": today, "kind": Task.Kind.TODO, "assignee": assignee or user.username}
        else:
            initial = initial_of(task, organisation)
        super().__init__(data, initial=initial)
        for name in ("kind", "repeat", "assignee"):
            self.fields[name].wanted = True  # type: ignore[attr-defined]  # always filled in: no "(optional)" beside it
        people = colleagues()
        if task is not None and not task.assignee.is_active:
            people = people | User.objects.filter(pk=task.assignee_id)
        self.fields["assignee"].queryset = people  # type: ignore[attr-defined]

    def clean_due_on(self) -> Any:
        day = self.cleaned_data["due_on"]
        if not recurrence.YEARS[0] < day.year < recurrence.YEARS[1]:
            raise ValidationError(_("Choose a day of this century."), code="year")
        return day

    def clean_kind(self) -> str:
        return str(self.cleaned_data["kind"] or (self.task.kind if self.task else Task.Kind.TODO))

    def wanted(self) -> dict[str, Any]:
        """Return what `todo_acts.create` and `change` take. The form is valid."""
        cleaned = self.cleaned_data
        assignee = cleaned["assignee"] or (self.task.assignee if self.task else self.user)
        at = cleaned["due_time"]
        zone: Any = timezone.get_current_timezone()
        if at is None:
            zone = recurrence.zone_of(assignee, self.organisation)
        return {
            "title": cleaned["title"],
            "details": cleaned["details"],
            "kind": cleaned["kind"],
            "repeat": cleaned["repeat"],
            "assignee": assignee,
            "due_at": recurrence.due(cleaned["due_on"], at, zone),
            "all_day": at is None,
        }


def initial_of(task: Task, organisation: Organisation) -> dict[str, Any]:
    """Return what the form of a task shows of it."""
    zone: Any = timezone.get_current_timezone()
    if task.all_day:
        zone = recurrence.zone_of(task.assignee, organisation)
    here = task.due_at.astimezone(zone)
    return {
        "title": task.title,
        "due_on": here.date(),
        "due_time": None if task.all_day else here.time().replace(second=0, microsecond=0),
        "kind": task.kind,
        "repeat": task.repeat,
        "assignee": task.assignee.username,
        "details": task.details,
        "version": task.version,
    }


class PutOffForm(forms.Form):
    """Until when: one of LATER, or a day and perhaps a time."""

    until = forms.ChoiceField(choices=[(key, words) for key, (words, _icon) in LATER.items()], required=False)
    due_on = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    due_time = forms.TimeField(
        label=_("Time"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Blank: any time of the day."),
    )

    def __init__(self, data: Any = None, *, task: Task, now: datetime) -> None:
        super().__init__(data)
        self.task, self.now = task, now
        self.fields["due_on"].wanted = True  # type: ignore[attr-defined]

    def choices(self) -> list[tuple[str, Any, str, datetime]]:
        """Return key, words, icon and the moment of each of LATER."""
        return [(key, words, icon, self.moment({"until": key})[0]) for key, (words, icon) in LATER.items()]

    def clean_due_on(self) -> Any:
        day = self.cleaned_data["due_on"]
        if day is not None and not recurrence.YEARS[0] < day.year < recurrence.YEARS[1]:
            raise ValidationError(_("Choose a day of this century."), code="year")
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if not self.errors and not cleaned.get("until") and not cleaned.get("due_on"):
            self.add_error("due_on", ValidationError(_("Choose a day."), code="required"))
        elif not self.errors and self.moment(cleaned)[0] <= self.now:
            self.add_error("due_on", ValidationError(_("Choose a time that is still to come."), code="past"))
        return cleaned

    def moment(self, cleaned: dict[str, Any] | None = None) -> tuple[datetime, bool]:
        """Return the instant meant, and whether it stands for a whole day. The form is valid.

        A task that has a time keeps it on another day.
        """
        cleaned = self.cleaned_data if cleaned is None else cleaned
        zone: Any = timezone.get_current_timezone()
        if cleaned.get("until") == "hour":
            return (self.now + timedelta(hours=1)).replace(second=0, microsecond=0), False
        here = self.now.astimezone(zone)
        at: time | None = None if self.task.all_day else self.task.due_at.astimezone(zone).time()
        match cleaned.get("until"):
            case "tomorrow":
                day = here.date() + timedelta(days=1)
            case "monday":
                day = here.date() + timedelta(days=7 - here.weekday())
            case "week":
                day = here.date() + timedelta(days=7)
            case _:
                day, at = cleaned["due_on"], cleaned.get("due_time")
        if at is None:
            zone = recurrence.zone_of(self.task.assignee, Organisation.current())
        return recurrence.due(day, at, zone), at is None
