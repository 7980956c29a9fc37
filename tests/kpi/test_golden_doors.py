"""The golden history, imported in any order, with rows repeated and in any number of files, gives the same report."""

import csv
import io
import json
import os
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from funnel.models import Organisation, Team, User
from funnel.periods import Period
from kpi import report
from tests.history.files import GOLDEN, ledger, load

from .conftest import AS_OF, EXPECTED
from .test_golden import COLUMNS, near

pytestmark = [pytest.mark.django_db, pytest.mark.faults]
SEEDS = range(60 if os.environ.get("FAULTS") == "full" else 4)
Lines = list[list[str]]


def golden_rows(name: str) -> tuple[list[str], Lines]:
    with (GOLDEN / name).open(newline="") as file:
        head, *rows = csv.reader(file)
    return head, rows


def file_of(head: list[str], rows: Lines) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue().encode()


def settle() -> Organisation:
    """Berlin, with the people of the golden history in their teams before anything is imported."""
    Organisation.objects.update(timezone="Europe/Berlin", currency="EUR")
    for name, team in (("Ann", "North"), ("Bob", "South")):
        User.objects.create(username=name, team=Team.objects.create(name=team))
    return Organisation.current()


def wrong(organisation: Organisation) -> list[str]:
    """Name the figures that differ from the values worked out by hand."""
    period = Period.parse("2026-03")
    built = {
        by: json.loads(
            json.dumps(report.build(organisation=organisation, period=period, as_of=AS_OF, by=by).json())
        )
        for by in ("", "source", "owner", "team")
    }
    metrics = built[""]["metrics"]
    found = []

    def see(name: str, values: Sequence[Any], expected: Sequence[Any]) -> None:
        if list(values) != [near(value) if isinstance(value, float) else value for value in expected]:
            found.append(f"{name}: {list(values)}, not {list(expected)}")

    for key, values in EXPECTED["additive"].items():
        see(key, [metrics[key][column] for column in COLUMNS], values)
    for key, values in EXPECTED["ratio"].items():
        if key == "quota_attainment":  # needs plans, which no history brings
            continue
        cells = [metrics[key][column] for column in COLUMNS]
        see(key, [[cell["numerator"], cell["denominator"]] for cell in cells], values)
    for key, fields in EXPECTED["duration"].items():
        for field, values in fields.items():
            see(
                f"{key}.{field}",
                [metrics[key][column][field] for column in COLUMNS],
                [float(v) for v in values],
            )
    velocity = [metrics["sales_velocity_per_day"][column] for column in COLUMNS]
    see("sales_velocity_per_day", velocity, [float(value) for value in EXPECTED["sales_velocity_per_day"]])
    see("ltv_by_client", [metrics["ltv_by_client"]["current"]], [EXPECTED["ltv_by_client_2026_03_31"]])
    cuts = EXPECTED["cuts_2026_03"]
    sources = {cut: values["leads_valid"] for cut, values in built["source"]["cuts"].items()}
    see("leads_valid by source", [sources], [cuts["leads_valid_by_source"]])
    for key in ("deals_won", "demos_held"):
        of_owner = {cut: values[key] for cut, values in built["owner"]["cuts"].items()}
        see(f"{key} by owner", [of_owner], [cuts[f"{key}_by_owner_at_event"]])
        teams = [built["team"]["cuts"][team][key] for team in ("North", "South")]
        see(f"{key} by team", teams, [cuts[f"{key}_by_owner_at_event"][owner] for owner in ("Ann", "Bob")])
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_one_import_in_any_order_with_rows_repeated(seed: int) -> None:
    organisation, chance = settle(), Random(seed)
    files, repeated = [], 0
    for name in ("journeys.csv", "events.csv"):
        head, rows = golden_rows(name)
        again = chance.sample(rows, len(rows) // 3)
        repeated += len(again)
        rows = rows + again
        chance.shuffle(rows)
        files.append(file_of(head, rows))
    assert load(*files).counts == (175 + repeated, 175, repeated, 0)
    assert wrong(organisation) == []


def in_pieces(chance: Random, pieces: int, *, again: bool = True) -> None:
    """Import the events split at random; what had to wait for its journey's beginning is handed in again."""
    head, journeys = golden_rows("journeys.csv")
    event_head, events = golden_rows("events.csv")
    chance.shuffle(events)
    cuts = sorted(chance.sample(range(1, len(events)), pieces - 1))
    parts = [events[first:last] for first, last in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    for part in parts:
        chance.shuffle(journeys)
        load(file_of(head, journeys), file_of(event_head, part))
    for part in chance.sample(parts, len(parts)) if again else []:
        load(file_of(head, journeys), file_of(event_head, part))


@pytest.mark.parametrize("seed", SEEDS)
def test_several_imports_of_events_split_at_random(seed: int) -> None:
    """A change of owner that is learnt of last counts for what happened after it."""
    organisation, chance = settle(), Random(1000 + seed)
    in_pieces(chance, pieces=2 + seed % 5)
    assert len(ledger()) == 154
    assert wrong(organisation) == []


def test_a_piece_that_is_never_handed_in_again_is_found_out() -> None:
    organisation = settle()
    in_pieces(Random(1), pieces=6, again=False)
    assert wrong(organisation) != []
