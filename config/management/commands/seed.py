"""manage.py seed [--seed N] [--journeys N] [--until DATE] [--more]"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.seeding import make
from config.seeding.people import PASSWORD, sign_ins
from funnel.models import Journey

EARLIEST, MOST = date(2000, 1, 1), 100_000


class Command(BaseCommand):
    help = (
        "Make demo data: the past three years of a fictional company, through the same functions that people's clicks"
        " call. The same seed and the same last day make the same data. Prints the demo sign-ins."
    )

    stealth_options = ("sign_in", "progress")  # for those who call the command from code

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="what chance begins with (1)")
        parser.add_argument("--journeys", type=_count, default=300, help="how many applications (300)")
        parser.add_argument("--until", type=_day, help="the last day, as 2026-03-31 (now)")
        parser.add_argument("--more", action="store_true", help="add to the journeys that are there already")

    def handle(self, *args: Any, **options: Any) -> None:
        if Journey.objects.exists() and not options["more"]:
            self.stderr.write("There are journeys already: nothing was made. Add to them with --more.")
            return
        now = timezone.now()
        until = min(options["until"] or now, now)
        made = make(
            seed=options["seed"],
            journeys=options["journeys"],
            until=until,
            tell=options.get("progress") or self._progress,
            sign_in=options.get("sign_in", True),
        )
        self.stderr.write(f"Made {made.journeys} journeys with {made.events} events and {made.plans} plans.")
        self.stdout.write(f"Demo sign-ins, each with the password {PASSWORD}:")
        for line in sign_ins():
            self.stdout.write(line)

    def _progress(self, done: int, count: int) -> None:
        if done % 50 == 0:
            self.stderr.write(f"{done} of {count} journeys")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"a number from 1 to {MOST} is wanted, not “{text}”")
    return int(text)


def _day(text: str) -> datetime:
    """Read a day; return the moment at which it ends."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"a day such as 2026-03-31 is wanted, not “{text}”") from None
    if not EARLIEST <= day <= timezone.now().date() + timedelta(days=1):
        raise ArgumentTypeError(f"a day from {EARLIEST} to today is wanted, not “{text}”")
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
