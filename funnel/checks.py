"""What must hold before the first request: the table, the acts and the requirements fit together."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from . import acts, registry
from .stages import MOVES


@register
def table_is_complete(**_options: Any) -> list[CheckMessage]:
    """Name the requirements nobody answers and the acts nobody does."""
    errors = [
        Error(f"move “{move.name}” requires “{path}”, which no app answers", id="funnel.E001")
        for move in MOVES.values()
        for path in move.requires
        if path not in registry.requirements
    ]
    errors += [
        Error(f"nobody registered how “{name}” is done", id="funnel.E002") for name in acts.unregistered()
    ]
    return errors
