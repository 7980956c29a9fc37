"""Timings of pages on the bench's database: the median of each, and of the SQL within it.

Run by the bench in a process of its own: `python -m tests.bench.pages`, which prints seconds as JSON.
"""

import json
import statistics
import time
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402  after setup
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from funnel.models import Journey, User  # noqa: E402
from kpi import rollup  # noqa: E402

ROUNDS = 15


def paths() -> dict[str, str]:
    """Return what is looked at, by name."""
    journey = Journey.objects.filter(stage="demo_held").order_by("pk").first() or Journey.objects.earliest(
        "pk"
    )
    return {
        "list": reverse("funnel:journey-list"),
        "list by amount": reverse("funnel:journey-list") + "?ordering=-amount",
        "board": reverse("funnel:board"),
        "journey": reverse("funnel:journey", args=[journey.pk]),
        "search": reverse("funnel:search") + "?q=person+77",
        "my day": reverse("funnel:my-day"),
        "contacts": reverse("funnel:contact-list"),
        "dashboard": "/dashboard/",
    }


def measure() -> dict[str, float]:
    """The median of each page, seconds, and of its SQL."""
    rollup.catch_up()
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.get(username="bench"))
    spent: list[float] = []

    def watch(execute: Any, *call: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*call)
        finally:
            spent.append(time.perf_counter() - began)

    found: dict[str, float] = {}
    for name, path in paths().items():
        client.get(path)
        took, queried = [], []
        for _round in range(ROUNDS):
            spent.clear()
            with connection.execute_wrapper(watch):
                began = time.perf_counter()
                answer = client.get(path)
                took.append(time.perf_counter() - began)
            assert answer.status_code == 200, (path, answer.status_code)
            queried.append(sum(spent))
        found[name] = statistics.median(took)
        found[f"{name}, its SQL"] = statistics.median(queried)
    return found


if __name__ == "__main__":
    print(json.dumps(measure()))  # noqa: T201  the answer
