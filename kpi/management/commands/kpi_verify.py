"""`manage.py kpi_verify`: count everything anew from the ledger and name each difference."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funnel.models import Event, Organisation
from kpi import audit, rollup, verify
from kpi.forms import ReportForm

RECOUNTED = 200_000
"""The second count takes a minute or so for as many events."""


class Command(BaseCommand):
    help = (
        "Hold what dashboards read against the ledger, fact by fact and bucket by bucket; then recount every KPI of"
        " every month a second way, journey by journey."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--month", default="", help="only this month; by default every month of the ledger"
        )
        parser.add_argument(
            "--as-of", default="", help="a moment with its offset, 2026-04-10T00:00+02:00; now"
        )

        parser.add_argument(
            "--recount",
            action="store_true",
            help=f"recount a second way though there are over {RECOUNTED} events",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.current()
        form = ReportForm({"month": options["month"], "as_of": options["as_of"]}, organisation=organisation)
        if not form.is_valid():
            field, messages = next(iter(form.errors.items()))
            raise CommandError(f"--{field.replace('_', '-')}: {messages[0]}", returncode=2)
        as_of = form.asked["as_of"]
        compared, found = 0, list[object]()
        rollup.catch_up()
        for number, sentences in audit.differences(organisation):
            compared, found = compared + number, found + sentences
            self.stderr.write(f"{compared} compared with the ledger, {len(found)} differ")
        months = (
            [form.asked["period"]] if options["month"] else verify.months_of_the_ledger(organisation, as_of)
        )
        if not options["recount"] and Event.objects.count() > RECOUNTED:
            self.stderr.write(
                f"More than {RECOUNTED} events: give --recount for the second count, which is slow."
            )
            months = []
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
