"""R10, the half of the snapshot: whatever is done, in whatever order, the snapshot equals the replay of the ledger."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from funnel import acts, machine, registry
from funnel.annulment import CannotAnnul, annul, last_act
from funnel.ledger import steps_of
from funnel.machine import Refused
from funnel.models import Event, Journey, User
from funnel.replay import replay
from funnel.stages import MOVES, REOPEN_STAGES, Role

from .plain import START, application, person

FREE_MOVES = sorted(set(MOVES) - {"capture", "merge", "reopen", "unmerge"})


def differences() -> list[str]:
    """Compare every snapshot with the replay of its live ledger; return the differences in words."""
    found = []
    for journey in Journey.objects.all():
        events = list(Event.objects.live().filter(journey=journey))
        state = replay(steps_of(events))
        if journey.annulled_at is not None:
            if events:
                found.append(f"{journey.pk} is annulled but has live events")
            continue
        said = (journey.stage, journey.stage_since, journey.owner_id)
        if said != (state.stage, state.since, state.owner):
            found.append(f"{journey.pk}: {said} is not {state}")
        sequence = Event.objects.filter(journey=journey).order_by("seq").values_list("seq", flat=True)
        if list(sequence) != list(range(1, journey.seq + 1)):
            found.append(f"{journey.pk}: gaps in {list(sequence)} up to {journey.seq}")
    return found


class Funnel(RuleBasedStateMachine):
    """Random work on a few journeys, by the doors that everyone uses."""

    journeys: Any = Bundle("journeys")

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.people: list[User] = [person(Role.ADMINISTRATOR), person(Role.MANAGER), person(Role.SALESPERSON)]
        self.clock = START

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    def _try(self, action: Any) -> None:
        """Do it where it is open; a refusal must leave nothing behind, which the invariant sees."""
        try:
            with transaction.atomic():
                action()
        except (Refused, CannotAnnul, acts.BadInput, Journey.DoesNotExist):
            pass

    def _later(self) -> dt.datetime:
        self.clock += dt.timedelta(minutes=7)
        return self.clock

    @rule(target=journeys, owner=st.integers(0, 2))
    def arrive(self, owner: int) -> int:
        return application(at=self._later(), owner=self.people[owner]).pk

    @rule(journey=journeys, name=st.sampled_from(FREE_MOVES), actor=st.integers(0, 2))
    def move(self, journey: int, name: str, actor: int) -> None:
        self._try(
            lambda: machine.move(
                journeys=machine.lock([journey]), name=name, actor=self.people[actor], at=self._later()
            )
        )

    @rule(journey=journeys, stage=st.sampled_from(REOPEN_STAGES))
    def reopen(self, journey: int, stage: str) -> None:
        self._try(
            lambda: acts.run(
                name="reopen",
                journeys=[journey],
                actor=self.people[0],
                inputs={"stage": str(stage), "why": "they called"},
                at=self._later(),
            )
        )

    @rule(journey=journeys, other=journeys)
    def merge(self, journey: int, other: int) -> None:
        self._try(
            lambda: acts.run(
                name="merge",
                journeys=[journey],
                actor=self.people[0],
                inputs={"survivor": other},
                at=self._later(),
            )
        )

    @rule(journey=journeys)
    def unmerge(self, journey: int) -> None:
        self._try(
            lambda: acts.run(name="unmerge", journeys=[journey], actor=self.people[0], at=self._later())
        )

    @rule(
        journey=journeys,
        owner=st.sampled_from([Role.ADMINISTRATOR, Role.MANAGER, Role.SALESPERSON]),
        late=st.booleans(),
    )
    def give(self, journey: int, owner: str, late: bool) -> None:
        """Change the owner, now or as it should have been recorded hours ago."""
        at = self._later() - dt.timedelta(hours=3 if late else 0)
        self._try(
            lambda: acts.run(
                name="owner_changed",
                journeys=[journey],
                actor=self.people[0],
                inputs={"owner": str(owner)},
                at=at,
            )
        )

    @rule(journey=journeys)
    def undo(self, journey: int) -> None:
        events = [event.pk for event in last_act(Journey.objects.get(pk=journey))]
        if events:
            self._try(lambda: annul(events=events, actor=self.people[0], at=timezone.now()))

    @rule(journey=journeys, which=st.integers(0, 20))
    def annul_any(self, journey: int, which: int) -> None:
        events = list(Event.objects.live().filter(journey=journey).values_list("pk", flat=True))
        if events:
            chosen = events[which % len(events)]
            self._try(lambda: annul(events=[chosen], actor=self.people[0], at=timezone.now()))

    @rule(journey=journeys)
    def erase(self, journey: int) -> None:
        self._try(
            lambda: acts.run(
                name="personal_data_erased", journeys=[journey], actor=self.people[0], inputs={"sure": True}
            )
        )

    @invariant()
    def snapshot_equals_replay(self) -> None:
        assert differences() == []


@pytest.fixture
def requirements_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the apps' records for granted: this is about stages, and walks them more widely without."""
    kernel = {path: answer for path, answer in registry.requirements.items() if path.startswith("merge.")}
    paths = {path for move in MOVES.values() for path in move.requires}
    monkeypatch.setattr(
        registry, "requirements", {path: lambda journeys, inputs: {} for path in paths} | kernel
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("requirements_met")
def test_the_snapshot_equals_the_replay_after_any_sequence_of_acts() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Funnel,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.django_db
def test_a_snapshot_changed_behind_the_ledgers_back_is_found() -> None:
    journey = application()
    assert differences() == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE funnel_journey SET stage = 'won' WHERE id = %s", [journey.pk])
    assert len(differences()) == 1
