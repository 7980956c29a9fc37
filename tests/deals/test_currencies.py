"""Money in other currencies: frozen in the organisation's at the rate of its local day, and summed as such."""

from __future__ import annotations

import csv
import datetime as dt
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from deals.models import Contract, Instalment, Payment
from funnel.acts import run as act
from funnel.machine import Refused
from funnel.models import Journey, Organisation
from funnel.models.organisation import Rate
from funnel.periods import Period
from funnel.rates import origin_words
from funnel.stages import Role, Stage
from kpi import report
from tests.factories import journey_at, people, run, token
from tests.factories.journeys import PATHS, lead

from .helpers import event, faults

pytestmark = pytest.mark.django_db

RATES = """date,currency,rate
2026-03-01,usd,0.90
2026-03-31,USD,0.80
2026-04-01,USD,0.95
2026-03-01,JPY,0.0061
"""


def take(text: str, folder: Path) -> tuple[dict[str, int], list[str]]:
    (folder / "rates.csv").write_text(text)
    out, err = StringIO(), StringIO()
    call_command("import_rates", str(folder / "rates.csv"), stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue().splitlines()


@pytest.fixture
def rates(tmp_path: Path) -> None:
    Organisation.objects.update(timezone="America/Santiago", currency="EUR")
    assert take(RATES, tmp_path)[0] == {"rows": 4, "set": 4, "unchanged": 0, "rejected": 0}


def won() -> Journey:
    """Won in January, at noon: long before anything is paid."""
    journey = lead(at=dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC))
    for name in PATHS[Stage.WON]:
        journey = run(journey, name, {"signed_on": "2026-01-05", "amount": "900"} if name == "sign" else None)
    return journey


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.usefixtures("rates")
def test_the_rate_is_that_of_the_organisations_day_on_either_side_of_its_midnight() -> None:
    journey = won()
    for moment, amount in (
        ("2026-03-30T12:00-03:00", "90.00"),  # the rate of 1 March still stands
        ("2026-03-31T23:59:59-03:00", "80.00"),  # in UTC it is April already
        ("2026-04-01T00:00:00-03:00", "95.00"),
    ):
        run(journey, "payment_received", {"amount": "100", "currency": "usd"}, at=at(moment))
        found = event(journey, "payment_received")
        assert (found.amount, found.currency) == (Decimal(amount), "EUR")
        assert found.inputs["original"]["amount"] == "100"
        assert found.inputs["original"]["currency"] == "USD"
    april = report.build(
        organisation=Organisation.current(), period=Period.month("2026-04"), as_of=timezone.now()
    )
    figures = {line.metric.key: line for line in april.lines}["payments_gross"]
    assert (figures.current.figure, figures.previous_month.figure) == (95, 170)


@pytest.mark.usefixtures("rates")
def test_a_payment_of_an_earlier_day_has_that_days_rate() -> None:
    journey = won()
    inputs = {"amount": "100", "currency": "USD", "paid_on": "2026-03-31"}
    run(journey, "payment_received", inputs, at=at("2026-04-10T12:00+00:00"))
    assert Payment.objects.get().amount == 80
    run(journey, "refund_paid", {"amount": "50", "currency": "USD"}, at=at("2026-04-11T12:00+00:00"))
    assert event(journey, "refund_paid").amount == Decimal("47.50")
    run(journey, "direct_cost", {"amount": "1000", "currency": "JPY"}, at=at("2026-04-11T13:00+00:00"))
    assert event(journey, "direct_cost").amount == Decimal("6.10")


@pytest.mark.usefixtures("rates")
def test_a_refund_is_held_against_what_was_paid_in_the_organisations_money() -> None:
    journey = won()
    run(journey, "payment_received", {"amount": "80"}, at=at("2026-03-31T12:00-03:00"))
    with pytest.raises(Refused):  # 100 USD are 95 EUR by then
        run(journey, "refund_paid", {"amount": "100", "currency": "USD"}, at=at("2026-04-02T12:00-03:00"))


