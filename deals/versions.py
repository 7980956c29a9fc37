"""Two versions of a proposal side by side."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from deals.models import Line, ProposalVersion

COMPARED = ("quantity", "unit_price", "discount", "tax", "unit")


@dataclass(frozen=True, slots=True)
class Row:
    """A line before and after; one of them is None where it was added or removed."""

    old: Line | None
    new: Line | None
    changed: frozenset[str] = frozenset()

    @property
    def state(self) -> str:
        """Return "added", "removed", "changed" or "same"."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        return "changed" if self.changed else "same"


def compare(old: ProposalVersion, new: ProposalVersion) -> list[Row]:
    """Return the lines of two versions in pairs, matched by their descriptions, in the order of the new version."""
    before, after = list(old.lines.all()), list(new.lines.all())
    matcher = SequenceMatcher(
        None, [line.description for line in before], [line.description for line in after], autojunk=False
    )
    rows: list[Row] = []
    for tag, first, last, new_first, new_last in matcher.get_opcodes():
        if tag == "equal":
            rows += [_pair(a, b) for a, b in zip(before[first:last], after[new_first:new_last], strict=True)]
        else:
            rows += [Row(line, None) for line in before[first:last]]
            rows += [Row(None, line) for line in after[new_first:new_last]]
    return rows


def _pair(old: Line, new: Line) -> Row:
    return Row(old, new, frozenset(name for name in COMPARED if getattr(old, name) != getattr(new, name)))
