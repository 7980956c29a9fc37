"""`manage.py send_digest`: send the digests of a week or month now, to whom they are owed or to one person."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from funnel.models import Organisation, User
from kpi.digest import choices, sending
from kpi.digest.periods import KINDS, period_of
from kpi.models import DigestMail


class Command(BaseCommand):
    help = "Send the digests of the last week or month that is over; who has had one gets no second."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kind", choices=KINDS, required=True)
        parser.add_argument("--to", default="", help="only this username, if it is among the readers")
        parser.add_argument(
            "--date", type=date.fromisoformat, help="as on this day, 2026-03-02; by default today"
        )

    def handle(self, *args: Any, kind: str, to: str, date: date | None, **options: Any) -> None:
        now = timezone.now()
        period = period_of(kind, date or now.astimezone(Organisation.current().zone).date())
        users = choices.readers(kind)
        if to:
            if not User.objects.filter(username=to).exists():
                raise CommandError(f"There is nobody called {to}.")
            users = [user for user in users if user.username == to]
            if not users:
                raise CommandError(f"{to} gets no {kind} digest: none is wanted, or there is no address.")
        sending.owe(kind=kind, period=period, users=users, now=now)
        sending.send_waiting(now=now, limit=max(sending.BATCH, len(users)))
        rows = DigestMail.objects.filter(kind=kind, period=period.name, user__in=users).select_related("user")
        for row in rows.order_by("user__username"):
            self.stdout.write(f"{row.user.username}\t{row.period}\t{row.state}\t{row.error}".rstrip())
