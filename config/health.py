"""What a supervisor, a load balancer and Prometheus ask. None of it says anything about the business."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from config import patience
from config.celery import app as celery
from config.reserve import disk_state
from config.tasks import canary_age


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when everything a visitor needs works, else 503 and which part does not."""
    parts = {name: _tried(check) for name, check in CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **parts}, status=200 if ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus on this machine, or with `Authorization: Bearer METRICS_TOKEN`."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    direct = request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1", ""}
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if settings.METRICS_TOKEN:
        allowed = hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    else:
        allowed = direct and not forwarded
    return ExportToDjangoView(request) if allowed else HttpResponseForbidden("Metrics are not public.")


def _tried(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:
        return f"away ({type(error).__name__})"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


_migrated = False  # migrations never unapply themselves under a running process


def _migrations() -> str:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if _migrated else "missing"


def _broker() -> str:
    if patience.broker.is_out:
        return "away (it did not answer a moment ago)"
    with patience.broker.asking(), celery.pool.acquire(block=True, timeout=2) as link:
        link.ensure_connection(max_retries=1, timeout=2)
        link.default_channel.client.set("funnel:writes", 1, ex=60)  # a broker that only reads takes no work
    return "ok"


def _jobs() -> str:
    age = canary_age()
    if age is None:
        return "no task has run yet"
    return "ok" if age <= settings.CANARY_MAX_AGE else f"no task has run for {age:.0f} s"


def _disk() -> str:
    return disk_state(settings.DATA_DIR)


CHECKS = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "jobs": _jobs,
    "disk": _disk,
}
