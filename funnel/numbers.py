"""Numbers as people type them, in the reader's language: "1234,50", "1 234,50 €", "1,234.50"; as programs send them:
strict decimals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from babel import Locale, localedata
from babel.languages import get_official_languages
from babel.numbers import get_currency_symbol, get_decimal_symbol, get_group_symbol, list_currencies
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

LONGEST: Final = 60
STRICT: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_PLAIN: Final = re.compile(r"-?[0-9]+\.[0-9]+")
_SPACES: Final = re.compile(r"[\s'’]+")
_WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0xFFE5: "¥",
    0xFFE0: "¢",
    0xFFE1: "£",
}
_MINUSES: Final = dict.fromkeys(map(ord, "−–‒﹣"), "-")
_SIGN: Final = r"[A-Za-z]{0,3}[$¤¢£¥֏؋߾߿৲৳৻૱௹฿៛₠-⃀꠸﷼﹩]|[A-Za-z]{3}(?![A-Za-z])|руб\.?|р\."
_PARTS: Final = re.compile(
    rf"(?P<minus>-?)\s*(?P<before>(?:{_SIGN})?)\s*(?P<minus2>-?)\s*(?P<digits>[0-9., ]*[0-9.,])\s*(?P<after>(?:{_SIGN})?)",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(r"[0-9]+|[0-9]{1,3}([ ,.])[0-9]{3}(\1[0-9]{3})*")


class NoNumber(ValueError):
    """The text is no number; the message says so to whoever typed it."""


class Strict(str):
    """A number that a program sent: read as a strict decimal, in no language."""

    __slots__ = ()


def separators() -> tuple[str, str]:
    """Return the decimal and the group separator of the reader's language."""
    locale = Locale.parse(get_language() or "en", sep="-")
    return get_decimal_symbol(locale), get_group_symbol(locale)


def read(text: str, *, own: str | None = None) -> Decimal:
    """Return the number that is typed. Raises NoNumber.

    Groups of three are parted by blanks, apostrophes, commas or full stops; of two marks the last is the decimal one.
    One mark alone is the decimal one, but for "1,234" in a language that groups so. `own` is the code of the currency
    whose sign may go with it, "" any currency's. `static/js/plans.js` reads by the same rules.
    """
    if isinstance(text, Strict):
        return strict(text)
    found = _PARTS.fullmatch(_cleaned(text))
    number = _unsigned(found["digits"]) if found and not (found["before"] and found["after"]) else None
    if found is None or number is None or (found["minus"] and found["minus2"]):
        words = _("“%(text)s” is not a number such as %(example)s.")
        raise NoNumber(words % {"text": text.strip()[:40], "example": typed("1234.50")})
    sign = found["before"] or found["after"]
    if sign and (own is None or not _is_sign(sign, own)):
        words = _("“%(sign)s” does not go with this number.")
        if own:
            words = _("The amount is in %(own)s: “%(sign)s” does not go with it.")
        raise NoNumber(words % {"own": own, "sign": sign})
    return -number if number and (found["minus"] or found["minus2"]) else number


def strict(text: str) -> Decimal:
    """Return the number that a program sent as text. Raises NoNumber."""
    plain = text.strip()
    if len(plain) > LONGEST or not STRICT.fullmatch(plain):
        raise NoNumber(_("“%(text)s” is not a decimal such as 1234.50.") % {"text": plain[:40]})
    return Decimal(plain)


def sent(value: Any) -> Any:
    """Mark the texts in what a program sent, lists and objects among it, as strict."""
    if isinstance(value, str):
        return Strict(value)
    if isinstance(value, Mapping):
        return {key: sent(one) for key, one in value.items()}
    return [sent(one) for one in value] if isinstance(value, list) else value


def typed(value: Any) -> Any:
    """Return a number as it stands in an input of the reader's language; anything else as it is."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        value = f"{Decimal(str(value)):f}"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value.replace(".", separators()[0])
    return value


def _cleaned(text: str) -> str:
    """The text without invisible characters; digits, minus signs and spaces made plain."""
    if len(text) > LONGEST:
        return ""
    text = "".join(letter for letter in text.translate(_WIDE) if unicodedata.category(letter) != "Cf")
    return _SPACES.sub(" ", text.translate(_MINUSES)).strip()


def _unsigned(text: str) -> Decimal | None:
    """The number, or None where the text is none: digits in groups of three or in none, one decimal mark."""
    marks = [mark for mark in ",." if mark in text]
    point = ""
    if len(marks) == 2:
        point = max(marks, key=text.rindex)
    elif marks and text.count(marks[0]) == 1 and not _groups(text, marks[0]):
        point = marks[0]
    whole, _point, rest = text.partition(point) if point else (text, "", "")
    if not _WHOLE.fullmatch(whole) and not (not whole and rest):
        return None
    if not re.fullmatch(r"[0-9]*", rest):
        return None
    return Decimal(f"{re.sub('[^0-9]', '', whole) or 0}.{rest or 0}")


def _groups(text: str, mark: str) -> bool:
    """Whether a single mark parts thousands: where the language does not write decimals with it, in "1,234"."""
    return mark == "," and separators()[0] != "," and bool(re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", text))


def _is_sign(sign: str, own: str) -> bool:
    """Whether a sign or code means the currency `own`; any currency where that is ""."""
    if sign.lower().startswith("р"):
        return own in {"", "RUB", "BYN"}
    if sign.isalpha():
        return sign.upper() == own if own else sign.upper() in list_currencies()
    if not own:
        return True
    letters, mark = sign[:-1].upper(), sign[-1]
    before = _marks(own, at_home=True).get(mark)
    if before is not None:
        return not letters or letters in before or own.startswith(letters)
    others = (_marks(code) for code in list_currencies() if code != own)
    return not letters and not _marks(own, at_home=True) and not any(mark in marks for marks in others)


@cache
def _marks(code: str, *, at_home: bool = False) -> dict[str, set[str]]:
    """Return the signs of a currency, with the letters before each: of AUD {"$": {"A"}}; `at_home`, its country's too."""
    locales = [language for language, _name in settings.LANGUAGES]
    if at_home:
        named = [f"{language}_{code[:2]}" for language in get_official_languages(code[:2])]
        locales += [name for name in named if localedata.exists(name)]
    marks: dict[str, set[str]] = {}
    for symbol in {get_currency_symbol(code, locale=one) for one in locales}:
        if unicodedata.category(symbol[-1]) == "Sc" and code != "XXX":
            marks.setdefault(symbol[-1], set()).add(symbol[:-1].upper())
    return marks
