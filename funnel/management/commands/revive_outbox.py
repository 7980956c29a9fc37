"""`manage.py revive_outbox` gives effects that failed five times another five attempts."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from funnel import outbox


class Command(BaseCommand):
    help = "Try the dead rows of the outbox again, once what made them fail is mended."

    def handle(self, *args: Any, **options: Any) -> None:
        revived = outbox.revive()
        transaction.on_commit(outbox.wake, robust=True)
        self.stdout.write(f"revived={revived}")
