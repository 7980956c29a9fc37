"""What colour, icon and theme things have. Names here are classes of static/css/tokens.css."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .stages import Stage as S

STAGE_COLOURS: Final[dict[str, str]] = {
    S.NEW: "application",
    S.CONTACTED: "touch",
    S.MET: "touch",
    S.BRIEFED: "brief",
    S.RETURNED: "brief",
    S.HANDED_OFF: "handoff",
    S.ACCEPTED: "handoff",
    S.DEMO_SCHEDULED: "demo",
    S.DEMO_HELD: "demo",
    S.QUALIFIED: "demo",
    S.PROPOSAL_REQUESTED: "proposal",
    S.PROPOSAL_SENT: "proposal",
    S.OBJECTION: "proposal",
    S.CONTRACT_REQUESTED: "contract",
    S.CONTRACT_SENT: "contract",
    S.WON: "won",
    S.LOST: "lost",
    S.REFERRED: "referred",
    S.SPAM: "void",
    S.MERGED: "void",
}
"""Stage → the colour of the board's column it stands in."""

THEMES: Final[dict[str, tuple[str, str | Promise]]] = {
    "system": ("monitor", _("As the system")),
    "light": ("sun", _("Light")),
    "dark": ("moon", _("Dark")),
}
"""Theme → icon and name."""


def stage_colour(stage: str) -> str:
    """Return the colour's name for a stage; unknown ones are grey."""
    return STAGE_COLOURS.get(stage, "void")
