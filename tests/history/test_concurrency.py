"""Imports beside imports, and imports that die."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from funnel.models import Event, Journey
from leads.history import Summary, importing

from .files import GOLDEN, load_golden

pytestmark = pytest.mark.django_db(transaction=True)


def both_at_once() -> list[tuple[int, int, int]]:
    """Import the golden files twice at the same time; return imported, already there and rejected of each."""
    barrier = threading.Barrier(2)
    counts: list[tuple[int, int, int]] = []
    errors: list[BaseException] = []

    def load() -> None:
        barrier.wait()
        try:
            summary = importing.import_history(
                journeys=io.BytesIO((GOLDEN / "journeys.csv").read_bytes()),
                events=io.BytesIO((GOLDEN / "events.csv").read_bytes()),
                at=timezone.now(),
            )
            counts.append((summary.imported, summary.already_there, summary.rejected))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=load) for _each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return sorted(counts)


def test_of_two_imports_at_once_one_lands_and_the_other_finds_all_there() -> None:
    assert both_at_once() == [(0, 175, 0), (175, 0, 0)]
    assert Event.objects.count() == 154


def test_without_the_lock_two_imports_at_once_would_collide(monkeypatch: Any) -> None:
    """The negative control: an advisory lock that differs each time protects nothing."""
    numbers = iter(range(1, 100))
    checked = threading.Barrier(2)
    real = importing._stage_and_check

    def check_together(*args: Any) -> None:
        real(*args)
        checked.wait(timeout=20)

    class Different(int):
        def __conform__(self, protocol: Any) -> Any:
            return self

        def getquoted(self) -> bytes:
            return str(next(numbers)).encode()

    monkeypatch.setattr(importing, "LOCK", Different())
    monkeypatch.setattr(importing, "_stage_and_check", check_together)
    with pytest.raises(Exception, match="duplicate key"):
        both_at_once()
    assert Event.objects.count() == 154


def test_an_import_that_breaks_off_at_its_end_leaves_nothing() -> None:
    class Killed(BaseException):
        pass

    def die(summary: Summary) -> None:
        assert Event.objects.count() == 154
        raise Killed

    with pytest.raises(Killed):
        load_golden(on_landed=die)
    assert not Event.objects.exists()
    assert not Journey.objects.exists()
    assert load_golden().counts == (175, 175, 0, 0)
