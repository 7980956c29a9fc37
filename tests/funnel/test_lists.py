"""The list as people arrange it: columns, order by any of them, filters, what it costs, and as a file."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import paging
from funnel.lists import arrangement, export
from funnel.lists.columns import BY_KEY, CLIENT, COLUMNS, SORTS, ordered, usual
from funnel.lists.filters import BoardFilter, JourneyFilter
from funnel.models import Contact, Journey, Service, Task, User
from funnel.stages import Role, Stage
from tests.factories import journey_at, later, lead, organisation, people, run

pytestmark = pytest.mark.django_db
LIST = reverse("funnel:journey-list")
COLUMNS_PAGE = reverse("funnel:journey-columns")


@pytest.fixture
def manager(client: Client) -> User:
    user = people(Role.MANAGER, "max")
    client.force_login(user)
    return user


def shown(client: Client, **filters: str) -> list[int]:
    answer = client.get(LIST, filters)
    assert answer.status_code == 200
    return [row.journey.pk for row in answer.context["rows"]]


def step(journey: Journey, user: User, **due: float) -> Task:
    at = timezone.now() + timedelta(**due)
    return Task.objects.create(journey=journey, title="Call back", assignee=user, due_at=at, planned_at=at)


# what it costs -------------------------------------------------------------------------------------------------------


def test_the_list_takes_ten_queries_with_every_column_for_one_three_and_a_thousand_rows(
    client: Client, manager: User
) -> None:
    arrangement.choose_columns(user=manager, view=None, keys=BY_KEY)
    first = lead(owner=manager, company="Evergreen", service="crm", campaign="spring")
    counts = []
    for wanted in (1, 3, 1000):
        missing = wanted - Journey.objects.count()
        contacts = Contact.objects.bulk_create(Contact(name=f"Person {n}") for n in range(missing))
        Journey.objects.bulk_create(
            Journey(
                contact=contact,
                source=first.source,
                stage_since=first.stage_since,
                created_at=first.created_at,
            )
            for contact in contacts
        )
        for journey in Journey.objects.exclude(tasks__isnull=False)[:50]:
            step(journey, manager, days=1)
        filters = {"stale": "yes", "clock": "over", "order": "next"}
        client.get(LIST, filters)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(LIST, filters)
        counts.append(len(queries))
        assert len(page.context["rows"]) == min(wanted, 50)
    assert counts[0] == counts[1] == counts[2] <= 10, counts


# order ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(manager: User) -> list[Journey]:
    """Six journeys that differ in everything, with ties and gaps."""
    fred = people(Role.FIRST_TOUCH, "fred")
    made = []
    for number in range(6):
        journey = lead(
            name=("Zoë", "анна", "Bob")[number % 3],
            company=("", "evergreen", "Яблоко")[number % 3],
            source=("web", "event", "ads")[number % 3],
            service=("", "crm", "erp")[number % 3] or None,
            campaign=("spring", "", "fair")[number % 3] or None,
            owner=(None, fred, manager)[number % 3],
            at=later(minutes=number // 2),
        )
        Journey.objects.filter(pk=journey.pk).update(
            amount=(None, Decimal(500), Decimal("12.50"))[number % 3],
            expected_on=(date(2026, 5, 1), None, date(2026, 4, 1))[number % 3],
        )
        if number % 2:
            step(journey, fred, days=number % 4)
        made.append(journey)
    run(made[0], "respond")
    run(made[1], "snoozed", {"until": "2099-01-01T00:00:00+00:00"})
    return made


def test_every_order_pages_on_and_back_without_gap_or_repetition(manager: User, mixed: list[Journey]) -> None:
    for order in (f"{sign}{key}" for key in SORTS for sign in ("", "-")):
        (whole,) = _paged(manager, order, size=50)
        assert sorted(whole) == [journey.pk for journey in mixed], order
        assert [pk for page in _paged(manager, order, size=2) for pk in page] == whole, order


def _paged(user: User, order: str, *, size: int) -> list[list[int]]:
    """Return the rows of each page, having gone back through them as well."""
    form = JourneyFilter({"order": order}, user=user)
    journeys, words = ordered(Journey.objects.all(), form.ordering, form.orders)

    def page(address: str) -> paging.Page[Journey]:
        return paging.keyset(journeys, QueryDict(address.removeprefix("?")), size=size, **words)

    pages = [page("")]
    while pages[-1].older:
        pages.append(page(pages[-1].older))
    back = pages[-1]
    for there in reversed(pages[:-1]):
        back = page(back.newer)
        assert back.rows == there.rows, order
    assert not back.newer, order
    return [[journey.pk for journey in there.rows] for there in pages]


def test_values_are_ordered_as_people_expect_and_rows_without_one_come_last(
    client: Client, mixed: list[Journey]
) -> None:
    def values(order: str) -> list[Any]:
        return [Journey.objects.get(pk=pk).amount for pk in shown(client, order=order)]

    assert values("amount") == [Decimal("12.50")] * 2 + [Decimal(500)] * 2 + [None] * 2
    assert values("-amount") == [Decimal(500)] * 2 + [Decimal("12.50")] * 2 + [None] * 2
    stages = [Journey.objects.get(pk=pk).stage for pk in shown(client, order="-stage")]
    assert stages == ["contacted"] + ["new"] * 5
    owners = [str(Journey.objects.get(pk=pk).owner) for pk in shown(client, order="owner")]
    assert owners == ["first_touch"] + ["fred"] * 2 + ["max"] * 2 + ["None"]  # who answers owns


def test_a_head_orders_by_its_column_then_the_other_way(client: Client, manager: User) -> None:
    lead()
    heads = {str(head["label"]): head for head in client.get(LIST).context["heads"]}
    assert heads["Received"]["direction"] == "descending"
    assert heads["Received"]["url"] == "?order=created"
    assert heads["Amount"]["url"] == "?order=-amount"  # the largest first
    assert heads["Client"]["url"] == "?order=client"
    assert not heads["Clock"]["url"]
    page = client.get(LIST, {"order": "-amount", "source": "web", "after": "1~2"})
    head = next(h for h in page.context["heads"] if h["label"] == "Amount")
    assert (head["direction"], head["url"]) == ("descending", "?order=amount&source=web")
    assert 'aria-sort="descending"' in page.content.decode()


@pytest.mark.parametrize("place", ["1e9999~1", "x~1", "NaN~5", "~1", "-~1", "1~x", "9" * 400 + "~1"])
@pytest.mark.parametrize("order", ["amount", "stage", "client", "expected", "next", "number"])
def test_no_place_in_an_address_breaks_an_order(
    client: Client, manager: User, place: str, order: str
) -> None:
    lead()
    assert client.get(LIST, {"order": order, "after": place}).status_code == 200
    assert client.get(LIST, {"order": order, "before": place}).status_code == 200


def test_former_names_of_orders_still_order(client: Client, manager: User) -> None:
    first, second = lead(at=later(minutes=1)).pk, lead(at=later(minutes=2)).pk
    assert shown(client, order="oldest") == [first, second]
    assert shown(client, order="waiting") == [first, second]


def test_money_orders_and_filters_only_for_those_who_see_it(client: Client) -> None:
    client.force_login(people(Role.MARKETER, "mia"))
    pk = lead().pk
    page = client.get(LIST, {"order": "-amount", "amount_from": "5"})
    assert [row.journey.pk for row in page.context["rows"]] == [pk]
    assert "“-amount” is not known here" in page.content.decode()


# filters -------------------------------------------------------------------------------------------------------------


def test_journeys_without_a_next_step_and_with_one_overdue(client: Client, manager: User) -> None:
    bare, late, planned, closed = lead(), lead(), lead(), journey_at(Stage.LOST)
    step(late, manager, days=-1)
    step(planned, manager, days=3)
    assert shown(client, next="none") == [bare.pk]
    assert shown(client, next="late") == [late.pk]
    assert set(shown(client, next="some")) == {late.pk, planned.pk}
    assert shown(client, next="today") == [late.pk]
    assert closed.pk not in shown(client, next="none", state="all")
    page = client.get(LIST).content.decode()
    assert "Set a next step" in page
    assert "Call back" in page


def test_the_clock_filter_keeps_what_the_clock_shows_as_nearly_over(
    client: Client, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation(first_response_minutes=60, timezone="UTC", opens="09:00", closes="18:00")
    now = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    now -= timedelta(days=now.weekday() + 7)  # a Monday noon gone by
    monkeypatch.setattr(timezone, "now", lambda: now)
    ages = {lead(at=now - timedelta(minutes=minutes)).pk: minutes for minutes in (10, 29, 31, 59, 61, 200)}
    # the application of Friday evening has used up an hour by Monday at ten
    friday = lead(at=now - timedelta(days=3) + timedelta(hours=5, minutes=30)).pk
    risk = {pk for pk, minutes in ages.items() if minutes > 30} | {friday}
    over = {pk for pk, minutes in ages.items() if minutes > 60} | {friday}
    assert set(shown(client, clock="risk")) == risk
    assert set(shown(client, clock="over")) == over
    assert {row.journey.pk for row in client.get(LIST).context["rows"] if row.left < 0} == over


def test_filters_by_money_days_service_campaign_and_how_long_in_stage(client: Client, manager: User) -> None:
    old = lead(service="crm", campaign="spring", at=later(days=1))
    new = lead(service="erp", at=timezone.now())
    Journey.objects.filter(pk=old.pk).update(amount=100, expected_on=date(2026, 6, 1))
    assert shown(client, service="crm") == [old.pk]
    assert shown(client, campaign="none") == [new.pk]
    assert shown(client, amount_from="50", amount_to="100") == [old.pk]
    assert shown(client, amount_to="99.99") == []
    assert shown(client, received_to=old.created_at.date().isoformat()) == [old.pk]
    assert shown(client, received_from=timezone.localdate().isoformat()) == [new.pk]
    assert shown(client, expected_from="2026-06-01", expected_to="2026-06-01") == [old.pk]
    assert shown(client, stale="yes") == [old.pk]


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31", "2026-02-30", "tomorrow"])
def test_an_impossible_day_is_named_and_left_out(client: Client, manager: User, value: str) -> None:
    pk = lead().pk
    answer = client.get(LIST, {"received_from": value, "received_to": value})
    assert [row.journey.pk for row in answer.context["rows"]] == [pk]
    assert len(answer.context["faults"]) == 2


def test_an_address_is_written_alike_for_whatever_shows_alike(manager: User) -> None:
    def canonical(**data: str) -> str:
        return JourneyFilter(data, user=manager).canonical

    assert canonical(state="open", order="-created", q="") == ""
    assert canonical(stage="new", state="all") == canonical(stage="new") == "stage=new"
    assert canonical(amount_from="5.00") == canonical(amount_from="5") == "amount_from=5"
    assert canonical(owner="ghost", stage="x") == ""
    assert BoardFilter({"half": "sales", "stage": "new"}, user=manager).canonical == "half=sales"


# columns -------------------------------------------------------------------------------------------------------------


def test_columns_are_chosen_put_in_order_and_kept_for_the_person(client: Client, manager: User) -> None:
    lead(service="crm")
    order = [column.key for column in COLUMNS]
    answer = client.post(COLUMNS_PAGE, {"order": order, "columns": ["stage", "phone"], "move": "phone:up"})
    assert answer.status_code == 200  # nothing is saved yet
    rows = answer.context["form"].rows
    keys = [row["column"].key for row in rows]
    assert keys.index("phone") == order.index("phone") - 1
    assert [row["column"].key for row in rows if row["shown"]] == ["stage", "phone"]
    assert not User.objects.get(pk=manager.pk).lists
    answer = client.post(
        COLUMNS_PAGE, {"order": ["phone", "stage"], "columns": ["stage", "phone"], "save": "1"}
    )
    assert answer.status_code == 303
    heads = [str(head["label"]) for head in client.get(LIST).context["heads"]]
    assert heads == [str(CLIENT.label), "Phone", "Stage"]
    client.force_login(people(Role.MANAGER, "another"))
    assert len(client.get(LIST).context["heads"]) == len(usual(manager)) + 1


def test_the_usual_columns_come_back(client: Client, manager: User) -> None:
    arrangement.choose_columns(user=manager, view=None, keys=["phone"])
    answer = client.post(COLUMNS_PAGE, {"order": ["phone"], "columns": ["phone"], "usual": "1"})
    ticked = [row["column"].key for row in answer.context["form"].rows if row["shown"]]
    assert ticked == usual(manager)
    client.post(COLUMNS_PAGE, {"order": ticked, "columns": ticked, "save": "1"})
    assert User.objects.get(pk=manager.pk).lists["columns"] == {}


def test_a_column_of_another_role_is_neither_offered_nor_kept(client: Client) -> None:
    mia = people(Role.MARKETER, "mia")
    client.force_login(mia)
    assert 'value="amount"' not in client.get(COLUMNS_PAGE).content.decode()
    client.post(COLUMNS_PAGE, {"order": ["amount", "stage"], "columns": ["amount", "stage"], "save": "1"})
    mia.refresh_from_db()
    assert mia.lists["columns"][""] == ["stage"]
    assert client.post(COLUMNS_PAGE, {"move": "amount:up"}).status_code == 400


def test_somebody_of_a_partner_is_led_to_the_pages_of_partners(client: Client) -> None:
    client.force_login(people(Role.PARTNER))
    assert client.get(LIST).url == reverse("funnel:home")
    assert client.get(COLUMNS_PAGE).status_code == 403


def test_no_columns_at_all_are_the_usual_ones(client: Client, manager: User) -> None:
    client.post(COLUMNS_PAGE, {"order": ["stage"], "save": "1"})
    assert len(client.get(LIST).context["heads"]) == len(usual(manager)) + 1


# as a file -----------------------------------------------------------------------------------------------------------


def test_the_file_has_the_rows_and_columns_of_the_list_and_no_formulas(client: Client, manager: User) -> None:
    risky = lead(name="=1+1", company="@SUM(A1)", source="event", at=later(minutes=1))
    plain = lead(name="Priya", source="event", at=later(minutes=2))
    lead(source="web")
    Journey.objects.filter(pk=plain.pk).update(amount=Decimal("33300.50"))
    step(plain, manager, days=1)
    answer = client.get(
        reverse("funnel:journey-export", args=["csv"]), {"source": "event", "order": "amount"}
    )
    assert answer["Content-Disposition"].startswith('attachment; filename="journeys-')
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:4] == ["Number", "Company", "Contact", "Stage"]
    assert [row[0] for row in rows[1:]] == [str(plain.pk), str(risky.pk)]  # who has no amount comes last
    assert rows[2][1:3] == ["'@SUM(A1)", "'=1+1"]
    assert rows[1][rows[0].index("Amount")] == "33300.5"
    assert rows[1][rows[0].index("Next step")].startswith("Call back, ")
    book = client.get(reverse("funnel:journey-export", args=["xlsx"]), {"source": "event"})
    assert book.content.startswith(b"PK")


def test_the_file_of_a_role_has_no_money_and_other_roles_get_none(client: Client) -> None:
    journey = lead()
    Journey.objects.filter(pk=journey.pk).update(amount=33300)
    file = reverse("funnel:journey-export", args=["csv"])
    client.force_login(people(Role.MARKETER, "mia"))
    assert "33300" not in client.get(file).content.decode()
    for role in (Role.FIRST_TOUCH, Role.SALESPERSON, Role.LAWYER, Role.PARTNER):
        client.force_login(people(role))
        assert client.get(file).status_code == 403
        assert "export.csv" not in client.get(LIST).content.decode()


def test_a_list_too_long_for_a_file_says_so(
    client: Client, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST", 1)
    lead(), lead()
    answer = client.get(reverse("funnel:journey-export", args=["csv"]), {"source": "web"}, follow=True)
    assert answer.redirect_chain[0][0].endswith("?source=web")
    assert "A file has 1 rows at most" in answer.content.decode()
    assert client.get(reverse("funnel:journey-export", args=["doc"])).status_code == 404


def test_a_file_takes_as_many_queries_for_three_rows_as_for_one(client: Client, manager: User) -> None:
    counts = []
    for _number in range(3):
        lead(service="crm", company="Evergreen")
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("funnel:journey-export", args=["csv"]))
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts
    assert Service.objects.count() == 1
