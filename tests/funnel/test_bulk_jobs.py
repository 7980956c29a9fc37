"""Acts on more journeys than a page can wait for: done by a worker in portions, watched, stopped, undone, never twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import tasks
from funnel.lists import bulk, jobs
from funnel.lists.bulk import BulkForm
from funnel.models import BulkJob, Event, Journey, Notification, User
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, run, team

pytestmark = pytest.mark.django_db
LIST = reverse("funnel:journey-list")
BULK = reverse("funnel:journey-bulk")
State = BulkJob.State


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three journeys be many, and two a portion."""
    monkeypatch.setattr("funnel.views.bulk.AT_ONCE", 2)
    monkeypatch.setattr(jobs, "PORTION", 2)


@pytest.fixture
def max_(client: Client) -> User:
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


def started(client: Client, act: str = "lose", query: str = "source=event", **inputs: str) -> BulkJob:
    """Choose all that match and go on; the worker has not begun."""
    data = {"act": act, "matching": "1", "query": query, "confirmed": "1", "next": f"{LIST}?source=event"}
    answer = client.post(BULK, data | ({"reason": "budget"} if act == "lose" else {}) | inputs)
    assert answer.status_code == 303, answer.content
    job = BulkJob.objects.latest("pk")
    assert answer.url == reverse("funnel:bulk-job", args=[job.pk])
    return job


def page(client: Client, job: BulkJob) -> Any:
    return client.get(reverse("funnel:bulk-job", args=[job.pk]))


def test_all_that_match_are_done_by_a_worker_and_each_refusal_is_told(client: Client, max_: User) -> None:
    made = [lead(source="event") for _number in range(4)]
    spam = journey_at(Stage.SPAM, source="event")
    other = lead(source="web")
    asked = client.post(BULK, {"act": "lose", "matching": "1", "query": "source=event&state=all"})
    assert asked.context["count"] == 5
    assert "done in the background" in asked.content.decode()
    job = started(client, query="source=event&state=all")
    assert (job.state, job.total, job.reached) == (State.QUEUED, 5, 0)
    assert "<progress" in page(client, job).content.decode()
    assert not jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.reached, job.changed) == (State.DONE, 5, 4)
    assert Journey.objects.filter(stage=Stage.LOST).count() == 4
    told = page(client, job)
    (refused,) = told.context["refused"]
    assert refused["journey"] == spam
    assert "Spam" in refused["why"]
    assert f"{LIST}?source=event" in told.content.decode()
    other.refresh_from_db()
    assert other.stage == Stage.NEW
    word = Notification.objects.get(user=max_, kind=Notification.Kind.JOB)
    assert client.get(reverse("funnel:notification", args=[word.pk])).url == reverse(
        "funnel:bulk-job", args=[job.pk]
    )
    assert "What you started for many journeys is done" in client.get("/notifications/").content.decode()
    assert Event.objects.filter(event="lead_lost", reason="budget", actor=max_).count() == len(made)