@pytest.mark.usefixtures("rates")
def test_a_later_rate_changes_nothing_that_was_frozen(tmp_path: Path) -> None:
    journey = won()
    run(journey, "payment_received", {"amount": "100", "currency": "USD"}, at=at("2026-04-02T12:00-03:00"))
    assert take("date;currency;rate\n2026-04-01;USD;0.5\n", tmp_path)[0]["set"] == 1
    assert event(journey, "payment_received").amount == 95


@pytest.mark.usefixtures("rates")
def test_without_a_rate_nothing_is_written_and_the_currency_is_named() -> None:
    journey = won()
    before = journey.seq
    for currency, moment in (("CHF", "2026-04-02T12:00-03:00"), ("USD", "2026-02-28T12:00-03:00")):
        with pytest.raises(Refused) as refused:
            act(
                name="payment_received",
                journeys=[journey.pk],
                actor=people(Role.MANAGER),
                inputs={"amount": "100", "currency": currency},
                at=at(moment),
            )
        (refusal,) = refused.value.refusals.values()
        assert refusal.missing == ("currency",)
        assert f"No rate of {currency} to EUR is known" in refusal.detail
    assert Journey.objects.get(pk=journey.pk).seq == before


@pytest.mark.usefixtures("rates")
def test_a_signature_freezes_its_schedule_to_the_cent() -> None:
    Rate.objects.create(currency="CHF", into="EUR", day=dt.date(2026, 1, 1), rate=Decimal("1.05"))
    journey = journey_at(Stage.CONTRACT_SENT)
    today = timezone.now().date().isoformat()
    rows = [{"due_on": f"2027-0{month}-01", "amount": "33.35"} for month in (1, 2, 3)]
    run(journey, "sign", {"signed_on": today, "amount": "100.05", "currency": "chf", "instalments": rows})
    assert Contract.objects.get().amount == Decimal("105.05")
    due = [one.amount for one in Instalment.objects.order_by("position")]
    assert due == [Decimal("35.02"), Decimal("35.02"), Decimal("35.01")]


@pytest.mark.usefixtures("rates")
def test_programs_and_pages_name_the_currency_and_the_journey_shows_both_amounts(client: Client) -> None:
    journey = won()
    manager = people(Role.MANAGER)
    body = {
        "journey": journey.pk,
        "amount": "100",
        "currency": "USD",
        "occurred_at": "2026-04-02T12:00:00-03:00",
    }
    made = client.post(
        "/api/v1/payments/", body, content_type="application/json", headers=token(manager, "read", "write")
    )
    assert (made.status_code, made.json()["amount"]) == (201, "95.00")
    refused = client.post(
        "/api/v1/payments/", body | {"currency": "CHF"}, content_type="application/json",
        headers=token(manager, "read", "write"),
    )  # fmt: skip
    assert refused.status_code == 409
    assert "No rate of CHF to EUR" in refused.content.decode()
    client.force_login(manager)
    url = f"/journeys/{journey.pk}/facts/payment_received/"
    assert 'name="currency"' in client.get(url).content.decode()
    page = client.post(url, {"amount": "100", "currency": "CHF"})
    assert page.status_code == 409
    assert "A rate of the currency for that day" in page.content.decode()
    shown = client.get(f"/journeys/{journey.pk}/").content.decode()
    assert "€95" in shown
    assert "$100" in shown


ORIGIN = "$100 at 0.95, the rate of 1 Apr"
"""What a payment of 95 EUR on 2 April was."""


