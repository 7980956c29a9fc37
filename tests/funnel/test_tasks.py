"""Tasks: given, put off, done, repeated, undone; and what becomes of them with their journey."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from funnel import outbox, todo, todo_acts, todo_settling
from funnel.annulment import annul
from funnel.models import Event, Journey, Notification, Organisation, Task, TaskChange
from funnel.recurrence import due, following, reminder, zone_of
from funnel.stages import Role, Stage
from funnel.todo_acts import TaskRefused
from tests.factories import journey_at, lead, organisation, people, run, team

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def task(journey: Journey | None = None, **given: Any) -> Task:
    """A task of max's, for tomorrow unless told otherwise."""
    actor = given.pop("actor", None) or people(Role.MANAGER, "max")
    given = {"title": "Call back", "due_at": NOW + timedelta(days=1), "assignee": actor, "at": NOW} | given
    return todo_acts.create(actor=actor, journey=journey, **given)


def do(name: str, one: Task, **given: Any) -> Task:
    arguments = {"actor": one.assignee, "at": NOW + timedelta(hours=1)} | given
    return getattr(todo_acts, name)(task=one.pk, **arguments)


# next steps ----------------------------------------------------------------------------------------------------------


def test_the_next_step_is_the_open_task_due_first_and_all_are_read_in_one_statement(
    django_assert_num_queries: Any,
) -> None:
    first, second, third = lead(), lead(), lead()
    later, sooner = task(first, due_at=NOW + timedelta(days=3)), task(first)
    done = task(second)
    do("complete", done)
    with django_assert_num_queries(1):
        steps = todo.next_steps([first.pk, second.pk, third.pk])
    assert {pk: (step.title, step.due_at) for pk, step in steps.items()} == {
        first.pk: (sooner.title, sooner.due_at)
    }
    do("complete", sooner)
    assert todo.next_steps([first.pk])[first.pk].due_at == later.due_at


def test_open_journeys_without_a_next_step_are_found_unless_they_are_put_aside() -> None:
    bare, planned, asleep, lost = lead(), lead(), lead(), journey_at(Stage.LOST)
    one = task(planned)
    run(asleep, "snoozed", {"until": "2099-01-01T09:00:00+00:00"})
    found = set(Journey.objects.without_next_step().values_list("pk", flat=True))
    assert found == {bare.pk}
    do("complete", one)
    assert Journey.objects.without_next_step().filter(pk=planned.pk).exists()
    assert not Journey.objects.without_next_step().filter(pk__in=[asleep.pk, lost.pk]).exists()


# acts ----------------------------------------------------------------------------------------------------------------


def test_every_change_is_kept_and_the_latest_is_undone_whatever_it_was() -> None:
    one, ben = task(), people(Role.MANAGER, "ben")
    acts: list[tuple[str, dict[str, Any]]] = [
        ("put_off", {"until": NOW + timedelta(days=5), "all_day": True}),
        ("change", {"title": "Call them", "assignee": ben, "due_at": NOW + timedelta(days=9)}),
        ("complete", {}),
        ("cancel", {}),
    ]
    fields = [field.attname for field in Task._meta.concrete_fields if field.name != "version"]
    for name, given in acts:
        one.refresh_from_db()
        before = {field: getattr(one, field) for field in fields}
        changed = do(name, one, actor=one.assignee, **given)
        assert {field: getattr(changed, field) for field in fields} != before
        back = do("undo", changed, actor=people(Role.MANAGER, "max"), version=changed.version)
        back.refresh_from_db()
        assert {field: getattr(back, field) for field in fields} == before, name
    told = list(TaskChange.objects.filter(task=one).order_by("pk").values_list("act", flat=True))
    assert told == [
        "created", "put_off", "undone", "assigned", "undone", "completed", "undone", "cancelled", "undone",
    ]  # fmt: skip


