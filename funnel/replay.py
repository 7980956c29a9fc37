"""Replay: what a journey's ledger says of its stage, its owner and its past. Pure; the one definition of both.

Import, undo and `verify_ledger` all use it, and the machine's snapshot must always equal it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from .stages import OPEN_STAGES, REOPEN_STAGES, RETURNS, TARGETS, Happening, Stage

_RANK: Final = {stage.value: rank for rank, stage in enumerate(Stage)}
_REOPEN_VALUES: Final = tuple(stage.value for stage in REOPEN_STAGES)
_DEMO_VALUES: Final = RETURNS[Happening.DEMO_NO_SHOW]


class Step(NamedTuple):
    """What replay needs of a live event. `owner` is the owner frozen on it, `value` the word of the vocabulary."""

    event: str
    occurred_at: datetime
    seq: int
    value: str = ""
    owner: int | None = None


@dataclass(slots=True)
class Replay:
    """The state of one journey after the events applied so far; `stage` is empty until the application arrives."""

    stage: str = ""
    since: datetime | None = None
    owner: int | None = None
    signed: bool = False
    before_merge: str = ""
    before_demo: str = ""
    entered: set[str] = field(default_factory=set)

    def apply(self, step: Step) -> tuple[str, str]:
        """Take one event; return the stage before and the stage after it, both empty on a fact."""
        if step.event == Happening.OWNER_CHANGED:
            self.owner = step.owner
        if step.event not in TARGETS:
            return "", ""
        before = self.stage
        if self._counts(step.event):
            self._enter(self._target(step), step)
        if step.event == Happening.CONTRACT_SIGNED:
            self.signed = True
        return before, self.stage

    def _counts(self, event: str) -> bool:
        if self.stage == Stage.MERGED:
            return event == Happening.UNMERGED
        if self.stage == Stage.SPAM:
            return event in {Happening.REOPENED, Happening.MERGED_INTO}
        if event == Happening.UNMERGED:
            return False
        return not self.signed or event == Happening.MERGED_INTO

    def _target(self, step: Step) -> str:
        if step.event == Happening.UNMERGED:
            return self.before_merge
        if step.value in RETURNS.get(step.event, ()):
            return step.value
        if step.event == Happening.REOPENED:
            return self.furthest_reopen_stage()
        return str(TARGETS[step.event])

    def _enter(self, stage: str, step: Step) -> None:
        if stage == Stage.MERGED:
            self.before_merge = self.stage
        if step.event == Happening.DEMO_SCHEDULED and self.stage != Stage.DEMO_SCHEDULED:
            self.before_demo = self.stage
        self.stage, self.since = stage, step.occurred_at
        self.entered.add(stage)

    def furthest_reopen_stage(self) -> str:
        """Return the furthest stage of those that a journey may be reopened at which this one entered."""
        return max(
            (stage for stage in _REOPEN_VALUES if stage in self.entered),
            key=lambda stage: _RANK[stage],
            default=Stage.NEW.value,
        )

    def demo_stage(self) -> str:
        """Return the stage that the demo in the calendar was scheduled from: where it leads back to."""
        return self.before_demo if self.before_demo in _DEMO_VALUES else Stage.ACCEPTED.value

    def reached(self, stage: str) -> bool:
        """Tell whether the journey got at least as far along the funnel as `stage`."""
        return any(_RANK[entered] >= _RANK[stage] for entered in self.entered if entered in OPEN_STAGES) or (
            self.signed
        )


def replay(steps: Iterable[Step]) -> Replay:
    """Return the state that a journey's live events lead to, taken by business time, then sequence number."""
    ordered = sorted(steps, key=lambda step: (step.occurred_at, step.seq))
    state = Replay(owner=next((step.owner for step in ordered if step.event == Happening.LEAD_CREATED), None))
    for step in ordered:
        state.apply(step)
    return state
