"""Making the past as it would have been made then: the process's clock stands at the moment of each act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone


class StoppedClock:
    """The time that `timezone.now()` tells while it is worn; only ever moved forward."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@contextmanager
def stopped(clock: StoppedClock) -> Iterator[None]:
    """Let this process tell the time by `clock`.

    So what is recorded then carries the time of then (an event's `recorded_at`, a version's date), and "not in the
    future" means what it meant. For a command that runs alone in its process.
    """
    real = timezone.now
    timezone.now = clock
    try:
        yield
    finally:
        timezone.now = real