def test_undoing_what_was_just_made_cancels_it_and_older_changes_are_past_undoing() -> None:
    one = task()
    do("change", one, title="Another title")
    with pytest.raises(TaskRefused) as refused:
        do("undo", one, version=1)
    assert refused.value.reason == "stale"
    other = task()
    assert do("undo", other, version=1).state == Task.State.CANCELLED


def test_a_stale_version_a_closed_task_and_a_past_time_are_refused() -> None:
    one = task()
    do("change", one, title="Sooner", version=1)
    for name, given, reason in (
        ("complete", {"version": 1}, "stale"),
        ("put_off", {"until": NOW, "all_day": False}, "data"),
        ("reopen", {}, "state"),
    ):
        with pytest.raises(TaskRefused) as refused:
            do(name, one, **given)
        assert refused.value.reason == reason
    do("complete", one)
    with pytest.raises(TaskRefused) as refused:
        do("cancel", one)
    assert refused.value.reason == "state"


def test_who_is_given_a_task_hears_of_it_and_must_see_the_journey() -> None:
    journey, max_ = lead(owner=people(Role.FIRST_TOUCH, "flo")), people(Role.MANAGER, "max")
    flo, far = people(Role.FIRST_TOUCH, "flo"), people(Role.SALESPERSON, "sid")
    one = task(journey, assignee=flo)
    assert Notification.objects.filter(user=flo, task=one, about="assigned", kind="task").count() == 1
    task(journey)
    assert not Notification.objects.filter(user=max_).exists(), "nobody is told what they gave themselves"
    for nobody in (far, people(Role.PARTNER, "pat"), people(Role.SERVICE, "bot")):
        with pytest.raises(TaskRefused) as refused:
            task(journey, assignee=nobody)
        assert (refused.value.reason, refused.value.field) == ("data", "assignee")
    do("change", one, assignee=max_, actor=flo)
    assert not Notification.objects.filter(user=flo, task=one).exists()
    assert Notification.objects.filter(user=max_, task=one).exists()


def test_tasks_are_seen_with_their_journey_and_changed_by_those_who_work_on_it() -> None:
    ours, theirs = team("Ours"), team("Theirs")
    flo = people(Role.FIRST_TOUCH, "flo", team=ours)
    mate, other = people(Role.FIRST_TOUCH, "mate", team=ours), people(Role.FIRST_TOUCH, "other", team=theirs)
    boss, law = people(Role.MANAGER, "max"), people(Role.LAWYER, "law")
    on_journey, own = task(lead(owner=flo), actor=flo), task(actor=flo)
    seen = {
        user.username: set(Task.objects.visible_to(user).values_list("pk", flat=True))
        for user in (flo, mate, other, boss, law, people(Role.PARTNER, "pat"))
    }
    both = {on_journey.pk, own.pk}
    assert seen == {
        "flo": both, "mate": {on_journey.pk}, "other": set(), "max": both, "law": set(), "pat": set(),
    }  # fmt: skip
    with pytest.raises(Task.DoesNotExist):
        do("complete", on_journey, actor=other)
    assert do("complete", on_journey, actor=mate).closed_by == mate


# repeated ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repeat", "planned", "after", "expected"),
    [
        # nine o'clock stays nine o'clock when the clocks change on 29 March 2026
        ("daily", "2026-03-28T09:00", "2026-03-28T10:00", "2026-03-29T09:00"),
        ("weekly", "2026-03-25T09:00", "2026-03-25T08:00", "2026-04-01T09:00"),
        ("monthly", "2026-01-31T09:00", "2026-01-31T10:00", "2026-02-28T09:00"),
        ("monthly", "2026-02-28T09:00", "2026-02-28T10:00", "2026-03-31T09:00"),
        ("monthly", "2026-12-31T09:00", "2026-12-31T10:00", "2027-01-31T09:00"),
        # what was missed is left out; what is done early still comes at its time
        ("daily", "2026-03-01T09:00", "2026-03-10T12:00", "2026-03-11T09:00"),
        ("daily", "2026-03-10T09:00", "2026-03-09T12:00", "2026-03-11T09:00"),
    ],
)
def test_a_repeated_task_comes_again_at_the_same_time_of_the_wall_clock(
    repeat: str, planned: str, after: str, expected: str
) -> None:
    def here(wall: str) -> datetime:
        return datetime.fromisoformat(wall).replace(tzinfo=BERLIN)

    found = following(here(planned), repeat=repeat, repeat_day=31, zone=BERLIN, after=here(after))
    assert found == here(expected)


