"""Gathers the words of the interface for its translators, or tells which have no translation yet."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import catalogue, translations


class Command(BaseCommand):
    help = "Write the words of the interface into locale/*/LC_MESSAGES/django.po and compile them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail where a translation is missing"
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        lacking = 0
        for language in catalogue.languages():
            if not check:
                catalogue.update(language)
            missing = catalogue.missing(language)
            lacking += len(missing)
            for words in missing:
                self.stderr.write(f"{language}: {words}")
            self.stdout.write(f"{language}: {len(missing)} without a translation")
        if check and lacking:
            raise CommandError("Run `make messages`, then translate what is empty in locale/.")
        translations.compile_changed()
