"""Django's migrate, one at a time: two that start together on an empty database would break each other."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.commands.migrate import Command as Migrate

from config.locks import advisory_lock


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        if not options["plan"] and options.get("stdout") is None:
            self.stdout = OutputWrapper(sys.stderr)  # progress is no answer
        with advisory_lock("migrate", using=options["database"]):
            super().handle(*args, **options)
