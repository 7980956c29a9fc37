"""Forms of saved views and of the choice of columns."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from funnel.models import SavedView, User

from . import saved
from .columns import Column, chosen, known_to, usual


class ViewForm(forms.Form):
    """Name of a view and with whom it is shared; `version` tells which state of it was looked at."""

    name = forms.CharField(label=pgettext_lazy("of a view", "Name"), max_length=60)
    shared = forms.ChoiceField(
        label=_("Who sees it"), widget=forms.RadioSelect, initial=SavedView.Shared.NOBODY
    )
    default = forms.BooleanField(label=_("Show it first, whenever I open this page"), required=False)
    version = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, user: User, view: SavedView | None = None, **options: Any
    ) -> None:
        super().__init__(data, **options)
        choices = saved.sharing(user)
        if view is not None and view.shared not in dict(choices):
            choices = [*choices, (view.shared, view.get_shared_display())]
        cast(forms.ChoiceField, self.fields["shared"]).choices = choices
        if len(choices) == 1:
            self.fields["shared"].widget = forms.HiddenInput()


class ColumnsForm:
    """The choice of columns: which, in which order. Pressing “up” or “down” reorders what is typed, and saves nothing.

    The form of the page sends `order` (every column's key, as they stand), `columns` (the ticked ones), and perhaps
    `move` ("amount:up"), `usual` or `save`.
    """

    def __init__(self, data: Any, *, user: User, shown: list[Column]) -> None:
        self.user = user
        known = known_to(user)
        if data is None:
            ticked = [column.key for column in shown]
            self.order = [*shown, *(column for column in known if column.key not in ticked)]
        else:
            ticked = data.getlist("columns")
            listed = chosen(data.getlist("order"), user)
            self.order = [*listed, *(column for column in known if column not in listed)]
        self.ticked = [column.key for column in self.order if column.key in ticked]
        self.moved = ""

    def move(self, wanted: str) -> None:
        """Move a column one place up or down: "amount:up"."""
        key, _colon, way = wanted.partition(":")
        keys = [column.key for column in self.order]
        if key not in keys or way not in {"up", "down"}:
            raise ValidationError("no such move")
        here = keys.index(key)
        there = min(max(here + (-1 if way == "up" else 1), 0), len(keys) - 1)
        self.order.insert(there, self.order.pop(here))
        self.ticked = [column.key for column in self.order if column.key in self.ticked]
        self.moved = wanted

    def reset(self) -> None:
        """Take the usual columns."""
        self.ticked = usual(self.user)
        known = {column.key: column for column in known_to(self.user)}
        self.order = [known.pop(key) for key in self.ticked] + list(known.values())

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the columns in order, each with whether it is shown and which of its buttons was pressed."""
        last = len(self.order) - 1
        return [
            {
                "column": column,
                "shown": column.key in self.ticked,
                "first": place == 0,
                "last": place == last,
                "up": self.moved == f"{column.key}:up",
                "down": self.moved == f"{column.key}:down",
            }
            for place, column in enumerate(self.order)
        ]
