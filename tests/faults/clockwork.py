"""The program of the beat drill: `celery -A tests.faults.clockwork beat|worker`, on the database that the test names.

DRILL_DIES: "before" or "after" the second sending, in the middle of its tick, the beat kills itself.
DRILL_PROTECTED: "" has Celery's own scheduler, and workers that take every message.
"""

import os
import signal
import time
from collections.abc import Mapping
from datetime import datetime

os.environ["DJANGO_SETTINGS_MODULE"] = "config.test_settings"

import django
from celery import beat as celery_beat
from celery import current_task
from django.conf import settings
from django.db import connection

from config import beat
from config.celery import app

settings.DATABASES["default"]["NAME"] = os.environ["DRILL_DATABASE"]
django.setup()
LENGTH = float(os.environ["DRILL_LENGTH"])


@app.task(name="drill.effect")
def effect() -> None:
    """Leave a row: nothing here keeps it from being left twice."""
    bucket = (current_task.request.headers or {}).get("bucket")
    at = datetime.fromisoformat(bucket).timestamp() if bucket else time.time() // LENGTH * LENGTH
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO drill_effect (bucket) VALUES (%s)", [at])


class Mortal(beat.Scheduler):
    """Dies where it sends for the second time."""

    sendings = 0

    def publish(self, entry: celery_beat.ScheduleEntry, headers: Mapping[str, str], message: str) -> None:
        self.sendings += 1
        doomed = os.environ.get("DRILL_DIES", "") if self.sendings == 2 else ""
        if doomed == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().publish(entry, headers, message)
        if doomed == "after":
            os.kill(os.getpid(), signal.SIGKILL)


app.finalize()
app.conf.task_default_queue = os.environ["DRILL_QUEUE"]
app.conf.beat_schedule = {"drill": {"task": "drill.effect", "schedule": LENGTH}}
app.conf.beat_scheduler = (
    "tests.faults.clockwork:Mortal" if os.environ["DRILL_PROTECTED"] else "celery.beat:Scheduler"
)
