"""My day, the dialogs of tasks, next steps on the journey and the board: what they show and do, without a script too."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import todo_acts
from funnel.models import Journey, Notification, Task, User
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, organisation, people

pytestmark = pytest.mark.django_db
DAY = reverse("funnel:my-day")
NEW = reverse("funnel:task-new")


@pytest.fixture
def sid(client: Client) -> User:
    user = people(Role.SALESPERSON, "sid")
    client.force_login(user)
    return user


def task(user: User, *, days: float = 1, journey: Journey | None = None, **given: Any) -> Task:
    now = timezone.now()
    return todo_acts.create(
        actor=given.pop("actor", user), at=now - timedelta(days=9), journey=journey, assignee=user,
        title=given.pop("title", "Call back"), due_at=now + timedelta(days=days), **given,
    )  # fmt: skip


def parts(client: Client, **query: str) -> dict[str, list[str]]:
    answer = client.get(DAY, query)
    assert answer.status_code == 200
    return {part["key"]: [str(row.task) for row in part["rows"]] for part in answer.context["parts"]}


def act(client: Client, one: Task, name: str, **more: Any) -> Any:
    return client.post(reverse("funnel:task-act", args=[one.pk, name]), more)


# my day --------------------------------------------------------------------------------------------------------------


def test_the_day_goes_from_overdue_to_later_and_names_what_nobody_has_a_step_for(client, sid) -> None:
    organisation(timezone="Pacific/Auckland")  # today begins where the reader lives
    bare, planned = journey_at(Stage.QUALIFIED), journey_at(Stage.QUALIFIED)
    Journey.objects.update(owner=sid)
    for days, title in ((-3, "late"), (-0.001, "just late"), (2.1, "later"), (40, "much later")):
        task(sid, days=days, title=title, all_day=False)
    task(sid, days=1, title="tomorrow", journey=planned)
    task(people(Role.MANAGER, "max"), days=0, title="not mine")
    shown = parts(client)
    assert (shown["overdue"], shown["tomorrow"], shown["later"]) == (
        ["late", "just late"], ["tomorrow"], ["later", "much later"],
    )  # fmt: skip
    answer = client.get(DAY)
    assert [journey.pk for journey in answer.context["forgotten"]] == [bare.pk]
    badge = next(entry for entry in answer.context["nav"] if entry["url"] == DAY)
    assert badge["count"] == 2


def test_the_page_takes_the_same_few_queries_for_one_three_and_a_hundred_tasks(client, sid) -> None:
    counts: list[int] = []
    homes: list[Journey] = []
    for number, journeys in ((1, 1), (3, 3), (100, 6)):
        while len(homes) < journeys:
            homes.append(lead(owner=sid))
            lead(owner=sid)
        for place in range(Task.objects.count(), number):
            task(sid, days=place - 5, journey=homes[place % journeys])
        client.get(DAY)
        with CaptureQueriesContext(connection) as queries:
            client.get(DAY)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2] <= 12, counts
    first = client.get(DAY)
    assert len([row for part in first.context["parts"] for row in part["rows"]]) == 50
    second = client.get(DAY + first.context["page"].older)
    assert {row.task.pk for part in second.context["parts"] for row in part["rows"]}.isdisjoint(
        row.task.pk for part in first.context["parts"] for row in part["rows"]
    )


def test_a_manager_looks_at_anybodys_day_and_others_only_at_their_own(client, sid) -> None:
    task(sid, title="Sid's own")
    assert client.get(DAY, {"who": "sid"}).status_code == 200
    people(Role.MANAGER, "max")
    assert client.get(DAY, {"who": "max"}).status_code == 403
    client.force_login(people(Role.MANAGER, "max"))
    lead()
    assert parts(client, who="sid")["tomorrow"] == ["Sid's own"]
    assert client.get(DAY, {"who": "nobody"}).status_code == 404
    assert len(client.get(DAY).context["forgotten"]) == 1, (
        "who leads sees everybody's journeys without a step"
    )
    client.force_login(people(Role.PARTNER, "pat"))
    assert client.get(DAY).status_code == 403


def test_a_journey_that_has_gone_to_others_is_not_named(client, sid) -> None:
    journey = journey_at(Stage.QUALIFIED, company="Evergreen Travel")
    Journey.objects.update(owner=people(Role.SALESPERSON, "far"))
    one = task(sid, title="Was mine")
    Task.objects.filter(pk=one.pk).update(journey=journey)
    page = client.get(DAY).content.decode()
    assert "Was mine" in page
    assert "Evergreen" not in page
    assert "Evergreen" not in client.get(reverse("funnel:task", args=[one.pk])).content.decode()


# without a script ----------------------------------------------------------------------------------------------------


def test_a_task_is_planned_done_reopened_put_off_and_undone_by_plain_forms(client, sid) -> None:
    journey = lead(owner=sid)
    home = reverse("funnel:journey", args=[journey.pk])
    day = (timezone.localdate() + timedelta(days=2)).isoformat()
    answer = client.post(
        NEW, {"title": "Ask who decides", "due_on": day, "due_time": "14:30", "journey": journey.pk}
    )
    assert (answer.status_code, answer["Location"]) == (303, home)
    one = Task.objects.get()
    local = timezone.localtime(one.due_at)
    assert (local.date().isoformat(), f"{local:%H:%M}", one.all_day, one.assignee) == (
        day,
        "14:30",
        False,
        sid,
    )
    page = client.get(home).content.decode()
    assert "Ask who decides" in page
    act(client, one, "complete", next=DAY)
    steps = client.get(home).context
    assert ([str(row.task) for row in steps["finished"]], steps["planned"]) == (["Ask who decides"], [])
    assert [str(row.task) for row in client.get(DAY).context["done"]] == ["Ask who decides"]
    act(client, one, "reopen")
    put_off = reverse("funnel:task-put-off", args=[one.pk])
    assert client.get(put_off).status_code == 200
    client.post(put_off, {"until": "tomorrow", "version": "3"})
    one.refresh_from_db()
    assert timezone.localtime(one.due_at).date() == timezone.localdate() + timedelta(days=1)
    assert f"{timezone.localtime(one.due_at):%H:%M}" == "14:30", "its time stays"
    client.post(reverse("funnel:task-undo", args=[one.pk]) + "?version=4")
    one.refresh_from_db()
    assert timezone.localtime(one.due_at).date().isoformat() == day
    act(client, one, "cancel")
    assert not parts(client)["later"]


def test_a_task_is_given_to_a_colleague_who_reads_of_it(client, sid) -> None:
    max_ = people(Role.MANAGER, "max")
    client.post(NEW, {"title": "Approve it", "due_on": "2099-01-01", "assignee": "max", "repeat": "monthly"})
    assert Notification.objects.get(user=max_).task == Task.objects.get(assignee=max_, repeat="monthly")
    client.force_login(max_)
    page = client.get(reverse("funnel:notifications")).content.decode()
    assert "Approve it" in page


def test_a_stale_save_shows_both_and_saving_again_replaces(client, sid) -> None:
    one = task(sid, title="Call back")
    form = client.get(reverse("funnel:task", args=[one.pk])).context["form"]
    given = {name: form[name].value() or "" for name in form.fields}
    todo_acts.change(task=one.pk, actor=sid, at=timezone.now(), title="Write instead")
    answer = client.post(reverse("funnel:task", args=[one.pk]), given | {"title": "Call tomorrow"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Call tomorrow" in page
    assert "Write instead" in page
    again = {name: answer.context["form"][name].value() or "" for name in form.fields}
    assert client.post(reverse("funnel:task", args=[one.pk]), again).status_code == 303
    one.refresh_from_db()
    assert one.title == "Call tomorrow"


def test_bad_input_is_told_and_writes_nothing(client, sid) -> None:
    one = task(sid)
    put_off = reverse("funnel:task-put-off", args=[one.pk])
    for url, given, status in (
        (NEW, {"title": "", "due_on": "2026-01-01"}, 422),
        (NEW, {"title": "x", "due_on": "9999-12-31"}, 422),
        (NEW, {"title": "x", "due_on": "2026-01-01", "assignee": "nobody"}, 422),
        (NEW, {"title": "x" * 201, "due_on": "2026-01-01"}, 422),
        (NEW, {"title": "x\x00", "due_on": "2026-01-01"}, 422),
        (NEW, {"title": "x", "due_on": "2026-01-01", "journey": "999999"}, 404),
        (NEW, {"title": "x", "due_on": "2026-01-01", "journey": "x"}, 404),
        (put_off, {"until": "never"}, 422),
        (put_off, {}, 422),
        (put_off, {"due_on": "2020-01-01"}, 422),
        (reverse("funnel:task-act", args=[one.pk, "explode"]), {}, 404),
        (reverse("funnel:task-act", args=[one.pk, "complete"]), {"version": "x"}, 400),
        (reverse("funnel:task-undo", args=[one.pk]), {}, 400),
    ):
        assert client.post(url, given).status_code == status, (url, given)
    assert Task.objects.count() == 1
    for here in ("http://[", "http://testserver//elsewhere.example/"):
        headers = {"HX-Request": "true", "HX-Target": "dialog", "HX-Current-URL": here}
        answer = client.post(reverse("funnel:task-act", args=[one.pk, "cancel"]), headers=headers)
        assert answer["HX-Redirect"] == DAY
    assert client.get(f"/tasks/{10**30}/").status_code == 404
    assert client.get(DAY, {"after": "x~y"}).status_code == 200
    client.force_login(people(Role.SALESPERSON, "far"))
    assert act(client, one, "complete").status_code == 404


# in place ------------------------------------------------------------------------------------------------------------


def test_htmx_is_answered_with_the_part_that_shows_the_task(client, sid) -> None:
    journey = lead(owner=sid)
    one, url = task(sid, journey=journey), f"http://testserver{DAY}?after=x"
    headers = {"HX-Request": "true", "HX-Target": "day", "HX-Current-URL": url}
    page = client.post(reverse("funnel:task-act", args=[one.pk, "complete"]), headers=headers)
    assert page.content.decode().lstrip().startswith('<div class="columns" id="day"')
    assert json.loads(page["HX-Trigger"]) == {"closeDialog": None, "counts": {"due": 0}}
    again = client.post(reverse("funnel:task-act", args=[one.pk, "complete"]), headers=headers)
    assert again.status_code == 409
    assert "done already" in again.content.decode()
    refused = client.post(NEW, {"title": ""}, headers=headers)
    assert (refused.status_code, refused["HX-Retarget"]) == (422, "#dialog")
    steps = headers | {"HX-Target": "next-steps"}
    drawn = client.post(NEW, {"title": "Ring", "due_on": "2099-01-01", "journey": journey.pk}, headers=steps)
    assert 'id="next-steps"' in drawn.content.decode()
    assert "Ring" in drawn.content.decode()


def test_the_board_names_the_next_step_of_each_card_or_that_there_is_none(client, sid) -> None:
    planned, bare = journey_at(Stage.QUALIFIED), journey_at(Stage.QUALIFIED)
    Journey.objects.update(owner=sid)
    task(sid, journey=planned, days=-2, title="Chase them")
    answer = client.get(reverse("funnel:board"))
    cards = {card.journey.pk: card.step for lane in answer.context["lanes"] for card in lane.cards}
    assert (str(cards[planned.pk]), cards[bare.pk]) == ("Chase them", None)
    page = answer.content.decode()
    assert "2 d late" in page
    assert "No next step" in page
