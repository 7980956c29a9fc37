"""`manage.py funnel_diagram [--check]`: docs/funnel.md from the table in funnel/stages.py."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from funnel.diagram import document

PATH = "docs/funnel.md"


class Command(BaseCommand):
    help = "Write docs/funnel.md from the table of moves; with --check only say whether it is up to date."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="exit 1 where the file differs from the table"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        file = settings.BASE_DIR / PATH
        wanted = document()
        if check:
            if not file.exists() or file.read_text(encoding="utf-8") != wanted:
                raise CommandError(f"{PATH} differs from funnel/stages.py: run manage.py funnel_diagram.")
            self.stdout.write(f"{PATH} is up to date")
            return
        file.write_text(wanted, encoding="utf-8")
        self.stdout.write(PATH)
