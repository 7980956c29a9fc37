"""`manage.py kpi_rebuild`: build facts and rollups anew from the ledger, or go on with what was stopped."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kpi import rollup


class Command(BaseCommand):
    help = (
        "Build the facts and rollups that dashboards read anew from the ledger. Dashboards meanwhile count from the"
        " ledger itself; stopped, it goes on where it was."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--resume",
            action="store_true",
            help="only finish what is under way, and follow the ledger to its end",
        )

    def handle(self, *args: Any, resume: bool, **options: Any) -> None:
        if not resume:
            rollup.drop()
        found = rollup.catch_up(told=self._tell)
        self.stdout.write(json.dumps({"journeys": found.total}))

    def _tell(self, found: rollup.Progress) -> None:
        self.stderr.write(f"{found.done} of {found.total} journeys")
