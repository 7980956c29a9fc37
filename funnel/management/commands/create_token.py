"""`manage.py create_token --user NAME --scopes read,write` prints a new token once, as the last word."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funnel.models import ApiToken, User
from funnel.models.programs import Scope


class Command(BaseCommand):
    help = "Make an API token for a user. It is shown once and stored hashed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="username")
        parser.add_argument("--scopes", required=True, help="comma-separated: " + ", ".join(Scope.values))
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *args: Any, user: str, scopes: str, name: str, **options: Any) -> None:
        owner = User.objects.filter(username=user).first()
        if owner is None:
            raise CommandError(f"There is no user “{user}”.")
        if not owner.is_active:
            raise CommandError(f"The user “{user}” is disabled, so a token would open nothing.")
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        unknown = sorted(set(wanted) - set(Scope.values))
        if unknown or not wanted:
            said = f"There is no scope “{unknown[0]}”." if unknown else "Name at least one scope."
            raise CommandError(f"{said} Known are {', '.join(Scope.values)}.")
        _token, secret = ApiToken.issue(user=owner, scopes=wanted, name=name)
        self.stdout.write(secret)
