"""The feed of the ledger misses no event, whatever the order in which transactions commit."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from funnel.models import Event
from tests.funnel.plain import application
from tests.funnel.test_api import Api

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def read_all(api: Api, after: str) -> tuple[list[int], str]:
    page: Any = api.get("events/", after=after, page_size=3).json()
    seen = [row["id"] for row in page["results"]]
    while page["results"]:
        page = api.get("events/", after=page["cursor"], page_size=3).json()
        seen += [row["id"] for row in page["results"]]
    return seen, page["cursor"]


def slow_and_fast() -> tuple[list[int], list[int]]:
    """Commit an event while an earlier one is still in its transaction; return what readers by cursor and by id saw."""
    api = Api()
    written, finish = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                application()
                written.set()
                finish.wait(timeout=30)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    written.wait(timeout=30)
    application()
    by_cursor, cursor = read_all(api, "")
    by_id = list(Event.objects.order_by("pk").values_list("pk", flat=True))
    finish.set()
    thread.join()
    by_cursor += read_all(api, cursor)[0]
    by_id += Event.objects.filter(pk__gt=by_id[-1]).values_list("pk", flat=True)
    return by_cursor, by_id


def test_an_event_committed_late_is_not_missed() -> None:
    by_cursor, _by_id = slow_and_fast()
    assert sorted(by_cursor) == sorted(Event.objects.values_list("pk", flat=True))
    assert len(by_cursor) == len(set(by_cursor))


def test_a_reader_that_follows_ids_alone_would_miss_it() -> None:
    _by_cursor, by_id = slow_and_fast()
    assert len(by_id) < Event.objects.count()


def test_the_feed_shows_each_caller_only_what_they_may_see_and_filters_by_kind() -> None:
    from funnel.stages import Role
    from tests.funnel.plain import person, step

    bob = Api(Role.SALESPERSON, "bob")
    step(application(owner=bob.user), "mark_spam")
    application(owner=person(Role.SALESPERSON, "eve"))
    assert len(read_all(bob, "")[0]) == 2
    assert [row["event"] for row in Api().get("events/", event="marked_spam").json()["results"]] == [
        "marked_spam"
    ]


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "1-"}, {"after": "9" * 30 + "-1"}, {"page_size": "0"}]
)
def test_a_broken_cursor_is_a_clear_error(query: dict[str, str]) -> None:
    assert Api().get("events/", **query).status_code == 400
