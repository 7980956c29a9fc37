"""The tax of a proposal: the sum per rate, rounded once, shown so at every door, in the digits of the currency."""

from __future__ import annotations

import importlib
import json
import re
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals import pdf
from deals.domain import proposals
from deals.models import Line, ProposalVersion
from funnel.models import Campaign, Journey, Organisation
from funnel.models.organisation import Rate
from funnel.stages import Role, Stage
from leads import costs
from tests.factories import journey_at, organisation, people, run, token

pytestmark = pytest.mark.django_db

CASES = Path(__file__).parent / "cases"
VAT = json.loads((CASES / "proposal-vat.json").read_text())
JPY = json.loads((CASES / "proposal-jpy.json").read_text())
MIXED = [
    {"description": "Audit", "quantity": "1.5", "unit_price": "33.3333", "discount": "10", "tax": "19"},
    {"description": "Books", "quantity": 3, "unit_price": "9.95", "tax": "7"},
    {"description": "Travel", "quantity": 1, "unit_price": "100", "tax": "19"},
]
"""1.5 × 33.3333 × 0.9 = 44.99996 → 45.00; 29.85; 100. At 19 %: 145.00 → 27.55; at 7 %: 29.85 → 2.0895 → 2.09."""


class Program:
    """A manager's program over REST."""

    def __init__(self) -> None:
        self.client = Client(headers=token(people(Role.MANAGER), "read", "write"))

    def send(self, method: str, path: str, data: dict[str, Any]) -> tuple[int, Any]:
        answer = getattr(self.client, method)(f"/api/v1/{path}", data, content_type="application/json")
        return answer.status_code, answer.json()

    def version(self, journey: Journey, **draft: Any) -> dict[str, Any]:
        """Save the draft of a journey's proposal and return it."""
        status, answer = self.send("post", "proposals/", {"journey": journey.pk, **draft})
        assert status == 201, answer
        return answer["versions"][-1]

    def faults(self, journey: Journey, **draft: Any) -> dict[str, str]:
        status, answer = self.send("post", "proposals/", {"journey": journey.pk, **draft})
        assert status == 400, answer
        return {fault["field"]: fault["reason"] for fault in answer["errors"]}


@pytest.fixture
def program() -> Program:
    organisation(currency="EUR")
    return Program()


@pytest.fixture
def journey() -> Journey:
    return journey_at(Stage.PROPOSAL_REQUESTED)


