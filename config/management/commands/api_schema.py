"""The committed OpenAPI schema: writes it, or tells whether it still is what the code says."""

from __future__ import annotations

import difflib
import sys
from typing import Any, no_type_check

from django.core.management.base import BaseCommand, CommandError, CommandParser
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from config.env import BASE_DIR

COMMITTED = BASE_DIR / "docs" / "openapi.yaml"


class Command(BaseCommand):
    help = "Writes docs/openapi.yaml, or with --check compares it with the code."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail where the committed file differs")

    @no_type_check  # drf-spectacular has no types
    def generate(self) -> bytes:
        return OpenApiYamlRenderer().render(SchemaGenerator().get_schema(public=True), renderer_context={})

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        generated = self.generate()
        if GENERATOR_STATS:
            GENERATOR_STATS.emit_summary()
            raise CommandError("The schema has warnings; they stand above.")
        if not check:
            COMMITTED.parent.mkdir(exist_ok=True)
            COMMITTED.write_bytes(generated)
            self.stdout.write(str(COMMITTED.relative_to(BASE_DIR)))
            return
        committed = COMMITTED.read_text() if COMMITTED.exists() else ""
        if committed != generated.decode():
            changes = difflib.unified_diff(
                committed.splitlines(), generated.decode().splitlines(), "committed", "generated", lineterm=""
            )
            sys.stderr.write("\n".join(list(changes)[:60]) + "\n")
            raise CommandError("docs/openapi.yaml differs from the code: run `make schema` and review it.")
        self.stdout.write("docs/openapi.yaml is what the code says.")
