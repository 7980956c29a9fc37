"""Names as they are compared, in Python; the database has the same functions, and a test holds the two together.

A word has two forms. `plain` is lower case without accents (ё is е, İ and ı are i). `skeleton` spells it in Latin
letters, one for each sound, so that the usual transliterations of a Cyrillic name meet the name: Щербаков, Shcherbakov
and Scherbakow; Юрий, Yuri, Jurij and Iurii; Müller, Mueller and Мюллер.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 10_000
"""So many letters of a text are looked at, and so many of a word: an index takes no longer ones."""
LONGEST_WORD: Final = 40
NEAR: Final = range(4, 25)
"""How long a word must be for a typing error in it to be recognised."""
NEAR_WORDS: Final = 16
PHONE_DIGITS: Final = 5
"""As many digits make a search a search for a phone."""

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_MARKS: Final = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_APOSTROPHES: Final = re.compile("['`\u2018\u2019\u02b9-\u02bc]")
_JOINTS: Final = re.compile("['`\u2018\u2019\u02b9-\u02bc.\u2010\u2011-]")
_BETWEEN: Final = re.compile(
    "[\u0001-/:-`{-\u00bf\u00d7\u00f7\u02b0-\u02ff\u037e\u0387\u0589\u05be\u060c\u061b\u061f\u0964\u0965\u2000-\u2bff"
    "\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\U0001f000-\U0001faff]+"
)

_LATIN: Final = "ÆÐØÞẞĐĦıŁŊŒŦ", "æðøþßđħiłŋœŧ"
_EXPANDED: Final = (("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("þ", "th"))
_BARE: Final = "ðøđħłŋŧ", "dodhlnt"


def _lower() -> dict[int, str]:
    """Return the letters that Unicode writes small otherwise than ASCII: Latin, Greek, Cyrillic and Armenian."""
    letters = [
        chr(code) for code in range(0x80, 0x590) if chr(code) != "ß" and not unicodedata.combining(chr(code))
    ]
    small = {
        c: unicodedata.normalize("NFKD", c.casefold())
        for c in letters
        if unicodedata.normalize("NFKD", c) == c
    }
    return {ord(c): to for c, to in small.items() if c != to and len(to) == 1}


_SMALL: Final = (
    {code: chr(code + 32) for code in range(ord("A"), ord("Z") + 1)} | _lower() | str.maketrans(*_LATIN)
)

# How a sound is written: letters with a mark, then Latin spellings, then Cyrillic letters, then vowels. w, q, j and c
# stand for what Russian writes ш, ч, ж and ц.
_MARKED: Final = (
    ("s\u030c", "sh"), ("s\u0301", "sh"), ("s\u0327", "sh"), ("s\u0326", "sh"), ("c\u030c", "ch"), ("c\u0301", "ch"),
    ("c\u0327", "ch"), ("z\u030c", "zh"), ("z\u0301", "zh"), ("z\u0307", "zh"), ("u\u0308", "iu"), ("o\u0308", "oe"),
    ("a\u0308", "ae"), ("ø", "oe"),
)  # fmt: skip
_SOUNDS: Final = "wqyjðđħłŋŧ", "vkiiddhlnt"
_SPELLINGS: Final = (
    ("x", "ks"), ("schtsch", "w"), ("shch", "w"), ("tsch", "q"), ("sch", "w"), ("sh", "w"), ("tch", "q"), ("chr", "kr"),
    ("ch", "q"), ("dzh", "i"), ("zh", "j"), ("kh", "h"), ("ph", "f"), ("th", "t"),
)  # fmt: skip
_HARD_C: Final = re.compile("c(?![ei])")
_TS: Final = (("ts", "c"), ("tz", "c"), ("дж", "i"), ("ю", "iu"), ("я", "ia"))
_CYRILLIC: Final = "абвгґдеєжзиіклмнопрстуфхцчшщыэъь", "abvggdeejziiklmnoprstufhcqwwie"
"""The last two fall away."""
_TWICE: Final = re.compile("([a-z])\\1+")
_VOWELS: Final = (("ie", "e"), ("io", "e"), ("ae", "e"), ("oe", "e"), ("ue", "iu"))
_OFF: Final = re.compile("off$")


def _replaced(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


def _table(letters: tuple[str, str]) -> dict[int, str]:
    """Return what `translate` of the database does: letters beyond the second text fall away."""
    old, new = letters
    return str.maketrans(old[: len(new)], new, old[len(new) :])


_BARED, _SOUNDED, _ROMAN = _table(_BARE), _table(_SOUNDS), _table(_CYRILLIC)


def _tokens(text: str) -> set[str]:
    """Return the words of a text, still with their accents; O'Neil and Jean-Luc joined as well as parted."""
    text = unicodedata.normalize("NFKD", text.replace("\x00", " ")[:LONGEST]).translate(_SMALL)
    text = _INVISIBLE.sub("", text)
    joined = _APOSTROPHES.sub("", text)
    if _JOINTS.search(text):
        joined = f"{joined} {_JOINTS.sub(' ', text)} {_JOINTS.sub('', text)}"
    return {word[:LONGEST_WORD] for word in _BETWEEN.split(joined) if word}


