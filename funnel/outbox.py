"""The outbox: effects promised with an event and delivered after it, at least once, their writes exactly once.

Celery only wakes `drain`; a sweep wakes it again should the wake-up be lost, so nothing that matters lives in Redis.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from .models import Event, OutboxRow

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who handles which events. `handle` runs in the transaction that marks the row done: its writes land once.

    `only`, where given, tells by the event itself whether there is anything to handle.
    """

    name: str
    events: frozenset[str]
    handle: Callable[[Event], None]
    only: Callable[[Event], bool] | None = None

    def wants(self, event: Event) -> bool:
        return event.event in self.events and (self.only is None or self.only(event))


consumers: dict[str, Consumer] = {}


def register(
    name: str,
    *,
    events: Iterable[str],
    handle: Callable[[Event], None],
    only: Callable[[Event], bool] | None = None,
) -> None:
    """Let `handle` have every event of the kinds named, or those of them that `only` picks, from now on."""
    consumers[name] = Consumer(name, frozenset(map(str, events)), handle, only)


def promise(events: Iterable[Event]) -> None:
    """Write a row for each event and each consumer that wants it, in the caller's transaction: one statement.

    A worker is woken when the transaction commits.
    """
    now = timezone.now()
    rows = [
        OutboxRow(consumer=consumer.name, event=event, run_at=now)
        for event in events
        for consumer in consumers.values()
        if consumer.wants(event)
    ]
    if rows:
        OutboxRow.objects.bulk_create(rows)
        if not _asleep.get():
            transaction.on_commit(wake, robust=True)


_asleep: ContextVar[bool] = ContextVar("asleep", default=False)


@contextmanager
def asleep() -> Iterator[None]:
    """Promise without waking anybody: for thousands of acts at once, whose rows the sweep delivers."""
    token = _asleep.set(True)
    try:
        yield
    finally:
        _asleep.reset(token)


def wake() -> None:
    """Ask a worker to drain the outbox; where the broker is away the sweep will."""
    from .tasks import drain_outbox

    drain_outbox.delay()


def drain(*, limit: int = BATCH) -> int:
    """Deliver up to `limit` waiting rows; return how many were tried, so that 0 means none is due.

    Rows are claimed one by one under SKIP LOCKED, so any number of workers may drain at once. The attempt is
    committed before the handler runs: a row that kills its process counts too, and dies at the fifth attempt.
    """
    _bury()
    tried = 0
    while tried < limit and (row := _claim()) is not None:
        tried += 1
        try:
            _deliver(row)
        except Exception as error:
            log.exception("outbox row %s failed for %s", row.pk, row.consumer)
            _fail(row, error)
    return tried


def _bury() -> None:
    """Give up the rows whose process died in their last attempt too: one statement."""
    OutboxRow.objects.filter(
        state=OutboxRow.State.WAITING, attempts__gte=MAX_ATTEMPTS, run_at__lte=timezone.now()
    ).update(state=OutboxRow.State.DEAD)


def _claim() -> OutboxRow | None:
    now = timezone.now()
    with transaction.atomic():
        row = (
            OutboxRow.objects.select_for_update(skip_locked=True)
            .filter(state=OutboxRow.State.WAITING, attempts__lt=MAX_ATTEMPTS, run_at__lte=now)
            .order_by("run_at", "pk")
            .first()
        )
        if row is not None:
            # Out of the others' sight for a while: should this process die, the row comes back by itself.
            row.attempts += 1
            row.run_at = now + timedelta(seconds=30 * 2**row.attempts)
            row.save(update_fields=["attempts", "run_at"])
    return row


def _deliver(row: OutboxRow) -> None:
    with transaction.atomic():
        held = OutboxRow.objects.select_for_update(of=("self",)).select_related("event").get(pk=row.pk)
        if held.state != OutboxRow.State.WAITING or held.attempts != row.attempts:
            return  # somebody else has it by now
        consumers[held.consumer].handle(held.event)
        held.state, held.done_at, held.error = OutboxRow.State.DONE, timezone.now(), ""
        held.save(update_fields=["state", "done_at", "error"])


def _fail(row: OutboxRow, error: Exception) -> None:
    dead = row.attempts >= MAX_ATTEMPTS
    OutboxRow.objects.filter(pk=row.pk, state=OutboxRow.State.WAITING, attempts=row.attempts).update(
        error=f"{type(error).__name__}: {error}"[:2000],
        state=OutboxRow.State.DEAD if dead else OutboxRow.State.WAITING,
    )


def revive() -> int:
    """Give every dead row its attempts back; return how many there were."""
    return OutboxRow.objects.filter(state=OutboxRow.State.DEAD).update(
        state=OutboxRow.State.WAITING, attempts=F("attempts") * 0, run_at=timezone.now(), error=""
    )
