"""A rate that is missing is asked for where it is missed, of whoever may set it; others are told whom to ask."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from deals.models import Payment
from funnel.models import Journey, Organisation, SettingChange
from funnel.models.organisation import Rate
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()
FRANCS = {"amount": "100", "currency": "CHF"}


@pytest.fixture(autouse=True)
def euro(db: None) -> None:
    Organisation.objects.update(currency="EUR", timezone="UTC")


@pytest.fixture
def journey() -> Journey:
    return journey_at(Stage.WON)


def post(client: Client, journey: Journey, what: str = "facts/payment_received", **data: Any) -> Any:
    return client.post(f"/journeys/{journey.pk}/{what}/", data)


def typed(rate: str, currency: str = "CHF", day: dt.date = TODAY) -> dict[str, str]:
    """What the dialog sends beside the act once the rate is typed."""
    return {"rate-of": f"{currency} {day.isoformat()}", "rate-rate": rate}


def manager(client: Client, role: str = Role.MANAGER, **fields: str) -> None:
    client.force_login(people(role, **fields))


def test_a_manager_types_the_rate_in_the_same_dialog_and_the_payment_goes_on(
    client: Client, journey: Journey
) -> None:
    manager(client)
    answer = post(client, journey, **FRANCS)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "One CHF in EUR" in page
    assert f'name="rate-of" value="CHF {TODAY.isoformat()}"' in page
    assert not Payment.objects.exists()
    answer = post(client, journey, **FRANCS, **typed("1.05"))
    assert answer.status_code == 303
    assert Payment.objects.get().amount == Decimal("105.00")
    rate = Rate.objects.get()
    assert (rate.currency, rate.into, rate.day, rate.rate) == ("CHF", "EUR", TODAY, Decimal("1.05"))
    change = SettingChange.objects.get(subject="rate")
    assert (change.actor, change.before, change.after["rate"]) == (people(Role.MANAGER), None, "1.0500000000")


def test_the_rate_is_asked_for_the_day_of_the_payment(client: Client, journey: Journey) -> None:
    manager(client)
    earlier = max(journey.created_at.date(), TODAY - dt.timedelta(days=20))
    Rate.objects.create(currency="CHF", into="EUR", day=TODAY, rate=2)
    given = {**FRANCS, "paid_on": earlier.isoformat()}
    page = post(client, journey, **given).content.decode()
    assert f'value="CHF {earlier.isoformat()}"' in page
    assert post(client, journey, **given, **typed("1.10", day=earlier)).status_code == 303
    assert Payment.objects.get().amount == 110
    assert Rate.objects.count() == 2


def test_a_rate_typed_for_another_currency_or_day_is_asked_anew(client: Client, journey: Journey) -> None:
    manager(client)
    for other in (typed("1.05", "USD"), typed("1.05", day=TODAY - dt.timedelta(days=1))):
        answer = post(client, journey, **FRANCS, **other)
        assert answer.status_code == 409
        assert 'value="1.05"' not in answer.content.decode()
    assert not Rate.objects.exists()


@pytest.mark.parametrize("rate", ["0", "-1", "abc", "1e3"])
def test_what_is_no_rate_is_told_at_its_field_and_nothing_is_saved(
    client: Client, journey: Journey, rate: str
) -> None:
    manager(client)
    answer = post(client, journey, **FRANCS, **typed(rate))
    assert answer.status_code == 409
    assert answer.context["rate_form"].errors.keys() == {"rate"}
    assert not Rate.objects.exists()
    assert not Payment.objects.exists()


def test_no_rate_stays_where_the_act_is_refused_for_something_else(client: Client, journey: Journey) -> None:
    manager(client)
    run(journey, "payment_received", {"amount": "50"}, at=timezone.now())
    answer = post(client, journey, "facts/refund_paid", **FRANCS, **typed("1.05"))
    assert answer.status_code == 409
    assert "Payments as large as what goes back" in answer.content.decode()
    assert not Rate.objects.exists()


@pytest.mark.parametrize("what", ["facts/refund_paid", "facts/direct_cost", "moves/sign"])
def test_every_act_with_a_currency_offers_it(client: Client, what: str) -> None:
    manager(client)
    journey = journey_at(Stage.CONTRACT_SENT if what == "moves/sign" else Stage.WON)
    if what == "facts/refund_paid":
        run(journey, "payment_received", {"amount": "900"}, at=timezone.now())
    given = {**FRANCS, **({"signed_on": TODAY.isoformat()} if what == "moves/sign" else {})}
    assert "One CHF in EUR" in post(client, journey, what, **given).content.decode()
    assert post(client, journey, what, **given, **typed("1.05")).status_code == 303
    assert Rate.objects.count() == 1


def test_a_signature_that_is_asked_about_and_lacks_a_rate_takes_both_answers(client: Client) -> None:
    manager(client)
    journey = journey_at(Stage.CONTRACT_SENT)
    early = (TODAY - dt.timedelta(days=9)).isoformat()
    given = {
        **FRANCS, "signed_on": TODAY.isoformat(), "instalments-0-due_on": early, "instalments-0-amount": "100",
    }  # fmt: skip
    asked = post(client, journey, "moves/sign", **given)
    given["confirmed"] = asked.context["questions_mark"]
    lacking = post(client, journey, "moves/sign", **given)
    assert (asked.status_code, lacking.status_code) == (422, 409)
    assert f'name="confirmed" value="{given["confirmed"]}"' in lacking.content.decode()
    assert post(client, journey, "moves/sign", **given, **typed("1.05")).status_code == 303


def test_who_may_not_set_rates_is_told_who_does_and_sets_none(client: Client, journey: Journey) -> None:
    people(Role.MANAGER, "mia")
    people(Role.ADMINISTRATOR, "zelda", is_active=False)
    seller = people(Role.SALESPERSON)
    Journey.objects.filter(pk=journey.pk).update(owner=seller)
    client.force_login(seller)
    answer = post(client, journey, **FRANCS, **typed("1.05"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Rates are set by:" in page
    assert "mia" in page
    assert "No rate of CHF to EUR is known" in page
    assert "zelda" not in page
    assert "One CHF in EUR" not in page
    assert not Rate.objects.exists()
    assert not Payment.objects.exists()


def test_in_russian_the_rate_is_typed_with_a_comma(client: Client, journey: Journey) -> None:
    manager(client, name="ru", language="ru")
    assert post(client, journey, **FRANCS, **typed("1,05")).status_code == 303
    assert Payment.objects.get().amount == Decimal("105.00")
