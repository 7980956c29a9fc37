"""Acts on many journeys at once cost as many statements as on a few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel import acts
from funnel.models import Event
from funnel.stages import Role, Stage
from tests.factories import journey_at, later, people
from tests.factories.deals import soon

pytestmark = pytest.mark.django_db

BULK: list[tuple[str, Stage, dict[str, Any]]] = [
    ("withdraw_handoff", Stage.HANDED_OFF, {}),
    ("reject", Stage.HANDED_OFF, {"reason": "not_ready", "comment": "No"}),
    ("schedule_demo", Stage.DEMO_SCHEDULED, {"starts_at": soon(), "place": "Here", "overrule": True}),
    ("miss_demo", Stage.DEMO_SCHEDULED, {}),
    ("hold_demo", Stage.DEMO_SCHEDULED, {"outcome": "interested"}),
    ("qualify", Stage.DEMO_HELD, {"need": "a", "budget": 1, "authority": "b", "timing": "c"}),
    ("request_proposal", Stage.OBJECTION, {}),
    ("object", Stage.PROPOSAL_SENT, {"reason": "price", "said": "Too much"}),
    ("request_contract", Stage.PROPOSAL_SENT, {"lawyer": "lawyer"}),
    ("legal_issue_raised", Stage.CONTRACT_SENT, {"text": "Clause 4"}),
    ("direct_cost", Stage.WON, {"amount": 5}),
]


@pytest.mark.parametrize(("name", "stage", "inputs"), BULK, ids=[name for name, _stage, _inputs in BULK])
def test_many_cost_what_few_do(name: str, stage: Stage, inputs: dict[str, Any]) -> None:
    people(Role.LAWYER)
    manager = people()

    def statements(count: int, day: int) -> int:
        ids = [journey_at(stage).pk for _number in range(count)]
        before = Event.objects.count()
        with CaptureQueriesContext(connection) as captured:
            acts.run(name=name, journeys=ids, actor=manager, inputs=inputs, at=later(days=day))
        assert Event.objects.count() == before + count
        return len(captured)

    assert statements(2, 1) == statements(9, 2) <= 25


def test_in_each_mode_those_that_refuse_are_named_and_the_rest_go_on() -> None:
    waiting, elsewhere = journey_at(Stage.HANDED_OFF), journey_at(Stage.MET)
    outcome = acts.run(
        name="accept", journeys=[waiting.pk, elsewhere.pk], actor=people(), inputs={}, mode="each"
    )
    assert [journey.pk for journey in outcome.journeys] == [waiting.pk]
    assert outcome.refusals[elsewhere.pk].reason == "stage"
