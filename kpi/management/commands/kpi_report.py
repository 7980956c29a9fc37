"""`manage.py kpi_report`: the report on standard output, as JSON or as a table."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funnel.models import Organisation
from kpi import report, tables
from kpi.forms import CUTS, ReportForm


class Command(BaseCommand):
    help = "Print every KPI of a month or another period, as known at a moment, with its comparisons."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", default="", help="2026-03; by default the month of --as-of")
        parser.add_argument("--period", default="", help="2026-Q1, 2026 or 2026-03-01..2026-03-15")
        parser.add_argument(
            "--as-of", default="", help="a moment with its offset, 2026-04-10T00:00+02:00; now"
        )
        parser.add_argument("--by", default="", help="cut every figure by " + ", ".join(CUTS))
        for cut in CUTS:
            parser.add_argument(f"--{cut}", action="append", help=f"only this {cut}; may be given again")
        parser.add_argument("--format", choices=["json", "table"], default="json")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.current()
        form = ReportForm(
            {name: options[name] for name in ("month", "period", "as_of", "by", *CUTS)},
            organisation=organisation,
            fresh=timedelta(0),
        )
        if not form.is_valid():
            field, messages = next(iter(form.errors.items()))
            name = field.replace("_", "-")
            raise CommandError(f"--{name}: {messages[0]}", returncode=2)
        found = report.build(organisation=organisation, **form.asked)
        if options["format"] == "table":
            self.stdout.write(tables.text(found))
        else:
            self.stdout.write(json.dumps(found.json(), ensure_ascii=False, indent=1))
