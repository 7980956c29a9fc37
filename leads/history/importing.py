"""One import from beginning to end: stage, check, land."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Final

from django.db import connection, transaction

from funnel import registry

from . import checks, circles, landing, references, staging
from .files import CsvFile, named_for
from .rows import Rejection

LOCK: Final = 4_711_815_162_342
"""The advisory lock that lets one import run at a time."""


@dataclass(slots=True)
class Counts:
    """What became of the rows of one file: always rows = imported + already_there + rejected."""

    rows: int = 0
    imported: int = 0
    already_there: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Summary:
    """The outcome of an import. `landed` tells whether anything was meant to stay; `xact` is its transaction."""

    journeys: Counts = field(default_factory=Counts)
    events: Counts = field(default_factory=Counts)
    landed: bool = False
    xact: int = 0

    @property
    def rows(self) -> int:
        return self.journeys.rows + self.events.rows

    @property
    def imported(self) -> int:
        return self.journeys.imported + self.events.imported

    @property
    def already_there(self) -> int:
        return self.journeys.already_there + self.events.already_there

    @property
    def rejected(self) -> int:
        return self.journeys.rejected + self.events.rejected

    def as_dict(self) -> dict[str, Any]:
        """Return the counts of both files, and of each."""
        totals = {name: getattr(self, name) for name in ("rows", "imported", "already_there", "rejected")}
        return {**totals, "journeys": asdict(self.journeys), "events": asdict(self.events)}


class _NothingLands(Exception):
    """Rolls the transaction back once the rejections are told."""


def import_history(
    *,
    journeys: BinaryIO,
    events: BinaryIO,
    at: datetime,
    dry_run: bool = False,
    strict: bool = False,
    names: tuple[str, str] = ("journeys.csv", "events.csv"),
    encoding: str = "",
    guesses: bool = False,
    on_rejected: Callable[[Rejection], None] = lambda rejection: None,
    progress: staging.Progress = lambda phase, done, total: None,
    on_landed: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Import two files; return what became of their rows. `at` is now: what lies after it is rejected.

    Each rejected row goes to `on_rejected`, by file and line. With `dry_run` nothing is written, with `strict` nothing
    where any row is rejected. `encoding` is that of both files, "" where each is to be
    found out (see `named_for`). `on_landed` runs in the transaction, so that what it writes stands or falls with it.
    Raises FileProblem, with nothing written, where a file is no table with the columns wanted, and Uncertain where its
    encoding has to be named and no guess will do.
    """
    summary = Summary()
    named = named_for(encoding, journeys, events)
    files = (
        CsvFile(names[0], journeys, named[0], guesses),
        CsvFile(names[1], events, named[1], guesses),
    )
    try:
        with transaction.atomic():
            staging.prepare()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            _stage_and_check(summary, *files, at, progress)
            for rejection in _rejections():
                on_rejected(rejection)
            if dry_run or (strict and summary.rejected):
                raise _NothingLands
            if summary.events.imported:
                references.create()
                landing.land(progress=progress, total=summary.events.imported)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_current_xact_id()::text::bigint")
                    summary.xact = cursor.fetchone()[0]
                for follow in registry.history_landed:
                    follow(summary.xact)
            summary.landed = True
            on_landed(summary)
    except _NothingLands:
        pass
    return summary


def _stage_and_check(
    summary: Summary, journeys: CsvFile, events: CsvFile, at: datetime, progress: staging.Progress
) -> None:
    summary.journeys.rows, summary.events.rows = staging.stage(journeys, events, now=at, progress=progress)
    progress("checking", 0, 0)
    same_journeys, same_events = checks.repeated_rows()
    known_journeys, known_events = checks.already_there()
    summary.journeys.already_there = same_journeys + known_journeys
    summary.events.already_there = same_events + known_events
    checks.find_targets()
    checks.unknown_journeys()
    checks.without_arrival()
    checks.before_arrival()
    checks.merges()
    checks.annulments()
    circles.reject()
    for counts, file, table in (
        (summary.journeys, "journeys", "history_journey"),
        (summary.events, "events", "history_event"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT (SELECT count(*) FROM {table}),"  # noqa: S608  one of two names
                " (SELECT count(*) FROM history_rejected WHERE file = %s)",
                [file],
            )
            counts.imported, counts.rejected = cursor.fetchone()


def _rejections() -> Iterator[Rejection]:
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT * FROM history_rejected ORDER BY file DESC, line")
        while rows := cursor.fetchmany(2000):
            yield from map(Rejection._make, rows)
