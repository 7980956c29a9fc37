"""Schedules: which bucket is due, and whose message does it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.schedules import crontab, schedule
from django.db import connection

from config.beat import EPOCH, Scheduler, is_mine, latest
from config.celery import app
from config.models import Tick

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEN_SECONDS = schedule(timedelta(seconds=10), app=app)
NIGHTLY = crontab(hour="3", minute="30", app=app)


class Recorder(Scheduler):
    """A beat whose messages go nowhere; `away` makes it fail."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.away = False
        super().__init__(app=app, lazy=True)
        self.merge_inplace({"sweep": {"task": "funnel.tasks.sweep_outbox", "schedule": 3600.0}})

    def publish(self, entry: Any, headers: Any, message: str) -> None:
        if self.away:
            raise OSError("no broker")
        self.messages.append((headers["bucket"], message))


def test_the_buckets_of_an_interval_lie_alike_for_every_beat() -> None:
    assert latest(TEN_SECONDS, EPOCH, NOON + timedelta(seconds=9.9)) == NOON
    assert latest(TEN_SECONDS, NOON, NOON + timedelta(seconds=9.9)) is None
    assert latest(TEN_SECONDS, NOON, NOON + timedelta(seconds=10)) == NOON + timedelta(seconds=10)
    assert latest(TEN_SECONDS, NOON, NOON + timedelta(seconds=1234)) == NOON + timedelta(seconds=1230)


def test_nights_that_were_missed_are_made_good_once() -> None:
    last = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    assert latest(NIGHTLY, last, NOON) is None
    assert latest(NIGHTLY, last, last + timedelta(days=1)) == last + timedelta(days=1)
    assert latest(NIGHTLY, last, NOON + timedelta(days=5)) == last + timedelta(days=5)


@pytest.mark.django_db
def test_a_new_beat_goes_on_with_a_nightly_job_where_the_last_one_left_it() -> None:
    beat = Recorder()
    assert beat.first("digest", NIGHTLY, NOON) == NOON
    Tick.objects.create(name="digest", at=NOON - timedelta(days=2), message="m")
    assert beat.first("digest", NIGHTLY, NOON) == NOON - timedelta(days=2)
    assert beat.first("sweep", TEN_SECONDS, NOON) == EPOCH


@pytest.mark.django_db
def test_of_two_beats_one_sends_and_both_know_when_to_come_again() -> None:
    first, second = Recorder(), Recorder()
    naps = [first.tick(), second.tick(), first.tick()]
    assert len(first.messages + second.messages) == Tick.objects.count() == 1
    assert all(0 < nap <= 5 for nap in naps)


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_sent_stays_due() -> None:
    beat = Recorder()
    beat.away = True
    assert 0 < beat.tick() <= 1
    assert not Tick.objects.exists()
    beat.away = False
    beat.tick()
    assert len(beat.messages) == 1


@pytest.mark.django_db
def test_yesterdays_ticks_are_swept_away_but_the_latest_is_kept() -> None:
    Tick.objects.create(name="sweep", at=NOON, message="old")
    Tick.objects.create(name="digest", at=NOON, message="the last one")
    Recorder().tick()
    assert Tick.objects.get(name="sweep").at > NOON
    assert Tick.objects.filter(name="digest").exists()


@pytest.mark.django_db
def test_the_first_message_of_a_bucket_runs_and_runs_again_when_it_is_delivered_again() -> None:
    assert is_mine("sweep", NOON, "one")
    assert not is_mine("sweep", NOON, "two")
    assert is_mine("sweep", NOON, "one")
    assert is_mine("sweep", NOON + timedelta(seconds=10), "two")


@pytest.mark.django_db(transaction=True)
def test_of_many_messages_at_once_one_has_the_bucket() -> None:
    won: list[str] = []
    together = threading.Barrier(8)

    def take(message: str) -> None:
        try:
            together.wait(timeout=30)
            if is_mine("sweep", NOON, message):
                won.append(message)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[f"m{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [Tick.objects.get().message]


@pytest.mark.django_db
def test_a_task_called_by_hand_or_sent_without_a_bucket_just_runs() -> None:
    from funnel.tasks import wake_snoozed

    wake_snoozed()
    wake_snoozed.apply()
    assert not Tick.objects.exists()


@pytest.mark.django_db
def test_a_task_sent_by_beat_runs_for_its_message_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from funnel import tasks

    woken: list[datetime] = []
    monkeypatch.setattr(tasks.domain, "wake_due", lambda *, at: woken.append(at))
    bucket = {"schedule": "wake-snoozed", "bucket": NOON.isoformat()}
    tasks.wake_snoozed.apply(task_id="one", headers=bucket)
    tasks.wake_snoozed.apply(task_id="two", headers=bucket)
    assert len(woken) == 1
