"""Saved views: who sees them, how they are saved, changed, put in order, deleted and brought back; in the browser and by REST."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.lists import arrangement, saved
from funnel.models import SavedView, User
from funnel.stages import Role
from tests.factories import lead, people, team, token

pytestmark = pytest.mark.django_db
LIST, BOARD, VIEWS = (reverse(f"funnel:{name}") for name in ("journey-list", "board", "views"))
NEW = reverse("funnel:view-new")
API = "/api/v1/views/"


@pytest.fixture
def max_(client: Client) -> User:
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


def view(owner: User, **given: Any) -> SavedView:
    return saved.create(actor=owner, **{"name": "Mine", "place": "list", "query": "owner=me", **given})


def url(name: str, one: SavedView) -> str:
    return reverse(f"funnel:view-{name}", args=[one.pk])


def test_a_view_is_saved_from_an_address_with_its_columns_and_opened_as_a_tab(
    client: Client, max_: User
) -> None:
    arrangement.choose_columns(user=max_, view=None, keys=["phone", "stage"])
    data = {
        "name": "Web",
        "shared": "everyone",
        "place": "list",
        "query": "source=web&order=-amount&junk=1&after=x",
    }
    answer = client.post(NEW, data)
    made = SavedView.objects.get()
    assert (made.query, made.columns, made.owner) == ("source=web&order=-amount", ["phone", "stage"], max_)
    assert answer.url == f"{LIST}?source=web&order=-amount&view={made.pk}"
    page = client.get(answer.url)
    (tab,) = [tab for tab in page.context["tabs"] if tab["current"]]
    assert tab["label"] == "Web"
    assert not page.context["view"]["changed"]
    assert [entry["label"] for entry in page.context["saved_views"] if entry["current"]] == ["Web"]
    assert client.get(reverse("funnel:view", args=[made.pk])).url == answer.url


def test_a_private_view_is_seen_by_nobody_else_and_a_shared_one_by_those_it_is_for(client: Client) -> None:
    north, south = team("North"), team("South")
    sal = people(Role.SALESPERSON, "sal", team=north)
    own, teams = view(sal), view(sal, name="Team's", shared="team")
    everyones = view(people(Role.MANAGER, "max"), name="Everyone's", shared="everyone")
    seen = {
        sal: {own, teams, everyones},
        people(Role.SALESPERSON, "sam", team=north): {teams, everyones},
        people(Role.SALESPERSON, "zoe", team=south): {everyones},
        people(Role.ADMINISTRATOR, "ada"): {everyones},
        people(Role.PARTNER, "pat"): set(),
    }
    for user, views in seen.items():
        assert set(saved.visible_to(user)) == views, user
        client.force_login(user)
        for one in (own, teams, everyones):
            status = 403 if user.role == Role.PARTNER else 302 if one in views else 404
            assert client.get(reverse("funnel:view", args=[one.pk])).status_code == status
            if one not in views:
                for act in ("save", "delete", "move", "restore"):
                    assert client.post(url(act, one), {"version": "1", "to": "up"}).status_code in {403, 404}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.MANAGER, {"nobody", "team", "everyone"}),
        (Role.ADMINISTRATOR, {"nobody", "team", "everyone"}),
        (Role.MARKETER, {"nobody", "team", "everyone"}),
        (Role.SALESPERSON, {"nobody", "team"}),
        (Role.FIRST_TOUCH, {"nobody", "team"}),
        (Role.LAWYER, {"nobody", "team"}),
        (Role.PARTNER, set()),
    ],
)
def test_a_role_shares_as_far_as_it_may(role: str, allowed: set[str]) -> None:
    user = people(role, "uma", team=team("North"))
    for shared in ("nobody", "team", "everyone"):
        if shared in allowed:
            assert view(user, shared=shared).shared == shared
        else:
            with pytest.raises(PermissionDenied):
                view(user, shared=shared)
    lone = people(role, "lone")
    with pytest.raises(PermissionDenied):
        view(lone, shared="team")


def test_a_changed_list_says_so_and_is_saved_into_the_view(client: Client, max_: User) -> None:
    one = view(max_, query="owner=me")
    page = client.get(f"{LIST}?owner=me&source=web&view={one.pk}")
    assert page.context["view"]["changed"]
    assert "“Mine” was changed here" in page.content.decode()
    arrangement.choose_columns(user=max_, view=one, keys=["phone"])
    answer = client.post(url("save", one), {"query": page.context["view"]["query"], "version": "1"})
    one.refresh_from_db()
    assert (one.query, one.columns, one.version) == ("owner=me&source=web", ["phone"], 2)
    assert not client.get(answer.url).context["view"]["changed"]
    assert not User.objects.get(pk=max_.pk).lists["columns"]


def test_ones_own_columns_for_a_view_are_a_change_too(client: Client, max_: User) -> None:
    one = view(max_, columns=["stage"])
    assert not client.get(saved.url_of(one)).context["view"]["changed"]
    client.post(reverse("funnel:journey-columns"), {"order": ["phone"], "columns": ["phone"], "view": one.pk})
    page = client.get(saved.url_of(one))
    assert page.context["view"]["changed"]
    assert [str(head["label"]) for head in page.context["heads"]] == ["Client", "Phone"]
    assert len(client.get(LIST).context["heads"]) > 2  # for that view only


def test_a_stale_save_writes_nothing_and_says_what_stands(client: Client, max_: User) -> None:
    one = view(max_, shared="everyone")
    saved.change(view=one, actor=people(Role.ADMINISTRATOR, "ada"), name="Theirs", query="owner=none")
    answer = client.post(url("save", one), {"query": "source=web", "version": "1"}, follow=True)
    assert "Not saved: somebody changed the view" in answer.content.decode()
    answer = client.post(url("edit", one), {"name": "Ours", "shared": "everyone", "version": "1"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "It is called “Theirs” now" in page
    assert 'value="Ours"' in page
    one.refresh_from_db()
    assert (one.name, one.query) == ("Theirs", "owner=none")
    again = {"name": "Ours", "shared": "everyone", "version": answer.context["form"].data["version"]}
    assert client.post(url("edit", one), again).status_code == 303


def test_others_rename_a_shared_view_only_where_they_lead(client: Client) -> None:
    one = view(people(Role.MARKETER, "mia"), shared="everyone")
    client.force_login(people(Role.SALESPERSON, "sal"))
    page = client.get(url("edit", one)).content.decode()
    assert 'name="name"' not in page
    assert client.post(url("save", one), {"query": "", "version": "1"}).status_code == 403
    assert client.post(url("delete", one)).status_code == 403
    # but they may open their list with it
    assert client.post(url("edit", one), {"default": "on"}).status_code == 303
    assert client.get(LIST).url == saved.url_of(one)
    client.force_login(people(Role.MANAGER, "max"))
    client.post(url("edit", one), {"name": "Better", "shared": "everyone", "version": "1"})
    one.refresh_from_db()
    assert one.name == "Better"


def test_the_list_opens_with_the_view_chosen_for_it_and_still_shows_everything(
    client: Client, max_: User
) -> None:
    lead()
    client.post(
        NEW, {"name": "Nobody's", "shared": "nobody", "place": "list", "query": "owner=none", "default": "on"}
    )
    one = SavedView.objects.get()
    assert client.get(LIST).url == saved.url_of(one)
    everything = next(
        tab for tab in client.get(saved.url_of(one)).context["tabs"] if tab["label"] == "All open"
    )
    assert client.get(LIST + everything["url"]).status_code == 200
    client.post(url("delete", one))
    assert client.get(LIST).status_code == 200  # a view that is gone opens nothing


def test_a_deleted_view_comes_back_by_its_undo(client: Client, max_: User) -> None:
    one = view(max_)
    answer = client.post(url("delete", one), follow=True)
    assert url("restore", one) in answer.content.decode()
    assert not saved.visible_to(max_)
    assert client.get(reverse("funnel:view", args=[one.pk])).status_code == 404
    client.post(url("restore", one))
    assert list(saved.visible_to(max_)) == [one]
    assert client.post(url("restore", one)).status_code == 404  # there is nothing deleted any more


def test_the_order_is_each_persons_own(client: Client, max_: User) -> None:
    first, second, third = (view(max_, name=name, shared="everyone") for name in ("A", "B", "C"))
    board = view(max_, name="Board", place="board", query="")
    client.post(url("move", third), {"to": "up"})
    client.post(url("move", first), {"to": "up"})  # it is the first already
    page = client.get(VIEWS)
    names = [[row["view"].name for row in group["rows"]] for group in page.context["groups"]]
    assert names == [["A", "C", "B"], ["Board"]]
    tabs = [tab["label"] for tab in client.get(LIST).context["tabs"]]
    assert tabs[-3:] == ["A", "C", "B"]
    client.force_login(people(Role.ADMINISTRATOR, "ada"))
    assert [tab["label"] for tab in client.get(LIST).context["tabs"]][-3:] == ["A", "B", "C"]
    assert client.post(url("move", second), {"to": "sideways"}).status_code == 400
    assert board.pk


def test_the_board_has_views_of_its_own(client: Client, max_: User) -> None:
    client.post(
        NEW, {"name": "Sales", "shared": "nobody", "place": "board", "query": "half=sales&owner=me&stage=new"}
    )
    one = SavedView.objects.get()
    assert one.query == "owner=me&half=sales"
    page = client.get(saved.url_of(one))
    assert page.request["PATH_INFO"] == BOARD
    assert [tab["label"] for tab in page.context["tabs"] if tab["current"]] == ["Sales"]
    assert [label for label, _words, _url in page.context["chips"]] == ["Owner"]
    assert "Sales" not in [tab["label"] for tab in client.get(LIST).context["tabs"]]


def test_bad_input_is_refused_in_words_and_too_many_views_too(
    client: Client, max_: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post(NEW, {"name": "", "shared": "nobody"}).status_code == 422
    assert client.post(NEW, {"name": "x" * 61, "shared": "nobody"}).status_code == 422
    assert client.post(NEW, {"name": "x", "shared": "team"}).status_code == 422  # without a team
    assert client.post(NEW, {"name": "x", "place": "moon"}).status_code == 400
    monkeypatch.setattr(saved, "MOST", 1)
    view(max_)
    answer = client.post(NEW, {"name": "x", "shared": "nobody"})
    assert answer.status_code == 422
    assert "You have 1 views already" in answer.content.decode()
    one = SavedView.objects.get()
    assert client.post(url("save", one), {"query": "", "version": "x"}).status_code == 400


@pytest.mark.parametrize("fault", [{"shared": "team"}, {"shared": "moon"}, {"place": "moon"}])
def test_the_database_refuses_what_makes_no_view(max_: User, fault: dict[str, str]) -> None:
    one = view(max_)
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedView.objects.filter(pk=one.pk).update(**fault)


def test_pages_take_as_many_queries_for_twenty_views_as_for_one(client: Client, max_: User) -> None:
    counts = []
    for wanted in (1, 20):
        while SavedView.objects.count() < wanted:
            view(max_, name=f"View {wanted}")
        for page in (LIST, VIEWS, BOARD):
            client.get(page)
        with CaptureQueriesContext(connection) as queries:
            for page in (LIST, VIEWS, BOARD):
                client.get(page)
        counts.append(len(queries))
    assert counts[0] == counts[1], counts


# REST ----------------------------------------------------------------------------------------------------------------


def test_views_over_rest(client: Client) -> None:
    mia, sal = people(Role.MARKETER, "mia"), people(Role.SALESPERSON, "sal")
    hers, his = ({"headers": token(user), "content_type": "application/json"} for user in (mia, sal))
    made = client.post(
        API, {"name": "Web", "query": "source=web&junk=1", "columns": ["stage"], "shared": "everyone"}, **hers
    )
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["query"], body["owner"], body["place"]) == ("source=web", "mia", "list")
    one = f"{API}{body['id']}/"
    assert client.get(API, **his).json()["results"][0]["name"] == "Web"
    assert client.patch(one, {"name": "Ours"}, **his).status_code == 403
    assert client.delete(one, **his).status_code == 403
    assert client.post(API, {"name": "x", "shared": "everyone"}, **his).status_code == 403
    assert client.patch(one, {"name": "Website", "version": 1}, **hers).json()["version"] == 2
    assert client.patch(one, {"name": "Late", "version": 1}, **hers).status_code == 409
    assert client.patch(one, {"place": "board"}, **hers).status_code == 400
    assert client.post(API, {"name": "x", "columns": ["moon"]}, **hers).status_code == 400
    assert client.delete(one, **hers).status_code == 204
    assert client.get(one, **hers).status_code == 404
    assert client.post(f"{one}restore/", **his).status_code == 404
    assert client.post(f"{one}restore/", **hers).json()["name"] == "Website"


def test_names_may_not_be_blank(max_: User) -> None:
    with pytest.raises(ValidationError):
        view(max_, name="")
