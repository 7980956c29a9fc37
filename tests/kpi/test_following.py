"""How facts and rollups follow the ledger: with real transactions, real stops and real changes of settings."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from funnel import acts, annulment
from funnel.models import Event, Journey, Organisation
from funnel.periods import Period
from kpi import audit, report, rollup, tasks
from kpi.models import Fact, Rollup, RollupState
from kpi.queries import windows_of
from tests.factories import journey_at, people, take

pytestmark = pytest.mark.django_db(transaction=True)


def differences() -> list[str]:
    return [sentence for _, found in audit.differences(Organisation.current()) for sentence in found]


def is_current(lag: timedelta = timedelta(0)) -> bool:
    organisation = Organisation.current()
    return rollup.is_current(clock=organisation.clock, windows=windows_of(organisation), lag=lag)


def figure(key: str, lag: timedelta | None = None) -> Any:
    organisation = Organisation.current()
    now = timezone.now()
    period = Period.parse(f"{now.year - 1}-01-01..{now:%Y-%m-%d}")
    found = report.build(organisation=organisation, period=period, as_of=now, lag=lag)
    return next(line.current.json() for line in found.lines if line.metric.key == key)


@pytest.fixture
def apart() -> Iterator[Any]:
    """Run something in a transaction of another connection, which stays open until the test lets it go."""
    threads: list[tuple[threading.Thread, threading.Event]] = []

    def run(work: Any) -> Any:
        done, leave = threading.Event(), threading.Event()

        def body() -> None:
            try:
                with transaction.atomic():
                    work()
                    done.set()
                    leave.wait(60)
            finally:
                done.set()
                connection.close()

        thread = threading.Thread(target=body)
        threads.append((thread, leave))
        thread.start()
        assert done.wait(60)

        def finish() -> None:
            leave.set()
            thread.join(60)

        return finish

    yield run
    for thread, leave in threads:
        leave.set()
        thread.join(60)


def test_each_write_is_followed_by_the_next_step_alone() -> None:
    journey = journey_at("handed_off")
    rollup.catch_up()
    assert is_current()
    assert differences() == []
    before = Fact.objects.count()
    take(journey, "accept")
    assert not is_current()
    found = rollup.step()
    assert found is not None
    assert found.finished
    assert is_current()
    assert Fact.objects.count() == before + 1
    assert differences() == []


def test_a_transaction_that_began_earlier_and_ends_later_is_not_missed(apart: Any) -> None:
    early, late = journey_at("handed_off"), journey_at("handed_off")
    rollup.catch_up()
    finish = apart(lambda: take(early, "accept"))
    take(late, "accept")
    rollup.step()
    assert Fact.objects.filter(event="sal_accepted").count() == 1
    assert is_current()  # of what anybody can see
    finish()
    assert not is_current()
    rollup.step()
    assert Fact.objects.filter(event="sal_accepted").count() == 2
    assert differences() == []


def test_a_follower_that_goes_by_the_greatest_id_would_miss_it(apart: Any) -> None:
    """The negative control: what a cursor over ids makes of the same two transactions."""
    early, late = journey_at("handed_off"), journey_at("handed_off")
    seen = Event.objects.latest("pk").pk
    finish = apart(lambda: take(early, "accept"))
    take(late, "accept")
    seen = Event.objects.filter(pk__gt=seen).latest("pk").pk
    finish()
    assert not Event.objects.filter(pk__gt=seen).exists()
    assert Event.objects.filter(event="sal_accepted").count() == 2


def test_only_one_follows_at_a_time(apart: Any) -> None:
    journey_at("new")
    rollup.catch_up()
    finish = apart(lambda: RollupState.objects.select_for_update().get(pk=1))
    assert rollup.step() is None
    finish()
    assert rollup.step() is not None


def test_a_rebuild_goes_on_where_it_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "CHUNK", 2)
    for _ in range(5):
        journey_at("contacted")
    first = rollup.step()
    assert first == rollup.Progress(2, 5, finished=False)
    assert not is_current(timedelta(days=1))
    assert figure("leads_valid", lag=rollup.FRESH) == 5  # from the ledger meanwhile
    written = set(Fact.objects.values_list("pk", flat=True))
    second = rollup.step()
    assert second == rollup.Progress(4, 5, finished=False)
    assert written < set(Fact.objects.values_list("pk", flat=True))
    assert rollup.progress() == second
    journey_at("new")  # arrives while it runs
    rollup.catch_up()
    assert is_current()
    assert differences() == []


@pytest.mark.parametrize("before", [0, 9])
def test_more_than_a_step_can_take_is_taken_in_chunks(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """By a rebuild where most journeys are new, by a catch-up where few are."""
    for _ in range(before):
        journey_at("new")
    rollup.catch_up()
    kept = set(Fact.objects.values_list("pk", flat=True))
    monkeypatch.setattr(rollup, "AT_ONCE", 2)
    monkeypatch.setattr(rollup, "CHUNK", 2)
    for _ in range(5):
        journey_at("contacted")
    assert rollup.step() == rollup.Progress(2, 5, finished=False)
    assert kept <= set(Fact.objects.values_list("pk", flat=True))
    assert not is_current(timedelta(days=1))
    rollup.catch_up()
    assert is_current()
    assert differences() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"timezone": "Asia/Kolkata"},
        {"closes": "17:00"},
        {"sal_quality_days": 3},
        {"holidays": ["2026-01-01"]},
    ],
)
def test_what_was_kept_by_other_settings_is_built_anew(changed: dict[str, Any]) -> None:
    journey_at("won")
    rollup.catch_up()
    Organisation.objects.update(**changed)
    assert not is_current(timedelta(days=1))
    tasks.follow_ledger()
    assert is_current()
    assert differences() == []


def test_an_undone_move_leaves_what_is_kept() -> None:
    journey = journey_at("accepted")
    rollup.catch_up()
    events = [event.pk for event in annulment.last_act(journey)]
    annulment.annul(events=events, actor=people(), at=timezone.now())
    rollup.step()
    assert not Fact.objects.filter(event="sal_accepted").exists()
    assert differences() == []


def test_spam_leaves_all_but_the_gross_count_and_comes_back_when_reopened() -> None:
    journey = journey_at("contacted")
    rollup.catch_up()
    manager = people()
    acts.run(name="mark_spam", journeys=[journey.pk], actor=manager, at=timezone.now())
    rollup.step()
    assert (figure("leads_gross", rollup.FRESH), figure("leads_valid", rollup.FRESH)) == (1, 0)
    acts.run(
        name="reopen",
        journeys=[journey.pk],
        actor=manager,
        inputs={"stage": "new", "why": "real"},
        at=timezone.now(),
    )
    rollup.step()
    assert (figure("leads_gross", rollup.FRESH), figure("leads_valid", rollup.FRESH)) == (1, 1)
    assert differences() == []


def test_figures_are_never_further_behind_than_promised() -> None:
    """Without a worker the rollups fall behind; then the ledger answers."""
    journey_at("new")
    rollup.catch_up()
    journey = journey_at("new")
    with connection.cursor() as cursor:  # as if it had been written some seconds ago
        cursor.execute("ALTER TABLE funnel_event DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE funnel_event SET recorded_at = now() - interval '6 seconds',"
            " occurred_at = least(occurred_at, now() - interval '6 seconds') WHERE journey_id = %s",
            [journey.pk],
        )
        cursor.execute("ALTER TABLE funnel_event ENABLE TRIGGER USER")
        cursor.execute("ALTER TABLE funnel_event DISABLE TRIGGER event_no_truncate")
    assert figure("leads_gross", lag=timedelta(hours=1)) == 1
    assert figure("leads_gross", lag=rollup.FRESH) == 2


def test_verify_names_whatever_was_changed_behind_its_back() -> None:
    journey_at("won")
    call_command("kpi_verify", stdout=StringIO(), stderr=StringIO())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kpi_fact SET amount = amount + 1 WHERE event = 'contract_signed'")
        cursor.execute("DELETE FROM kpi_rollup WHERE family = 'lead' AND cut = 'source'")
        cursor.execute("DELETE FROM kpi_visit WHERE stage = 'new'")
    told = StringIO()
    with pytest.raises(CommandError, match="differ"):
        call_command("kpi_verify", stdout=StringIO(), stderr=told)
    assert "contract_signed" in told.getvalue()
    assert "lead, source" in told.getvalue()
    assert "visit to new" in told.getvalue()
    call_command("kpi_rebuild", stdout=StringIO(), stderr=StringIO())
    call_command("kpi_verify", stdout=StringIO(), stderr=StringIO())


def test_what_is_kept_may_be_dropped_at_any_time() -> None:
    journey_at("won")
    rollup.catch_up()
    Fact.objects.all().delete()
    Rollup.objects.all().delete()
    RollupState.objects.all().delete()
    assert figure("deals_won", lag=rollup.FRESH) == 1
    tasks.follow_ledger()
    assert is_current()
    assert Journey.objects.count() == Fact.objects.filter(event="lead_created").count()
    assert differences() == []
