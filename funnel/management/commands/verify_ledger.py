"""manage.py verify_ledger"""

import sys
from typing import Any, Final

from django.core.management.base import BaseCommand

from funnel.verification import verify

SHOWN: Final = 50


class Command(BaseCommand):
    help = (
        "Replay every journey's ledger and compare it with the snapshot: stage, since when, owner, sequence numbers."
        " Prints how many journeys were compared; exits with 1, naming the differences, where there are any."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        journeys = wrong = 0
        for differences in verify():
            journeys += 1
            for difference in differences:
                wrong += 1
                if wrong <= SHOWN:
                    self.stderr.write(str(difference))
        if wrong > SHOWN:
            self.stderr.write(f"… and {wrong - SHOWN} more")
        self.stdout.write(f"journeys={journeys} differences={wrong}")
        if wrong:
            sys.exit(1)
