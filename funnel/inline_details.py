"""The details of a journey one by one: on which record each stands, and who changed it last."""

from __future__ import annotations

from typing import Final

from .models import FieldChange, Journey

HEADS: Final = frozenset({"name", "company_name", "amount"})
"""What the head of the page says too: after a change of these the whole page is drawn anew."""


def record_of(name: str) -> tuple[str, str]:
    """Return which record a detail stands on ("contact", "company", "journey"), and its name there."""
    if name.startswith("company_"):
        return "company", name.removeprefix("company_")
    return ("journey", name) if name in {"amount", "expected_on"} else ("contact", name)


def last_change(journey: Journey, name: str) -> FieldChange | None:
    """Return who changed a detail last, as far as that is known: one query."""
    on, field = record_of(name)
    key = {"contact": journey.contact_id, "company": journey.company_id, "journey": journey.pk}[on]
    found = FieldChange.objects.filter(field=field, **{on: key}).select_related("actor")
    return found.order_by("-at", "-pk").first()
