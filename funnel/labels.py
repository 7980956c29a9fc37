"""What people call the things that a move may lack. Apps add theirs through `registry.path_labels`."""

from __future__ import annotations

from typing import Final

from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import registry
from .stages import Label

KNOWN: Final[dict[str, Label]] = {
    "occurred_at": gettext_lazy("When it happened"),
    "stage": gettext_lazy("A stage that the journey reached"),
    "survivor": gettext_lazy("A journey to merge into"),
    "merge.no_money": gettext_lazy("No signature, payment or cost on the journey"),
    "merge.undo_window": gettext_lazy("A merge recent enough to undo"),
    "brief.answers": gettext_lazy("The required answers of the brief"),
    "brief.verdict": gettext_lazy("A verdict on the brief"),
    "brief.can_solve": gettext_lazy("The verdict “we can solve it”"),
    "proposal.version": gettext_lazy("A version of the proposal"),
    "contract.version": gettext_lazy("A version of the contract"),
}


def label_of(path: str) -> str:
    """Return what people call a path: "brief.budget" is "Brief: budget" where no app says better."""
    known = registry.path_labels.get(path) or KNOWN.get(path)
    if known:
        return str(known)
    group, dot, name = path.partition(".")
    if not dot:
        return capfirst(group.replace("_", " "))
    return _("%(group)s: %(name)s") % {"group": capfirst(group), "name": name.replace("_", " ")}


def page_of(path: str, journey_id: int) -> str:
    """Return where the thing is filled in, or "" where no app has a page for it."""
    name = registry.path_pages.get(path) or registry.path_pages.get(path.partition(".")[0])
    try:
        return reverse(name, args=[journey_id]) if name else ""
    except NoReverseMatch:
        return ""
