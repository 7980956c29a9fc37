"""Proposals: drafts, sendings, objections, and what undo does to each."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from deals.domain import proposals
from deals.models import Objection, Proposal, ProposalVersion
from funnel.annulment import CannotAnnul, annul
from funnel.machine import Refused
from funnel.models import Event, FieldChange, Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run
from tests.factories.deals import LINES, TOTAL

from .helpers import event, faults, missing, undo

pytestmark = pytest.mark.django_db

LINE = {"description": "Gauge", "quantity": Decimal(2), "unit_price": Decimal("10.00")}


def draft(journey: Journey, *lines: dict[str, Any], **given: Any) -> ProposalVersion:
    return proposals.save_draft(
        journey_id=journey.pk,
        actor=people(Role.SALESPERSON),
        at=timezone.now(),
        lines=list(lines) or [LINE],
        **given,
    )


def versions(journey: Journey) -> list[tuple[int, str, Decimal]]:
    found = ProposalVersion.objects.filter(proposal__journey=journey)
    return list(found.values_list("number", "state", "total"))


def test_a_request_starts_an_empty_draft_that_cannot_be_sent_yet() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    assert versions(journey) == [(1, "draft", Decimal(0))]
    assert missing(journey, "send_proposal", {}) == ("proposal.lines",)


def test_without_any_draft_the_version_itself_is_missing() -> None:
    journey = run(journey_at(Stage.PROPOSAL_SENT), "object")
    assert missing(journey, "send_proposal", {}) == ("proposal.version",)


def test_sending_the_draft_freezes_it_and_sets_what_the_journey_is_to_bring() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    saved = draft(journey)
    journey = run(journey, "send_proposal", {}, at=timezone.now())
    sent = event(journey, "proposal_sent")
    assert (sent.value, sent.amount, sent.inputs) == (
        "v1",
        None,
        {"version": saved.pk, "delivery": "handed_over"},
    )
    assert versions(journey) == [(1, "sent", Decimal("20.00"))]
    assert journey.amount == Decimal("20.00")


def test_lines_may_come_with_the_sending_itself() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    assert versions(journey) == [(1, "sent", Decimal(TOTAL))]
    lines = ProposalVersion.objects.get(proposal__journey=journey).lines.all()
    assert [line.description for line in lines] == [line["description"] for line in LINES]


def test_an_edit_after_the_sending_starts_the_next_version_and_leaves_the_first_alone() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    draft(journey)
    assert versions(journey) == [(1, "sent", Decimal(TOTAL)), (2, "draft", Decimal("20.00"))]
    draft(journey, LINE, LINE)
    assert versions(journey)[1] == (2, "draft", Decimal("40.00"))


def test_a_request_after_an_objection_copies_the_last_version_to_work_on() -> None:
    journey = run(run(journey_at(Stage.PROPOSAL_SENT), "object"), "request_proposal")
    assert versions(journey) == [(1, "sent", Decimal(TOTAL)), (2, "draft", Decimal(TOTAL))]
    journey = run(journey, "send_proposal", {})
    assert event(journey, "proposal_sent").value == "v2"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"description": ""}, "lines"),
        ({"quantity": "0"}, "lines"),
        ({"quantity": "NaN"}, "lines"),
        ({"unit_price": "-1"}, "lines"),
        ({"discount": "101"}, "lines"),
        ({"unit_price": "999999999999.99", "quantity": "9999999.999"}, "lines"),
    ],
)
def test_a_line_out_of_range_is_bad_input(line: dict[str, Any], field: str) -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    assert faults(journey, "send_proposal", {"lines": [LINES[0] | line]}) == {field}
    assert versions(journey) == [(1, "draft", Decimal(0))]


def test_a_stale_save_is_refused_and_changes_nothing() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    seen = draft(journey).revision
    draft(journey, LINE, LINE, expected_revision=seen)
    with pytest.raises(Refused) as refused:
        draft(journey, expected_revision=seen)
    assert refused.value.refusals[journey.pk].reason == "stale"
    assert versions(journey) == [(1, "draft", Decimal("40.00"))]


def test_no_proposal_is_written_outside_a_deal() -> None:
    with pytest.raises(Refused):
        draft(journey_at(Stage.MET))
    assert not Proposal.objects.exists()


def test_undoing_a_sending_makes_it_a_draft_again_and_restores_the_amount() -> None:
    journey = journey_at(Stage.PROPOSAL_REQUESTED)
    Journey.objects.filter(pk=journey.pk).update(amount=Decimal(500))
    journey = run(journey, "send_proposal")
    back = undo(journey, "proposal_sent")
    assert (back.stage, back.amount) == (Stage.PROPOSAL_REQUESTED, Decimal(500))
    assert versions(journey) == [(1, "draft", Decimal(TOTAL))]
    assert run(back, "send_proposal", {}, at=timezone.now()).stage == Stage.PROPOSAL_SENT


def test_undoing_a_sending_keeps_the_work_on_the_next_version_in_its_place() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    draft(journey)
    undo(journey, "proposal_sent")
    assert versions(journey) == [(1, "draft", Decimal("20.00"))]


def test_undoing_a_request_removes_its_untouched_draft_but_no_work() -> None:
    untouched = journey_at(Stage.PROPOSAL_REQUESTED)
    undo(untouched, "proposal_requested")
    assert not Proposal.objects.filter(journey=untouched).exists()
    worked_on = journey_at(Stage.PROPOSAL_REQUESTED)
    draft(worked_on)
    undo(worked_on, "proposal_requested")
    assert versions(worked_on) == [(1, "draft", Decimal("20.00"))]


def test_an_objection_is_kept_met_and_both_are_undone() -> None:
    journey = journey_at(Stage.OBJECTION)
    objection = Objection.objects.get(journey=journey)
    assert (objection.reason.key, event(journey, "objection_raised").reason) == ("price", "price")
    run(journey, "objection_resolved")
    objection.refresh_from_db()
    assert objection.resolved_at is not None and "stop of the line" in objection.resolution
    with pytest.raises(CannotAnnul):
        undo(journey, "objection_raised")
    undo(journey, "objection_resolved")
    objection.refresh_from_db()
    assert (objection.resolved_at, objection.resolution) == (None, "")
    undo(journey, "objection_raised")
    assert not Objection.objects.filter(journey=journey).exists()


def test_where_no_objection_stands_open_none_is_met() -> None:
    assert missing(journey_at(Stage.PROPOSAL_SENT), "objection_resolved") == ("objection",)


@pytest.mark.parametrize(
    ("inputs", "field"),
    [({"reason": "price"}, "said"), ({"said": "x"}, "reason"), ({"reason": "no", "said": "x"}, "reason")],
)
def test_an_objection_needs_its_category_and_what_was_said(inputs: dict[str, Any], field: str) -> None:
    assert faults(journey_at(Stage.PROPOSAL_SENT), "object", inputs) == {field}


def test_a_proposal_cannot_be_valid_until_a_day_gone_by() -> None:
    inputs = {"lines": LINES, "valid_until": (timezone.now() - dt.timedelta(days=2)).date().isoformat()}
    assert faults(journey_at(Stage.PROPOSAL_REQUESTED), "send_proposal", inputs) == {"valid_until"}


def test_annulling_both_sendings_of_a_proposal_leaves_one_draft() -> None:
    journey = run(
        run(run(journey_at(Stage.PROPOSAL_SENT), "object"), "request_proposal"), "send_proposal", {}
    )
    ids = [event(journey, kind).pk for kind in ("proposal_requested", "objection_raised")]
    from funnel.models import Event

    sendings = (
        Event.objects.live().filter(journey=journey, event="proposal_sent").values_list("pk", flat=True)
    )
    annul(events=[*ids, *sendings], actor=people(), at=timezone.now())
    assert [state for _number, state, _total in versions(journey)] == ["draft"]
    assert Journey.objects.get(pk=journey.pk).amount is None


def test_what_a_version_changes_of_the_amount_is_kept_and_so_is_its_undo() -> None:
    journey = journey_at(Stage.PROPOSAL_SENT)
    sent = FieldChange.objects.get(journey=journey, field="amount")
    assert (sent.old, Decimal(sent.new)) == (None, journey.amount)
    sending = Event.objects.get(journey=journey, event="proposal_sent")
    assert (sent.actor, sent.at) == (sending.actor, sending.occurred_at)
    annul(events=[sending.pk], actor=people(Role.MANAGER), at=timezone.now())
    undone = FieldChange.objects.filter(journey=journey, field="amount").latest("pk")
    assert (Decimal(undone.old), undone.new) == (Decimal(sent.new), None)