def test_done_a_repeated_task_makes_one_next_and_undone_it_takes_it_back() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    ann = people(Role.MANAGER, "ann", time_zone=str(zone))
    one = task(lead(), actor=ann, repeat="weekly", due_at=due(date(2026, 3, 11), None, zone))
    do("put_off", one, until=NOW + timedelta(days=4), all_day=False)
    done = do("complete", one, at=NOW + timedelta(days=4))
    coming = Task.objects.get(follows=one)
    local = coming.due_at.astimezone(zone)
    assert (local.date(), local.time()) == (date(2026, 3, 18), time(23, 59)), (
        "counted from when it was planned"
    )
    assert (coming.title, coming.assignee, coming.repeat, coming.put_off) == ("Call back", ann, "weekly", 0)
    do("undo", done, version=done.version)
    assert not Task.objects.filter(follows=one).exists()
    done = do("complete", one, at=NOW + timedelta(days=4))
    do("complete", Task.objects.get(follows=one))
    with pytest.raises(TaskRefused) as refused:
        do("undo", done, version=done.version)
    assert refused.value.reason == "state"


def test_nothing_repeats_once_its_journey_is_over() -> None:
    journey = journey_at(Stage.LOST)
    one = task(journey, repeat="daily")
    do("complete", one)
    assert not Task.objects.filter(follows=one).exists()


# reminders -----------------------------------------------------------------------------------------------------------


def test_reminders_come_shortly_before_a_time_and_in_the_morning_of_a_day() -> None:
    berlin = organisation(timezone="Europe/Berlin", opens=time(9), closes=time(18))
    zone = zone_of(people(Role.MANAGER, "ann", time_zone="nowhere"), berlin)
    told = {"zone": zone, "organisation": berlin, "now": NOW}
    assert reminder(NOW + timedelta(hours=2), all_day=False, **told) == NOW + timedelta(minutes=110)
    assert reminder(NOW + timedelta(minutes=5), all_day=False, **told) == NOW + timedelta(minutes=5)
    assert reminder(NOW - timedelta(minutes=5), all_day=False, **told) is None
    tomorrow = due(date(2026, 3, 11), None, zone)
    assert reminder(tomorrow, all_day=True, **told) == datetime(2026, 3, 11, 8, tzinfo=UTC)
    assert reminder(due(date(2026, 3, 10), None, zone), all_day=True, **told) is None


def test_people_are_reminded_once_and_again_when_they_put_it_off() -> None:
    one = task(all_day=False)
    assert todo_acts.remind_due(at=one.due_at - timedelta(hours=1)) == 0
    assert todo_acts.remind_due(at=one.due_at) == 1
    assert todo_acts.remind_due(at=one.due_at) == 0
    assert [note.about for note in Notification.objects.filter(task=one, read_at=None)] == ["due"]
    do("put_off", one, at=one.due_at, until=one.due_at + timedelta(hours=3), all_day=False)
    assert not Notification.objects.filter(task=one).exists()
    assert todo_acts.remind_due(at=one.due_at + timedelta(hours=3)) == 1
    do("complete", one)
    assert not Notification.objects.filter(task=one, read_at=None).exists(), "what is done nags nobody"


