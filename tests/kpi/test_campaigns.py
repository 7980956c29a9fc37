"""The page of campaigns: what each cost and brought, for those who may see it, sorted as the address says."""

import re
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.models import Campaign
from funnel.stages import Role
from tests.factories import people

from . import ledgers
from .ledgers import Row, Start
from .test_costs import at, history, spend  # noqa: F401  a fixture

pytestmark = pytest.mark.usefixtures("berlin")
URL = "/campaigns/"
MARCH = {"month": "2026-03"}


def page(role: Role, client: Client, **query: str) -> str:
    client.force_login(people(role))
    answer = client.get(URL, {**MARCH, **query})
    assert answer.status_code == 200
    return answer.text


def table(html: str) -> list[list[str]]:
    """The words of each cell, row by row, the head first."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in cells]


@pytest.mark.usefixtures("history")
def test_each_campaign_stands_with_its_cost_and_what_it_brought(client: Client) -> None:
    spend(spring={"2026-03": "600"}, fair={"2026-03": "150"}, idle={"2026-03": "70"})
    start = Start("J9", "C9")
    rows = [
        Row("L9", "J9", "lead_created", at("2026-02-09")),
        Row("P9", "J9", "payment_received", at("2026-03-09"), "75"),
    ]
    ledgers.write([start], rows)
    assert table(page(Role.MANAGER, client)) == [
        ["Campaign", "Cost", "Applications", "SAL", "SAL quality", "Cost per application", "Cost per SAL",
         "New clients", "Cost per client", "Net payments", "Return"],
        ["spring", "€600", "3", "2", "100% 2 of 2", "€200", "€300", "1", "€600", "€900", "× 1.5"],
        ["fair", "€150", "1", "0", "—", "€150", "—", "0", "—", "€0", "× 0"],
        ["idle", "€70", "0", "0", "—", "—", "—", "0", "—", "€0", "× 0"],
        ["Without a campaign", "—", "1", "0", "—", "—", "—", "1", "—", "€75", "—"],
        ["All", "€820", "5", "2", "100% 2 of 2", "€164", "€410", "2", "€410", "€975", "× 1.1"],
    ]  # fmt: skip


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("role", "heads", "edits"),
    [
        (Role.ADMINISTRATOR, {"Cost", "Cost per SAL", "Net payments", "Return"}, True),
        (Role.MANAGER, {"Cost", "Cost per SAL", "Net payments", "Return"}, True),
        (Role.SALESPERSON, {"Cost", "Cost per SAL", "Net payments", "Return"}, False),
        (Role.MARKETER, {"Cost", "Cost per SAL"}, True),
        (Role.FIRST_TOUCH, set(), False),
    ],
)
def test_who_sees_costs_who_sees_money_and_who_may_edit(
    client: Client, role: Role, heads: set[str], edits: bool
) -> None:
    spend(spring={"2026-03": "631"})
    html = page(role, client)
    head = set(table(html)[0])
    assert head >= {"Campaign", "Applications", "SAL", "SAL quality"}
    assert ("counts its cost in full" in html) == ("Cost" in heads)
    assert head & {"Cost", "Cost per SAL", "Net payments", "Return"} == heads
    assert ("€631" in html) == ("Cost" in heads)
    assert ("€900" in html) == ("Net payments" in heads)
    edit = reverse("leads:campaign-edit", args=[Campaign.objects.get(key="spring").pk])
    for url in (edit, reverse("leads:campaign-new"), reverse("leads:campaign-costs")):
        assert (f'href="{url}' in html) == edits


@pytest.mark.parametrize("role", [Role.PARTNER, Role.LAWYER, Role.SPECIALIST, Role.SERVICE])
def test_campaigns_are_not_for_everybody(client: Client, role: Role) -> None:
    client.force_login(people(role))
    assert client.get(URL).status_code == 403
    assert client.get("/").status_code in {200, 302}


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", ["spring", "idle", "fair"]),
        ("campaign_cost", ["idle", "spring", "fair"]),
        ("-leads_valid", ["spring", "fair", "idle"]),
        ("name", ["fair", "idle", "spring"]),
        ("-name", ["spring", "idle", "fair"]),
        ("-cost_per_lead", ["spring", "fair", "idle"]),
        ("nonsense", ["spring", "idle", "fair"]),
    ],
)
def test_the_address_sorts_and_what_has_no_number_comes_last(
    client: Client, order: str, names: list[str]
) -> None:
    spend(spring={"2026-03": "600"}, idle={"2026-03": "70"})
    shown = [row[0] for row in table(page(Role.MANAGER, client, ordering=order))[1:-1]]
    assert shown == [*names, "Without a campaign"]


@pytest.mark.usefixtures("history")
def test_nobody_sorts_by_a_column_that_they_may_not_see(client: Client) -> None:
    spend(spring={"2026-03": "5"}, fair={"2026-03": "600"}, idle={"2026-03": "7"})
    for order in ("campaign_cost", "-campaign_cost", "cost_per_lead"):
        rows = table(page(Role.FIRST_TOUCH, client, ordering=order))
        assert [row[0] for row in rows[1:-2]] == ["spring", "fair", "idle"]  # as by applications


@pytest.mark.usefixtures("history")
def test_every_number_but_nought_leads_to_its_rows(client: Client) -> None:
    spend(spring={"2026-03": "600"})
    html = page(Role.MANAGER, client)
    found = [unescape(url) for url in re.findall(r'href="(/dashboard/records/[^"]*)"', html)]
    of_spring = [dict(parse_qsl(urlsplit(url).query)) for url in found if "campaign=spring" in url]
    assert [(one["metric"], one.get("part", "")) for one in of_spring] == [
        ("leads_valid", ""), ("sal_accepted", ""), ("sal_quality_cohort_7d", "denominator"),
        ("cost_per_lead", "denominator"), ("cost_per_sal", "denominator"), ("new_clients", ""),
        ("cost_per_client", "denominator"), ("payments_net", ""),
    ]  # fmt: skip
    assert {one["month"] for one in of_spring} == {"2026-03"}
    without = [url for url in found if urlsplit(url).query.endswith("campaign=")]
    assert len(without) == 1  # the one application
    for url in found:
        assert client.get(url).status_code == 200, url


@pytest.mark.usefixtures("history")
def test_a_campaign_out_of_use_stands_where_it_still_brought_or_cost_something(client: Client) -> None:
    spend(spring={"2026-03": "600"}, idle={"2026-01": "70"})
    Campaign.objects.update(active=False)
    assert [row[0] for row in table(page(Role.MANAGER, client))[1:]] == [
        "spring Out of use", "fair Out of use", "Without a campaign", "All",
    ]  # fmt: skip
    assert "idle Out of use" in [row[0] for row in table(page(Role.MANAGER, client, month="2026-01"))]


@pytest.mark.usefixtures("history")
def test_a_part_of_a_month_says_that_it_has_no_costs(client: Client) -> None:
    spend(spring={"2026-03": "600"}, idle={"2026-03": "70"})
    client.force_login(people(Role.MANAGER))
    html = client.get(URL, {"period": "2026-03-01..2026-03-15"}).text
    assert "Costs belong to whole months" in html
    assert "€600" not in html
    idle = next(row for row in table(html) if row[0] == "idle")
    assert idle == ["idle", "—", "0", "0", "—", "—", "—", "0", "—", "€0", "—"]
    assert "€600" in client.get(URL, {"period": "2026-Q1"}).text


def test_without_campaigns_the_page_offers_to_make_one(client: Client) -> None:
    for role, offered in ((Role.MARKETER, True), (Role.SALESPERSON, False)):
        html = page(role, client)
        assert "No campaigns yet" in html
        assert (f'class="btn primary" href="{reverse("leads:campaign-new")}"' in html) == offered


def test_a_bad_period_is_named_with_400(client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    answer = client.get(URL, {"month": "2026-13"})
    assert answer.status_code == 400
    assert "“2026-13” is not a month" in answer.text


def test_many_campaigns_come_in_pages(client: Client) -> None:
    spend(**{f"c{number:03}": {"2026-03": str(number)} for number in range(1, 131)})
    first = page(Role.MANAGER, client)
    assert [row[0] for row in table(first)[1:3]] == ["c130", "c129"]
    assert len(table(first)) == 102
    assert "?month=2026-03&amp;page=2" in first
    second = table(page(Role.MANAGER, client, page="2"))
    assert [row[0] for row in second[1:]][-2:] == ["c001", "All"]
    assert table(page(Role.MANAGER, client, page="9")) == table(first)


def test_the_number_of_queries_is_the_same_for_one_campaign_and_for_many(client: Client) -> None:
    client.force_login(people(Role.MANAGER))

    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            assert client.get(URL, MARCH).status_code == 200
        return len(counted)

    ledgers.write([Start("J0", "C0", campaign="c0")], [Row("E0", "J0", "lead_created", at("2026-03-02"))])
    spend(c0={"2026-03": "1"})
    with_one = queries()
    many = [Start(f"J{n}", f"C{n}", campaign=f"c{n}") for n in range(1, 40)]
    ledgers.write(many, [Row(f"E{n}", f"J{n}", "lead_created", at("2026-03-02")) for n in range(1, 40)])
    spend(**{f"c{n}": {"2026-03": str(Decimal(n))} for n in range(1, 40)})
    assert queries() == with_one <= 12


@pytest.mark.parametrize(("role", "shown"), [(Role.SALESPERSON, True), (Role.LAWYER, False)])
def test_the_left_bar_leads_to_campaigns(client: Client, role: Role, shown: bool) -> None:
    client.force_login(people(role))
    assert ('href="/campaigns/"' in client.get("/", follow=True).text) == shown
