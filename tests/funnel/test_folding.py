"""Names are compared alike in Python and in the database, and the spellings of one name meet."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from funnel import folding

pytestmark = pytest.mark.django_db

ODD = (
    "ßẞİıŁłØøÆæŒœÞðĐđŠšČčŞşȘșÜüÖöÄäÇçÑñЁёЙйЇїЄєҐґЩщЪъЬьЮюЯяʼ’'`.-@ 0123456789xcszhtkpfdjyweiouaџЂΩς"
    "\u0301\u0308\u030c\u00ad\u200b９"
)
PARTS = "schtsch shch tsch sch sh tch chr ch dzh zh kh ph th ts tz дж ю я off x ie io ae oe ue щ ж ц ь ый ий š č ü ø"
TEXTS = (
    st.text(st.sampled_from(ODD), max_size=30)
    | st.lists(st.sampled_from([*PARTS.split(), *"абеклопрaeiouknrt -."]), max_size=12).map("".join)
    | st.text(st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00"), max_size=30)
)


def folded(text: str) -> tuple[list[str], ...]:
    """Return the words, the words with near ones, and the ends of a phone, as the database finds them."""
    with connection.cursor() as cursor:
        sql = (
            "SELECT funnel_words(%(text)s, false), funnel_words(%(text)s, true), funnel_phone_ends(%(text)s)"
        )
        cursor.execute(sql, {"text": text})
        return tuple(sorted(found) for found in cursor.fetchone())


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_the_database_and_python_fold_alike(text: str) -> None:
    assert folded(text) == tuple(
        sorted(fold(text)) for fold in (folding.words, folding.terms, folding.phone_ends)
    )


@pytest.mark.parametrize("text", ["Щ" * 20_000, "-".join("ab" * 30 for _ in range(500)), "", " .-' "])
def test_long_and_empty_texts_fold_alike(text: str) -> None:
    assert folded(text)[1] == sorted(folding.terms(text))
