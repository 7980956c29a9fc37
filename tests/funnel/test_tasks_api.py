"""Tasks over REST: what the screens do, programs do, with the same refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from funnel.models import Journey, Task, User
from funnel.stages import Role
from tests.factories import lead, organisation, people, token

pytestmark = pytest.mark.django_db
URL = "/api/v1/tasks/"


@pytest.fixture
def sid() -> User:
    return people(Role.SALESPERSON, "sid")


def call(client: Client, user: User, method: str, path: str = "", body: Any = None, **query: Any) -> Any:
    if method == "get":
        return client.get(URL + path, query, headers=token(user, "read"))
    headers = token(user, "read", "write")
    return getattr(client, method)(URL + path, body or {}, content_type="application/json", headers=headers)


def made(client: Client, user: User, **body: Any) -> dict[str, Any]:
    due = (timezone.now() + timedelta(days=1)).isoformat()
    answer = call(client, user, "post", body={"title": "Call back", "due_at": due} | body)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_a_task_goes_through_its_life(client: Client, sid: User) -> None:
    journey = lead(owner=sid)
    one = made(client, sid, journey=journey.pk, kind="call", repeat="weekly")
    assert (one["assignee"], one["created_by"], one["state"], one["version"], one["all_day"]) == (
        "sid", "sid", "open", 1, False,
    )  # fmt: skip
    path = f"{one['id']}/"
    changed = call(client, sid, "patch", path, {"title": "Call them", "version": 1}).json()
    assert (changed["title"], changed["version"]) == ("Call them", 2)
    until = (timezone.now() + timedelta(days=3)).isoformat()
    off = call(client, sid, "post", f"{path}put-off/", {"until": until, "version": 2}).json()
    assert (off["put_off"], off["planned_at"]) == (1, one["planned_at"])
    done = call(client, sid, "post", f"{path}complete/", {"version": 3}).json()
    assert (done["state"], done["closed_by"]) == ("done", "sid")
    coming = Task.objects.get(follows=one["id"])
    assert call(client, sid, "get", f"{coming.pk}/").json()["follows"] == one["id"]
    again = call(client, sid, "post", f"{path}undo/", {"version": 4}).json()
    assert (again["state"], Task.objects.filter(follows=one["id"]).exists()) == ("open", False)
    assert call(client, sid, "post", f"{path}cancel/").json()["state"] == "cancelled"
    assert call(client, sid, "post", f"{path}reopen/").json()["state"] == "open"


def test_a_whole_day_ends_where_the_assignee_lives(client: Client, sid: User) -> None:
    organisation(timezone="America/New_York")
    one = made(client, sid, due_at="2027-01-15T12:00:00Z", all_day=True)
    assert one["due_at"] == "2027-01-16T04:59:00Z"
    moved = call(client, sid, "patch", f"{one['id']}/", {"due_at": "2027-01-20T01:00:00Z"}).json()
    assert moved["due_at"] == "2027-01-20T04:59:00Z"


def test_lists_narrow_order_and_page(client: Client, sid: User) -> None:
    journey = lead(owner=sid)
    now = timezone.now()
    late = made(client, sid, title="Late", due_at=(now - timedelta(days=1)).isoformat())
    on_journey = made(client, sid, title="On it", journey=journey.pk)
    far = made(client, sid, title="Far", due_at=(now + timedelta(days=30)).isoformat())
    call(client, sid, "post", f"{far['id']}/complete/")

    def titles(**query: Any) -> list[str]:
        answer = call(client, sid, "get", **query)
        assert answer.status_code == 200, answer.content
        return [row["title"] for row in answer.json()["results"]]

    assert titles() == ["Late", "On it", "Far"]
    assert titles(overdue="true") == ["Late"]
    assert titles(overdue="false", state="open") == ["On it"]
    assert titles(journey=journey.pk) == ["On it"]
    assert titles(state="done") == ["Far"]
    assert titles(due_before=now.isoformat()) == ["Late"]
    assert titles(assignee="nobody") == []
    assert titles(ordering="-due_at") == ["Far", "On it", "Late"]
    first = call(client, sid, "get", page_size=2).json()
    rest = client.get(first["next"], headers=token(sid, "read")).json()
    assert [row["id"] for row in first["results"] + rest["results"]] == [
        late["id"],
        on_journey["id"],
        far["id"],
    ]


def test_refusals_name_the_field_or_the_state(client: Client, sid: User) -> None:
    strange = lead(owner=people(Role.FIRST_TOUCH, "flo"))
    one = made(client, sid)
    path = f"{one['id']}/"
    for body, field in (
        ({"title": "", "due_at": "2027-01-01T00:00:00Z"}, "title"),
        ({"title": "x"}, "due_at"),
        ({"title": "x", "due_at": "0001-01-01T00:00:00Z"}, "due_at"),
        ({"title": "x", "due_at": "9999-12-31T23:59:59Z", "all_day": True}, "due_at"),
        ({"title": "x", "due_at": "soon"}, "due_at"),
        ({"title": "x", "due_at": "2027-01-01T00:00:00Z", "journey": strange.pk}, "journey"),
        ({"title": "x", "due_at": "2027-01-01T00:00:00Z", "kind": "fax"}, "kind"),
        ({"title": "x", "due_at": "2027-01-01T00:00:00Z", "assignee": "nobody"}, "assignee"),
    ):
        answer = call(client, sid, "post", body=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), body
    stale = call(client, sid, "patch", path, {"title": "y", "version": 7})
    assert (stale.status_code, stale.json()["reason"], stale.json()["current"]["version"]) == (
        409,
        "stale",
        1,
    )
    for name, body in (
        ("put-off", {"until": "2020-01-01T00:00:00Z"}),
        ("undo", {}),
        ("put-off", {"until": "x"}),
    ):
        assert call(client, sid, "post", f"{path}{name}/", body).status_code == 400
    call(client, sid, "post", f"{path}complete/")
    closed = call(client, sid, "post", f"{path}complete/")
    assert (closed.status_code, closed.json()["reason"]) == (409, "state")
    elsewhere = call(client, sid, "patch", path, {"journey": lead(owner=sid).pk})
    assert elsewhere.status_code == 400
    assert client.delete(URL + path, headers=token(sid)).status_code == 405


def test_rows_are_limited_as_on_the_screens(client: Client, sid: User) -> None:
    one = made(client, sid, journey=lead(owner=sid).pk)
    path = f"{one['id']}/"
    far, max_ = people(Role.SALESPERSON, "far"), people(Role.MANAGER, "max")
    assert call(client, far, "get", path).status_code == 404
    assert call(client, far, "post", f"{path}complete/").status_code == 404
    assert call(client, max_, "get", path).status_code == 200
    assert call(client, people(Role.PARTNER, "pat"), "get").status_code == 403
    assert (
        client.post(URL, {}, content_type="application/json", headers=token(sid, "read")).status_code == 403
    )
    Journey.objects.update(owner=far)
    assert call(client, far, "post", f"{path}complete/").status_code == 200
