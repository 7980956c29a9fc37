"""`manage.py kpi_verify`: count everything a second way and name each difference."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funnel.models import Organisation
from kpi import verify
from kpi.forms import ReportForm


class Command(BaseCommand):
    help = (
        "Recount every KPI of every month from the ledger, journey by journey, and compare bucket by bucket."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--month", default="", help="only this month; by default every month of the ledger"
        )
        parser.add_argument(
            "--as-of", default="", help="a moment with its offset, 2026-04-10T00:00+02:00; now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.current()
        form = ReportForm({"month": options["month"], "as_of": options["as_of"]}, organisation=organisation)
        if not form.is_valid():
            field, messages = next(iter(form.errors.items()))
            raise CommandError(f"--{field.replace('_', '-')}: {messages[0]}", returncode=2)
        as_of = form.asked["as_of"]
        months = verify.months_of_the_ledger(organisation, as_of)
        if options["month"]:
            months = [form.asked["period"]]
        compared, found = 0, []
        for buckets, differences in verify.compare(organisation=organisation, as_of=as_of, months=months):
            compared += buckets
            found += differences
            self.stderr.write(f"{compared} figures compared, {len(found)} differ")
        for difference in found:
            self.stderr.write(str(difference))
        self.stdout.write(
            json.dumps({"months": len(months), "compared": compared, "differences": len(found)})
        )
        if found:
            raise CommandError(f"{len(found)} figures differ from their recount.")
