"""Jobs. Tasks only wake the consumers of the outbox: nothing that must survive lives in Redis.

An app declares what runs by the clock in its own `tasks.py`:

    SCHEDULE = {"sweep-outbox": {"task": "funnel.tasks.sweep_outbox", "schedule": 10.0}}
"""

from __future__ import annotations

import importlib.util
import os
from importlib import import_module
from typing import Any

import structlog
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("config", task_cls="config.beat:Task")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def collect_schedules(sender: Celery, **kwargs: Any) -> None:
    from django.conf import settings

    for name in ["config", *settings.APPS]:
        if importlib.util.find_spec(f"{name}.tasks"):
            schedule = getattr(import_module(f"{name}.tasks"), "SCHEDULE", {})
            sender.conf.beat_schedule.update(schedule)


@signals.setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Connecting is enough: Celery then leaves the logging of settings.py alone."""


@signals.before_task_publish.connect
def send_request_id(headers: dict[str, Any] | None = None, **kwargs: Any) -> None:
    from config.logs import current_request_id

    if headers is not None:
        headers.setdefault("request_id", current_request_id())


@signals.task_prerun.connect
def take_request_id(task_id: str, task: Any, **kwargs: Any) -> None:
    structlog.contextvars.bind_contextvars(
        request_id=getattr(task.request, "request_id", None) or task_id, task=task.name
    )


@signals.task_postrun.connect
def drop_request_id(**kwargs: Any) -> None:
    structlog.contextvars.unbind_contextvars("request_id", "task")


@signals.celeryd_init.connect
def wait_for_the_broker(conf: Any, **kwargs: Any) -> None:
    """A worker has nothing better to do than to wait; only those who send are impatient."""
    for impatience in ("max_retries", "interval_start", "interval_step", "interval_max"):
        conf.broker_transport_options.pop(impatience, None)
    conf.broker_transport_options.update(socket_timeout=10, retry_on_timeout=True)


@signals.worker_ready.connect
def prove_alive(sender: Any, **kwargs: Any) -> None:
    """The first canary at once: `/readyz` need not wait for beat."""
    from config.tasks import canary

    canary.delay()