def _plain(token: str) -> str:
    return _MARKS.sub("", _replaced(token, _EXPANDED)).translate(_BARED)


def _skeleton(token: str) -> str:
    text = _MARKS.sub("", _replaced(_replaced(token, _MARKED), _EXPANDED)).translate(_SOUNDED)
    text = _HARD_C.sub("k", _OFF.sub("ov", _replaced(text, _SPELLINGS)))
    text = _TWICE.sub("\\1", _replaced(text, _TS).translate(_ROMAN))
    return _TWICE.sub("\\1", _replaced(text, _VOWELS))


def words(text: str) -> set[str]:
    """Return the words of a text in both forms, as the database's `funnel_words` does."""
    return {form for token in _tokens(text) for form in (_plain(token), _skeleton(token)) if form}


def terms(text: str) -> set[str]:
    """Return the words of a name, and beside them what they become by one typing error: `funnel_terms`."""
    found = words(text)
    return found | {near for word in sorted(found)[:NEAR_WORDS] for near in nearly(word)}


def nearly(word: str) -> list[str]:
    """Return a word without one of its letters, in every way but the first letter, and the word itself, each marked.

    Two words that differ by one letter dropped, added, exchanged or swapped with the next have one of these in common.
    """
    if len(word) not in NEAR or any(c in "0123456789" for c in word):
        return []
    return [f"~{word}", *(f"~{word[:at]}{word[at + 1 :]}" for at in range(1, len(word)))]


def forms(text: str) -> list[tuple[str, str]]:
    """Return each word of a text, apostrophes left out, in its plain form and its skeleton, in order."""
    text = unicodedata.normalize("NFKD", text.replace("\x00", " ")[:LONGEST]).translate(_SMALL)
    tokens = _BETWEEN.split(_APOSTROPHES.sub("", _INVISIBLE.sub("", text)))
    both = [(_plain(token[:LONGEST_WORD]), _skeleton(token[:LONGEST_WORD])) for token in tokens if token]
    return [(plain, skeleton) for plain, skeleton in both if plain and skeleton]


def plain(text: str) -> str:
    """Return a text in lower case, without accents and punctuation."""
    return " ".join(plain for plain, _skeleton in forms(text))


def skeleton(text: str) -> str:
    """Return a text as it sounds, in Latin letters."""
    return " ".join(skeleton for _plain, skeleton in forms(text))


def phone_ends(phone: str) -> set[str]:
    """Return the digits of a phone from each of them on: any part of it begins one. `funnel_phone_ends`."""
    digits = "".join(c for c in phone if c in "0123456789")
    return {f"#{digits[at:]}" for at in range(len(digits) - PHONE_DIGITS + 1)}
