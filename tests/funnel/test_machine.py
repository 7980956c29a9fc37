"""Moves, facts and what they leave in the ledger."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext

from funnel import acts, machine, registry
from funnel.annulment import CannotAnnul, annul, last_act
from funnel.ledger import steps_of
from funnel.machine import Refused
from funnel.models import Event, Journey, Organisation, Team
from funnel.replay import replay
from funnel.stages import Happening, Role, Stage

from .plain import START, application, person, step, words

pytestmark = pytest.mark.django_db


def test_a_move_changes_the_snapshot_and_appends_one_event() -> None:
    journey = step(application(), "respond")
    event = Event.objects.get(journey=journey, event="first_response")
    assert (journey.stage, journey.seq) == ("contacted", 2)
    assert (event.seq, event.stage_from, event.stage_to) == (2, "new", "contacted")
    assert journey.stage_since == event.occurred_at == START + dt.timedelta(minutes=1)


def test_a_move_from_the_wrong_stage_says_who_moved_last_and_writes_nothing() -> None:
    marketer = person(Role.MARKETER, "mary")
    journey = step(application(), "respond", actor=marketer)
    with pytest.raises(Refused) as caught:
        step(journey, "respond")
    refusal = caught.value.refusals[journey.pk]
    assert refusal.reason == "stage"
    assert all(word in refusal.detail for word in ("mary", "2 Mar", "09:01"))
    assert Event.objects.filter(journey=journey).count() == 3


def test_a_move_of_another_role_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        step(application(), "respond", actor=person(Role.SALESPERSON))
    assert [r.reason for r in caught.value.refusals.values()] == ["role"]


def test_one_refusal_stops_a_move_of_many_with_nothing_written() -> None:
    fresh, moved = application(), step(application(), "respond")
    before = Event.objects.count()
    with pytest.raises(Refused) as caught, transaction.atomic():
        machine.move(
            journeys=machine.lock([fresh.pk, moved.pk]),
            name="respond",
            actor=person(),
            at=START + dt.timedelta(days=1),
        )
    assert list(caught.value.refusals) == [moved.pk]
    assert Event.objects.count() == before
    assert Journey.objects.get(pk=fresh.pk).stage == Stage.NEW


def test_a_move_may_not_precede_the_last_change_of_stage() -> None:
    journey = step(application(), "respond")
    with pytest.raises(Refused) as caught:
        step(journey, "hold_first_meeting", at=START)
    refusal = caught.value.refusals[journey.pk]
    assert (refusal.reason, refusal.missing) == ("data", ("occurred_at",))


def test_losing_writes_a_lost_lead_before_acceptance_and_a_lost_deal_after() -> None:
    lead, deal = application(), application()
    Journey.objects.filter(pk=deal.pk).update(stage=Stage.ACCEPTED)
    step(lead, "lose", reason="budget")
    step(deal, "lose", reason="price")
    assert Event.objects.get(journey=lead, stage_to="lost").event == "lead_lost"
    assert Event.objects.get(journey=deal, stage_to="lost").event == "deal_lost"


def test_accepting_someone_elses_lead_first_changes_the_owner_and_freezes_the_new_cuts() -> None:
    north = Team.objects.create(name="North")
    ann = person(Role.FIRST_TOUCH, "ann")
    bob = person(Role.SALESPERSON, "bob", team=north)
    journey = application(owner=ann)
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.HANDED_OFF, offered_to=bob)
    step(journey, "accept", actor=bob)
    change, accepted = Event.objects.filter(journey=journey, seq__gt=1).order_by("seq")
    assert words([change, accepted]) == ["owner_changed", "sal_accepted"]
    assert change.occurred_at == accepted.occurred_at and change.act == accepted.act
    assert (change.value, change.owner, accepted.owner, accepted.team) == ("bob", bob, bob, north)
    journey.refresh_from_db()
    assert (journey.owner, journey.offered_to) == (bob, None)


def test_accepting_ones_own_lead_changes_no_owner() -> None:
    bob = person(Role.SALESPERSON, "bob")
    journey = application(owner=bob)
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.HANDED_OFF, offered_to=bob)
    step(journey, "accept", actor=bob)
    assert words(Event.objects.filter(journey=journey).order_by("seq")) == ["lead_created", "sal_accepted"]


TAKING = [("respond", "new"), ("hold_first_meeting", "contacted"), ("fill_brief", "met")]


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the moves of the kernel go without what the apps above require."""
    for path in ("brief.answers", "brief.verdict"):
        monkeypatch.setitem(registry.requirements, path, lambda journeys, inputs: {})


