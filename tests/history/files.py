"""Import files written by tests, and imports of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils import timezone

from funnel.models import Event, Journey
from leads.history import Rejection, Summary, import_history

GOLDEN = Path(__file__).parent.parent / "golden"
JOURNEY_HEADER = "journey_id,client_id,source,campaign,owner_at_start,service,note"
EVENT_HEADER = "event_id,journey_id,event,occurred_at_utc,recorded_at_utc,value"


@dataclass
class Outcome:
    summary: Summary
    rejections: list[Rejection]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        s = self.summary
        return s.rows, s.imported, s.already_there, s.rejected

    @property
    def places(self) -> list[tuple[str, int, str]]:
        return [(r.file, r.line, r.column) for r in self.rejections]


def table(header: str, rows: Iterable[str | Sequence[object]]) -> bytes:
    """Return a CSV file: a row is a line as it stands, or fields to be quoted as needed."""
    out = io.StringIO()
    out.write(header + "\n")
    for row in rows:
        if isinstance(row, str):
            out.write(row + "\n")
        else:
            csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue().encode("utf-8", "surrogateescape")


def load(journeys: bytes, events: bytes, **options: Any) -> Outcome:
    rejections: list[Rejection] = []
    summary = import_history(
        journeys=io.BytesIO(journeys),
        events=io.BytesIO(events),
        at=options.pop("at", timezone.now()),
        on_rejected=rejections.append,
        **options,
    )
    assert summary.rows == summary.imported + summary.already_there + summary.rejected
    assert summary.rejected == len(rejections)
    return Outcome(summary, rejections)


def load_rows(
    events: Iterable[str | Sequence[object]],
    journeys: Iterable[str | Sequence[object]] = ("A,C1,web,brand,Ann,crm,",),
    **options: Any,
) -> Outcome:
    """Import rows; unless told otherwise of the one journey A of the client C1, owned by Ann."""
    return load(table(JOURNEY_HEADER, journeys), table(EVENT_HEADER, events), **options)


def load_golden(**options: Any) -> Outcome:
    return load((GOLDEN / "journeys.csv").read_bytes(), (GOLDEN / "events.csv").read_bytes(), **options)


def ledger() -> list[tuple[Any, ...]]:
    """Return the whole ledger without what each import makes anew (ids, times of writing)."""
    return list(
        Event.objects.order_by("journey__external_id", "seq").values_list(
            "journey__external_id",
            "seq",
            "external_id",
            "event",
            "stage_from",
            "stage_to",
            "occurred_at",
            "recorded_at",
            "value",
            "amount",
            "currency",
            "reason",
            "source__key",
            "campaign__key",
            "service__key",
            "owner__username",
        )
    )


def standing() -> dict[str, str]:
    """Return "stage/owner" of each journey."""
    rows = Journey.objects.values_list("external_id", "stage", "owner__username")
    return {key: f"{stage}/{owner or ''}" for key, stage, owner in rows}
