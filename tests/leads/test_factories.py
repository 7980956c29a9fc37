"""The helper that other tests stand on reaches every stage of the funnel."""

import pytest

from funnel.ledger import replays
from funnel.stages import Stage
from tests.factories import journey_at, people

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("stage", Stage.values)
def test_a_journey_can_be_taken_to_every_stage_by_acts_alone(stage: str) -> None:
    people("salesperson")
    journey = journey_at(stage)
    state = replays([journey.pk])[journey.pk]
    assert (journey.stage, state.stage, state.owner) == (stage, stage, journey.owner_id)
