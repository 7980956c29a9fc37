"""What figures can be filtered by: the values of each cut, with the words that people know them by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.utils.translation import pgettext

from funnel.stages import BOTH


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a cut as URLs and files write it, and its label. `is_offered`: worth listing to people."""

    value: str
    label: str
    is_offered: bool = True


SHIPPED: Final = frozenset({"source", "campaign", "service"})
"""Cuts whose values may be ones that come with the product, in every language."""

_VALUES: Final = """
SELECT 'source', key, coalesce(nullif(label, ''), key), active FROM funnel_source
UNION ALL SELECT 'campaign', key, coalesce(nullif(label, ''), key), active FROM funnel_campaign
UNION ALL SELECT 'service', key, coalesce(nullif(label, ''), key), active FROM funnel_service
UNION ALL SELECT 'owner', username, coalesce(nullif(name, ''), username), role = ANY(%s) FROM funnel_user
UNION ALL SELECT 'team', name, name, TRUE FROM funnel_team
ORDER BY 1, 3, 2
"""


def choices() -> Mapping[str, Mapping[str, Choice]]:
    """Return every value of each cut, by its key and in the order of the labels: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, [sorted(BOTH)])
        rows = cursor.fetchall()
    found: dict[str, dict[str, Choice]] = {
        "source": {},
        "campaign": {},
        "service": {},
        "owner": {},
        "team": {},
    }
    for cut, value, label, is_offered in rows:
        words = pgettext("shipped", label) if cut in SHIPPED else label
        found[cut][value] = Choice(value, words, is_offered)
    return found