def test_the_whole_of_it_is_undone(client: Client, max_: User) -> None:
    made = [lead(source="event") for _number in range(5)]
    job = started(client)
    jobs.run(job.pk)
    assert client.post(reverse("funnel:bulk-undo", args=[job.pk])).status_code == 303
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (State.UNDONE, "")
    assert Journey.objects.filter(stage=Stage.NEW).count() == len(made)
    assert "What was done is undone." in page(client, job).content.decode()
    client.post(reverse("funnel:bulk-undo", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == State.UNDONE


def test_what_cannot_be_undone_stays_and_is_named(client: Client, max_: User) -> None:
    made = [lead(source="event") for _number in range(4)]
    job = started(client)
    jobs.run(job.pk)
    run(made[0], "reopen", {"stage": "new", "why": "They came back."}, at=timezone.now())
    client.post(reverse("funnel:bulk-undo", args=[job.pk]))
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.error.startswith("Some were not undone:")
    assert Journey.objects.filter(stage=Stage.LOST).count() == 1  # of the same portion


def test_a_stopped_job_keeps_what_it_did_and_does_no_more(client: Client, max_: User) -> None:
    for _number in range(5):
        lead(source="event")
    job = started(client)
    assert jobs._portion(job.pk)
    client.post(reverse("funnel:bulk-stop", args=[job.pk]))
    assert not jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.reached, job.changed) == (State.STOPPED, 2, 2)
    assert Journey.objects.filter(stage=Stage.LOST).count() == 2
    assert "Stopped after 2 of 5." in page(client, job).content.decode()


def test_a_job_asked_for_again_goes_on_where_it_was_and_does_nothing_twice(
    client: Client, max_: User
) -> None:
    for _number in range(5):
        lead(source="event")
    job = started(client, "activity_logged", kind="call", outcome="reached", summary="Spoke.")
    assert jobs.run(job.pk, patience=0)  # no time for more than a portion: another task is wanted
    assert BulkJob.objects.get(pk=job.pk).reached == 2
    tasks.run_bulk.run(job.pk)
    tasks.run_bulk.run(job.pk)
    assert Event.objects.filter(event="activity_logged").count() == 5


def test_a_lost_job_is_asked_for_again(
    client: Client, max_: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    for _number in range(3):
        lead(source="event")
    job = started(client)
    sent: list[int] = []
    monkeypatch.setattr(tasks.run_bulk, "delay", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        jobs.sweep(at=timezone.now())
    assert sent == []  # it may still be on its way
    with django_capture_on_commit_callbacks(execute=True):
        jobs.sweep(at=timezone.now() + timedelta(minutes=6))
    assert sent == [job.pk]


def test_who_lost_the_right_or_the_sight_meanwhile_changes_nothing_more(client: Client) -> None:
    sal = people(Role.SALESPERSON, "sal", team=team("North"))
    client.force_login(sal)
    made = [lead(source="event", owner=sal) for _number in range(3)]
    job = started(client, "activity_logged", kind="call", outcome="reached", summary="Spoke.")
    Journey.objects.filter(pk=made[0].pk).update(owner=people(Role.SALESPERSON, "zoe", team=team("South")))
    jobs._portion(job.pk)
    User.objects.filter(pk=sal.pk).update(is_active=False)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.changed) == (State.STOPPED, 1)
    assert job.refused == {str(made[0].pk): "You do not see this journey any more."}
    assert job.error == "Whoever started it cannot sign in any more."


def test_inputs_that_are_no_longer_valid_stop_the_job_in_words(client: Client, max_: User) -> None:
    for _number in range(3):
        lead(source="event")
    job = started(client)
    BulkJob.objects.filter(pk=job.pk).update(inputs="reason=whim")
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.changed) == (State.STOPPED, 0)
    assert "“whim” is not known here." in page(client, job).content.decode()


def test_a_job_is_shown_to_whoever_started_it_and_to_leaders(client: Client) -> None:
    client.force_login(people(Role.MARKETER, "mia"))
    for _number in range(3):
        lead(source="event")
    job = started(client)
    client.force_login(people(Role.FIRST_TOUCH, "fred"))
    assert page(client, job).status_code == 404
    for act in ("stop", "undo"):
        assert client.post(reverse(f"funnel:bulk-{act}", args=[job.pk])).status_code == 404
    client.force_login(people(Role.MANAGER, "max"))
    assert page(client, job).status_code == 200


def test_bad_inputs_are_asked_for_again_before_anything_is_started(client: Client, max_: User) -> None:
    for _number in range(3):
        lead(source="event")
    data = {"act": "lose", "matching": "1", "query": "source=event", "confirmed": "1", "reason": "whim"}
    assert client.post(BULK, data).status_code == 422
    assert not BulkJob.objects.exists()


def test_more_than_a_job_takes_is_refused(
    client: Client, max_: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BulkForm, "MATCHING", 2)
    for _number in range(3):
        lead(source="event")
    answer = client.post(BULK, {"act": "lose", "matching": "1", "query": "source=event"})
    assert answer.status_code == 400
    assert "At most 2 journeys at once." in answer.content.decode()
    assert bulk.AT_ONCE > 2


def test_a_portion_takes_as_many_queries_for_many_as_for_two(
    client: Client, max_: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PORTION", 100)
    counts = []
    for number, size in enumerate((2, 40)):
        source = ("event", "web")[number]
        for _number in range(size):
            lead(source=source)
        job = jobs.start(
            act="lose",
            journeys=list(Journey.objects.filter(source__key=source).values_list("pk", flat=True)),
            inputs="reason=budget",
            actor=max_,
            at=None,
            back="",
        )
        with CaptureQueriesContext(connection) as queries:
            jobs._portion(job.pk)
        counts.append(len(queries))
    assert counts[0] == counts[1], counts
