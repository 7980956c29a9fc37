"""Numbers as people type them, in both languages, at every door of the browser; strict decimals of programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from briefs.models import Brief
from deals.models import Line
from funnel import numbers
from funnel.forms import NumberField
from funnel.models import Campaign, CustomField, Journey
from funnel.models.organisation import Rate
from funnel.settings_forms import MissingRateForm
from funnel.stages import Role, Stage
from leads.cost_models import CampaignCost
from tests.factories import journey_at, organisation, people, template, token

DECIMALS = st.decimals(0, 10**12, places=4).map(lambda number: number.normalize())


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("ru", "1234,50", "1234.50"), ("ru", "1 234,50", "1234.50"), ("ru", "1234.50", "1234.50"),
        ("en", "1234,50", "1234.50"), ("en", "1,234.50", "1234.50"), ("en", "1 234,50", "1234.50"),
        ("ru", "1,234.50", "1234.50"), ("ru", "1.234,50", "1234.50"), ("en", "1.234,50", "1234.50"),
        ("ru", "1\N{NO-BREAK SPACE}234,50", "1234.50"), ("ru", "1\N{NARROW NO-BREAK SPACE}234,50", "1234.50"),
        ("en", "1'234.50", "1234.50"), ("en", "1’234’567", "1234567"), ("ru", "1 234 567", "1234567"),
        ("en", "1,234", "1234"), ("ru", "1,234", "1.234"), ("en", "1.234", "1.234"), ("ru", "1.234", "1.234"),
        ("en", "0,500", "0.5"), ("ru", "1.234.567", "1234567"), ("en", ".5", "0.5"), ("en", "12.", "12"),
        ("ru", "−5,5", "-5.5"), ("en", "-5.5", "-5.5"), ("en", "１２３４．５０", "1234.50"),
        ("ru", "\N{LEFT-TO-RIGHT MARK}1 234,50\N{ZERO WIDTH SPACE}", "1234.50"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_the_readers_language_writes_it(language: str, text: str, value: str) -> None:
    with override(language):
        assert numbers.read(text) == Decimal(value)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "text",
    [
        "1e3", "1E3", "1_000", "0x10", "NaN", "Infinity", "1 2", "12,34,5", "1,2.3", "1.2,3,4", "1,234,", "10²",
        "½", "١٢", "--5", "5-", "-5-", "5 mln", "5k", "5 тыс.", "1 234 5", "=1+1", ",", "-", "", " ", "9" * 61, "5 €", "(5)",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_an_example(language: str, text: str) -> None:
    with override(language), pytest.raises(numbers.NoNumber):
        numbers.read(text)


@pytest.mark.parametrize(
    "text", ["1 234,50 €", "€1,234.50", "EUR 1234.50", "1234,50 eur", "€ 1.234,50", "1\xa0234,50\xa0€"]
)
def test_the_sign_of_the_currency_may_stand_beside_an_amount(text: str) -> None:
    assert numbers.read(text, own="EUR") == Decimal("1234.50")


@pytest.mark.parametrize("text", ["$1,234.50", "1 234,50 ₽", "USD 1234.50", "1234 руб.", "€5€", "5 kgs"])
def test_the_sign_of_another_currency_is_refused(text: str) -> None:
    with pytest.raises(numbers.NoNumber):
        numbers.read(text, own="EUR")


@pytest.mark.parametrize("text", ["1 234,50 ₽", "1234,50 руб.", "1234,50 руб", "1234,50 р.", "RUB 1234,50"])
def test_roubles_are_written_as_russians_write_them(text: str) -> None:
    with override("ru"):
        assert numbers.read(text, own="RUB") == Decimal("1234.50")


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    ("own", "takes", "refuses"),
    [
        ("USD", "$ US$ USD", "CA$ HK$ A$ € ₽"), ("CAD", "$ CA$ C$", "A$ US$"), ("AUD", "A$ AU$ $", "CA$ NZ$"),
        ("CHF", "CHF", "€ $ £ EUR"), ("KZT", "₸ KZT", "₽ $ €"), ("UZS", "UZS", "€ $ ₽"), ("CLP", "$ CLP", "€ US$"),
        ("CNY", "¥ CN¥", "$ JP¥"), ("JPY", "¥ ￥ JP¥", "CN¥ $"), ("SEK", "SEK", "$ €"), ("RUB", "₽ руб.", "₸ $"),
    ],
)  # fmt: skip
def test_a_currency_takes_its_own_signs_only(language: str, own: str, takes: str, refuses: str) -> None:
    with override(language):
        for sign in takes.split():
            assert numbers.read(f"{sign} 1234.50", own=own) == Decimal("1234.50")
            assert numbers.read(f"1234.50 {sign}", own=own) == Decimal("1234.50")
        for sign in refuses.split():
            with pytest.raises(numbers.NoNumber):
                numbers.read(f"1234.50 {sign}", own=own)


@given(DECIMALS, st.sampled_from(["en", "ru"]))
def test_what_stands_in_an_input_reads_back_the_same(number: Decimal, language: str) -> None:
    with override(language):
        assert numbers.read(numbers.typed(number)) == number


@pytest.mark.parametrize("text", ["1234,50", "1 234.50", "1,234.50", "1e3", "1_000", "١٢", "NaN", "€5"])
def test_what_a_program_sends_is_a_strict_decimal(text: str) -> None:
    with pytest.raises(numbers.NoNumber):
        numbers.read(numbers.sent(text))
    assert numbers.read(numbers.sent("1234.50")) == Decimal("1234.50")


def test_every_decimal_field_of_every_form_reads_numbers_in_one_way() -> None:
    for app in ("funnel", "leads", "partners", "briefs", "deals", "kpi"):
        for module in walk_packages(import_module(app).__path__, f"{app}."):
            if ".migrations" not in module.name:
                import_module(module.name)
    forms_ = [
        form
        for form in _below(forms.BaseForm)
        if form.__module__.partition(".")[0] in {"funnel", "leads", "partners", "briefs", "deals", "kpi"}
    ]
    assert len(forms_) > 50
    other = {
        f"{form.__name__}.{name}"
        for form in forms_
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field, forms.DecimalField | forms.FloatField) and not isinstance(field, NumberField)
    }
    assert not other


def _below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


# doors ---------------------------------------------------------------------------------------------------------------

WAYS = [("en", "1,234.50"), ("ru", "1234,50"), ("ru", "1 234,50 €")]


def reader(language: str, role: str = Role.MANAGER) -> Client:
    client = Client()
    client.force_login(people(role, f"{role}-{language}", language=language))
    return client


@pytest.fixture
def euros(db: None) -> None:
    organisation(currency="EUR")


@pytest.mark.django_db
@pytest.mark.usefixtures("euros")
@pytest.mark.parametrize(("language", "text"), WAYS)
class TestDoors:
    """The same amount through each door of the browser that takes one."""

    def test_the_details_of_a_journey(self, language: str, text: str) -> None:
        journey, client = journey_at(Stage.DEMO_HELD, name="Ann"), reader(language)
        url = reverse("funnel:journey-details", args=[journey.pk])
        answer = client.post(url, {"name": "Ann", "amount": text})
        assert answer.status_code in {302, 303}, answer.content.decode()
        assert Journey.objects.get(pk=journey.pk).amount == Decimal("1234.50")
        shown = {"en": "1234.50", "ru": "1234,50"}[language]
        assert f'name="amount" value="{shown}"' in client.get(url).content.decode()

    def test_a_cell_of_the_list(self, language: str, text: str) -> None:
        journey, client = journey_at(Stage.DEMO_HELD), reader(language)
        client.post(reverse("funnel:journey-cell", args=[journey.pk, "amount"]), {"amount": text})
        assert Journey.objects.get(pk=journey.pk).amount == Decimal("1234.50")

    def test_a_filter_of_the_list(self, language: str, text: str) -> None:
        below, above = journey_at(Stage.DEMO_HELD), journey_at(Stage.DEMO_HELD)
        Journey.objects.filter(pk=below.pk).update(amount="1234.49")
        Journey.objects.filter(pk=above.pk).update(amount="1234.51")
        answer = reader(language).get(reverse("funnel:journey-list"), {"amount_from": text})
        assert [row.journey.pk for row in answer.context["rows"]] == [above.pk]

    def test_the_lines_of_a_proposal(self, language: str, text: str) -> None:
        journey, client = journey_at(Stage.PROPOSAL_REQUESTED), reader(language)
        row = {
            "description": "Gauge",
            "unit": "",
            "quantity": "1.5",
            "unit_price": text,
            "discount": "2,5",
            "tax": "19 %",
        }
        url = reverse("deals:proposal", args=[journey.pk])
        client.post(
            url, {f"lines-0-{name}": value for name, value in row.items()} | {"revision": 1, "do": "save"}
        )
        line = Line.objects.get()
        assert (line.quantity, line.unit_price, line.discount, line.tax) == (
            Decimal("1.5"),
            Decimal("1234.50"),
            Decimal("2.5"),
            19,
        )
        page = client.get(url).content.decode()
        shown = {"en": ("1.5", "1234.50"), "ru": ("1,5", "1234,50")}[language]
        assert f'name="lines-0-quantity" id="id_lines-0-quantity" value="{shown[0]}"' in page
        assert f'name="lines-0-unit_price" id="id_lines-0-unit_price" value="{shown[1]}"' in page

    def test_a_contract_and_its_schedule(self, language: str, text: str) -> None:
        journey, client = journey_at(Stage.CONTRACT_SENT), reader(language)
        url = reverse("funnel:journey-move", args=[journey.pk, "sign"])
        rows = {"instalments-0-due_on": "2030-01-31", "instalments-0-amount": text}
        today = journey.created_at.date().isoformat()
        answer = client.post(url, {"signed_on": today, "amount": text, "currency": "", **rows})
        assert answer.status_code in {302, 303}, answer.content.decode()
        contract = Journey.objects.get(pk=journey.pk).contract
        assert contract.amount == contract.instalments.get().amount == Decimal("1234.50")

    def test_a_payment(self, language: str, text: str) -> None:
        journey = journey_at(Stage.WON)
        url = reverse("funnel:journey-fact", args=[journey.pk, "payment_received"])
        reader(language).post(url, {"amount": text, "currency": "", "method": "transfer"})
        assert [payment.amount for payment in journey.payments.all()] == [Decimal("1234.50")]

    def test_a_campaigns_costs(self, language: str, text: str) -> None:
        campaign = Campaign.objects.create(key="expo", label="Expo")
        client = reader(language)
        url = reverse("leads:campaign-edit", args=[campaign.pk]) + "?year=2026"
        client.post(url, {"label": "Expo", "source": "", "2026-03": text, "initial-2026-03": ""})
        assert CampaignCost.objects.get().amount == Decimal("1234.50")
        assert {"en": "1234.50", "ru": "1234,50"}[language] in client.get(url).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "text"), [("en", "1,234.5"), ("ru", "1234,5"), ("ru", "1 234,5")])
class TestFurtherDoors:
    """Numbers that are no money of the organisation's."""

    def test_a_custom_field(self, language: str, text: str) -> None:
        CustomField.objects.create(on="journey", key="size", label="Size", type="number")
        journey, client = journey_at(Stage.MET), reader(language)
        url = reverse("funnel:journey-fields", args=[journey.pk])
        client.post(url, {"size": text})
        assert Journey.objects.get(pk=journey.pk).custom == {"size": "1234.5"}
        assert f'value="{ {"en": "1234.5", "ru": "1234,5"}[language] }"' in client.get(url).content.decode()

    def test_an_answer_of_a_brief(self, language: str, text: str) -> None:
        template(None, {"key": "seats", "kind": "number"})
        journey, client = journey_at(Stage.MET), reader(language)
        url = reverse("briefs:brief-edit", args=[journey.pk])
        client.post(url, {"answers-seats": text, "revision": 0})
        assert Brief.objects.get(journey=journey).answers == {"seats": 1234.5}
        assert f'value="{ {"en": "1234.5", "ru": "1234,5"}[language] }"' in client.get(url).content.decode()

    def test_a_rate(self, language: str, text: str) -> None:
        url = reverse("funnel:rate-new")
        reader(language, Role.ADMINISTRATOR).post(url, {"currency": "KZT", "day": "2026-01-01", "rate": text})
        assert Rate.objects.get().rate == Decimal("1234.5")


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["1234,50", "1 234.50", "1e3"])
def test_rest_takes_strict_decimals_alone(client: Client, text: str) -> None:
    bearer = token(people(Role.MANAGER), "read", "write")
    journey = journey_at(Stage.PROPOSAL_REQUESTED)

    def status(method: str, path: str, data: dict[str, Any]) -> int:
        send = getattr(client, method)
        headers = {**bearer, "Accept-Language": "ru"}
        return send(f"/api/v1/{path}", data, content_type="application/json", headers=headers).status_code

    lines = [{"description": "x", "quantity": 1, "unit_price": text}]
    assert status("post", f"journeys/{journey.pk}/moves/send_proposal/", {"inputs": {"lines": lines}}) == 400
    assert status("patch", f"journeys/{journey.pk}/", {"amount": text}) == 400
    assert status("patch", f"journeys/{journey.pk}/", {"amount": "1234.50"}) == 200
    cost = {"campaign": Campaign.objects.create(key="expo").key, "month": "2026-03"}
    assert status("post", "campaign-costs/", {**cost, "amount": text}) == 400
    assert status("post", "campaign-costs/", {**cost, "amount": "1234.50"}) == 201
    assert status("post", "rates/", {"currency": "USD", "day": "2026-03-01", "rate": text}) == 400
    lines[0]["unit_price"] = "1234.50"
    assert status("post", f"journeys/{journey.pk}/moves/send_proposal/", {"inputs": {"lines": lines}}) == 200


@pytest.mark.parametrize("text", ["0", "-5"])
def test_a_rate_that_is_not_above_zero_is_refused_in_words(text: str) -> None:
    given = {"rate-of": "USD 2026-03-01", "rate-rate": text}
    with override("en"):
        form = MissingRateForm(given, currency="USD", day=dt.date(2026, 3, 1), own="EUR")
        assert form.errors["rate"] == ["A rate is above zero."]