def text_of(page: bytes) -> str:
    """Return the words of a page without its markup, blanks as one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.decode()).replace("\xa0", " "))


@pytest.mark.parametrize(
    ("lines", "tax"),
    [
        (VAT["three_lines"]["lines"], VAT["three_lines"]["right_tax"]),
        ([VAT["hundred_lines"]["line"]] * VAT["hundred_lines"]["times"], VAT["hundred_lines"]["right_tax"]),
    ],
)
def test_tax_is_the_sum_per_rate_rounded_once(
    program: Program, journey: Journey, lines: list[Any], tax: str
) -> None:
    status, answer = program.send(
        "post", f"journeys/{journey.pk}/moves/send_proposal/", {"inputs": {"lines": lines}}
    )
    assert status == 200, answer
    version = program.send("get", f"proposals/?journey={journey.pk}", {})[1]["results"][0]["versions"][0]
    assert version["tax"] == tax
    assert [row["tax"] for row in version["taxes"]] == [tax]
    assert Decimal(version["net"]) + Decimal(tax) == Decimal(version["total"])
    assert str(Journey.objects.get(pk=journey.pk).amount) == version["total"]


def test_rest_tells_the_tax_of_each_rate_by_the_names_of_the_contract(
    program: Program, journey: Journey
) -> None:
    version = program.version(journey, lines=MIXED)
    assert version["taxes"] == [
        {"rate": "7.00", "net": "29.85", "tax": "2.09"},
        {"rate": "19.00", "net": "145.00", "tax": "27.55"},
    ]
    names = ("currency", "discount", "net", "tax", "total")
    assert [version[name] for name in names] == ["EUR", "0.00", "174.85", "29.64", "204.49"]
    lines = version["lines"]
    assert [(line["unit_price"], line["net"]) for line in lines] == [
        ("33.3333", "45.00"),
        ("9.95", "29.85"),
        ("100.00", "100.00"),
    ]
    assert all("total" not in line for line in lines)


def test_a_discount_on_the_whole_is_taken_off_each_rate(program: Program, journey: Journey) -> None:
    """10 % off: at 7 % 29.85 → 26.865 → 26.87, tax 1.8809 → 1.88; at 19 % 145 → 130.50, tax 24.795 → 24.80."""
    version = program.version(journey, lines=MIXED, discount="10")
    assert version["taxes"] == [
        {"rate": "7.00", "net": "26.87", "tax": "1.88"},
        {"rate": "19.00", "net": "130.50", "tax": "24.80"},
    ]
    assert [version[name] for name in ("discount", "net", "tax", "total")] == [
        "10.00",
        "157.37",
        "26.68",
        "184.05",
    ]
    kept = program.version(journey, note="Hello")
    assert (kept["discount"], kept["total"]) == ("10.00", "184.05")
    assert program.version(journey, discount="0")["total"] == "204.49"


def test_unknown_keys_of_a_line_are_refused_and_named(program: Program, journey: Journey) -> None:
    lines = [MIXED[0], {**MIXED[1], "total": "5", "unit": 7}]
    assert program.faults(journey, lines=lines).keys() == {"lines.1.total", "lines.1.unit"}
    assert not Line.objects.exists()


def test_a_unit_price_has_four_decimals_at_most(program: Program, journey: Journey) -> None:
    assert program.faults(journey, lines=[{**MIXED[0], "unit_price": "0.12345"}]).keys() == {
        "lines.0.unit_price"
    }
    assert (
        program.version(journey, lines=[{**MIXED[0], "unit_price": "0.1234"}])["lines"][0]["unit_price"]
        == "0.1234"
    )


# the currency --------------------------------------------------------------------------------------------------------


def test_yen_have_no_fraction_anywhere(program: Program, journey: Journey) -> None:
    organisation(currency="JPY")
    assert program.faults(journey, lines=JPY["lines"]).keys() == {"lines.0.unit_price"}
    version = program.version(journey, lines=[{**JPY["lines"][1], "quantity": 1}])
    assert version["taxes"] == [{"rate": "10.00", "net": "1127", "tax": "113"}]
    assert [version[name] for name in ("currency", "net", "tax", "total")] == ["JPY", "1127", "113", "1240"]
    assert (version["lines"][0]["unit_price"], version["lines"][0]["net"]) == ("1127", "1127")
    half = program.version(
        journey, lines=[{"description": "x", "quantity": "1.5", "unit_price": "333", "discount": "1"}]
    )
    assert half["net"] == "495"  # 1.5 × 333 = 499.5, less 1 % = 494.505


def test_every_field_of_money_refuses_a_fraction_of_a_yen(program: Program, journey: Journey) -> None:
    won = journey_at(Stage.WON)
    Organisation.objects.update(currency="JPY")  # with money on record no door would
    assert program.send("patch", f"journeys/{journey.pk}/", {"amount": "10.50"})[0] == 400
    assert program.send("patch", f"journeys/{journey.pk}/", {"amount": "10.00"})[0] == 200
    cost = {"campaign": Campaign.objects.create(key="expo").key, "month": "2026-03"}
    assert program.send("post", "campaign-costs/", {**cost, "amount": "10.50"})[0] == 400
    rows = [(2, {**cost, "amount": "10.50"}), (3, {**cost, "amount": "10"})]
    assert [
        (one.line, one.column) for one in costs.take(rows=rows, actor=None, at=timezone.now()).rejected
    ] == [(2, "amount")]
    pay = f"journeys/{won.pk}/facts/payment_received/"
    assert program.send("post", pay, {"inputs": {"amount": "10.50"}})[0] == 400
    Rate.objects.create(currency="USD", into="JPY", day="2020-01-01", rate="150.3")
    status, _answer = program.send("post", pay, {"inputs": {"amount": "10.50", "currency": "USD"}})
    assert status == 200
    assert won.payments.get().amount == 1578  # 1578.15


@pytest.mark.parametrize("code", ["KWD", "BHD", "TND", "IQD", "JOD", "LYD", "OMR"])
def test_a_currency_of_three_digits_is_refused_for_the_organisation_in_words(
    client: Client, code: str
) -> None:
    organisation(currency="EUR")
    with pytest.raises(CommandError, match=f"currency: Amounts in {code} have more than two digits"):
        call_command("org", "set", f"currency={code}", stdout=StringIO())
    client.force_login(people(Role.ADMINISTRATOR))
    url = reverse("funnel:organisation")
    page = client.get(url)
    given = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    answer = client.post(
        url, {name: value for name, value in given.items() if value is not None} | {"currency": code}
    )
    assert answer.status_code == 422
    assert f"Amounts in {code} have more than two digits after the point" in answer.content.decode()
    assert Organisation.current().currency == "EUR"
    call_command("org", "set", "currency=JPY", stdout=StringIO())
    assert Organisation.current().currency == "JPY"


def test_a_draft_written_in_another_currency_is_counted_anew_or_refused(
    program: Program, journey: Journey
) -> None:
    program.version(journey, lines=[{**JPY["lines"][1], "unit_price": "1127.00"}])
    organisation(currency="JPY")
    move = f"journeys/{journey.pk}/moves/send_proposal/"
    assert program.send("post", move, {"inputs": {}})[0] == 200
    assert ProposalVersion.objects.get(state="sent").tax == 113
    other = journey_at(Stage.PROPOSAL_REQUESTED)
    organisation(currency="EUR")
    program.version(other, lines=[MIXED[1]])
    organisation(currency="JPY")
    status, answer = program.send("post", f"journeys/{other.pk}/moves/send_proposal/", {"inputs": {}})
    assert (status, answer["missing"]) == (409, ["proposal.lines"])
    assert "JPY have no fraction" in answer["detail"]


# what people see -----------------------------------------------------------------------------------------------------


def rows(page: bytes) -> list[tuple[str, str]]:
    text = page.decode().replace("\xa0", " ")
    return re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text[text.index('class="totals"') :])


ADDED_UP = [
    ("Before discounts", "€179.85"),
    ("Discounts", "−€5"),
    ("10% off the whole", "−€17.48"),
    ("Net", "€157.37"),
    ("Tax 7% on €26.87", "€1.88"),
    ("Tax 19% on €130.50", "€24.80"),
    ("Total", "€184.05"),
]


def test_editor_public_page_and_pdf_show_the_tax_of_each_rate(program: Program, journey: Journey) -> None:
    program.version(journey, lines=MIXED, discount="10")
    client = Client()
    client.force_login(people(Role.MANAGER, "max"))
    assert rows(client.get(reverse("deals:proposal", args=[journey.pk])).content) == ADDED_UP
    run(journey, "send_proposal", {})
    version = ProposalVersion.objects.get(state="sent")
    assert (
        rows(Client().get(reverse("deals:public-proposal", args=[version.proposal.token])).content)
        == ADDED_UP
    )
    paper = pdf.proposal_data(version, organisation=Organisation.current())
    assert [tuple(row) for row in paper["totals"]] == ADDED_UP
    assert [line[2] for line in paper["lines"]] == ["€33.3333", "€9.95", "€100"]
    assert pdf.proposal(version, organisation=Organisation.current()).startswith(b"%PDF")


def test_what_is_typed_is_counted_as_it_is_saved(journey: Journey) -> None:
    organisation(currency="JPY")
    client = Client()
    client.force_login(people(Role.MANAGER, "max"))
    row = {
        "description": "Cal",
        "unit": "",
        "quantity": "1",
        "unit_price": "1127",
        "discount": "",
        "tax": "10",
    }
    typed = {f"lines-0-{name}": value for name, value in row.items()} | {"revision": 1, "discount": "10"}
    url = reverse("deals:proposal-totals", args=[journey.pk])
    counted = rows(client.post(url, typed).content)
    assert counted[1:] == [
        ("10% off the whole", "−¥113"),
        ("Net", "¥1,014"),
        ("Tax 10% on ¥1,014", "¥101"),
        ("Total", "¥1,115"),
    ]
    client.post(reverse("deals:proposal", args=[journey.pk]), typed | {"do": "save"})
    assert rows(client.get(reverse("deals:proposal", args=[journey.pk])).content) == counted


# a database of the version before ------------------------------------------------------------------------------------


def test_what_was_sent_before_keeps_its_totals_and_drafts_are_worked_out_anew() -> None:
    seller = people(Role.SALESPERSON, "sam")
    lines = [
        {
            "description": line["description"],
            "quantity": Decimal(1),
            "unit_price": Decimal(line["unit_price"]),
            "tax": Decimal(19),
        }
        for line in VAT["three_lines"]["lines"]
    ]
    sent, draft = (journey_at(Stage.PROPOSAL_REQUESTED) for _n in range(2))
    for journey in (sent, draft):
        proposals.save_draft(journey_id=journey.pk, actor=seller, at=timezone.now(), lines=lines)
    run(sent, "send_proposal", {})
    # as the version before left them: no taxes by rate, each line's tax rounded
    ProposalVersion.objects.update(tax="37.06", total="232.06", taxes=[], currency="")
    Line.objects.update(net=0)
    migration = importlib.import_module("deals.migrations.0009_proposal_taxes_of_before")
    with connection.schema_editor() as editor:
        migration.work_out(apps, editor)
    before, now = (ProposalVersion.objects.get(proposal__journey=journey) for journey in (sent, draft))
    assert (before.currency, before.tax, before.total) == ("EUR", Decimal("37.06"), Decimal("232.06"))
    assert before.taxes == [{"rate": "19.00", "net": "195.00", "tax": "37.06"}]
    assert (now.tax, now.total, now.taxes[0]["tax"]) == (Decimal("37.05"), Decimal("232.05"), "37.05")
    assert [line.net for line in now.lines.all()] == [Decimal("97.50"), Decimal("65.00"), Decimal("32.50")]
    assert before.sums[-1][1] == before.total
