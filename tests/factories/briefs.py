"""Briefs: complete answers, and templates of a service."""

from collections.abc import Mapping
from typing import Any

from briefs.models import BriefTemplate
from briefs.templates import save_template
from funnel.models import Service

from .journeys import STEPS

ANSWERS: dict[str, Any] = {
    "need": "Count the visitors of three halls.",
    "budget": "20 000 to 30 000",
    "deadline": "Before the season",
    "decision_maker": "Head of operations",
}
"""What the default template requires."""


def brief(verdict: str = "can_solve", **answers: Any) -> dict[str, Any]:
    """Return complete inputs of `fill_brief`, some answers of one's own."""
    return {"answers": {**ANSWERS, **answers}, "verdict": verdict}


def template(service: str | None, *questions: Mapping[str, Any]) -> BriefTemplate:
    """Make these the questions of a service, by its key; a question needs no more than a key."""
    found = Service.objects.get_or_create(key=service)[0] if service else None
    rows = [{"label": str(question["key"]).capitalize(), **question} for question in questions]
    return save_template(service=found, questions=rows)


STEPS["fill_brief"] = lambda journey: brief()
