"""Counting a second way agrees with the figures, over the golden history and over any history there may be."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.models import Organisation
from funnel.periods import Period
from kpi import verify
from kpi.measures import Sum

from . import ledgers
from .ledgers import Row, Start

pytestmark = pytest.mark.usefixtures("berlin")
FIRST = datetime.fromisoformat("2026-01-30T12:00+00:00")
STEPS = [
    "first_response", "first_meeting_held", "brief_filled", "handed_off", "sal_accepted", "sal_rejected", "demo_held",
    "sql_qualified", "proposal_requested", "proposal_sent", "objection_raised", "contract_requested", "contract_sent",
    "contract_signed", "deal_lost", "lead_lost", "reopened", "marked_spam", "merged_into", "unmerged", "partner_handoff",
    "owner_changed", "payment_received", "payment_received", "refund_paid", "direct_cost",
]  # fmt: skip


def differences(as_of: datetime, months: list[Period] | None = None) -> list[str]:
    organisation = Organisation.current()
    months = months or verify.months_of_the_ledger(organisation, as_of)
    return [
        str(difference)
        for _, found in verify.compare(organisation=organisation, as_of=as_of, months=months)
        for difference in found
    ]


@pytest.mark.parametrize(
    "as_of", ["2026-04-10T00:00+02:00", "2026-04-01T00:00+02:00", "2026-03-11T12:00+01:00"]
)
def test_the_golden_history_counts_alike_both_ways(as_of: str) -> None:
    ledgers.write(*ledgers.golden(), teams={"Ann": "North", "Bob": "South"})
    assert differences(datetime.fromisoformat(as_of)) == []


def test_an_empty_ledger_has_nothing_to_differ() -> None:
    out = StringIO()
    call_command("kpi_verify", stdout=out, stderr=StringIO())
    assert json.loads(out.getvalue()) == {"months": 0, "compared": 0, "differences": 0}


def test_the_command_names_what_differs_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ledgers.write(*ledgers.golden())
    out, err = StringIO(), StringIO()
    call_command("kpi_verify", "--month=2026-03", "--as-of=2026-04-10T00:00+02:00", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["differences"] == 0
    losing = [replace(m, query=Sum("FALSE")) if m.key == "refunds" else m for m in verify.CHECKED]
    monkeypatch.setattr(verify, "CHECKED", losing)  # figures that have lost the refunds
    with pytest.raises(CommandError, match=r"\d+ figures differ"):
        call_command(
            "kpi_verify", "--month=2026-03", "--as-of=2026-04-10T00:00+02:00", stdout=out, stderr=err
        )
    assert "refunds 2026-03: figure (0,), recount (Fraction(3000, 1),)" in err.getvalue()
    assert "refunds 2026-03 owner='Bob'" in err.getvalue()


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Start], list[Row], datetime]:
    """A few journeys with any events in any order, late, undone, merged, reopened; coarse times make ties."""
    starts, rows = [], []
    hours = st.integers(0, 24 * 60).map(lambda hour: timedelta(hours=hour))
    number = 0
    for name in [f"J{index}" for index in range(draw(st.integers(1, 6)))]:
        pick = st.sampled_from
        starts.append(
            Start(name, draw(pick(["C1", "C2", "C3"])), draw(pick(["web", "ads"])), draw(pick(["", "spring"])),
                  draw(pick(["", "Ann", "Bob"])), draw(pick(["", "crm"])))
        )  # fmt: skip
        created = FIRST + draw(hours)
        own = [
            Row(
                f"E{number:03}",
                name,
                "lead_created",
                created,
                "",
                created + draw(st.just(timedelta(0)) | hours),
            )
        ]
        number += 1
        for event in draw(st.lists(pick(STEPS), max_size=14)):
            at = created + draw(hours)
            value = {
                "owner_changed": draw(pick(["Ann", "Bob"])), "reopened": draw(pick(["", "accepted"])),
            }.get(event, str(draw(st.integers(0, 900))))  # fmt: skip
            own.append(Row(f"E{number:03}", name, event, at, value, at + draw(st.just(timedelta(0)) | hours)))
            number += 1
        undone = draw(st.lists(st.sampled_from(own), max_size=2, unique_by=lambda row: row.id))
        if own[0] in undone:
            undone = own[:]  # an application is undone with all that followed
        for row in undone:
            known = (row.known or row.at) + draw(hours)
            own.append(Row(f"E{number:03}", name, "annulled", known, row.id, known))
            number += 1
        rows += own
    return starts, rows, FIRST + draw(st.integers(0, 150).map(lambda day: timedelta(days=day)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_any_history_counts_alike_both_ways(history: tuple[list[Start], list[Row], datetime]) -> None:
    starts, rows, as_of = history
    with transaction.atomic():
        ledgers.write(starts, rows, teams={"Ann": "North"})
        found = differences(as_of)
        transaction.set_rollback(True)
    assert found == []
