"""One-byte encodings: which of them makes words of a file's bytes. Several may; then a person has to choose.

No statistics of a language are asked: what rules an encoding out are words that nobody writes, with letters of two
scripts, a capital after a small letter, or signs in the middle.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from charset_normalizer import from_bytes
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ONE_BYTE: Final[Mapping[str, str | Promise]] = {
    "cp1252": _("Western European (Windows-1252)"),
    "cp1251": _("Cyrillic (Windows-1251)"),
    "cp1250": _("Central European (Windows-1250)"),
    "cp1254": _("Turkish (Windows-1254)"),
    "cp1257": _("Baltic (Windows-1257)"),
    "cp1253": _("Greek (Windows-1253)"),
    "cp1255": _("Hebrew (Windows-1255)"),
    "cp1256": _("Arabic (Windows-1256)"),
    "mac_roman": _("Western European (Macintosh)"),
    "koi8_r": _("Cyrillic (KOI8-R)"),
    "koi8_u": _("Cyrillic (KOI8-U)"),
    "cp866": _("Cyrillic (DOS)"),
    "mac_cyrillic": _("Cyrillic (Macintosh)"),
    "iso8859_2": _("Central European (ISO 8859-2)"),
    "iso8859_5": _("Cyrillic (ISO 8859-5)"),
    "cp850": _("Western European (DOS)"),
    "cp437": _("Western European (DOS, United States)"),
    "cp852": _("Central European (DOS)"),
}
"""In the order in which they are likely; of two that read a file alike the first is named."""
NAMES: Final[Mapping[str, str | Promise]] = {"utf-8": "UTF-8", "utf-16": "UTF-16", **ONE_BYTE}
OLD: Final = {"mac_roman", "mac_cyrillic", "iso8859_2", "iso8859_5", "cp850", "cp437", "cp852"}
"""Looked at only where no other reads the file: their small letters are much like those of Windows."""
STRANGE_WORDS: Final = 0.1
"""An encoding is ruled out by so much more of the words that nobody writes than the likeliest has.

Where the likeliest has more of them than that, it is not certain.
"""
SENSE: Final = 0.25
NONSENSE: Final = 0.5
"""The share of such words up to which a text makes sense, and from which on it is none."""
_BETWEEN: Final = re.compile(
    "[«»“”‘’–—…·•‹›ºª\xa0\xad]|(?<!\\w)[‚„¡¿]|(?<!\\w)[€£¥§°±×™®©№¼½¾]|[€£¥§°±×™®©№¼½¾](?!\\w)|(?<=m)[²³]"
)
"""What may stand beside a letter without being part of its word."""
_WORD: Final = re.compile("[A-Za-z\x80-\U0010ffff]+")
_SCRIPTS: Final = {"LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC"}
_ONLY_AT_THE_END: Final = frozenset("ςךםןףץ")
_STRESSED: Final = frozenset("άέήίόύώΆΈΉΊΌΎΏ")


def named(encoding: str) -> str:
    """Return Python's name of an encoding of text. Raises LookupError where there is none of that name."""
    found = codecs.lookup(encoding.strip())
    if not found._is_text_encoding:
        raise LookupError(encoding)
    return "utf-8" if found.name == "utf-8-sig" else found.name


def guess(sample: bytes) -> Sequence[str]:
    """Return the encodings that may be meant, the likeliest first; one alone is certain. Empty where none reads it."""
    texts: dict[str, str] = {}
    for encoding in ONE_BYTE:
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text not in texts.values():
            texts[encoding] = text
    strange = {encoding: _strange(text) for encoding, text in texts.items()}
    for tried, most in ((set(strange) - OLD, SENSE), (set(strange), NONSENSE)):
        least = min((strange[encoding] for encoding in tried), default=1.0)
        if least <= most:
            likely = [name for name in strange if name in tried and strange[name] <= least + STRANGE_WORDS]
            certain = least <= STRANGE_WORDS
            return likely if certain or len(likely) > 1 else sorted(strange, key=strange.__getitem__)
    best = from_bytes(sample, cp_isolation=list(texts)).best() if texts else None
    return sorted(texts, key=lambda name: best is None or name != best.encoding)


def _strange(text: str) -> float:
    words = [word for word in _WORD.findall(_BETWEEN.sub(" ", text)) if not word.isascii()]
    return sum(map(_is_strange, words)) / len(words) if words else 0.0


def _is_strange(word: str) -> bool:
    if not word.isalpha():
        return True
    scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in word}
    if len(scripts) > 1 or not scripts <= _SCRIPTS:
        return True
    if any(one.islower() and two.isupper() and not (one + two).isascii() for one, two in pairwise(word)):
        return True
    if not _ONLY_AT_THE_END.isdisjoint(word[:-1]):
        return True
    if scripts == {"GREEK"} and len(word) > 3 and not word.isupper():
        return sum(letter in _STRESSED for letter in word) != 1
    accented = sum(not letter.isascii() for letter in word)
    return scripts == {"LATIN"} and len(word) > 2 and accented > 0.7 * len(word)
