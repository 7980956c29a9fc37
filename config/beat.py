"""What runs by the clock runs once, however many beats there are and whenever one is killed.

Time is cut into buckets: the stretches of an interval, counted from 1970 in UTC, or the moments of a crontab. A row of
`Tick` says which message a bucket belongs to. A beat writes the row, sends the message and commits; one that dies in
between leaves either nothing or a message without a row, and the next beat sends another. A worker runs a message only
where the row names it, or writes the row itself: the first message that gets there wins, and every other one of the
same bucket is dropped. A message that is delivered again keeps its name, and so runs again. While a message of a
schedule waits for a worker, its later buckets are left out: it does their work, too.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from celery import beat
from celery.app.task import Task as CeleryTask
from celery.schedules import BaseSchedule, crontab
from django.db import OperationalError, connection, transaction
from kombu.exceptions import OperationalError as BrokerAway

from config import patience

LONGEST_NAP: Final = 5.0  # seconds between two looks at the clock
AFTER_FAILURE: Final = 1.0
KEPT: Final = timedelta(days=1)  # far longer than a message may wait to be delivered again
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_log = structlog.get_logger(__name__)

_LONG: Final = 20_000  # messages; a queue as long as this has no worker, and more of the clock's help nobody
_FIND: Final = f"""
local length = redis.call('LLEN', KEYS[1])
if length > {_LONG} then return 1 end
for start = 0, length, 500 do
  for _, message in ipairs(redis.call('LRANGE', KEYS[1], start, start + 499)) do
    if string.find(message, ARGV[1], 1, true) then return 1 end
  end
end
return 0
"""
"""Whether a text stands in a message of a queue."""

_CLAIM: Final = (
    "INSERT INTO config_tick (name, at, message) VALUES (%s, %s, %s) ON CONFLICT (name, at) DO NOTHING"
)


class Scheduler(beat.Scheduler):
    """Sends what is due, bucket by bucket; knows nothing that is not in the database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: dict[str, datetime] = {}
        super().__init__(*args, **kwargs)

    def tick(self, **_options: Any) -> float:
        """Send what is due now; return for how many seconds nothing will be."""
        now = datetime.now(UTC)
        nap = LONGEST_NAP
        for name, entry in self.schedule.items():
            try:
                if name not in self.sent:
                    self.sent[name] = self.first(name, entry.schedule, now)
                due = latest(entry.schedule, self.sent[name], now)
                if due is not None:
                    if not self.waits(name):
                        self.send(entry, due)
                    self.sent[name] = due
            except Exception as error:  # whatever is away comes back, and the other schedules go on
                _log.warning("not sent", schedule=name, error=str(error).strip())
                connection.close()
                nap = min(nap, AFTER_FAILURE)
                continue
            nap = min(nap, (following(entry.schedule, self.sent[name]) - now).total_seconds())
        return max(0.01, nap - (datetime.now(UTC) - now).total_seconds())

    def first(self, name: str, schedule: BaseSchedule, now: datetime) -> datetime:
        """The bucket from which a new beat goes on: an interval begins at once, a crontab where it was left."""
        if not isinstance(schedule, crontab):
            return EPOCH
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(at) FROM config_tick WHERE name = %s", [name])
            (last,) = cursor.fetchone()
        return last or now

    def send(self, entry: beat.ScheduleEntry, bucket: datetime) -> None:
        """Send the message of a bucket unless another beat has done so."""
        message = str(uuid.uuid4())
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_CLAIM, [entry.name, bucket, message])
            if not cursor.rowcount:
                return
            cursor.execute("DELETE FROM config_tick WHERE name = %s AND at < %s", [entry.name, bucket - KEPT])
            self.publish(entry, {"schedule": entry.name, "bucket": bucket.isoformat()}, message)

    def waits(self, name: str) -> bool:
        """Whether a message of this schedule still waits for a worker: then no second one is sent.

        Looks at the queue itself, so that a queue that was emptied is filled again.
        """
        with self.app.pool.acquire(block=True, timeout=2) as link:
            channel = link.default_channel
            queue = self.app.conf.task_default_queue
            return bool(channel.client.eval(_FIND, 1, queue, json.dumps({"schedule": name})[1:-1]))

    def publish(self, entry: beat.ScheduleEntry, headers: Mapping[str, str], message: str) -> None:
        options = {**entry.options, "headers": {**entry.options.get("headers", {}), **headers}}
        # One more try takes the place of a connection that the broker has closed; the next tick does the rest.
        options |= {"retry": True, "retry_policy": {"max_retries": 1, "interval_start": 0}}
        self.app.tasks[entry.task].apply_async(entry.args, entry.kwargs, task_id=message, **options)


class Task(CeleryTask):
    """A task that, sent by beat, runs once for its bucket; called or sent otherwise, it just runs."""

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send the task. Raises OperationalError where the broker is away, at once where it hung a moment ago."""
        if patience.broker.is_out:
            raise BrokerAway("The broker did not answer a moment ago.")
        with patience.broker.asking():
            return super().apply_async(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        told = self.request.headers or {}
        name, bucket = told.get("schedule", ""), told.get("bucket", "")
        if self.request.called_directly or not bucket:
            return super().__call__(*args, **kwargs)
        if not is_mine(name, datetime.fromisoformat(bucket), self.request.id):
            _log.info("dropped", schedule=name, bucket=bucket)
            return None
        return self.run(*args, **kwargs)


def is_mine(name: str, bucket: datetime, message: str, *, attempts: int = 3) -> bool:
    """Whether a bucket belongs to a message; where it is nobody's yet, it does from now on.

    Waits for a beat that has just sent it and is about to commit.
    """
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_CLAIM, [name, bucket, message])
                cursor.execute("SELECT message FROM config_tick WHERE name = %s AND at = %s", [name, bucket])
                return bool(cursor.fetchone() == (message,))
        except OperationalError:
            attempts -= 1
            if not attempts:
                raise
            connection.close()
            time.sleep(AFTER_FAILURE)


def latest(schedule: BaseSchedule, after: datetime, now: datetime) -> datetime | None:
    """The last bucket that has begun by `now`, where it comes after `after`: what was missed is done once, not often."""
    if not isinstance(schedule, crontab):
        length = schedule.run_every // _MICROSECOND
        found: datetime | None = EPOCH + (now - EPOCH) // _MICROSECOND // length * length * _MICROSECOND
        return found if found and found > after else None
    found, coming = None, following(schedule, after)
    while coming <= now:
        found, coming = coming, following(schedule, coming)
    return found


def following(schedule: BaseSchedule, bucket: datetime) -> datetime:
    """The bucket after a bucket."""
    if isinstance(schedule, crontab):
        start, delta, _now = schedule.remaining_delta(bucket)
        coming: datetime = (start + delta).astimezone(UTC)
        return coming
    length: timedelta = schedule.run_every
    return bucket + length
