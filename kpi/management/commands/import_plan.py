"""`manage.py import_plan plan.csv`: set plans from a file."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kpi import plans
from kpi.plan_files import BadFile, rows_of


class Command(BaseCommand):
    help = "Set plans from a CSV file with the columns month, metric, scope, value; bad rows are rejected one by one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            outcome = plans.take(rows_of(file.read_bytes()))
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.", returncode=2) from None
        except BadFile as fault:
            raise CommandError(f"{file}: {fault}", returncode=2) from None
        for rejection in outcome.rejected:
            self.stderr.write(f"line {rejection.line}, {rejection.column}: {rejection.reason}")
        answer = {
            "rows": outcome.rows,
            "set": outcome.set,
            "unchanged": outcome.unchanged,
            "rejected": len(outcome.rejected),
        }
        self.stdout.write(json.dumps(answer))
