"""Who gets what: applications and handoffs go to those with the least in hand, and one by one."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from funnel import machine
from funnel.ledger import Entry, append
from funnel.models import Event, Journey, User
from funnel.stages import Happening, Role, Stage
from leads import assignment
from tests.factories import lead, people, team

pytestmark = pytest.mark.django_db


def offered(person: User, at: dt.datetime) -> Journey:
    """Return a journey that was offered to a salesperson and is undecided."""
    journey = lead(at=at)
    with transaction.atomic():
        [held] = machine.lock([journey.pk])
        held.stage, held.stage_since, held.offered_to = Stage.HANDED_OFF, at, person
        append(
            [
                Entry(
                    held, Happening.HANDED_OFF, Stage.NEW, Stage.HANDED_OFF, inputs={"salesperson": person.pk}
                )
            ],
            actor=None,
            at=at,
        )
        machine.save([held])
    return journey


def deal(person: User) -> Journey:
    journey = lead(owner=person)
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.ACCEPTED)
    return journey


def test_an_application_goes_to_the_first_touch_specialist_with_the_fewest_open() -> None:
    fay, finn = people(Role.FIRST_TOUCH, "fay"), people(Role.FIRST_TOUCH, "finn")
    people(Role.MARKETER)
    lead(owner=fay)
    assert assignment.pick_first_touch() == [finn]
    assert assignment.pick_first_touch(3) == [finn, fay, finn]


def test_closed_journeys_weigh_nothing_and_marketers_stand_in_where_nobody_else_is() -> None:
    mary, max_ = people(Role.MARKETER, "mary"), people(Role.MARKETER, "max")
    lost = lead(owner=mary)
    Journey.objects.filter(pk=lost.pk).update(stage=Stage.LOST)
    lead(owner=max_)
    assert assignment.pick_first_touch() == [mary]


def test_a_team_shares_among_itself() -> None:
    people(Role.FIRST_TOUCH, "fay")
    nora = people(Role.FIRST_TOUCH, "nora", team=team("North"))
    assert assignment.pick_first_touch(2, team=team("North")) == [nora, nora]
    assert assignment.pick_first_touch(team=team("South")) == []


def test_a_handoff_goes_to_whom_the_fewest_offers_and_deals_burden() -> None:
    sally, sam = people(Role.SALESPERSON, "sally"), people(Role.SALESPERSON, "sam")
    deal(sally)
    offered(sally, timezone.now() - dt.timedelta(days=1))
    deal(sam)
    journey = lead()
    assert assignment.pick_salesperson(journey) == sam


def test_at_a_tie_the_one_who_has_waited_longest_is_next() -> None:
    sally, sam = people(Role.SALESPERSON, "sally"), people(Role.SALESPERSON, "sam")
    offered(sally, timezone.now() - dt.timedelta(hours=2))
    offered(sam, timezone.now() - dt.timedelta(hours=3))
    assert assignment.pick_salesperson(lead()) == sam


def test_nobody_who_is_away_or_disabled_is_picked() -> None:
    people(Role.SALESPERSON, "away", takes_handoffs=False)
    people(Role.SALESPERSON, "gone", is_active=False)
    people(Role.MANAGER)
    journey = lead()
    assert assignment.pick_salespeople([journey]) == {journey.pk: None}


def test_a_journey_is_offered_to_another_where_there_is_one() -> None:
    sally = people(Role.SALESPERSON, "sally")
    journey = offered(sally, timezone.now() - dt.timedelta(days=100))
    journey.refresh_from_db()
    assert assignment.pick_salesperson(journey) == sally
    sam = people(Role.SALESPERSON, "sam")
    for _deal in range(5):
        deal(sam)
    assert assignment.pick_salesperson(journey) == sam


def test_many_handoffs_spread_with_as_many_questions_as_one(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    for name in ("sally", "sam", "sue"):
        people(Role.SALESPERSON, name)
    deal(people(Role.SALESPERSON, "sally"))
    journeys = [lead() for _n in range(8)]
    with django_assert_num_queries(4):
        one = assignment.pick_salespeople(journeys[:1])
    with django_assert_num_queries(4):
        picked = assignment.pick_salespeople(journeys)
    assert one[journeys[0].pk] != people(Role.SALESPERSON, "sally")
    names = sorted(person.username for person in picked.values() if person)
    assert names == ["sally"] * 2 + ["sam"] * 3 + ["sue"] * 3


def test_sharing_out_gives_the_unowned_only_and_writes_it_down() -> None:
    fay, finn = people(Role.FIRST_TOUCH, "fay"), people(Role.FIRST_TOUCH, "finn")
    mine = lead(owner=fay)
    free = [lead() for _n in range(3)]
    with transaction.atomic():
        held = machine.lock([mine.pk, *(journey.pk for journey in free)])
        given = assignment.share_out(journeys=held, actor=people(Role.MANAGER), at=timezone.now())
    assert given == 3
    owners = Journey.objects.values_list("owner__username", flat=True)
    assert sorted(owners) == ["fay", "fay", "finn", "finn"]
    events = Event.objects.filter(event="owner_changed")
    assert sorted(events.values_list("value", flat=True)) == ["fay", "finn", "finn"]
    assert finn.journeys.count() == 2
