"""The seven columns that the open stages stand in: the board's, and the steps of a journey's path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .stages import Label
from .stages import Stage as S


@dataclass(frozen=True, slots=True)
class Column:
    """A group of stages under one name, in the order of the funnel."""

    key: str
    label: Label
    stages: tuple[S, ...]


COLUMNS: Final = (
    Column("application", _("Application"), (S.NEW,)),
    Column("touch", _("First touch"), (S.CONTACTED, S.MET)),
    Column("brief", pgettext_lazy("column", "Brief"), (S.BRIEFED, S.RETURNED)),
    Column("handoff", _("Handoff"), (S.HANDED_OFF, S.ACCEPTED)),
    Column("demo", _("Demo"), (S.DEMO_SCHEDULED, S.DEMO_HELD, S.QUALIFIED)),
    Column("proposal", _("Proposal"), (S.PROPOSAL_REQUESTED, S.PROPOSAL_SENT, S.OBJECTION)),
    Column("contract", _("Contract"), (S.CONTRACT_REQUESTED, S.CONTRACT_SENT)),
)

_COLUMN_OF: Final = {stage: column for column in COLUMNS for stage in column.stages}


def column_of(stage: str) -> Column | None:
    """Return the column of an open stage; closed and void ones stand in none."""
    return _COLUMN_OF.get(S(stage))
