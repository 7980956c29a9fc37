"""R10: whatever is done, in whatever order, what is kept equals a full recompute at every checkpoint."""

import datetime as dt
import os
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from funnel import machine
from funnel.ledger import Entry, append
from funnel.models import Event, Organisation
from funnel.stages import Happening
from kpi import audit, rollup
from tests.funnel.test_replay_property import Funnel, requirements_met  # noqa: F401  a fixture

MONEY = (Happening.PAYMENT_RECEIVED, Happening.REFUND_PAID, Happening.DIRECT_COST)


def differences() -> list[str]:
    return [sentence for _, found in audit.differences(Organisation.current()) for sentence in found]


class Figures(Funnel):
    """The same work, and money besides, on and off time; the rollups follow from time to time."""

    journeys = Funnel.journeys
    careless = False

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        rollup.catch_up()

    @rule(journey=journeys, kind=st.sampled_from(MONEY), amount=st.integers(0, 900), late=st.integers(0, 400))
    def pay(self, journey: int, kind: str, amount: int, late: int) -> None:
        """Money that moved some hours ago, and is only now written down."""

        def write() -> None:
            (found,) = machine.lock([journey])
            at = max(found.created_at, self._later() - dt.timedelta(hours=late))
            entry = Entry(found, kind, amount=Decimal(amount), currency="EUR")
            append([entry], actor=self.people[0], at=at)
            machine.save([found])

        self._try(write)

    @rule()
    def checkpoint(self) -> None:
        """Follow what was written since, twice over, and compare."""
        events = Event.objects.filter(pk__gt=self.seen).order_by("pk").values_list("pk", "journey_id")
        if self.careless:
            events = events.exclude(event=Happening.ANNULLED).exclude(event__in=MONEY)
        if events:
            journeys = sorted({journey for _, journey in events})
            self.seen = list(events)[-1][0]
            rollup.follow(Organisation.current(), journeys)
            rollup.follow(Organisation.current(), journeys[:1])
        assert differences() == []

    def teardown(self) -> None:
        try:
            self.checkpoint()  # type: ignore[operator]
        finally:
            super().teardown()


class Careless(Figures):
    """A follower that overlooks what changes no stage."""

    careless = True


def work(kind: type[Figures], examples: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        kind,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("requirements_met")
def test_what_is_kept_equals_a_full_recompute_after_any_sequence_of_acts() -> None:
    work(Figures, 400 if os.environ.get("FAULTS") == "full" else 40)


@pytest.mark.django_db
@pytest.mark.usefixtures("requirements_met")
def test_a_follower_that_overlooks_money_is_found_out() -> None:
    with pytest.raises(AssertionError):
        work(Careless, 150)
