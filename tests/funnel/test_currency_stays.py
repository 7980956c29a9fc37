"""The organisation's currency stays once money of its own is on record, whoever tries to change it."""

from __future__ import annotations

import threading
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import demo
from funnel import acts
from funnel.models import Event, Journey, Organisation, SettingChange
from funnel.settings_forms import OrganisationForm
from funnel.stages import Role, Stage
from tests.factories import journey_at, lead, people, run
from tests.history.files import load_rows

pytestmark = pytest.mark.django_db
STAYS = "The currency stays EUR: signatures, payments or costs in it are on record."


@pytest.fixture(autouse=True)
def euro(db: None) -> None:
    Organisation.objects.update(currency="EUR")


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(people(Role.ADMINISTRATOR))
    return client


def settings_of(**changed: str) -> dict[str, Any]:
    """What the page of the settings sends when nothing else is changed."""
    kept = Organisation.current()
    numbers = [name for name in OrganisationForm.Meta.fields if isinstance(getattr(kept, name), int)]
    return {
        "name": kept.name, "timezone": kept.timezone, "currency": kept.currency, "holidays": "",
        "opens": "09:00", "closes": "18:00", "business_days": ["1", "2", "3", "4", "5"],
        **{name: getattr(kept, name) for name in numbers}, **changed,
    }  # fmt: skip


def currency() -> str:
    return Organisation.objects.get().currency


def org_set(*values: str) -> None:
    call_command("org", "set", *values, stdout=StringIO())


@pytest.mark.parametrize("page", ["settings", "first run"])
def test_pages_refuse_another_currency_at_its_field_and_take_the_same(
    administrator: Client, page: str
) -> None:
    run(lead(), "direct_cost")
    url = (
        reverse("funnel:organisation")
        if page == "settings"
        else reverse("welcome:step", args=["organisation"])
    )
    answer = administrator.post(url, settings_of(currency="usd"))
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"currency": [STAYS]}
    assert STAYS in answer.content.decode()
    assert currency() == "EUR"
    answer = administrator.post(url, settings_of(currency="eur", name="Acme"))
    assert answer.status_code in {302, 303}
    assert (currency(), Organisation.objects.get().name) == ("EUR", "Acme")


def test_the_command_refuses_another_currency_and_takes_the_same() -> None:
    run(lead(), "direct_cost")
    with pytest.raises(CommandError, match=STAYS):
        org_set("currency=USD", "name=Acme")
    assert Organisation.objects.get().name != "Acme"
    org_set("currency=EUR", "name=Acme")
    assert (currency(), Organisation.objects.get().name) == ("EUR", "Acme")


def test_a_change_of_currency_is_not_undone_once_there_is_money(administrator: Client) -> None:
    administrator.post(reverse("funnel:organisation"), settings_of(currency="USD"))
    change = SettingChange.objects.latest("pk")
    run(lead(), "direct_cost")
    administrator.post(reverse("funnel:setting-undo", args=[change.pk]))
    assert currency() == "USD"


@pytest.mark.parametrize(
    "rows",
    [
        ["S1,A,contract_signed,2026-01-02T10:00:00+00:00,,500"],
        ["P1,A,payment_received,2026-01-02T10:00:00+00:00,,500"],
        ["P1,A,payment_received,2026-01-02T10:00:00+00:00,,5", "X,A,annulled,2026-01-03T10:00:00+00:00,,P1"],
    ],
)
def test_imported_and_undone_money_counts_too(rows: list[str]) -> None:
    load_rows(["L1,A,lead_created,2026-01-01T10:00:00+00:00,,", *rows])
    with pytest.raises(CommandError, match=STAYS):
        org_set("currency=USD")


def test_without_money_the_currency_is_free_whatever_is_expected_of_deals() -> None:
    run(journey_at(Stage.CONTRACT_SENT), "note_logged", {"text": "x"})
    org_set("currency=USD")
    assert currency() == "USD"


def test_money_of_the_demo_binds_nobody_and_ones_own_beside_it_does() -> None:
    demo.load(journeys=8, sign_in=False, progress=lambda done, total: None)
    paid = Event.objects.filter(event="contract_signed").first() or Event.objects.filter(amount__gt=0).first()
    journey = Journey.objects.get(pk=paid.journey_id) if paid else Journey.objects.exclude(stage="merged")[0]
    run(journey, "direct_cost", at=timezone.now())
    org_set("currency=CHF")
    assert currency() == "CHF"
    run(lead(at=timezone.now()), "direct_cost", at=timezone.now())
    with pytest.raises(CommandError, match="The currency stays CHF"):
        org_set("currency=EUR")


@pytest.mark.django_db(transaction=True)
def test_a_cost_that_comes_in_at_the_same_moment_is_never_in_another_currency() -> None:
    """The change waits for whoever writes, and whoever writes for the change: either it is refused, or it is first."""
    journey, manager = lead(), people(Role.MANAGER)
    locked, free = threading.Event(), threading.Event()
    refused: list[str] = []

    def spend() -> None:
        try:
            with transaction.atomic():
                acts.run(
                    name="direct_cost",
                    journeys=[journey.pk],
                    actor=manager,
                    inputs={"amount": "5", "kind": "other"},
                )
                locked.set()
                free.wait(10)
        finally:
            connection.close()

    def change() -> None:
        try:
            org_set("currency=USD")
        except CommandError as fault:
            refused.append(str(fault))
        finally:
            connection.close()

    writer = threading.Thread(target=spend)
    writer.start()
    assert locked.wait(10)
    changer = threading.Thread(target=change)
    changer.start()
    _until_waiting()
    free.set()
    writer.join()
    changer.join()
    assert len(refused) == 1
    assert (currency(), Event.objects.get(event="direct_cost").currency) == ("EUR", "EUR")


def _until_waiting() -> None:
    """Wait until somebody waits for the table of journeys."""
    for _turn in range(5000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ExclusiveLock'")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
