"""`manage.py org show` and `manage.py org set KEY=VALUE …`: the organisation's settings."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from funnel.models import Organisation


def _hours(text: str) -> dict[str, Any]:
    opens, dash, closes = text.partition("-")
    if not dash:
        raise ValueError("write it as 09:00-18:00")
    end = dt.time(0) if closes.strip() == "24:00" else dt.time.fromisoformat(closes.strip())
    return {"opens": dt.time.fromisoformat(opens.strip()), "closes": end}


def _end(closes: dt.time) -> str:
    return "24:00" if closes == dt.time(0) else f"{closes:%H:%M}"


def _days(text: str) -> dict[str, Any]:
    days: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, _dash, last = part.partition("-")
        days |= set(range(int(first), int(last or first) + 1))
    return {"business_days": sorted(days)}


def _holidays(text: str) -> dict[str, Any]:
    dates = {dt.date.fromisoformat(part.strip()) for part in text.split(",") if part.strip()}
    return {"holidays": sorted(dates)}


def _plain(field: str, kind: Callable[[str], Any]) -> Callable[[str], dict[str, Any]]:
    return lambda text: {field: kind(text.strip())}


READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "name": _plain("name", str),
    "timezone": _plain("timezone", str),
    "currency": _plain("currency", str.upper),
    "business_hours": _hours,
    "business_days": _days,
    "holidays": _holidays,
    "first_response_minutes": _plain("first_response_minutes", int),
    "handoff_hours": _plain("handoff_hours", int),
    "referral_hours": _plain("referral_hours", int),
    "meeting_to_brief_days": _plain("meeting_to_brief_days", int),
    "sal_quality_days": _plain("sal_quality_days", int),
    "undo_days": _plain("undo_days", int),
    "link_days": _plain("link_days", int),
}


def shown(organisation: Organisation) -> dict[str, Any]:
    """Return the settings by the names that `set` takes."""
    values = {name: getattr(organisation, name) for name in READERS if hasattr(organisation, name)}
    return values | {
        "business_hours": f"{organisation.opens:%H:%M}-{_end(organisation.closes)}",
        "business_days": ",".join(map(str, organisation.business_days)),
        "holidays": ",".join(day.isoformat() for day in organisation.holidays),
    }


class Command(BaseCommand):
    help = "Show the organisation's settings, or set some: org set timezone=Europe/Berlin business_days=1-5"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["show", "set"])
        parser.add_argument("values", nargs="*", metavar="KEY=VALUE", help=", ".join(READERS))

    def handle(self, *args: Any, action: str, values: list[str], **options: Any) -> None:
        if action == "set":
            self._set(values)
        elif values:
            raise CommandError("`org show` takes no values.")
        self.stdout.write(json.dumps(shown(Organisation.current()), ensure_ascii=False, indent=1))

    @transaction.atomic
    def _set(self, values: list[str]) -> None:
        if not values:
            raise CommandError("Name what to set, as KEY=VALUE.")
        organisation = Organisation.objects.select_for_update().get(pk=1)
        for pair in values:
            key, equals, text = pair.partition("=")
            if not equals or key not in READERS:
                raise CommandError(f"“{pair}” is not KEY=VALUE with a known key: {', '.join(READERS)}.")
            try:
                for field, value in READERS[key](text).items():
                    setattr(organisation, field, value)
            except ValueError as error:
                raise CommandError(f"{key}: {error}") from error
        try:
            organisation.full_clean()
        except ValidationError as error:
            faults = [f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()]
            raise CommandError("; ".join(faults)) from error
        organisation.save()
