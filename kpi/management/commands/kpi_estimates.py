"""`manage.py kpi_estimates`: make the forecasts, adjusted months and marks now, and print them."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from funnel.models import Organisation
from kpi.estimates import making


class Command(BaseCommand):
    help = "Estimate the month's end, the months without their season and what is out of the ordinary; print it all."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        rows = making.make(organisation=Organisation.current(), at=timezone.now())
        for words in sorted({row.details["fault"] for row in rows if "fault" in row.details}):
            self.stderr.write(f"Nothing is adjusted for the season: {words}")
        told = [
            {
                "kind": str(row.kind),
                "metric": row.metric,
                "month": row.month,
                "value": row.value,
                "low": row.low,
                "high": row.high,
                "error": row.error,
                "tested": row.tested,
                "method": row.method,
                "details": row.details,
            }
            for row in rows
        ]
        self.stdout.write(json.dumps(told, ensure_ascii=False, indent=1))