@pytest.mark.parametrize(("move", "stage"), TAKING)
@pytest.mark.parametrize("role", [Role.MARKETER, Role.FIRST_TOUCH])
def test_whoever_answers_meets_or_briefs_an_unowned_journey_owns_it(
    unasked: None, move: str, stage: str, role: str
) -> None:
    north = Team.objects.create(name="North")
    mary = person(role, "mary", team=north)
    journey = application()
    Journey.objects.filter(pk=journey.pk).update(stage=stage)
    journey = step(journey, move, actor=mary)
    change, moved = Event.objects.filter(journey=journey, seq__gt=1).order_by("seq")
    assert (change.event, change.value, change.owner) == ("owner_changed", "mary", mary)
    assert (moved.owner, moved.team) == (mary, north)
    assert (change.occurred_at, change.act) == (moved.occurred_at, moved.act)
    assert journey.owner == mary


@pytest.mark.parametrize(("move", "stage"), TAKING)
@pytest.mark.parametrize(
    ("role", "owned"), [(Role.MANAGER, False), (Role.ADMINISTRATOR, False), (Role.MARKETER, True)]
)
def test_leaders_take_nothing_by_them_and_nobody_takes_what_is_owned(
    unasked: None, move: str, stage: str, role: str, owned: bool
) -> None:
    owner = person(Role.FIRST_TOUCH, "ann") if owned else None
    journey = application(owner=owner)
    Journey.objects.filter(pk=journey.pk).update(stage=stage)
    journey = step(journey, move, actor=person(role, "mary"))
    assert journey.owner == owner
    assert not Event.objects.filter(journey=journey, event="owner_changed").exists()


def test_undoing_an_answer_gives_back_the_ownership_it_took() -> None:
    mary = person(Role.MARKETER, "mary")
    journey = step(application(), "respond", actor=mary)
    change = Event.objects.get(journey=journey, event="owner_changed")
    with pytest.raises(CannotAnnul, match="belongs to a move"):
        annul(events=[change.pk], actor=mary, at=START + dt.timedelta(days=1))
    annul(events=[event.pk for event in last_act(journey)], actor=mary, at=START + dt.timedelta(days=1))
    journey.refresh_from_db()
    assert (journey.stage, journey.owner) == ("new", None)


def test_the_owner_goes_on_with_a_clients_further_purchase_at_once() -> None:
    bob = person(Role.SALESPERSON, "bob")
    journey = step(application(owner=bob, kind="repeat"), "accept", actor=bob)
    answered, accepted = Event.objects.filter(journey=journey, seq__gt=1).order_by("seq")
    assert words([answered, accepted]) == ["first_response", "sal_accepted"]
    assert answered.occurred_at == accepted.occurred_at and answered.act == accepted.act
    assert [(e.stage_from, e.stage_to) for e in (answered, accepted)] == [
        ("new", "contacted"),
        ("contacted", "accepted"),
    ]
    assert (journey.stage, journey.owner) == ("accepted", bob)
    annul(events=[e.pk for e in last_act(journey)], actor=bob, at=START + dt.timedelta(days=1))
    journey.refresh_from_db()
    assert journey.stage == "new" and replay(steps_of(Event.objects.live())).stage == "new"


def test_a_leader_who_accepts_a_further_purchase_owns_it() -> None:
    journey = application(owner=person(Role.SALESPERSON, "bob"), kind="repeat")
    journey = step(journey, "accept", actor=person(Role.MANAGER))
    events = Event.objects.filter(journey=journey, seq__gt=1).order_by("seq")
    assert words(events) == ["owner_changed", "first_response", "sal_accepted"]
    assert journey.owner == person(Role.MANAGER)


