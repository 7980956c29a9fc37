"""The form of one's own notifications: for each kind, whether it comes on the page and by e-mail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import notify
from .models import User


class NoticesForm(forms.Form):
    """Two boxes for each kind that the person's role hears of; drawn as one table."""

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.kinds = notify.kinds_for(user)
        self.has_address = bool(user.email)
        labels = {notify.APP: _("On the page"), notify.MAIL: _("By e-mail")}
        for kind in self.kinds:
            ways = notify.ways_of(user, kind)
            for way in notify.WAYS:
                field = forms.BooleanField(
                    label=f"{kind.label}: {labels[way]}", required=False, initial=way in ways
                )
                field.disabled = way == notify.MAIL and not self.has_address
                self.fields[f"{kind}-{way}"] = field

    @property
    def rows(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Return each kind with its bound boxes, in the order of `notify.WAYS`."""
        return [(kind, [self[f"{kind}-{way}"] for way in notify.WAYS]) for kind in self.kinds]

    @property
    def wanted(self) -> dict[str, list[str]]:
        """Return the ways that a valid form asks for, by kind."""
        given = self.cleaned_data
        return {kind: [way for way in notify.WAYS if given[f"{kind}-{way}"]] for kind in self.kinds}
