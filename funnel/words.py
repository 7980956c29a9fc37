"""Words as search sees them: what the indexes hold of a record, and what people type, folded alike."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Func, TextField

from . import folding, phones

MOST_WORDS: Final = 8
MOST_SPLIT: Final = 5
"""A text of more words is not looked for in two records at once, a person and their company."""
_PHONE: Final = re.compile(r"(?<![^\W\d])[+(]*\d[\d\s().+/\u2010-\u2015-]*\d(?![^\W\d])")


class PartyWords(Func):
    """What older indexes held; migrations name it."""

    template = "to_tsvector('simple'::regconfig, translate(%(expressions)s, '@._+/:-', '       '))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


class Words(Func):
    """The words of a text, folded."""

    template = "funnel_words(%(expressions)s, false)"
    arity = 1
    output_field = ArrayField(TextField())


class Terms(Words):
    """The words of a name, folded, and what a typing error makes of them."""

    template = "funnel_words(%(expressions)s, true)"


class PhoneEnds(Words):
    """The digits of a phone from each of them on."""

    template = "funnel_phone_ends(%(expressions)s)"


class Indexed(Func):
    """All that a record is found by, for an index: arrays of words, none of them null."""

    template = "array_to_tsvector(%(expressions)s)"
    arg_joiner = " || "
    output_field = SearchVectorField()


def contact_terms() -> Indexed:
    return Indexed(Terms("name"), Words("email"), PhoneEnds("phone"))


def company_terms() -> Indexed:
    return Indexed(Terms("name"), Words("domain"))


class TermQuery(SearchQuery):
    """A query whose words are folded already, for the columns above."""

    def as_sql(self, compiler: Any, connection: Any, **options: Any) -> Any:  # type: ignore[override]
        return super().as_sql(compiler, connection, template="(%(expressions)s)::tsquery")


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a text, or the phone in it, each as the queries that find it: as it is typed, and nearly so."""

    words: tuple[tuple[str, str], ...]

    def query(self, *, near: bool = False) -> TermQuery:
        """Return what finds every word; with `near`, each also where it differs by one letter."""
        return TermQuery(" & ".join(f"({close if near else exact})" for exact, close in self.words))

    def any(self) -> TermQuery:
        """Return what finds at least one of the longer words, or nearly so."""
        longer = [close for exact, close in self.words if len(exact) > len("'ab':*")]
        return TermQuery(" | ".join(longer or [close for _exact, close in self.words]))

    def splits(self) -> list[tuple[Asked, Asked]]:
        """Return the ways of reading the text as a person and a company, either first."""
        count = len(self.words)
        if count > MOST_SPLIT:
            return []
        pairs = [(Asked(self.words[:at]), Asked(self.words[at:])) for at in range(1, count)]
        return pairs + [(after, before) for before, after in pairs]


def asked(text: str) -> Asked | None:
    """Read what somebody typed; None where there is no word in it."""
    whole = phones.read(text)
    if whole.kind == phones.REAL and any(letter.isalpha() or letter == "#" for letter in text):
        number, extension = phones.apart(whole.text)  # what was typed is a link, or has an extension
        text = (number[1:] if len(number) == 11 and number[0] == "8" else number) + extension
    text = unicodedata.normalize("NFKD", text)
    found: list[tuple[str, str]] = []
    end = 0
    for phone in _PHONE.finditer(text):
        if (query := _phone(phone[0])) is not None:
            found += [*_words(text[end : phone.start()]), query]
            end = phone.end()
    found += _words(text[end:])
    return Asked(tuple(found[:MOST_WORDS])) if found else None


def _words(text: str) -> list[tuple[str, str]]:
    return [_word(plain, skeleton) for plain, skeleton in folding.forms(text)]


def _word(plain: str, skeleton: str) -> tuple[str, str]:
    # a skeleton may be shorter than what was typed: taken as a beginning, “Anna” would find every Anastasia
    begins = ":*" if len(skeleton) >= min(len(plain), 5) else ""
    exact = list(dict.fromkeys([f"'{plain}':*", f"'{skeleton}'{begins}"]))
    near = dict.fromkeys(key for word in {plain, skeleton} for key in folding.nearly(word))
    return " | ".join(exact), " | ".join([*exact, *(f"'{key}'" for key in near)])


def _phone(text: str) -> tuple[str, str] | None:
    """Return the query for a phone in any notation: with or without the country, the zero, or the Russian eight."""
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) < folding.PHONE_DIGITS:
        return None
    numbers = {digits, digits.lstrip("0"), digits[1:] if len(digits) == 11 and digits[0] == "8" else digits}
    ends = [f"'#{number}':*" for number in sorted(numbers) if len(number) >= folding.PHONE_DIGITS]
    words = " & ".join(exact for exact, _near in (_word(*forms) for forms in folding.forms(text)))
    query = " | ".join([*ends, f"({words})"])
    return query, query