@pytest.mark.parametrize(
    ("kind", "who", "reason"),
    [("new", "bob", "stage"), ("win_back", "bob", "stage"), ("repeat", "eve", "role")],
)
def test_only_a_further_purchase_is_accepted_as_it_comes_and_only_by_its_owner(
    kind: str, who: str, reason: str
) -> None:
    journey = application(owner=person(Role.SALESPERSON, "bob"), kind=kind)
    with pytest.raises(Refused) as caught:
        step(journey, "accept", actor=person(Role.SALESPERSON, who))
    assert [refusal.reason for refusal in caught.value.refusals.values()] == [reason]
    assert Event.objects.filter(journey=journey).count() == 1


def test_only_the_salesperson_offered_a_lead_answers_the_offer() -> None:
    bob, eve = person(Role.SALESPERSON, "bob"), person(Role.SALESPERSON, "eve")
    journey = application()
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.HANDED_OFF, offered_to=bob)
    with pytest.raises(Refused):
        step(journey, "accept", actor=eve)
    assert step(journey, "accept", actor=person(Role.MANAGER)).stage == Stage.ACCEPTED


def test_the_clock_makes_only_its_own_moves() -> None:
    journey = application()
    at = START + dt.timedelta(hours=1)
    with pytest.raises(Refused), transaction.atomic():
        machine.move(journeys=machine.lock([journey.pk]), name="respond", actor=None, at=at)
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.HANDED_OFF)
    machine.move(journeys=machine.lock([journey.pk]), name="withdraw_handoff", actor=None, at=at)
    assert Journey.objects.get(pk=journey.pk).stage == Stage.RETURNED


def test_a_journey_reopens_no_further_than_it_had_reached() -> None:
    journey = step(step(application(), "respond"), "lose")
    with pytest.raises(Refused) as caught:
        step(journey, "reopen", value="accepted")
    assert caught.value.refusals[journey.pk].missing == ("stage",)
    assert step(journey, "reopen", value="contacted").stage == "contacted"


def test_merging_keeps_both_and_unmerging_restores_the_stage() -> None:
    survivor, double = application(), step(application(), "respond")
    merged = acts.run(name="merge", journeys=[double.pk], actor=person(), inputs={"survivor": survivor.pk})
    assert (merged.journeys[0].stage, merged.journeys[0].merged_into_id) == ("merged", survivor.pk)
    back = acts.run(name="unmerge", journeys=[double.pk], actor=person()).journeys[0]
    assert (back.stage, back.merged_into_id) == ("contacted", None)


def test_a_merged_journey_may_be_led_to_another_survivor_and_stays_merged_since_the_first() -> None:
    first, second, double = application(), application(), application()
    for survivor in (first, second):
        acts.run(name="merge", journeys=[double.pk], actor=person(), inputs={"survivor": survivor.pk})
    double.refresh_from_db()
    merges = Event.objects.filter(journey=double, event="merged_into").order_by("seq")
    assert (double.stage, double.merged_into) == ("merged", second)
    assert double.stage_since == merges[0].occurred_at < merges[1].occurred_at


def test_a_journey_with_money_on_it_is_not_merged_away() -> None:
    survivor, double = application(), application()
    with transaction.atomic():
        machine.record(
            journeys=machine.lock([double.pk]), event="payment_received", actor=person(), at=START, amount=10
        )
    with pytest.raises(Refused) as caught:
        acts.run(name="merge", journeys=[double.pk], actor=person(), inputs={"survivor": survivor.pk})
    assert caught.value.refusals[double.pk].missing == ("merge.no_money",)


def test_nothing_is_merged_into_itself_or_into_the_void() -> None:
    journey, spam = application(), step(application(), "mark_spam")
    with pytest.raises(acts.BadInput):
        acts.run(name="merge", journeys=[journey.pk], actor=person(), inputs={"survivor": journey.pk})
    with pytest.raises(Refused):
        acts.run(name="merge", journeys=[journey.pk], actor=person(), inputs={"survivor": spam.pk})


