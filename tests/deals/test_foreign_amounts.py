"""Amounts typed in another currency than the organisation's."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from deals.act_forms import PaymentForm, SignForm
from deals.models import Instalment
from funnel.models.organisation import Rate
from funnel.stages import Role, Stage
from tests.factories import journey_at, organisation, people, token

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date().isoformat()


@pytest.mark.parametrize(
    ("currency", "text", "amount"),
    [
        ("USD", "$1,234.50", "1234.50"), ("usd", "1 234,50 $", "1234.50"), ("USD", "100 USD", "100"),
        ("JPY", "¥100", "100"), ("", "100 €", "100"), ("EUR", "100 €", "100"), ("USD", "100", "100"),
        ("USD", "100 €", None), ("USD", "100 EUR", None), ("USD", "CA$100", None), ("", "$100", None),
    ],
)  # fmt: skip
def test_the_sign_goes_with_the_currency_that_is_named(currency: str, text: str, amount: str | None) -> None:
    organisation(currency="EUR")
    payment = PaymentForm({"amount": text, "currency": currency})
    rows = {"instalments-0-due_on": TODAY, "instalments-0-amount": text}
    signature = SignForm({"signed_on": TODAY, "amount": text, "currency": currency, **rows})
    if amount is None:
        assert set(payment.errors) == {"amount"}
        assert set(signature.errors) == {"amount", "instalments"}
        assert (currency or "EUR") in str(payment.errors["amount"])
    else:
        assert not payment.errors and not signature.errors
        assert payment.cleaned_data["amount"] == Decimal(amount)
        assert signature.cleaned_data["instalments"][0]["amount"] == Decimal(amount)


@pytest.mark.parametrize("amounts", [["0.01"] * 100, ["1000", "0.01"], ["0.01", "1000"]])
def test_a_schedule_of_which_nothing_is_left_at_the_rate_is_refused(amounts: list[str]) -> None:
    organisation(currency="EUR")
    Rate.objects.create(
        currency="USD", into="EUR", day="2020-01-01", rate="0.5" if len(amounts) == 100 else "0.1"
    )
    journey = journey_at(Stage.CONTRACT_SENT)
    inputs = {
        "signed_on": TODAY,
        "amount": str(sum(map(Decimal, amounts))),
        "currency": "USD",
        "instalments": [{"due_on": TODAY, "amount": amount} for amount in amounts],
    }
    answer = Client(headers=token(people(Role.MANAGER))).post(
        f"/api/v1/journeys/{journey.pk}/moves/sign/", {"inputs": inputs}, content_type="application/json"
    )
    assert answer.status_code == 409, answer.content
    assert "an instalment comes to nothing" in answer.content.decode()
    assert not Instalment.objects.exists()
