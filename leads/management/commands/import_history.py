"""manage.py import_history --journeys J.csv --events E.csv [--encoding NAME] [--dry-run] [--strict] [--rejected FILE]"""

import csv
import json
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from leads.history import FileProblem, Rejection, Summary, Uncertain, import_history
from leads.history.jobs import record_landing
from leads.history.report import COLUMNS, report_row


class Command(BaseCommand):
    help = (
        "Import a company's past: journeys and their events from two CSV files. Running it again imports nothing"
        " twice. Rejected rows are told on standard error, the counts on standard output as JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--journeys", required=True, metavar="J.csv")
        parser.add_argument("--events", required=True, metavar="E.csv")
        parser.add_argument("--encoding", default="", metavar="NAME", help="of both files, such as cp1252")
        parser.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
        parser.add_argument("--strict", action="store_true", help="import nothing if any row is rejected")
        parser.add_argument("--rejected", metavar="FILE", help="write the rejected rows here as CSV, too")

    def handle(self, *args: Any, **options: Any) -> None:
        with ExitStack() as files:
            journeys, events = (files.enter_context(_open(options[name])) for name in ("journeys", "events"))
            names = (Path(options["journeys"]).name, Path(options["events"]).name)
            tell = self._teller(options, files)
            try:
                summary = import_history(
                    journeys=journeys,
                    events=events,
                    at=timezone.now(),
                    dry_run=options["dry_run"],
                    strict=options["strict"],
                    names=names,
                    encoding=options["encoding"],
                    on_rejected=tell,
                    progress=Progress(self.stderr),
                    on_landed=lambda summary: record_landing(summary, names=names),
                )
            except Uncertain as uncertain:
                self._show_readings(uncertain)
                raise CommandError(f"Nothing was imported. {uncertain} (--encoding NAME)") from None
            except FileProblem as problem:
                raise CommandError(str(problem)) from None
            except DatabaseError as error:
                raise CommandError(f"Nothing was imported, the database refused: {error}") from error
        self.stdout.write(json.dumps(_answer(summary, dry_run=options["dry_run"])))
        if options["strict"] and summary.rejected:
            raise CommandError(f"Nothing was imported: {summary.rejected} rows were rejected.")

    def _show_readings(self, uncertain: Uncertain) -> None:
        """Tell how each encoding that may be meant reads a few rows, the likeliest first."""
        file = uncertain.file
        for encoding in (file.encoding, *file.alternatives):
            self.stderr.write(f"--encoding {encoding} reads {file.name} as:")
            for row in file.sample(encoding):
                self.stderr.write("    " + " | ".join(row))

    def _teller(self, options: dict[str, Any], files: ExitStack) -> Any:
        writer = None
        if path := options["rejected"]:
            try:
                target = files.enter_context(open(path, "w", newline="", encoding="utf-8"))  # noqa: PTH123, SIM115
            except OSError as error:
                raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
            writer = csv.writer(target)
            writer.writerow(COLUMNS)

        def tell(rejection: Rejection) -> None:
            name = Path(options[rejection.file]).name
            value = f" ({rejection.value!r})" if rejection.value else ""
            self.stderr.write(
                f"{name}, line {rejection.line}, column {rejection.column}: {rejection.reason}{value}"
            )
            if writer:
                writer.writerow(report_row(rejection))

        return tell


def _open(path: str) -> BinaryIO:
    if not Path(path).is_file():
        raise CommandError(f"{path} is not a file.")
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def _answer(summary: Summary, *, dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run, "landed": summary.landed, **summary.as_dict()}


class Progress:
    """Tells on standard error how far an import is, every two seconds at most."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.told = stream, time.monotonic()

    def __call__(self, phase: str, done: int, total: int) -> None:
        if time.monotonic() - self.told < 2:
            return
        self.told = time.monotonic()
        self.stream.write(f"{phase} {done:,} of {total:,} rows" if total else f"{phase} …")