def test_of_many_merged_at_once_the_one_that_stays_is_left_out() -> None:
    first, second, third = application(), application(), application()
    asked = {"name": "merge", "journeys": [first.pk, second.pk, third.pk], "inputs": {"survivor": second.pk}}
    with pytest.raises(Refused) as caught:
        acts.run(**asked, actor=person())
    assert [refusal.missing for refusal in caught.value.refusals.values()] == [("survivor",)]
    assert not Event.objects.filter(event="merged_into").exists()
    outcome = acts.run(**asked, actor=person(), mode="each")
    assert list(outcome.refusals) == [second.pk]
    assert [journey.merged_into_id for journey in outcome.journeys] == [second.pk] * 2
    second.refresh_from_db()
    assert second.stage == "new"


def test_an_unmerge_after_the_undo_window_is_refused() -> None:
    survivor, double = application(), application()
    acts.run(name="merge", journeys=[double.pk], actor=person(), inputs={"survivor": survivor.pk})
    Organisation.objects.update(undo_days=0)
    with pytest.raises(Refused) as caught:
        acts.run(name="unmerge", journeys=[double.pk], actor=person())
    assert caught.value.refusals[double.pk].missing == ("merge.undo_window",)


def test_money_is_kept_in_the_currency_of_the_organisation() -> None:
    Organisation.objects.update(currency="CHF")
    journey = application()
    with transaction.atomic():
        machine.record(
            journeys=machine.lock([journey.pk]),
            event="direct_cost",
            actor=person(),
            at=START,
            amount=12,
            value="12",
        )
    assert Event.objects.get(journey=journey, event="direct_cost").currency == "CHF"


@pytest.mark.parametrize("name", ["respond", "lose", "mark_spam"])
def test_five_hundred_journeys_cost_no_more_statements_than_one(name: str) -> None:
    def cost(count: int) -> int:
        ids = [application().pk for _index in range(count)]
        with (
            CaptureQueriesContext(
                connection,
            ) as captured,
            transaction.atomic(),
        ):
            machine.move(journeys=machine.lock(ids), name=name, actor=actor, at=START + dt.timedelta(hours=1))
        return len(captured)

    actor = person()
    assert cost(500) == cost(1)


def test_snapshot_equals_replay_after_every_kind_of_way() -> None:
    journey = step(application(), "respond", "lose")
    journey = step(journey, "reopen", value="new")
    journey = step(journey, "mark_spam")
    journey = step(journey, "reopen", value="contacted")
    state = replay(steps_of(Event.objects.live().filter(journey=journey)))
    assert (state.stage, state.since, state.owner) == (journey.stage, journey.stage_since, journey.owner_id)


# what the database itself refuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE funnel_event SET value = 'other'",
        "DELETE FROM funnel_event",
    ],
)
def test_the_database_refuses_to_change_the_ledger(statement: str) -> None:
    application()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_database_refuses_to_empty_the_ledger() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE funnel_event ENABLE TRIGGER event_no_truncate")
        with pytest.raises(DatabaseError, match="append-only"):
            cursor.execute("TRUNCATE funnel_event CASCADE")
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"seq": 1}, "event_seq_once_a_journey"),
        ({"event": "danced"}, "event_known"),
        ({"amount": -1}, "event_amount_not_negative"),
        ({"recorded_at": START - dt.timedelta(days=1)}, "event_recorded_after"),
        ({"event": "annulled"}, "event_annuls_when_annulled"),
    ],
)
def test_the_database_refuses_an_impossible_event(fields: dict[str, object], constraint: str) -> None:
    journey = application()
    row = {
        "journey": journey,
        "seq": 9,
        "event": "note_logged",
        "occurred_at": START,
        "source": journey.source,
    }
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Event.objects.create(**(row | fields))


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"stage": "elsewhere"}, "journey_stage_known"),
        ({"stage_since": START - dt.timedelta(days=1)}, "journey_stage_after_creation"),
        ({"amount": -1}, "journey_amount_not_negative"),
    ],
)
def test_the_database_refuses_an_impossible_journey(fields: dict[str, object], constraint: str) -> None:
    journey = application()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Journey.objects.filter(pk=journey.pk).update(**fields)


def test_every_event_of_the_table_is_in_the_vocabulary_and_every_stage_can_be_reached() -> None:
    from funnel.stages import MOVES, TARGETS

    assert set(TARGETS) <= set(Happening.values)
    reached = {arc.target for move in MOVES.values() for arc in move.arcs if arc.target}
    assert reached == set(Stage)
