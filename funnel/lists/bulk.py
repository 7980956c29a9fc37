"""One act for many journeys: which may be done so, which journeys are meant."""

from __future__ import annotations

from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from funnel import acts
from funnel.choices import act_label
from funnel.models import Journey, User
from funnel.stages import FACTS, MOVES, Happening

from .filters import JourneyFilter

AT_ONCE: Final = 200
"""So many are done while the page waits; more are handed to a worker."""


class BulkForm(forms.Form):
    """Which journeys, and what to do with each of them: those ticked, or with `matching` all that the filters leave."""

    TICKED = 500
    MATCHING = 20_000

    act = forms.ChoiceField(label=_("What to do"))

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        self.user = user
        cast(forms.ChoiceField, self.fields["act"]).choices = bulk_choices(user)

    @property
    def matching(self) -> bool:
        return self.data.get("matching") == "1"

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        keys, most = self._keys()
        if not keys:
            raise ValidationError(_("No journey is chosen."))
        if len(keys) > most:
            raise ValidationError(_("At most %(limit)s journeys at once."), params={"limit": most})
        return {**cleaned, "journeys": keys}

    def _keys(self) -> tuple[list[int], int]:
        """Return the keys in order, and how many there may be: of those that match, one query."""
        if self.matching:
            wanted = JourneyFilter(QueryDict(self.data.get("query", "")), user=self.user)
            journeys = wanted.narrow(Journey.objects.visible_to(self.user)).order_by("pk")
            return list(journeys.values_list("pk", flat=True)[: self.MATCHING + 1]), self.MATCHING
        given = set(self.data.getlist("journeys"))
        if not all(key.isascii() and key.isdigit() and len(key) < 19 for key in given):
            raise ValidationError(_("Journeys are named by their numbers."))
        return sorted(map(int, given)), self.TICKED


def bulk_choices(user: User) -> list[tuple[str, str]]:
    """Return the acts that many journeys may take at once and that the role makes at some stage."""
    found = []
    for name, act in acts.ACTS.items():
        if not act.bulk or name in {"capture", Happening.NOTE_LOGGED, Happening.PERSONAL_DATA_ERASED}:
            continue
        roles = (
            frozenset().union(*(arc.roles for arc in MOVES[name].arcs))
            if name in MOVES
            else FACTS[name].roles
        )
        if user.role in roles:
            found.append((name, act_label(name)))
    order = [*MOVES, *FACTS]
    return sorted(found, key=lambda pair: order.index(pair[0]))
