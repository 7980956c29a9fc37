"""R2: every stage × move × role. What the design's table allows is done, and the rest is refused without a write.

The table is written here a second time, from the design rather than from the code, so that a slip in either is seen.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel import acts, stages
from funnel.machine import Refused
from funnel.models import User
from funnel.stages import MOVES, Role, Stage
from partners.models import Partner, PartnerMember
from tests import factories
from tests.factories.journeys import STEPS

pytestmark = pytest.mark.django_db

MARKETING = "marketer first_touch manager administrator"
SALES = "salesperson manager administrator"
BOTH = f"{MARKETING} salesperson"
OPEN_SALES = (
    "accepted demo_scheduled demo_held qualified proposal_requested proposal_sent objection "
    "contract_requested contract_sent"
)
ALL = f"new contacted met briefed handed_off returned {OPEN_SALES} won lost referred spam merged"


class Row(NamedTuple):
    sources: str
    target: str
    event: str
    roles: str


TABLE: dict[str, list[Row]] = {
    "capture": [],
    "respond": [Row("new", "contacted", "first_response", MARKETING)],
    "hold_first_meeting": [Row("contacted", "met", "first_meeting_held", MARKETING)],
    "fill_brief": [Row("contacted met returned", "briefed", "brief_filled", MARKETING)],
    "hand_off": [Row("briefed returned handed_off", "handed_off", "handed_off", MARKETING)],
    "refer": [Row(f"contacted met briefed returned {OPEN_SALES}", "referred", "partner_handoff", BOTH)],
    "return_referral": [Row("referred", "returned", "referral_returned", f"{MARKETING} partner")],
    "withdraw_handoff": [Row("handed_off", "returned", "handoff_withdrawn", MARKETING)],
    "accept": [Row("handed_off", "accepted", "sal_accepted", SALES)],
    "reject": [Row("handed_off", "returned", "sal_rejected", SALES)],
    "schedule_demo": [
        Row(
            "accepted demo_scheduled demo_held qualified proposal_sent objection",
            "demo_scheduled",
            "demo_scheduled",
            SALES,
        )
    ],
    "miss_demo": [Row("demo_scheduled", "accepted", "demo_no_show", SALES)],
    "cancel_demo": [Row("demo_scheduled", "accepted", "demo_cancelled", SALES)],
    "hold_demo": [Row("accepted demo_scheduled", "demo_held", "demo_held", SALES)],
    "qualify": [Row("demo_held", "qualified", "sql_qualified", SALES)],
    "request_proposal": [
        Row("demo_held qualified objection", "proposal_requested", "proposal_requested", SALES)
    ],
    "send_proposal": [Row("proposal_requested objection", "proposal_sent", "proposal_sent", SALES)],
    "object": [Row("proposal_sent contract_sent", "objection", "objection_raised", SALES)],
    "request_contract": [Row("proposal_sent objection", "contract_requested", "contract_requested", SALES)],
    "send_contract": [Row("contract_requested", "contract_sent", "contract_sent", SALES)],
    "sign": [Row("contract_sent", "won", "contract_signed", SALES)],
    "lose": [
        Row("new contacted met briefed returned", "lost", "lead_lost", MARKETING),
        Row("handed_off", "lost", "lead_lost", BOTH),
        Row(OPEN_SALES, "lost", "deal_lost", SALES),
    ],
    "mark_spam": [Row("new contacted", "spam", "marked_spam", MARKETING)],
    "merge": [Row(ALL, "merged", "merged_into", MARKETING)],
    "reopen": [Row("lost returned referred spam", "new", "reopened", BOTH)],
    "unmerge": [Row("merged", "new", "unmerged", "manager administrator")],
}
MONEY = {"won"}
"""Stages with a signature behind them, from which a merge is refused for its data."""


def expected(move: str, stage: str, role: str) -> Row | str:
    """Return what the design says comes of it: the row, or why it is refused."""
    row = next((row for row in TABLE[move] if stage in row.sources.split()), None)
    if row is None:
        return "stage"
    if role not in row.roles.split():
        return "role"
    return "data" if move == "merge" and stage in MONEY else row


def attempt(move: str, journey_id: int, actor: User, inputs: Mapping[str, Any]) -> tuple[str, str] | str:
    """Make the move; return the stage and the event, or why it was refused, having seen that nothing was written."""
    try:
        with CaptureQueriesContext(connection) as captured:
            outcome = acts.run(name=move, journeys=[journey_id], actor=actor, inputs=inputs)
    except Refused as refused:
        written = [q["sql"] for q in captured if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
        assert not written, written
        return refused.refusals[journey_id].reason
    return outcome.journeys[0].stage, outcome.events[-1].event


def test_the_table_of_the_design_names_the_moves_of_the_code() -> None:
    assert set(TABLE) == set(MOVES)


@pytest.mark.parametrize("stage", Stage.values)
def test_every_move_by_every_role_at(stage: str) -> None:
    factories.organisation(undo_days=10_000)
    journey = factories.journey_at(stage)
    another = factories.people(Role.SALESPERSON, "another")
    for one in Partner.objects.all():
        PartnerMember.objects.create(user=factories.people(Role.PARTNER), partner=one)
    wrong = []
    for role in Role.values:
        actor = factories.people(role)
        for move in TABLE:
            with transaction.atomic():
                inputs = STEPS[move](journey) if move in STEPS else {}
                if move == "hand_off":  # an offer is renewed only to somebody else
                    inputs = {"salesperson": another.username}
                if move == "return_referral" and role == Role.PARTNER:  # for a reason of its own
                    inputs = {"reason": "capacity"}
                got = attempt(move, journey.pk, actor, inputs)
                transaction.set_rollback(True)
            want = expected(move, stage, role)
            if got != (want if isinstance(want, str) else (want.target, want.event)):
                wrong.append((move, role, got, want))
    assert not wrong


def test_a_role_too_many_in_the_table_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    loose = stages.Arc(
        frozenset({Stage.NEW}), Stage.CONTACTED, stages.Happening.FIRST_RESPONSE, frozenset(Role)
    )
    monkeypatch.setitem(MOVES, "respond", stages.Move("respond", "Respond", (loose,)))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        test_every_move_by_every_role_at(Stage.NEW)