@pytest.mark.usefixtures("rates")
def test_wherever_a_foreign_payment_stands_it_tells_what_it_came_from(client: Client) -> None:
    journey, manager = won(), people(Role.MANAGER)
    day = at("2026-04-02T12:00-03:00")
    run(journey, "payment_received", {"amount": "100", "currency": "USD"}, at=day, actor=manager)
    run(journey, "payment_received", {"amount": "7"}, at=day, actor=manager)
    client.force_login(manager)
    page = client.get(f"/journeys/{journey.pk}/")
    assert page.content.decode().count(ORIGIN) == 2  # in the panel and on the timeline
    staff = f"date=2026-04-02&person={manager.pk}"
    records = "/dashboard/records/?metric=payments_net&month=2026-04"
    for url in (
        f"/contacts/{journey.contact_id}/",
        f"/staff/{manager.pk}/?date=2026-04-02",
        f"/staff/rows/payments/?{staff}",
        records,
    ):
        assert client.get(url).content.decode().count(ORIGIN) == 1, url
    lines = client.get(records + "&format=csv").content.decode("utf-8-sig").splitlines()
    told = {row["amount"]: row for row in csv.DictReader(lines)}
    origin = ("original_amount", "original_currency", "rate", "rate_from")
    assert [told["95.0"][name] for name in origin] == ["100.0", "USD", "0.95", "2026-04-01"]
    assert [told["7.0"][name] for name in origin] == ["", "", "", ""]


@pytest.mark.usefixtures("rates")
def test_programs_read_what_a_foreign_payment_came_from(client: Client) -> None:
    journey, manager = won(), people(Role.MANAGER)
    for inputs in ({"amount": "100", "currency": "USD"}, {"amount": "7"}):
        run(journey, "payment_received", inputs, at=at("2026-04-02T12:00-03:00"))
    program = token(manager, "read")
    wanted = [None, {"amount": "100", "currency": "USD", "rate": "0.95", "day": "2026-04-01"}]
    for url in ("/api/v1/payments/", "/api/v1/kpi/records/?metric=payments_net&month=2026-04"):
        rows = client.get(url, headers=program).json()["results"]
        assert sorted((row["original"] for row in rows), key=bool) == wanted
    marketer = client.get(
        "/api/v1/kpi/records/?metric=payments_net&month=2026-04", headers=token(people(Role.MARKETER), "read")
    )
    assert "USD" not in marketer.content.decode()


@pytest.mark.usefixtures("rates")
def test_a_payment_of_an_earlier_version_tells_what_is_known_of_it(client: Client) -> None:
    assert origin_words({"amount": "100", "currency": "USD", "rate": "0.95"}) == "$100 at 0.95"
    assert origin_words(None) == ""


@pytest.mark.parametrize("currency", ["DOLLARS", "U1", "€€€"])
def test_what_is_no_currency_is_refused_at_its_field(currency: str) -> None:
    assert faults(won(), "payment_received", {"amount": 5, "currency": currency}) == {"currency"}


def test_ones_own_currency_needs_no_rate() -> None:
    journey = won()
    run(journey, "payment_received", {"amount": "7", "currency": "EUR"})
    found = event(journey, "payment_received")
    assert (found.amount, "original" in found.inputs) == (Decimal(7), False)


def test_bad_rows_of_rates_are_told_one_by_one_and_a_second_import_changes_nothing(tmp_path: Path) -> None:
    rows: list[Any] = [
        "date,currency,rate", "2026-03-01,USD,0.9", "2026-13-01,USD,0.9", "2026-03-02,EUR,1", "2026-03-02,US,1",
        "2026-03-02,USD,0", "2026-03-02,USD,-1", "2026-03-02,USD,NaN", "2026-03-01,usd,0.8",
    ]  # fmt: skip
    counts, told = take("\n".join(rows), tmp_path)
    assert counts == {"rows": 8, "set": 1, "unchanged": 0, "rejected": 7}
    assert [line.split(":")[0] for line in told] == [
        "line 3, date", "line 4, currency", "line 5, currency", "line 6, rate", "line 7, rate", "line 8, rate",
        "line 9, date",
    ]  # fmt: skip
    assert take("\n".join(rows[:2]), tmp_path)[0] == {"rows": 1, "set": 0, "unchanged": 1, "rejected": 0}
    with pytest.raises(CommandError, match="the column rate is missing"):
        take("date,currency\n", tmp_path)
