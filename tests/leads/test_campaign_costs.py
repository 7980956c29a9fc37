"""What campaigns cost: set by month on a page, from a file and by REST, seen only by those who may."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from funnel.models import Campaign, Organisation
from funnel.models.organisation import Rate
from funnel.stages import Role
from leads import costs
from leads.cost_forms import rows_of
from leads.models import CampaignCost
from tests.factories import START, later, organisation, people, token

pytestmark = pytest.mark.django_db
REST = "/api/v1/campaign-costs/"


@pytest.fixture
def spring() -> Campaign:
    return Campaign.objects.create(key="spring", label="Spring fair")


def put(campaign: Campaign, **by_month: str) -> int:
    """Set costs: put(spring, m2026_03="100")."""
    wanted = {
        (campaign.pk, name[1:].replace("_", "-")): costs.Sum(Decimal(text)) if text else None
        for name, text in by_month.items()
    }
    return costs.set_costs(costs=wanted, actor=people(Role.MARKETER), at=START)


def stored() -> dict[str, str]:
    return {f"{cost.campaign.key} {cost.month}": str(cost.amount) for cost in CampaignCost.objects.all()}


# the rule


def test_a_cost_is_set_changed_and_taken_away(spring: Campaign) -> None:
    assert put(spring, m2026_03="100", m2026_04="0") == 2
    assert put(spring, m2026_03="120.50", m2026_04="0") == 1
    assert stored() == {"spring 2026-03": "120.50", "spring 2026-04": "0.00"}
    assert put(spring, m2026_03="", m2026_05="") == 1
    assert stored() == {"spring 2026-04": "0.00"}


def test_a_cost_keeps_the_currency_and_the_person_of_the_day_it_was_given(spring: Campaign) -> None:
    organisation(currency="USD")
    put(spring, m2026_03="100")
    organisation(currency="EUR")
    put(spring, m2026_03="100", m2026_04="50")
    assert list(CampaignCost.objects.values_list("month", "currency", "set_by__role", "set_at")) == [
        ("2026-03", "USD", Role.MARKETER, START), ("2026-04", "EUR", Role.MARKETER, START),
    ]  # fmt: skip


def test_setting_many_takes_a_fixed_number_of_queries(spring: Campaign, django_assert_num_queries) -> None:
    actor = people(Role.MARKETER)
    put(spring, m2026_01="1", m2026_02="2")
    for months in (1, 8):
        wanted = {
            (spring.pk, f"2026-{month:02}"): costs.Sum(Decimal(months * 10 + month))
            for month in range(1, months + 1)
        }
        with django_assert_num_queries(5):  # the transaction, what stands, the organisation, the costs
            costs.set_costs(costs={**wanted, (spring.pk, "2026-09"): None}, actor=actor, at=START)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"amount": Decimal("-0.01")}, "campaign_cost_not_negative"),
        ({"month": "2026-13"}, "campaign_cost_month_written_right"),
        ({"month": "2026-3"}, "campaign_cost_month_written_right"),
        ({"month": "0000-01"}, "campaign_cost_month_written_right"),
        ({"month": "2026-03"}, "campaign_cost_once_a_month"),
    ],
)
def test_the_database_refuses_what_is_no_cost(
    spring: Campaign, changes: dict[str, object], name: str
) -> None:
    put(spring, m2026_03="100")
    fields = {
        "campaign": spring,
        "month": "2026-04",
        "amount": 1,
        "currency": "EUR",
        "set_at": START,
        **changes,
    }
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        CampaignCost.objects.create(**fields)


# from a file


def test_good_rows_land_and_bad_ones_are_named_by_line_column_and_reason(spring: Campaign) -> None:
    put(spring, m2026_01="10")
    text = (
        "campaign;month;amount;note\n"
        "spring;2026-01;10,00;stands\n"
        "spring;2026-02;1 250,50;\n"
        "spring;2026-02;7;\n"
        "autumn;2026-02;7;\n"
        "spring;2026-2;7;\n"
        "spring;2026-03;-7;\n"
        "spring;2026-03;7.001;\n"
        "spring;2026-03;1e3;\n"
        "spring;2026-03\n"
        "spring;2026-03;9999999999999;\n"
        "spring;2026-04;0;\n"
    )  # fmt: skip
    found = costs.take(rows=rows_of(text), actor=None, at=START)
    assert (found.rows, found.set, found.unchanged) == (11, 2, 1)
    assert [(row.line, row.column) for row in found.rejected] == [
        (4, "month"), (5, "campaign"), (6, "month"), (7, "amount"), (8, "amount"), (9, "amount"), (10, "amount"),
        (11, "amount"),
    ]  # fmt: skip
    assert stored() == {"spring 2026-01": "10.00", "spring 2026-02": "1250.50", "spring 2026-04": "0.00"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_however_its_columns_are_parted_and_ordered(separator: str) -> None:
    text = (
        "\ufeff"
        + separator.join(["Amount", "Campaign", "Month"])
        + "\r\n"
        + separator.join(["5", "a", "2026-01"])
    )
    assert list(rows_of(text)) == [(2, {"campaign": "a", "month": "2026-01", "amount": "5"})]


def test_the_page_takes_a_file_and_tells_what_it_did_not_take(client: Client, spring: Campaign) -> None:
    client.force_login(people(Role.MARKETER))
    url = reverse("leads:campaign-costs")
    file = SimpleUploadedFile("costs.csv", b"campaign,month,amount\nspring,2026-03,80\nautumn,2026-03,1\n")
    answer = client.post(url, {"file": file})
    assert answer.status_code == 200
    assert "There is no campaign “autumn”." in answer.text
    assert stored() == {"spring 2026-03": "80.00"}
    answer = client.post(url, {"text": "campaign\tmonth\tamount\nspring\t2026-04\t90"})
    assert answer.status_code == 303
    assert stored()["spring 2026-04"] == "90.00"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "Give a file or paste a table"),
        ({"text": "month,amount\n2026-03,1"}, "These columns are missing: campaign."),
        ({"text": 'campaign,month,amount\n"a'}, "This is no table"),
        ({"file": b"campaign,month,amount\n\xff\xfe"}, "not text in UTF-8"),
        ({"file": b"x" * 1_000_001}, "larger than 1 MB"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(
    client: Client, data: dict[str, object], words: str
) -> None:
    client.force_login(people(Role.MARKETER))
    if isinstance(data.get("file"), bytes):
        data = {"file": SimpleUploadedFile("costs.csv", data["file"])}
    answer = client.post(reverse("leads:campaign-costs"), data)
    assert answer.status_code == 422
    assert words in answer.text


# on the page


def posted(spring: Campaign, **months: tuple[str, str]) -> dict[str, str]:
    """What a browser sends: what the person typed into each month, and what stood in it when the page was made."""
    data = {"label": spring.label, "source": "", "active": "on"}
    for number in range(1, 13):
        typed, stood = months.get(f"m{number:02}", ("", ""))
        data |= {f"2026-{number:02}": typed, f"initial-2026-{number:02}": stood}
    return data


def test_a_marketer_sets_the_months_of_a_year_and_the_label_at_once(client: Client, spring: Campaign) -> None:
    put(spring, m2026_03="100", m2025_03="5")
    client.force_login(people(Role.MARKETER))
    url = reverse("leads:campaign-edit", args=[spring.pk]) + "?year=2026"
    assert 'value="100.00"' in client.get(url).text
    data = posted(spring, m03=("", "100.00"), m04=("250.5", "")) | {"label": "Spring show"}
    answer = client.post(url, data)
    assert (answer.status_code, answer["Location"]) == (303, url)
    assert stored() == {"spring 2025-03": "5.00", "spring 2026-04": "250.50"}
    assert str(Campaign.objects.get(pk=spring.pk)) == "Spring show"


def test_a_month_that_somebody_else_set_meanwhile_is_left_alone(client: Client, spring: Campaign) -> None:
    put(spring, m2026_03="100")
    client.force_login(people(Role.MARKETER))
    client.post(
        reverse("leads:campaign-edit", args=[spring.pk]) + "?year=2026",
        posted(spring, m03=("", ""), m05=("7", "")),  # the page was made before March was known
    )
    assert stored() == {"spring 2026-03": "100.00", "spring 2026-05": "7.00"}


def test_a_bad_amount_saves_nothing_and_points_at_its_month(client: Client, spring: Campaign) -> None:
    client.force_login(people(Role.MARKETER))
    url = reverse("leads:campaign-edit", args=[spring.pk]) + "?year=2026"
    answer = client.post(url, posted(spring, m01=("5", ""), m04=("-1", "")) | {"label": "Spoilt"})
    assert answer.status_code == 422
    assert 'href="#id_2026-04"' in answer.text
    assert stored() == {}
    assert "<h1>Spring fair</h1>" in answer.text.replace("\n", "") or "Spring fair" in answer.text


def test_a_new_campaign_leads_to_its_costs(client: Client) -> None:
    client.force_login(people(Role.MARKETER))
    answer = client.post(reverse("leads:campaign-new"), {"key": "summer", "label": "Summer", "source": ""})
    made = Campaign.objects.get(key="summer")
    assert answer["Location"] == reverse("leads:campaign-edit", args=[made.pk])


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.MARKETER, Role.MANAGER, Role.ADMINISTRATOR}]
)
def test_others_do_not_come_in(client: Client, spring: Campaign, role: Role) -> None:
    client.force_login(people(role))
    for url in (
        reverse("leads:campaign-new"), reverse("leads:campaign-costs"), reverse("leads:campaign-edit", args=[spring.pk]),
    ):  # fmt: skip
        assert client.get(url).status_code == 403
        assert client.post(url, {"year": "2026"}).status_code == 403


def test_the_edit_page_takes_a_fixed_number_of_queries(
    client: Client, spring: Campaign, django_assert_num_queries
) -> None:
    client.force_login(people(Role.MARKETER))
    url = reverse("leads:campaign-edit", args=[spring.pk]) + "?year=2026"
    client.get(url)
    with django_assert_num_queries(QUERIES):
        client.get(url)
    put(spring, m2026_01="1", m2026_02="2", m2026_03="3")
    with django_assert_num_queries(QUERIES):
        client.get(url)


QUERIES = 13
"""Session and user, campaign, organisation, its costs, the sources to choose from, its last changes, three of the frame;
the campaign once more for the form, and the marks of a transaction."""


# by REST


def test_rest_sets_a_cost_once_a_month_and_changes_and_removes_it(client: Client, spring: Campaign) -> None:
    Organisation.objects.update(currency="USD")
    headers = token(people(Role.MARKETER))
    made = client.post(
        REST, {"campaign": "spring", "month": "2026-03", "amount": "99.90"}, headers=headers,
        content_type="application/json",
    )  # fmt: skip
    assert made.status_code == 201
    assert {name: made.json()[name] for name in ("campaign", "month", "amount", "currency", "set_by")} == {
        "campaign": "spring", "month": "2026-03", "amount": "99.90", "currency": "USD", "set_by": "marketer",
    }  # fmt: skip
    again = client.post(
        REST, {"campaign": "spring", "month": "2026-03", "amount": "1"}, headers=headers,
        content_type="application/json",
    )  # fmt: skip
    assert again.status_code == 400
    one = f"{REST}{made.json()['id']}/"
    changed = client.patch(one, {"amount": "0"}, headers=headers, content_type="application/json")
    assert changed.json()["amount"] == "0.00"
    moved = client.patch(one, {"month": "2026-04"}, headers=headers, content_type="application/json")
    assert moved.status_code == 400
    assert client.delete(one, headers=headers).status_code == 204
    assert stored() == {}


@pytest.mark.parametrize(
    "body",
    [
        {"campaign": "autumn", "month": "2026-03", "amount": "1"},
        {"campaign": "spring", "month": "2026-13", "amount": "1"},
        {"campaign": "spring", "month": "March", "amount": "1"},
        {"campaign": "spring", "month": "0000-01", "amount": "1"},
        {"campaign": "spring", "month": "2026-03", "amount": "-1"},
        {"campaign": "spring", "month": "2026-03", "amount": "NaN"},
        {"campaign": "spring", "month": "2026-03"},
        {"campaign": 1, "month": "2026-03", "amount": "1"},
        {"campaign": "\0", "month": "2026-03", "amount": "1"},
        {"campaign": "spring", "month": "\0", "amount": "1"},
        {"campaign": "spring", "month": "2026-03", "amount": "1e300"},
        {"campaign": "spring", "month": "2026-03", "amount": "1", "currency": "E\0R"},
        {"campaign": "spring", "month": "2026-03", "amount": "1", "currency": ["EUR"]},
    ],
)
def test_rest_refuses_what_is_no_cost(client: Client, spring: Campaign, body: dict[str, object]) -> None:
    answer = client.post(REST, body, headers=token(people(Role.MARKETER)), content_type="application/json")
    assert answer.status_code == 400
    assert stored() == {}


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (Role.MANAGER, 200, 201), (Role.ADMINISTRATOR, 200, 201), (Role.MARKETER, 200, 201),
        (Role.SALESPERSON, 200, 403), (Role.FIRST_TOUCH, 403, 403), (Role.SPECIALIST, 403, 403),
        (Role.LAWYER, 403, 403), (Role.PARTNER, 403, 403), (Role.SERVICE, 403, 403),
    ],
)  # fmt: skip
def test_costs_are_for_those_who_see_money_or_run_campaigns(
    client: Client, spring: Campaign, role: Role, reads: int, writes: int
) -> None:
    headers = token(people(role))
    assert client.get(REST, headers=headers).status_code == reads
    answer = client.post(
        REST, {"campaign": "spring", "month": "2026-03", "amount": "1"}, headers=headers,
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == writes


def test_rest_lists_by_month_and_campaign(client: Client, spring: Campaign) -> None:
    autumn = Campaign.objects.create(key="autumn")
    put(spring, m2026_03="1", m2026_04="2")
    put(autumn, m2026_03="3")
    headers = token(people(Role.SALESPERSON), "read")
    found = client.get(REST, {"month": "2026-03", "campaign": "spring"}, headers=headers).json()
    assert [row["amount"] for row in found["results"]] == ["1.00"]
    assert len(client.get(REST, {"month": "2026-03"}, headers=headers).json()["results"]) == 2


@pytest.mark.parametrize(
    "query", ["month=%00", "campaign=%00", "month=2026-13", "campaign=nobody", "cursor=%00"]
)
def test_rest_bears_any_filter(client: Client, query: str) -> None:
    assert client.get(f"{REST}?{query}", headers=token(people(Role.MARKETER))).status_code in {200, 400, 404}


# in another currency


@pytest.fixture
def dollars() -> None:
    """A dollar is worth 0.90 of our own from 1 March, 0.95 from 31 March, 0.80 from 2 April."""
    organisation(currency="EUR")
    for day, rate in (("2026-03-01", "0.90"), ("2026-03-31", "0.95"), ("2026-04-02", "0.80")):
        Rate.objects.create(currency="USD", into="EUR", day=day, rate=Decimal(rate))


@pytest.mark.usefixtures("dollars")
def test_a_cost_in_another_currency_is_frozen_at_the_rate_of_the_months_last_day(spring: Campaign) -> None:
    text = "campaign,month,amount,currency\nspring,2026-03,100.10,usd\nspring,2026-04,50,EUR\nspring,2026-05,7,\n"
    found = costs.take(rows=rows_of(text), actor=None, at=later(days=60))
    assert (found.set, list(found.rejected)) == (3, [])
    assert stored() == {"spring 2026-03": "95.10", "spring 2026-04": "50.00", "spring 2026-05": "7.00"}
    march = CampaignCost.objects.get(month="2026-03")
    assert (march.currency, march.original) == (
        "EUR",
        {"amount": "100.10", "currency": "USD", "rate": "0.95", "day": "2026-03-31"},
    )
    Rate.objects.all().delete()
    again = costs.take(rows=rows_of("campaign,month,amount\nspring,2026-03,95.10\n"), actor=None, at=START)
    assert again.set == 1  # the same sum, now our own
    assert CampaignCost.objects.get(month="2026-03").original == {}


@pytest.mark.usefixtures("dollars")
def test_a_month_that_still_runs_takes_the_rate_of_today(spring: Campaign) -> None:
    assert costs.frozen(Decimal(100), "USD", month="2026-03", at=START).amount == 90  # on 2 March
    assert costs.frozen(Decimal(100), "USD", month="2026-12", at=later(days=60)).amount == 80


@pytest.mark.usefixtures("dollars")
def test_a_currency_without_a_rate_is_refused_by_name(client: Client, spring: Campaign) -> None:
    text = "campaign,month,amount,currency\nspring,2026-02,1,USD\nspring,2026-03,1,GBP\nspring,2026-03,1,dollars\n"
    found = costs.take(rows=rows_of(text), actor=None, at=later(days=60))
    assert [(row.line, row.column) for row in found.rejected] == [
        (2, "currency"),
        (3, "currency"),
        (4, "currency"),
    ]
    body = {"campaign": "spring", "month": "2026-03", "amount": "1", "currency": "GBP"}
    headers = token(people(Role.MARKETER))
    answer = client.post(REST, body, headers=headers, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "currency")
    made = client.post(REST, {**body, "currency": "USD"}, headers=headers, content_type="application/json")
    assert (made.json()["amount"], made.json()["currency"], made.json()["original"]["currency"]) == (
        "0.95",
        "EUR",
        "USD",
    )


@pytest.mark.usefixtures("dollars")
def test_a_sum_that_the_rate_makes_too_large_is_refused(client: Client, spring: Campaign) -> None:
    Rate.objects.create(currency="XAU", into="EUR", day="2026-03-01", rate=Decimal(4000))
    body = {"campaign": "spring", "month": "2026-03", "amount": "999999999999.99", "currency": "XAU"}
    answer = client.post(REST, body, headers=token(people(Role.MARKETER)), content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "currency")
    assert stored() == {}
