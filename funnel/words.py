"""Words as search sees them: an expression of the database, and the same splitting of what people type."""

from __future__ import annotations

import re
from typing import Final

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Func

MOST_WORDS: Final = 8
_WORD: Final = re.compile(r"[^\W_]+")


class PartyWords(Func):
    """The words of some columns, none of them null, as a tsvector; an index on it makes search flat.

    The marks inside addresses part words, so that "anna@client.example" is found by each of its three.
    """

    template = "to_tsvector('simple'::regconfig, translate(%(expressions)s, '@._+/:-', '       '))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


def query_of(text: str) -> SearchQuery | None:
    """Return the query for every word of the text, each by its beginning; None where there is no word in it."""
    words = _WORD.findall(text.lower())[:MOST_WORDS]
    if not words:
        return None
    return SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config="simple")
