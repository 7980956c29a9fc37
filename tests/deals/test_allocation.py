"""Payments and refunds against a schedule: what is left is the contract less what came in, plus what went back."""

from __future__ import annotations

import datetime as dt
import importlib
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from deals.domain import payments
from deals.domain.schedule import Money, parts_of
from deals.models import Instalment, Payment, PaymentShare
from funnel import acts
from funnel.acts import BadInput
from funnel.annulment import CannotAnnul, annul
from funnel.machine import Refused
from funnel.models import Event, Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run
from tests.factories.journeys import PATHS, lead
from tests.history.files import load_rows

from .helpers import event, undo

pytestmark = pytest.mark.django_db

SIGNED_ON = dt.date(2026, 1, 5)
AMOUNTS = (100, 200, 300)


def contract(*amounts: int | str) -> Journey:
    """Won in January, with an instalment due on the fifth of each month from February on."""
    journey = lead(at=dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC))
    rows = [{"due_on": f"2026-{n:02}-05", "amount": str(amount)} for n, amount in enumerate(amounts, 2)]
    signing = {
        "signed_on": SIGNED_ON.isoformat(),
        "amount": str(sum(map(Decimal, amounts))),
        "instalments": rows,
    }
    for name in PATHS[Stage.WON]:
        journey = run(journey, name, signing if name == "sign" else None)
    return journey


def left(journey: Journey) -> list[Decimal]:
    found = Instalment.objects.with_paid().filter(contract__journey=journey).order_by("position")
    return [instalment.left for instalment in found]


def pay(journey: Journey, amount: int | str, day: str = "") -> None:
    given = {"amount": str(amount), **({"paid_on": day} if day else {})}
    run(journey, "payment_received", given, at=timezone.now())


def refund(journey: Journey, amount: int | str, day: str = "") -> None:
    given = {"amount": str(amount), **({"paid_on": day} if day else {})}
    run(journey, "refund_paid", given, at=timezone.now())


def test_what_goes_back_is_owed_again_from_the_latest_instalment_on() -> None:
    journey = contract(100, 200, 300)
    pay(journey, 600)
    assert left(journey) == [0, 0, 0]
    refund(journey, 350)
    assert left(journey) == [0, 50, 300]
    pay(journey, "49.99")
    assert left(journey) == [0, Decimal("0.01"), 300]


def test_a_refund_of_what_was_paid_too_much_leaves_the_instalments_paid() -> None:
    journey = contract(100, 200)
    pay(journey, 350)
    refund(journey, 50)
    assert left(journey) == [0, 0]
    refund(journey, 1)
    assert left(journey) == [0, 1]


def test_undoing_a_refund_pays_the_instalment_again() -> None:
    journey = contract(100, 200)
    pay(journey, 300)
    refund(journey, 120)
    assert left(journey) == [0, 120]
    undo(journey, "refund_paid")
    assert left(journey) == [0, 0]


def test_undoing_the_payment_that_was_too_much_lets_the_refund_take_from_the_rest() -> None:
    journey = contract(100, 200)
    pay(journey, 300)
    pay(journey, 50)
    refund(journey, 50)
    assert left(journey) == [0, 0]
    extra = event(journey, "payment_received")
    annul(events=[extra.pk], actor=people(), at=timezone.now())
    assert left(journey) == [0, 50]


def test_a_refund_dated_before_its_payment_takes_from_it() -> None:
    journey = contract(100)
    pay(journey, 100, "2026-03-10")
    refund(journey, 30, "2026-03-01")
    assert left(journey) == [30]


def test_what_was_paid_and_refunded_before_the_signature_counts_with_it() -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    pay(journey, 80)
    refund(journey, 30)
    signing = {"signed_on": timezone.now().date().isoformat(), "amount": "100"}
    run(journey, "sign", signing, at=timezone.now())
    assert left(journey) == [50]


def test_an_instalment_refunded_after_its_day_was_paid_on_time_all_the_same() -> None:
    journey = contract(100, 200)
    pay(journey, 300, "2026-02-01")
    refund(journey, 40, "2026-02-20")
    refund(journey, 60, "2026-03-20")
    in_time = Instalment.objects.with_paid_in_time().order_by("position").values_list("in_time", flat=True)
    assert list(in_time) == [100, 160]
    assert left(journey) == [0, 100]


def test_money_that_an_import_brings_is_spread_over_the_schedule() -> None:
    journey = contract(100, 200)
    Journey.objects.filter(pk=journey.pk).update(external_id="A")
    rows = [
        "P1,A,payment_received,2026-03-01T10:00:00+00:00,,250",
        "R1,A,refund_paid,2026-03-02T10:00:00+00:00,,20",
    ]
    assert load_rows(rows).counts[:2] == (3, 2)
    assert left(journey) == [0, 70]
    assert load_rows(["X1,A,annulled,2026-03-03T10:00:00+00:00,,R1"]).counts[1] == 1
    assert left(journey) == [0, 50]


def test_refunds_of_an_older_database_are_allocated_by_the_migration() -> None:
    journey, other = contract(100, 200), contract(50)
    pay(journey, 300)
    pay(other, 20)
    refund(journey, 250)
    PaymentShare.objects.filter(payment__kind="refund").delete()
    assert left(journey) == [0, 0]  # as the version before left it
    importlib.import_module("deals.migrations.0002_refunds_allocated").spread(apps, None)
    assert left(journey) == [50, 200]
    assert left(other) == [30]


