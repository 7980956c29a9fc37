"""The staging tables of an import: temporary, filled by COPY, gone with the transaction."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection

from .files import CsvFile
from .rows import EVENT_COLUMNS, JOURNEY_COLUMNS, EventParser, Reader, Rejection, parse_journey

BATCH: Final = 5_000
"""Rows a COPY: about a megabyte."""

Progress = Callable[[str, int, int], None]
"""progress(phase, rows done, rows there are or 0 where that is not known yet)."""

_TABLES: Final = """
DROP TABLE IF EXISTS history_journey, history_event, history_rejected, history_target, history_annulled, history_merge,
    history_result, history_kind;
CREATE TEMPORARY TABLE history_journey (
    line int, journey_id text, client_id text, source text, campaign text, owner text, service text, note text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE history_event (
    line int, event_id text, journey_id text, event text, occurred timestamptz, recorded timestamptz, value text,
    amount numeric
) ON COMMIT DROP;
CREATE TEMPORARY TABLE history_rejected (
    file text, line int, "column" text, value text, reason text
) ON COMMIT DROP;
"""


def lift_limits() -> None:
    """Lift, for this transaction, the limits that are meant for web requests, and give sorts more memory."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0;"
            " SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL work_mem = '64MB'"
        )


def prepare() -> None:
    """Create the staging tables, inside a transaction."""
    lift_limits()
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)


def stage(journeys: CsvFile, events: CsvFile, *, now: datetime, progress: Progress) -> tuple[int, int]:
    """Read both files into the staging tables; return how many rows they have, rejected ones included.

    Raises FileProblem where a file is no table of this kind.
    """
    journeys.open(JOURNEY_COLUMNS)
    events.open(EVENT_COLUMNS)
    columns = (*JOURNEY_COLUMNS, "note") if "note" in journeys.header else JOURNEY_COLUMNS
    total = journeys.lines + events.lines
    first = _fill(
        "history_journey" if "note" in columns else f"history_journey (line, {_staged(columns)})",
        journeys,
        Reader("journeys", journeys, columns, parse_journey),
        lambda done: progress("reading", done, total),
    )
    second = _fill(
        "history_event",
        events,
        Reader("events", events, EVENT_COLUMNS, EventParser(now)),
        lambda done: progress("reading", first + done, total),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE history_journey; ANALYZE history_event")
    return first, second


def _staged(columns: Sequence[str]) -> str:
    return ", ".join({"owner_at_start": "owner"}.get(column, column) for column in columns) + ", note"


def _fill(table: str, source: CsvFile, reader: Reader, progress: Callable[[int], None]) -> int:
    done = 0
    for batch in batches(source.records(), BATCH):
        rows, rejected = [], []
        for record in batch:
            read = reader.read(record)
            (rejected if isinstance(read, Rejection) else rows).append(read)
        copy_in(table, rows)
        copy_in("history_rejected", rejected)
        done += len(batch)
        progress(done)
    return done


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of up to `size` rows."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def copy_in(table: str, rows: Iterable[Sequence[object]]) -> None:
    """COPY rows into a table, whose columns may be named in brackets."""
    text = "".join(map(copy_line, rows))
    if text:
        with connection.wrap_database_errors, connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))


def copy_line(row: Sequence[object]) -> str:
    """Return a row as PostgreSQL's COPY reads it."""
    values = ["\\N" if value is None else value if type(value) is str else str(value) for value in row]
    line = "\t".join(values)
    # Nearly no row holds any of these, and looking at the whole line is quicker than at each value.
    if line.count("\t") >= len(values) or "\n" in line or "\r" in line or line.count("\\") != row.count(None):
        line = "\t".join("\\N" if value is None else _escaped(str(value)) for value in row)
    return line + "\n"


_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES)
