"""The commands: what they print where, and with which status they end."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from funnel.models import Event, Journey
from leads.models import ImportJob

from .files import EVENT_HEADER, GOLDEN, load_golden

pytestmark = pytest.mark.django_db


def run(
    *, journeys: Any = GOLDEN / "journeys.csv", events: Any = GOLDEN / "events.csv", **options: Any
) -> tuple[Any, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(
            "import_history", journeys=str(journeys), events=str(events), stdout=out, stderr=err, **options
        )
    except CommandError as error:
        err.write(f"CommandError: {error}")
    return json.loads(out.getvalue() or "null"), err.getvalue()


def bad_events(folder: Path) -> Path:
    events = folder / "some events.csv"
    lines = (GOLDEN / "events.csv").read_text().splitlines()
    lines[4] = "E004,J01,brief_filed,2026-03-04T09:00:00Z,,2026-03-04T09:00:00Z,=1+1"
    events.write_text("\n".join(lines))
    return events


def test_standard_output_carries_the_counts_alone() -> None:
    answer, told = run()
    assert answer["rows"] == answer["imported"] == 175
    assert answer["events"] == {"rows": 154, "imported": 154, "already_there": 0, "rejected": 0}
    assert told == ""


def test_rejected_rows_are_told_with_file_line_column_and_reason(tmp_path: Path) -> None:
    report = tmp_path / "rejected.csv"
    answer, told = run(events=bad_events(tmp_path), rejected=str(report))
    assert (answer["imported"], answer["rejected"]) == (174, 1)
    assert told == "some events.csv, line 5, column event: No such event. ('brief_filed')\n"
    assert list(csv.DictReader(report.open())) == [
        {"file": "events", "line": "5", "column": "event", "value": "brief_filed", "reason": "No such event."}
    ]
    assert Journey.objects.count() == 21


def test_strict_fails_and_imports_nothing(tmp_path: Path) -> None:
    answer, told = run(events=bad_events(tmp_path), strict=True)
    assert (answer["landed"], answer["rejected"]) == (False, 1)
    assert "CommandError: Nothing was imported: 1 rows were rejected." in told
    assert not Journey.objects.exists()
    assert not ImportJob.objects.exists()


def test_a_dry_run_leaves_no_trace() -> None:
    answer, _told = run(dry_run=True)
    assert (answer["dry_run"], answer["landed"], answer["imported"]) == (True, False, 175)
    assert not ImportJob.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("path", ["/nowhere/at/all.csv", "/", "/dev/null", ""])
def test_what_is_not_a_file_is_one_clear_error(path: str) -> None:
    answer, told = run(events=path)
    assert answer is None
    assert told.startswith("CommandError: ")
    assert told.count("\n") == 0


def test_a_file_that_cannot_be_understood_is_one_clear_error(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text(EVENT_HEADER.replace("event_id", "id"))
    answer, told = run(events=events)
    assert answer is None
    assert told == "CommandError: events.csv: the first line must name the columns; missing: event_id."


def test_a_report_that_cannot_be_written_stops_the_import_before_it_begins() -> None:
    _answer, told = run(rejected="/nowhere/report.csv")
    assert "cannot be written" in told
    assert not Journey.objects.exists()


def test_an_import_from_the_command_line_is_listed_among_the_imports() -> None:
    run()
    job = ImportJob.objects.get()
    assert (job.state, job.imported, job.events_name) == ("done", 175, "events.csv")
    run()
    assert ImportJob.objects.count() == 1


# verify_ledger -------------------------------------------------------------------------------------------------------


def verify() -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command("verify_ledger", stdout=out, stderr=err)
    except SystemExit as exit:
        status = int(exit.code or 0)
    return status, out.getvalue(), err.getvalue()


def test_verify_ledger_passes_on_what_was_imported() -> None:
    load_golden()
    assert verify() == (0, "journeys=21 differences=0\n", "")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("stage = 'lost'", "stage is lost, the ledger says won"),
        ("stage_since = stage_since + interval '1 second'", "stage_since is 2026-03-18T09:00:01+00:00"),
        (
            "owner_id = (SELECT id FROM funnel_user WHERE username = 'Ann')",
            "owner is Ann, the ledger says Bob",
        ),
        ("owner_id = NULL", "owner is nobody, the ledger says Bob"),
        ("seq = 17", "seq is 17, the ledger says 16"),
        ("annulled_at = now()", "stage is annulled, the ledger says won"),
    ],
)
def test_verify_ledger_names_the_journey_whose_snapshot_was_tampered_with(damage: str, words: str) -> None:
    load_golden()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE funnel_journey SET {damage} WHERE external_id = 'J01'")
    status, out, err = verify()
    assert (status, out) == (1, "journeys=21 differences=1\n")
    assert "(J01): " in err
    assert words in err


def test_verify_ledger_notices_a_missing_event() -> None:
    load_golden()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE funnel_event DISABLE TRIGGER event_append_only")
        cursor.execute("DELETE FROM funnel_event WHERE external_id = 'E010'")
        cursor.execute("ALTER TABLE funnel_event ENABLE TRIGGER event_append_only")
    status, _out, err = verify()
    assert status == 1
    assert "(J01): the sequence is incomplete, the ledger says no number 10" in err


def test_verify_ledger_names_the_first_fifty_differences() -> None:
    load_golden()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE funnel_journey SET seq = seq + 1, stage_since = now(), owner_id = NULL")
    status, out, err = verify()
    assert (status, out) == (1, "journeys=21 differences=63\n")
    assert len(err.splitlines()) == 51
    assert err.endswith("… and 13 more\n")