@pytest.mark.django_db(transaction=True)
def test_refunds_at_once_never_take_more_than_came_in() -> None:
    journey, manager = contract(100, 200), people(Role.MANAGER)
    pay(journey, 300)
    barrier, refused = threading.Barrier(4), []

    def give_back() -> None:
        try:
            barrier.wait()
            acts.run(name="refund_paid", journeys=[journey.pk], actor=manager, inputs={"amount": "120"})
        except Refused as reason:
            refused.append(reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=give_back) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 2
    assert left(journey) == [40, 200]


# Any sequence

CENTS = st.integers(1, 50_000).map(lambda cents: Decimal(cents) / 100)
DAYS = st.dates(dt.date(2026, 1, 6), dt.date(2026, 10, 30))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    owed=st.lists(CENTS, max_size=5),
    entries=st.lists(
        st.tuples(CENTS, st.booleans(), st.none() | st.integers(0, 6)).map(
            lambda one: (-one[0] if one[1] else one[0], one[2])
        ),
        max_size=12,
    ),
)
def test_however_money_comes_and_goes_the_parts_add_up(
    owed: list[Decimal], entries: list[tuple[Decimal, int | None]]
) -> None:
    money = [Money(key, amount, named) for key, (amount, named) in enumerate(entries)]
    rows = dict(enumerate(owed))
    parts = parts_of(money, list(rows.items()))
    paid = {key: sum((part.amount for part in parts if part.instalment == key), Decimal(0)) for key in rows}
    assert all(0 <= paid[key] <= amount for key, amount in rows.items())
    net = sum((one.amount for one in money), Decimal(0))
    assert sum(paid.values()) == min(max(net, Decimal(0)), sum(rows.values()))
    places = [(part.money, part.instalment) for part in parts]
    assert len(places) == len(set(places))


class Ledger(RuleBasedStateMachine):
    """Random payments, refunds, annulments, signatures and moved days of one journey, by the doors that all use."""

    journey: Journey

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.manager = people(Role.MANAGER)

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    def _try(self, action: Any) -> None:
        try:
            with transaction.atomic():
                action()
        except (Refused, CannotAnnul, BadInput):
            pass

    def _act(self, name: str, **inputs: Any) -> None:
        self._try(lambda: acts.run(name=name, journeys=[self.journey.pk], actor=self.manager, inputs=inputs))

    @rule(amount=CENTS, day=DAYS, named=st.none() | st.integers(0, 2))
    def pay(self, amount: Decimal, day: dt.date, named: int | None) -> None:
        given = {"amount": str(amount), "paid_on": day.isoformat()}
        known = list(Instalment.objects.filter(contract__journey=self.journey).values_list("pk", flat=True))
        if named is not None and named < len(known):
            given |= {"instalment": known[named]}
        self._act("payment_received", **given)

    @rule(amount=CENTS, day=DAYS)
    def give_back(self, amount: Decimal, day: dt.date) -> None:
        self._act("refund_paid", amount=str(amount), paid_on=day.isoformat())

    @rule(which=st.integers(0, 20), count=st.integers(1, 3))
    def undo(self, which: int, count: int) -> None:
        events = list(
            Event.objects.live()
            .filter(journey=self.journey, event__in=("payment_received", "refund_paid", "contract_signed"))
            .order_by("seq")
            .values_list("pk", flat=True)
        )
        if events:
            chosen = [events[(which + n) % len(events)] for n in range(min(count, len(events)))]
            self._try(lambda: annul(events=chosen, actor=self.manager, at=timezone.now()))

    @rule(amounts=st.lists(CENTS, min_size=1, max_size=4))
    def sign(self, amounts: list[Decimal]) -> None:
        rows = [{"due_on": f"2026-{n:02}-05", "amount": str(one)} for n, one in enumerate(amounts, 2)]
        total = str(sum(amounts))
        self._act("sign", signed_on=SIGNED_ON.isoformat(), amount=total, instalments=rows)

    @rule(which=st.integers(0, 3), day=DAYS)
    def move(self, which: int, day: dt.date) -> None:
        known = list(Instalment.objects.filter(contract__journey=self.journey).values_list("pk", flat=True))
        if which < len(known):
            self._try(
                lambda: payments.reschedule(
                    instalment_id=known[which], due_on=day, actor=self.manager, at=timezone.now()
                )
            )

    @invariant()
    def what_is_left_is_the_contract_less_what_came_in_plus_what_went_back(self) -> None:
        live = list(Event.objects.live().filter(journey=self.journey).values_list("event", "amount"))
        totals = {
            kind: sum((amount for name, amount in live if name == kind), Decimal(0))
            for kind in ("contract_signed", "payment_received", "refund_paid")
        }
        owed = totals["contract_signed"] - totals["payment_received"] + totals["refund_paid"]
        rows = list(Instalment.objects.with_paid().filter(contract__journey=self.journey))
        assert sum(row.left for row in rows) == max(owed, Decimal(0)) * bool(rows)
        assert all(0 <= row.left <= row.amount for row in rows)
        assert Payment.objects.filter(journey=self.journey).count() == sum(
            name in {"payment_received", "refund_paid"} for name, _amount in live
        )


def test_what_is_left_adds_up_after_any_sequence_of_payments_refunds_and_annulments() -> None:
    Ledger.journey = contract(*AMOUNTS)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ledger,
        settings=settings(
            max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
