"""The list as a table to download: the columns that the person sees, in the order of the list, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from funnel.models import Journey
from funnel.queries import JourneyQuerySet
from funnel.todo import Step, next_steps

from .columns import Column

MOST: Final = 50_000
"""A download has so many rows at most; a longer list says so instead."""
PORTION: Final = 1000

Given = tuple[Journey, Step | None]


def head(columns: list[Column]) -> list[str]:
    """Return the names of the columns; who it is about stands in three of its own."""
    return [_("Number"), _("Company"), _("Contact"), *(str(column.label) for column in _others(columns))]


def rows(journeys: JourneyQuerySet, columns: list[Column]) -> Iterator[list[Any]]:
    """Yield the rows, read in portions: one query each, and another where next steps are among the columns."""
    others = _others(columns)
    wanted = any(column.key == "next" for column in others)
    counted = any(column.key == "attempts" for column in others)
    keys = list(journeys.values_list("pk", flat=True)[:MOST])
    for place in range(0, len(keys), PORTION):
        portion = keys[place : place + PORTION]
        fetched = Journey.objects.with_parties().filter(pk__in=portion)
        if counted:
            fetched = fetched.with_attempts()
        found = {journey.pk: journey for journey in fetched}
        steps = next_steps(portion) if wanted else {}
        for key in portion:
            if (journey := found.get(key)) is None:  # gone meanwhile
                continue
            given = (journey, steps.get(key))
            yield [
                journey.pk,
                journey.company.name if journey.company else "",
                journey.contact.name,
                *(VALUES[column.key](given) for column in others),
            ]


def _others(columns: list[Column]) -> list[Column]:
    # a running clock is no value to keep
    return [column for column in columns if column.key not in {"number", "company", "contact", "clock"}]


def _moment(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else ""


def _name(record: Any) -> str:
    return str(record) if record is not None else ""


VALUES: Final[Mapping[str, Callable[[Given], Any]]] = {
    "stage": lambda given: given[0].get_stage_display(),
    "owner": lambda given: _name(given[0].owner),
    "amount": lambda given: given[0].amount,
    "next": lambda given: f"{given[1]}, {_moment(given[1].due_at)}" if given[1] else "",
    "attempts": lambda given: given[0].contact_attempts,  # type: ignore[attr-defined]
    "source": lambda given: _name(given[0].source),
    "created": lambda given: _moment(given[0].created_at),
    "age": lambda given: (timezone.now() - given[0].stage_since).days,
    "expected": lambda given: given[0].expected_on.isoformat() if given[0].expected_on else "",
    "service": lambda given: _name(given[0].service),
    "campaign": lambda given: _name(given[0].campaign),
    "email": lambda given: given[0].contact.email,
    "phone": lambda given: given[0].contact.phone,
    "region": lambda given: given[0].contact.region,
    "offered": lambda given: _name(given[0].offered_to),
    "kind": lambda given: given[0].get_kind_display(),
    "snoozed": lambda given: _moment(given[0].snoozed_until),
}
