"""P11: a move by REST costs at most twelve statements, whichever it is."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.stages import MOVES, Role, Stage
from tests import factories
from tests.factories.journeys import STEPS

from .test_api import Api

MOST = 12
WAY = {
    "respond": "new",
    "hold_first_meeting": "contacted",
    "fill_brief": "met",
    "hand_off": "briefed",
    "refer": "briefed",
    "return_referral": "referred",
    "withdraw_handoff": "handed_off",
    "accept": "handed_off",
    "reject": "handed_off",
    "schedule_demo": "accepted",
    "miss_demo": "demo_scheduled",
    "cancel_demo": "demo_scheduled",
    "hold_demo": "demo_scheduled",
    "qualify": "demo_held",
    "request_proposal": "qualified",
    "send_proposal": "proposal_requested",
    "object": "proposal_sent",
    "request_contract": "proposal_sent",
    "send_contract": "contract_requested",
    "sign": "contract_sent",
    "lose": "accepted",
    "mark_spam": "new",
    "merge": "new",
    "reopen": "lost",
    "unmerge": "merged",
}


def cost(api: Api, path: str, inputs: Any) -> list[str]:
    """Return the statements that a request makes; the test's own transaction turns BEGIN into savepoints."""
    with CaptureQueriesContext(connection) as captured:
        answer = api.post(path, json.dumps({"inputs": dict(inputs)}, default=str))
    assert answer.status_code == 200, answer.content
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


@pytest.fixture
def api(db: None) -> Api:
    factories.organisation(undo_days=10_000)
    ready = Api()
    ready.get("sources/")  # the token's last use is written at most once a minute
    return ready


def test_every_move_is_measured() -> None:
    assert set(WAY) == set(MOVES) - {"capture"}


@pytest.mark.parametrize("name", WAY)
def test_a_move_costs_at_most_twelve_statements(api: Api, name: str) -> None:
    journey = factories.journey_at(WAY[name])
    statements = cost(api, f"journeys/{journey.pk}/moves/{name}/", STEPS[name](journey))
    assert len(statements) <= MOST, "\n\n".join(sql[:300] for sql in statements)


@pytest.mark.parametrize("name", ["payment_received", "direct_cost", "note_logged", "owner_changed"])
def test_a_fact_costs_no_more(api: Api, name: str) -> None:
    journey = factories.journey_at(Stage.WON)
    given = {
        "note_logged": {"text": "Called."},
        "owner_changed": {"owner": factories.people(Role.SALESPERSON, "sam").username},
    }
    inputs = given.get(name) or STEPS[name](journey)
    statements = cost(api, f"journeys/{journey.pk}/facts/{name}/", inputs)
    assert len(statements) <= MOST, "\n\n".join(sql[:300] for sql in statements)
