"""The 21 golden journeys come to the stages and owners that were worked out by hand."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from funnel.models import Campaign, Contact, Event, Journey, Note, Organisation, OutboxRow, Reason, User
from funnel.verification import verify
from partners.models import Partner

from .files import GOLDEN, ledger, load, load_golden, standing

pytestmark = pytest.mark.django_db

EXPECTED = dict(
    pair.split(" ")
    for pair in [
        "J01 won/Bob",
        "J02 lost/Ann",
        "J03 contract_sent/Bob",
        "J04 returned/Ann",
        "J05 referred/Bob",
        "J06 met/Ann",
        "J07 met/Bob",
        "J08 lost/Ann",
        "J09 briefed/Bob",
        "J10 met/Ann",
        "J11 new/Bob",
        "J12 merged/Bob",
        "J13 spam/Bob",
        "J14 lost/Ann",
        "J15 won/Ann",
        "J16 won/Bob",
        "J17 won/Ann",
        "J18 lost/Bob",
        "J19 won/Ann",
        "J20 lost/Bob",
        "J21 lost/Bob",
    ]
)


def test_golden_journeys_stand_where_they_should_and_the_ledger_proves_it() -> None:
    outcome = load_golden()
    assert outcome.counts == (175, 175, 0, 0)
    assert standing() == EXPECTED
    assert [difference for differences in verify() for difference in differences] == []


def test_a_second_import_finds_everything_already_there() -> None:
    load_golden()
    before = ledger()
    assert load_golden().counts == (175, 0, 175, 0)
    assert ledger() == before


def test_the_order_of_rows_in_the_files_does_not_matter() -> None:
    load_golden()
    before = ledger()
    pk = Journey.objects.order_by("pk").last()
    assert pk is not None
    # The ledger cannot be emptied, so the shuffled files come as other journeys under the same names in their order.
    journeys, events = (
        (GOLDEN / name).read_text().splitlines(keepends=True) for name in ("journeys.csv", "events.csv")
    )
    shuffled = []
    for lines in (journeys, events):
        head, *rows = lines
        random.Random(5).shuffle(rows)
        shuffled.append("".join([head, *rows]))
    again = [_renamed(text) for text in shuffled]
    assert load(again[0].encode(), again[1].encode()).counts == (175, 175, 0, 0)
    assert [_original(row) for row in ledger() if row[0].startswith("X")] == before


def _renamed(text: str) -> str:
    """Return the files with other keys that sort alike: J01 → XJ01, E001 → XE001, C01 → XC01."""
    rows = []
    for line in text.splitlines():
        fields = line.split(",")
        if fields[0][0] in "JE" and fields[0][1:].isdigit():
            fields = [
                f"X{field}" if field[:1] in "JEC" and field[1:].isdigit() else field for field in fields
            ]
        rows.append(",".join(fields))
    return "\n".join(rows) + "\n"


def _original(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        value[1:] if isinstance(value, str) and value[:2] in {"XJ", "XE"} else value for value in row
    )


def test_a_dry_run_counts_the_same_and_writes_nothing() -> None:
    counted = (Event, Journey, Contact, User, Campaign, Reason, Note, OutboxRow, Partner)
    before = [model.objects.count() for model in counted]
    assert load_golden(dry_run=True).counts == (175, 175, 0, 0)
    assert [model.objects.count() for model in counted] == before


def test_keys_stay_verbatim_and_what_they_name_is_created() -> None:
    Organisation.objects.update(currency="USD")
    load_golden()
    bob = User.objects.get(username="Bob")
    assert not bob.has_usable_password()
    assert Campaign.objects.filter(key__in=["brand", "spring", "expo", "winter", "spring25"]).count() == 5
    assert Contact.objects.filter(external_id__startswith="C").count() == 19
    assert Reason.objects.filter(kind="lost", key="timing").exists()
    assert Partner.objects.filter(key="P1").exists()
    signed = Event.objects.get(journey__external_id="J01", event="contract_signed")
    assert (signed.amount, signed.currency, signed.value) == (Decimal(12000), "USD", "12000")
    assert Event.objects.get(journey__external_id="J02", event="lead_lost").reason == "no_need"


def test_owners_are_frozen_as_at_each_event() -> None:
    load_golden()
    owners = dict(
        Event.objects.filter(journey__external_id="J01").values_list("external_id", "owner__username")
    )
    assert {owners[f"E{n:03}"] for n in range(1, 9)} == {"Ann"}
    assert {owners[f"E{n:03}"] for n in range(9, 17)} == {"Bob"}


def test_the_notes_of_journeys_are_kept_beside_the_ledger() -> None:
    load_golden()
    assert Note.objects.get(journey__external_id="J13").text == "spam"


def test_nobody_is_notified_of_the_past() -> None:
    load_golden()
    assert not OutboxRow.objects.exists()


def test_a_client_who_paid_comes_back_as_repeat() -> None:
    load_golden()
    kinds = dict(Journey.objects.values_list("external_id", "kind"))
    assert kinds.pop("J15") == "repeat"
    assert set(kinds.values()) == {"new"}


def test_a_merged_journey_names_its_survivor() -> None:
    load_golden()
    merged = Journey.objects.select_related("merged_into").get(external_id="J12")
    assert merged.merged_into is not None
    assert merged.merged_into.external_id == "J03"
    event = Event.objects.get(journey=merged, event="merged_into")
    assert (event.value, event.inputs) == ("J03", {"survivor": merged.merged_into_id})
