"""Effects after events: each once, in spite of failures, races and a dead process."""

import threading
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from funnel import outbox
from funnel.models import Event, Notification, OutboxRow
from funnel.stages import Happening, Role

from .plain import application, person, step


@pytest.fixture
def consumer() -> Iterator[list[int]]:
    """Register a consumer of first responses that leaves a notification; yield the events it was handed."""
    handed: list[int] = []
    reader = person(Role.MANAGER)

    def handle(event: Event) -> None:
        handed.append(event.pk)
        Notification.objects.create(user=reader, event=event)

    outbox.register("probe", events=[Happening.FIRST_RESPONSE], handle=handle)
    yield handed
    del outbox.consumers["probe"]


def drain_all() -> None:
    while outbox.drain():
        pass


@pytest.mark.django_db
def test_a_consumer_has_each_event_of_its_kinds_once(consumer: list[int]) -> None:
    journey = step(application(), "respond", "mark_spam")
    drain_all()
    drain_all()
    assert consumer == [Event.objects.get(journey=journey, event="first_response").pk]
    assert OutboxRow.objects.get(consumer="probe").state == OutboxRow.State.DONE


@pytest.mark.django_db
def test_a_failure_writes_nothing_and_is_tried_again_later() -> None:
    def fail(event: Event) -> None:
        Notification.objects.create(user=person(), event=event)
        raise RuntimeError("no luck")

    outbox.register("probe", events=[Happening.FIRST_RESPONSE], handle=fail)
    try:
        step(application(), "respond")
        drain_all()
        row = OutboxRow.objects.get(consumer="probe")
        assert (row.state, row.attempts) == (OutboxRow.State.WAITING, 1)
        assert row.run_at > timezone.now() and "no luck" in row.error
        assert not Notification.objects.exists()
        for _attempt in range(4):
            OutboxRow.objects.update(run_at=timezone.now())
            drain_all()
        row.refresh_from_db()
        assert (row.state, row.attempts) == (OutboxRow.State.DEAD, outbox.MAX_ATTEMPTS)
        assert outbox.revive() == 1
    finally:
        del outbox.consumers["probe"]


@pytest.mark.django_db
def test_a_row_whose_process_died_five_times_is_dead_and_holds_up_nobody(consumer: list[int]) -> None:
    step(application(), "respond")
    poison = OutboxRow.objects.get(consumer="probe")
    poison.attempts = outbox.MAX_ATTEMPTS
    poison.save()
    step(application(), "respond")
    drain_all()
    assert len(consumer) == 1
    poison.refresh_from_db()
    assert poison.state == OutboxRow.State.DEAD


@pytest.mark.django_db
def test_an_operator_gives_dead_rows_another_chance(
    consumer: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    step(application(), "respond")
    OutboxRow.objects.filter(consumer="probe").update(
        state=OutboxRow.State.DEAD, attempts=outbox.MAX_ATTEMPTS
    )
    drain_all()
    assert consumer == []
    call_command("revive_outbox")
    drain_all()
    assert len(consumer) == 1
    assert capsys.readouterr().out == "revived=1\n"


@pytest.mark.django_db(transaction=True)
def test_many_workers_draining_at_once_deliver_each_row_once(consumer: list[int]) -> None:
    for _index in range(20):
        step(application(), "respond")

    def work() -> None:
        try:
            drain_all()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(consumer) == len(set(consumer)) == Notification.objects.count() == 20


@pytest.mark.django_db
def test_a_salesperson_is_told_of_a_lead_that_becomes_theirs_but_not_of_what_they_did_themselves() -> None:
    bob, ann = person(Role.SALESPERSON, "bob"), person(Role.MARKETER, "ann")
    from funnel import acts

    journey = application(owner=ann)
    acts.run(name="owner_changed", journeys=[journey.pk], actor=ann, inputs={"owner": "bob"})
    acts.run(name="owner_changed", journeys=[journey.pk], actor=ann, inputs={"owner": "ann"})
    drain_all()
    told = Notification.objects.filter(event__event="owner_changed")
    assert list(told.values_list("user__username", flat=True)) == [bob.username]
