"""`manage.py import_rates rates.csv`: what other currencies are worth, day by day."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funnel import rates


class Command(BaseCommand):
    help = (
        "Set rates of exchange from a CSV file with the columns date, currency, rate: what one unit of the currency is"
        " worth in the organisation's from that day on. Bad rows are rejected one by one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            outcome = rates.take(rates.rows_of(file.read_bytes()))
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.", returncode=2) from None
        except rates.BadFile as fault:
            raise CommandError(f"{file}: {fault}", returncode=2) from None
        for rejection in outcome.rejected:
            self.stderr.write(f"line {rejection.line}, {rejection.column}: {rejection.reason}")
        counts = {"rows": outcome.rows, "set": outcome.set, "unchanged": outcome.unchanged}
        self.stdout.write(json.dumps(counts | {"rejected": len(outcome.rejected)}))