# with the journey ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", ["lose", "refer", "mark_spam"])
def test_tasks_end_with_their_journey_and_come_back_when_that_is_undone(move: str) -> None:
    journey = lead() if move == "mark_spam" else journey_at(Stage.CONTACTED)
    one = task(journey)
    run(journey, move)
    event = Event.objects.filter(journey=journey).order_by("-seq").first()
    after = task(journey, at=timezone.now()) if move != "mark_spam" else None
    assert event is not None
    outbox.drain()
    one.refresh_from_db()
    assert (one.state, one.cancelled_by_event) == (Task.State.CANCELLED, event)
    if after:
        after.refresh_from_db()
        assert after.is_open, "planned since, such as winning it back"
    together = Event.objects.live().filter(journey=journey, act=event.act).values_list("pk", flat=True)
    annul(events=list(together), actor=people(Role.MANAGER, "max"), at=event.occurred_at)
    outbox.drain()
    one.refresh_from_db()
    assert one.is_open
    assert one.cancelled_by_event is None


def test_in_whatever_order_events_are_heard_of_only_what_stands_ends_tasks() -> None:
    journey, max_ = journey_at(Stage.CONTACTED), people(Role.MANAGER, "max")

    def take_back() -> None:
        last = Event.objects.filter(journey=journey, event="lead_lost").latest("seq")
        annul(events=[last.pk], actor=max_, at=last.occurred_at)

    one = task(journey)
    run(journey, "lose")
    take_back()
    run(journey, "lose")
    for heard in permutations(Event.objects.filter(journey=journey).order_by("-seq")[:3]):
        Task.objects.filter(pk=one.pk).update(
            state="open", closed_at=None, closed_by=None, cancelled_by_event=None
        )
        for event in heard:
            todo_settling.settle(event)
        one.refresh_from_db()
        assert one.cancelled_by_event == Event.objects.filter(journey=journey).latest("seq"), heard
    take_back()
    outbox.drain()
    one.refresh_from_db()
    assert one.is_open


def test_a_merged_journeys_tasks_go_with_it_and_come_home() -> None:
    loser, survivor, last = lead(), lead(), lead()
    one, done = task(loser), task(loser)
    do("complete", done)
    run(loser, "merge", {"survivor": survivor.pk})
    outbox.drain()
    run(survivor, "merge", {"survivor": last.pk}, at=timezone.now() - timedelta(hours=1))
    outbox.drain()
    one.refresh_from_db()
    done.refresh_from_db()
    assert (one.journey, done.journey) == (last, loser)
    run(survivor, "unmerge")
    outbox.drain()
    one.refresh_from_db()
    assert one.journey == survivor
    event = Event.objects.get(journey=loser, event="merged_into")
    annul(events=[event.pk], actor=people(Role.MANAGER, "max"), at=event.occurred_at)
    outbox.drain()
    one.refresh_from_db()
    assert (one.journey, one.carried_by) == (loser, [])


def test_erasure_takes_the_words_of_tasks_and_of_their_history() -> None:
    journey = lead()
    one = task(journey, title="Call Priya", details="Her number is new", kind="call")
    do("change", one, title="Call Priya Rossi")
    kept = task(title="Order pens")
    run(journey, "personal_data_erased", {"sure": True})
    one.refresh_from_db()
    kept.refresh_from_db()
    assert (one.title, one.details, str(one), kept.title) == ("", "", "Call", "Order pens")
    assert not any("Priya" in str(change.before) for change in TaskChange.objects.all())


# what the database holds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "done"},
        {"closed_at": NOW},
        {"kind": "fax"},
        {"repeat": "yearly"},
        {"repeat_day": 0},
        {"state": "lost"},
    ],
)
def test_the_database_refuses_a_task_that_cannot_be(broken: dict[str, Any]) -> None:
    one = task()
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(pk=one.pk).update(**broken)


def test_a_notification_is_of_an_event_or_of_a_task() -> None:
    max_ = people(Role.MANAGER, "max")
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(user=max_)
    event = Event.objects.filter(journey=lead()).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(user=max_, event=event, task=task())
    assert Organisation.current()
