"""`manage.py import_plan plan.csv`: set plans from a file."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kpi import plans


class Command(BaseCommand):
    help = "Set plans from a CSV file with the columns month, metric, scope, value; bad rows are rejected one by one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        outcome = plans.take(rows_of(file))
        for rejection in outcome.rejected:
            self.stderr.write(f"line {rejection.line}, {rejection.column}: {rejection.reason}")
        answer = {
            "rows": outcome.rows,
            "set": outcome.set,
            "unchanged": outcome.unchanged,
            "rejected": len(outcome.rejected),
        }
        self.stdout.write(json.dumps(answer))


def rows_of(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file by line; further columns are ignored. CommandError where it is no such file."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.", returncode=2) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: the file is not UTF-8 text.", returncode=2) from None
    head = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=";" if head.count(";") > head.count(",") else ",",
        strict=True,
    )
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        if missing := [name for name in plans.COLUMNS if name not in columns]:
            raise CommandError(f"{file}: the column {missing[0]} is missing from line 1.", returncode=2)
        for row in reader:
            yield reader.line_num, {name: row.get(name) or "" for name in plans.COLUMNS}
    except csv.Error as error:
        raise CommandError(f"{file}: line {reader.line_num}: {error}.", returncode=2) from None
